package releases_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/releases"
	"github.com/darkroom-project/darkroom/internal/store"
)

const k = 3 // subjects that are promised

func people() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "people", Owner: "census", Grade: 1, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"a", "b"}},
			{Name: "age", Type: enclave.Int, Class: enclave.Quasi, Min: "0", Max: "120"},
		},
	}
}

// promising is a profile that promises so many subjects, and that guesses at one are right in no more than 85 %.
func promising(threshold int64) enclave.Profile {
	return enclave.Profile{Threshold: threshold, GuessPercent: 85, PPercent: 10}
}

// world is a real loader and real files, and a list of footprints in place of the store.
type world struct {
	t        *testing.T
	loader   *load.Store
	files    *store.Files
	released []enclave.Digest
	register *releases.Register
}

func (w *world) Footprints(context.Context, string) ([]enclave.Digest, error) { return w.released, nil }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	var err error
	if w.loader, err = load.Open(t.TempDir(), [32]byte{1}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if w.files, err = store.OpenFiles(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.files.Close(); err != nil {
			t.Error(err)
		}
	})
	w.restart()
	return w
}

// restart begins with an empty memory, as a new process does.
func (w *world) restart() { w.register = releases.New(w, w.files, w.loader, history.Seed{7}) }

// person is one row.
type person struct {
	id, age  int
	district string
}

// load makes a snapshot of some people.
func (w *world) load(list []person) enclave.Digest {
	w.t.Helper()
	var file bytes.Buffer
	fmt.Fprintln(&file, "id,district,age")
	for _, p := range list {
		fmt.Fprintf(&file, "%d,%s,%d\n", p.id, p.district, p.age)
	}
	snapshot, err := w.loader.Ingest(w.t.Context(), people(), load.CSV, bytes.NewReader(file.Bytes()), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return snapshot.Digest
}

// table is the footprint of a table over a snapshot whose two cells, the districts, are published. Cell −1 drops a row.
func (w *world) table(snapshot enclave.Digest, cellOf func(district int32, age int64) int32) *enclave.Footprint {
	w.t.Helper()
	rows, err := w.loader.Open(w.t.Context(), people(), snapshot)
	if err != nil {
		w.t.Fatal(err)
	}
	var places []int32
	err = enclave.Scan(w.t.Context(), rows, enclave.Range{Count: rows.Snapshot().Rows}, []int{1, 2}, func(b *enclave.Batch) error {
		for i := range b.Rows {
			places = append(places, cellOf(b.Columns[0].Narrow[i], b.Columns[1].Wide[i]))
		}
		return nil
	})
	if err := errors.Join(err, rows.Close()); err != nil {
		w.t.Fatal(err)
	}
	return &enclave.Footprint{Snapshot: snapshot, Places: enclave.PlacesOf(places), Over: [][]int32{{0}, {1}}}
}

func (w *world) audit(f *enclave.Footprint) enclave.Audited {
	w.t.Helper()
	answer, err := w.register.Audit(w.t.Context(), people(), int64(len(w.released)), promising(k), f)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

// release audits a table that must be clean, and makes it part of the history.
func (w *world) release(f *enclave.Footprint) {
	w.t.Helper()
	if answer := w.audit(f); !answer.Facts.Clean || len(answer.Suppress) > 0 {
		w.t.Fatalf("an honest table is refused: %+v", answer)
	}
	digest, err := w.register.Keep(f)
	if err != nil {
		w.t.Fatal(err)
	}
	w.released = append(w.released, digest)
}

// crowd is 200 people of all ages in both districts, ids from 1.
func crowd() []person {
	list := make([]person, 200)
	for i := range list {
		list[i] = person{id: i + 1, age: i % 90, district: []string{"a", "b"}[i/2%2]}
	}
	return list
}

func byDistrict(district int32, _ int64) int32 { return district }

// below drops everyone who is not below an age, and groups the others by district.
func below(age int64) func(int32, int64) int32 {
	return func(district int32, years int64) int32 {
		if years >= age {
			return enclave.NoCell
		}
		return district
	}
}

// A7: two tables whose difference is one person.
func TestDifferenceOfTwoTables(t *testing.T) {
	w := newWorld(t)
	list := append(crowd(), person{id: 999, age: 95, district: "a"})
	snapshot := w.load(list)
	w.release(w.table(snapshot, byDistrict))
	answer := w.audit(w.table(snapshot, below(95)))
	if !slices.Equal(answer.Suppress, []int32{0}) {
		t.Fatalf("of all people, and all but one of district a: %+v", answer)
	}
	// Where the difference is enough people, both are answered.
	w.release(w.table(snapshot, below(45)))
}

// What was released before a restart is not forgotten by it, and is judged alike.
func TestRestartForgetsNothing(t *testing.T) {
	w := newWorld(t)
	snapshot := w.load(append(crowd(), person{id: 999, age: 95, district: "a"}))
	w.release(w.table(snapshot, byDistrict))
	attack := w.table(snapshot, below(95))
	before := w.audit(attack)
	w.restart()
	if after := w.audit(attack); !slices.Equal(before.Suppress, after.Suppress) || before.Facts != after.Facts || len(after.Suppress) == 0 {
		t.Fatalf("%+v before the restart, %+v after it", before, after)
	}
}

// What was asked and not released leaves no trace: neither its rows nor their order are part of the answer to somebody else.
func TestWhatWasNotReleasedLeavesNoTrace(t *testing.T) {
	w := newWorld(t)
	one := w.load(append(crowd(), person{id: 999, age: 95, district: "a"}))
	two := w.load(append(crowd(), person{id: 777, age: 96, district: "b"}))
	three := w.load(append(crowd(), person{id: 555, age: 97, district: "b"}))
	w.release(w.table(one, byDistrict))
	for _, snapshot := range []enclave.Digest{one, three} {
		asked := w.table(snapshot, below(95))
		w.restart()
		want := w.audit(asked)
		w.audit(w.table(two, byDistrict))
		got := w.audit(asked)
		if !slices.Equal(got.Suppress, want.Suppress) || got.Facts != want.Facts {
			t.Errorf("%+v at first, %+v after another was asked", want, got)
		}
	}
	w.audit(w.table(two, byDistrict)) // and then a release over a third snapshot
	w.release(w.table(three, below(60)))
	asked := w.table(one, below(30))
	got := w.audit(asked)
	w.restart()
	if want := w.audit(asked); !slices.Equal(got.Suppress, want.Suppress) || got.Facts != want.Facts || want.Facts.Subjects != 202 {
		t.Errorf("%+v, and %+v after a restart", got, want)
	}
}

// A42: yesterday's and today's table over one corrected row, and over one new one.
func TestVersionsOfTheData(t *testing.T) {
	for name, change := range map[string]func([]person) []person{
		"corrected": func(list []person) []person { list[17].age = 90; return list },
		"new":       func(list []person) []person { return append(list, person{id: 999, age: 30, district: "a"}) },
		"gone":      func(list []person) []person { return slices.Delete(list, 17, 18) },
	} {
		w := newWorld(t)
		yesterday := w.load(crowd())
		young := func(district int32, years int64) int32 { return below(60)(district, years) }
		w.release(w.table(yesterday, young))
		today := w.load(change(crowd()))
		if answer := w.audit(w.table(today, young)); len(answer.Suppress) == 0 {
			t.Errorf("%s: %+v", name, answer)
		}
	}
}

// Loading the same data again changes nothing: rows that did not change are the same rows.
func TestUnchangedRowsAreTheSame(t *testing.T) {
	w := newWorld(t)
	w.release(w.table(w.load(crowd()), byDistrict))
	before := w.audit(w.table(w.load(crowd()), byDistrict)).Facts
	shuffled := crowd()
	slices.Reverse(shuffled)
	again := w.table(w.load(shuffled), byDistrict)
	w.release(again)
	if after := w.audit(again).Facts; after.Rank != before.Rank || after.Subjects != 200 || after.Releases != 2 {
		t.Fatalf("%+v, then %+v", before, after)
	}
}

func TestVersionOfTheHistoryBinds(t *testing.T) {
	w := newWorld(t)
	snapshot := w.load(crowd())
	w.release(w.table(snapshot, byDistrict))
	for _, version := range []int64{0, 2} {
		_, err := w.register.Audit(t.Context(), people(), version, promising(k), w.table(snapshot, byDistrict))
		if !errors.Is(err, enclave.Fail(enclave.State, "HISTORY_MOVED")) {
			t.Errorf("version %d: %v", version, err)
		}
	}
}

// Scenarios with other thresholds are judged against the same releases.
func TestThresholdsShareTheHistory(t *testing.T) {
	w := newWorld(t)
	list := crowd()
	for i := range 5 {
		list = append(list, person{id: 900 + i, age: 95, district: "a"})
	}
	snapshot := w.load(list)
	w.release(w.table(snapshot, byDistrict))
	attack := w.table(snapshot, below(95)) // five people in the difference
	for threshold, safe := range map[int64]bool{3: true, 5: true, 6: false, 10: false} {
		answer, err := w.register.Audit(t.Context(), people(), 1, promising(threshold), attack)
		if err != nil || (len(answer.Suppress) == 0) != safe {
			t.Errorf("threshold %d: %+v, %v", threshold, answer, err)
		}
	}
}

// A failure in the middle leaves nothing that a later audit could stumble over.
func TestCancelledAuditIsTriedAnew(t *testing.T) {
	w := newWorld(t)
	snapshot := w.load(append(crowd(), person{id: 999, age: 95, district: "a"}))
	w.release(w.table(snapshot, byDistrict))
	w.restart()
	attack := w.table(snapshot, below(95))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.register.Audit(cancelled, people(), 1, promising(k), attack); err == nil {
		t.Fatal("a cancelled audit answered")
	}
	if answer := w.audit(attack); len(answer.Suppress) != 1 {
		t.Fatalf("%+v", answer)
	}
}

// Counts of distinct subjects tell who is in one cell and not in another; sums of the same rows do not.
func TestDistinctCountsHaveAnAccountOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	var list []person
	for i := range 50 {
		list = append(list, person{id: i + 1, age: 30, district: "a"}, person{id: i + 1, age: 30, district: "b"})
	}
	list = append(list, person{id: 999, age: 30, district: "a"})
	table := w.table(w.load(list), byDistrict)
	if answer := w.audit(table); !answer.Facts.Clean {
		t.Fatalf("sums: %+v", answer)
	}
	table.Distinct = true
	if answer := w.audit(table); len(answer.Suppress) == 0 {
		t.Fatalf("51 people in a, 50 of them in b: %+v", answer)
	}
}

// Somebody is counted with nine others each time, who never come again. Nothing follows of fewer than ten people, and still every sum tells a little more
// of that one: until a guess would be right more often than the profile tolerates.
func TestGuessesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := []person{{id: 1, age: 120, district: "a"}}
	for i := range 198 {
		list = append(list, person{id: i + 2, age: i / 9, district: "a"})
	}
	snapshot := w.load(list)
	sum := func(n int64) *enclave.Footprint {
		return w.table(snapshot, func(_ int32, age int64) int32 {
			if age == 120 || age == n {
				return 0
			}
			return enclave.NoCell
		})
	}
	guesses := []int64{64, 69, 72, 75, 78, 80, 82, 83, 85} // Φ(√(n/9)), rounded up
	for n, guess := range guesses {
		f := sum(int64(n))
		if answer := w.audit(f); answer.Facts.Guess != guess {
			t.Fatalf("sum %d: %+v; guesses are right in %d %%", n+1, answer, guess)
		}
		w.release(f)
	}
	if answer := w.audit(sum(9)); !slices.Equal(answer.Suppress, []int32{0}) || answer.Facts.Guess != 86 {
		t.Errorf("one sum more: %+v", answer)
	}
	w.release(w.table(snapshot, func(_ int32, age int64) int32 { // it says nothing of that one
		if age < 10 || age > 100 {
			return enclave.NoCell
		}
		return 0
	}))
	tolerant := promising(k)
	tolerant.GuessPercent = 100
	answer, err := w.register.Audit(t.Context(), people(), int64(len(w.released)), tolerant, sum(9))
	if err != nil || len(answer.Suppress) > 0 || answer.Facts.Guess != 100 {
		t.Errorf("where every guess is tolerated: %+v, %v", answer, err)
	}
	stricter := promising(k)
	stricter.GuessPercent = 70
	answer, err = w.register.Audit(t.Context(), people(), int64(len(w.released)), stricter, sum(3))
	if err != nil || len(answer.Suppress) > 0 || answer.Facts.Guess > 70 {
		t.Errorf("a sum that was released before tells nothing more, whatever is tolerated today: %+v, %v", answer, err)
	}
}

// Two sums that nobody dominates, and the one less the other is somebody's amount, but for a few small ones: whoever is small could estimate it. It is no
// matter what other columns say of the same people, nor in which snapshot.
func TestEstimatesAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := []person{{id: 1, age: 110, district: "a"}}
	for i := range 5 {
		list = append(list, person{id: i + 2, age: 1, district: "a"})
	}
	for i := range 40 {
		list = append(list, person{id: i + 10, age: 50 + i, district: "a"})
	}
	whole, without := func(int32, int64) int32 { return 0 }, func(district int32, age int64) int32 {
		if district != 0 || age == 110 || age == 1 {
			return enclave.NoCell
		}
		return 0
	}
	summed := func(f *enclave.Footprint) *enclave.Footprint {
		f.Summed = []string{"age"}
		return f
	}
	first := w.load(list)
	w.release(summed(w.table(first, whole)))
	if answer := w.audit(w.table(first, without)); len(answer.Suppress) > 0 || answer.Facts.Estimable != 0 {
		t.Errorf("it is only counted: %+v", answer)
	}
	second := w.load(append(list, person{id: 500, age: 88, district: "b"}))
	for _, snapshot := range []enclave.Digest{first, second} {
		for range 2 {
			answer := w.audit(summed(w.table(snapshot, without)))
			if !slices.Equal(answer.Suppress, []int32{0}) || answer.Facts.Estimable != 1 {
				t.Errorf("%+v", answer)
			}
			w.restart()
		}
	}
	tolerant := promising(k)
	tolerant.PPercent = 3
	answer, err := w.register.Audit(t.Context(), people(), 1, tolerant, summed(w.table(first, without)))
	if err != nil || len(answer.Suppress) > 0 || answer.Facts.Estimable != 0 {
		t.Errorf("four others have 3 %% of it and more: %+v, %v", answer, err)
	}
	w.release(w.table(first, without)) // which says nothing of ages
	w.release(summed(w.table(first, whole)))
	if answer := w.audit(summed(w.table(first, without))); !slices.Equal(answer.Suppress, []int32{0}) {
		t.Errorf("%+v", answer)
	}
}

// Whether a group of people is answered for does not depend on what they have: the table says nothing of those of district b, as if they had too few of
// something, and nothing of district a changes. Still the second table is about the same people but one, so nothing of it is published.
func TestBlocksAreJudgedByThemselves(t *testing.T) {
	w := newWorld(t)
	snapshot := w.load(append(crowd(), person{id: 999, age: 95, district: "b"}))
	about := func(f *enclave.Footprint, blocks bool) *enclave.Footprint {
		f.Over = [][]int32{{0}, nil}
		if blocks {
			f.Blocks = [][]int32{{0}, {0}}
		}
		return f
	}
	w.release(about(w.table(snapshot, byDistrict), true))
	if answer := w.audit(about(w.table(snapshot, below(95)), false)); len(answer.Suppress) > 0 {
		t.Fatalf("of cells alone nothing follows: %+v", answer)
	}
	w.restart() // blocks are kept with the rest
	answer := w.audit(about(w.table(snapshot, below(95)), true))
	if !slices.Equal(answer.Suppress, []int32{0}) || answer.Facts.Clean {
		t.Fatalf("the same people but one: %+v", answer)
	}
	w.release(about(w.table(snapshot, below(45)), true)) // about enough other people it is answered
}

// How many of a block have a yes is what that sums up to, whether or not it is published how many have a no: so the sum over all, less how many of all but one
// have it, is the one's. Rows that are counted and rows that are summed have nothing to do with each other, and neither is about few people.
func TestAYesIsCountedAsItIsSummed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	snapshot := w.load(append(crowd(), person{id: 999, age: 95, district: "b"}))
	ofB := w.table(snapshot, below(95)) // of the two districts, how many are in the second, and of the first nothing
	ofB.Over, ofB.Blocks = [][]int32{nil, {1}}, [][]int32{{0}, {0}}
	w.release(ofB)
	summed := func(column string) *enclave.Footprint {
		f := w.table(snapshot, byDistrict)
		f.Over, f.Summed = [][]int32{{0}, {0}}, []string{column}
		return f
	}
	if answer := w.audit(summed("age")); len(answer.Suppress) > 0 {
		t.Errorf("of other columns nothing follows: %+v", answer)
	}
	for range 2 {
		if answer := w.audit(summed("district")); !slices.Equal(answer.Suppress, []int32{0}) || answer.Facts.Clean {
			t.Errorf("the same people and one: %+v", answer)
		}
		w.restart()
	}
}

// TestProgramsOutputsSayNothingOfSums: they move the history on, and the audit goes on without them.
func TestProgramsOutputsSayNothingOfSums(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all := w.load(crowd())
	w.released = append(w.released, enclave.Digest{})
	w.release(w.table(all, byDistrict))
	w.released = append(w.released, enclave.Digest{}, enclave.Digest{})
	isolating := w.table(all, below(89))
	if answer := w.audit(isolating); answer.Facts.Releases != 4 || len(answer.Suppress) == 0 {
		t.Errorf("what programs said stands in the way of the audit: %+v", answer)
	}
	w.restart()
	if answer := w.audit(isolating); answer.Facts.Releases != 4 || len(answer.Suppress) == 0 {
		t.Errorf("after a restart: %+v", answer)
	}
	digest, err := w.register.Keep(isolating)
	if err != nil {
		t.Fatal(err)
	}
	back, err := w.register.Load(digest)
	if err != nil || !slices.Equal(back.Places.All(), isolating.Places.All()) {
		t.Errorf("a footprint that was kept does not come back: %v", err)
	}
	if _, err := w.register.Load(all); enclave.KindOf(err) != enclave.NotFound {
		t.Errorf("one that was not: %v", err)
	}
}

// The same label counted of all, and of all but a few: who the few are is known, and what they have is, if they all have the same. So it is with a sum, if
// they all have the most that there may be. It does not matter in which snapshot.
func TestWhatEverybodySharesIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	telling := func(f *enclave.Footprint) *enclave.Footprint {
		f.Tells = []enclave.Telling{{
			Column: "district", Starts: []int64{0, 1}, Class: []int32{0, 1}, Empty: -1, Block: []int32{0, 0},
			Sets: []enclave.TellingSet{{Block: []int32{0}, Class: []int32{0, 1}, Cells: []enclave.TellingCell{{Class: 0, Cell: 0}, {Class: 1, Cell: 1}}}},
		}}
		return f
	}
	summed := func(f *enclave.Footprint) *enclave.Footprint {
		f.Summed = []string{"age"}
		return f
	}
	var list []person
	for i := range 60 {
		list = append(list, person{id: i, age: 20 + i%5, district: string(rune('a' + i%2))})
	}
	for i := range 8 {
		list = append(list, person{id: 100 + i, age: 110, district: "a"}, person{id: 200 + i, age: 120, district: string(rune('a' + i%2))})
	}
	all := func(district int32, _ int64) int32 { return district }
	without := func(age int64) func(int32, int64) int32 {
		return func(district int32, a int64) int32 {
			if a == age || a >= 80 && a < 100 { // who came later is not asked
				return enclave.NoCell
			}
			return district
		}
	}
	first := w.load(list)
	w.release(summed(telling(w.table(first, all))))
	for i := range 16 {
		list = append(list, person{id: 500 + i, age: 80 + i, district: string(rune('a' + i%2))})
	}
	for _, snapshot := range []enclave.Digest{first, w.load(list)} {
		for name, c := range map[string]struct {
			table *enclave.Footprint
			alike int64
		}{
			"all in the first district":        {telling(w.table(snapshot, without(110))), 8},
			"some in each":                     {telling(w.table(snapshot, without(120))), 0},
			"nothing of districts":             {w.table(snapshot, without(110)), 0},
			"all as old as can be":             {summed(w.table(snapshot, without(120))), 8},
			"all of an age that others have":   {summed(w.table(snapshot, without(110))), 0},
			"all as old as can be, not summed": {w.table(snapshot, without(120)), 0},
		} {
			if answer := w.audit(c.table); answer.Facts.Alike != c.alike || (len(answer.Suppress) > 0) != (c.alike > 0) {
				t.Errorf("%s: %+v", name, answer)
			}
			w.restart()
		}
	}
	indifferent := promising(k)
	indifferent.HomogeneityPercent = 101
	for _, table := range []*enclave.Footprint{telling(w.table(first, without(110))), summed(w.table(first, without(120)))} {
		if answer, err := w.register.Audit(t.Context(), people(), 1, indifferent, table); err != nil || answer.Facts.Alike != 0 {
			t.Errorf("it may be told: %+v, %v", answer, err)
		}
	}
}
