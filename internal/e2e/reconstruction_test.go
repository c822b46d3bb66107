package e2e_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/adversary"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// side is how many values each of the two quasi columns of the crowd has: every pair of values is somebody's, or nobody's.
const side = 32

// crowd is a thousand people whom two public columns tell apart, with a secret that is drawn by a coin.
func crowd(seed uint64) *lab.Table {
	codes := make([]string, side)
	for i := range codes {
		codes[i] = fmt.Sprintf("c%02d", i)
	}
	t := &lab.Table{Dataset: &enclave.Dataset{
		Name: "crowd", Owner: health, Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "a", Type: enclave.Code, Class: enclave.Quasi, Codes: codes},
			{Name: "b", Type: enclave.Code, Class: enclave.Quasi, Codes: codes},
			{Name: "ill", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1"},
		},
	}}
	r := rand.New(rand.NewPCG(seed, 10)) //nolint:gosec // seeded test data
	for i, at := range r.Perm(side * side)[:1000] {
		t.Add(strconv.Itoa(i), int64(at/side), int64(at%side), r.Int64N(2))
	}
	return t
}

// subset is a question for the sums of the secret over groups of the crowd.
type subset struct {
	manifest *enclave.Manifest
	code     []byte
	params   map[string]enclave.Scalar
	function func(params []byte) lab.Native
}

func subsetManifest(values ...string) *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: "subset", Version: "1", Form: enclave.Aggregate,
		Inputs:   []enclave.ManifestInput{{Dataset: "crowd", Columns: []string{"a", "b", "ill"}}},
		Keys:     []enclave.ManifestKey{{Name: "who", Values: values}},
		Measures: []enclave.ManifestMeasure{{Name: "ill", Op: enclave.Sum, Of: "ill"}},
	}
}

// halves are random halves of everybody: one module, with a parameter that is another one each time.
func halves(t *testing.T, n int, _ *lab.Table) (asked []subset) {
	t.Helper()
	m := subsetManifest("out", "in")
	m.Params = []enclave.ManifestParam{{Name: "seed", Type: "int64", Min: 0, Max: 1_000_000, Default: "0"}}
	column := guests.Column{Values: side, Narrow: true}
	code := guests.Hashed([]guests.Column{column, column}, 2)
	for i := range n {
		asked = append(asked, subset{m, code, map[string]enclave.Scalar{"seed": enclave.Scalar(strconv.Itoa(i))}, func(params []byte) lab.Native {
			return func(values []int64) []int32 { return []int32{guests.HashOf(params, 2, values)} }
		}})
	}
	return asked
}

// chosen is a question by a module of its own: groups by the pair of values, −1 where nobody is wanted.
func chosenSubset(groups []int8, labels ...string) subset {
	column := guests.Column{Values: side, Narrow: true}
	columns := []guests.Column{column, column}
	table := make([]int8, guests.Places(columns))
	for i := range table {
		table[i] = -1
	}
	for pair, group := range groups {
		table[guests.Place(columns, []int64{int64(pair / side), int64(pair % side)})] = group
	}
	return subset{subsetManifest(labels...), guests.Chooser(columns, table), nil, func([]byte) lab.Native {
		return func(values []int64) []int32 { return []int32{int32(table[guests.Place(columns, values)])} }
	}}
}

func nobodyOf() []int8 {
	groups := make([]int8, side*side)
	for i := range groups {
		groups[i] = -1
	}
	return groups
}

// few are random halves of two hundred people, everybody else dropped: the budget counts sums by everybody's number.
func few(_ *testing.T, n int, t *lab.Table) (asked []subset) {
	r := rand.New(rand.NewPCG(5, 5)) //nolint:gosec // seeded test data
	for range n {
		groups := nobodyOf()
		for _, row := range t.Rows[:200] {
			groups[row.Values[1]*side+row.Values[2]] = int8(r.IntN(2)) //nolint:gosec // 0 or 1
		}
		asked = append(asked, chosenSubset(groups, "out", "in"))
	}
	return asked
}

// stars are groups of ten, in each of which one of two persons is with nine others, who never come again.
func stars(_ *testing.T, n int, t *lab.Table) (asked []subset) {
	next := 2
	for range n {
		groups := nobodyOf()
		for star := range 2 {
			for _, row := range append(slices.Clone(t.Rows[next:min(next+9, 1000)]), t.Rows[star]) {
				groups[row.Values[1]*side+row.Values[2]] = int8(star)
			}
			if next += 9; next > 990 {
				next = 2
			}
		}
		asked = append(asked, chosenSubset(groups, "one", "two"))
	}
	return asked
}

// reconstruction is what came of guesses at some of the crowd.
type reconstruction struct {
	squares, decoded adversary.Score // by least squares, and by a linear program; the latter of small ones alone
	most             float64         // how much of a secret's variance was told, of the one of whom most was
	released         int             // sums
}

func (r *reconstruction) add(other *reconstruction) {
	for into, from := range map[*adversary.Score]*adversary.Score{&r.squares: &other.squares, &r.decoded: &other.decoded} {
		into.Tried, into.Right, into.Chance = into.Tried+from.Tried, into.Right+from.Right, 0.5
	}
	r.most, r.released = max(r.most, other.most), r.released+other.released
}

// reconstruct asks, so many at once, and guesses at the first of the crowd.
func reconstruct(t *testing.T, asked []subset, table *lab.Table, at site, victims, together int) *reconstruction {
	t.Helper()
	at.load(table)
	dataset := *table.Dataset
	if s, is := at.(*served); is {
		dataset.Name = s.name
	}
	seen := make([]*adversary.Seen, len(asked))
	var group sync.WaitGroup
	turns := make(chan struct{}, together)
	for i, q := range asked {
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			manifest := *q.manifest
			manifest.Inputs = []enclave.ManifestInput{{Dataset: dataset.Name, Columns: q.manifest.Inputs[0].Columns}}
			e := at.ask([]string{acme, rival}[i%2], &manifest, q.code, q.params)
			if e.release != nil {
				plan := planOf(t, &dataset, &manifest, q.params, len(table.Rows))
				seen[i] = &adversary.Seen{Plan: plan, Function: q.function(plan.Params), Release: e.release, RoundCount: 5, RoundSum: 1, Least: 10}
			}
		})
	}
	group.Wait()
	var r reconstruction
	var all []adversary.Seen
	for _, s := range seen {
		if s != nil {
			all = append(all, *s)
			r.released += len(s.Release.Rows)
		}
	}
	register := adversary.Know([][]int64{{0, 0, 0, 0}, {0, 0, 0, 1}}, table)
	wanted, apart := make([]adversary.Wanted, victims), map[string]bool{}
	for i, row := range table.Rows[:victims] {
		wanted[i] = adversary.Wanted{Subject: row.Subject, Column: "ill"}
		apart[row.Subject] = true
	}
	system := adversary.Build(register, all, func(subject string) bool { return apart[subject] }, "ill")
	means := make([]float64, victims)
	for i, b := range system.Beliefs(wanted) {
		means[i] = b.Mean
		r.squares.Add((b.Mean > 0.5) == (table.Rows[i].Values[3] == 1))
		r.most = max(r.most, b.Share)
	}
	values, err := system.Closest(wanted, means)
	if errors.Is(err, adversary.ErrTooLarge) {
		return &r
	}
	ok(t, err)
	for i, v := range values {
		r.decoded.Add((v > 0.5) == (table.Rows[i].Values[3] == 1))
	}
	return &r
}

// TestReconstruction plays A10: hundreds of sums over random subsets, and least squares (Dinur and Nissim 2003). Nobody's secret may be guessed better
// than the profile tolerates. Without the audit and the budget, the same guesses are right of nearly everybody.
func TestReconstruction(t *testing.T) {
	t.Parallel()
	rules, err := policy.Default()
	ok(t, err)
	on := &stage{domain: start(t, app.Config{Workers: 16}), rules: rules, guests: guestRoom(t)}
	on.enlist(4)
	profile, err := rules.Profile(crowd(0).Dataset, scenario)
	ok(t, err)
	limit := profile.GuessPercent
	for _, c := range []struct {
		name    string
		asks    func(*testing.T, int, *lab.Table) []subset
		sums    int // asked for on the enclave, of each crowd
		without int // and without what stops them
		victims int
		crowds  int
		off     []lab.Mechanism
		wins    float64 // without those
	}{
		{"halves", halves, 520, 520, 1000, 1, []lab.Mechanism{lab.History, lab.Budget}, 0.8},
		{"few", few, 60, 150, 200, 2, []lab.Mechanism{lab.History, lab.Budget}, 0.9},
		{"stars", stars, 24, 24, 2, 4, []lab.Mechanism{lab.Guess}, 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				c.sums, c.crowds = min(c.sums, 24), 1
			}
			var with, without reconstruction
			for i := range c.crowds {
				table := crowd(uint64(i))
				mine := *on.domain
				mine.t = t
				place := &served{domain: &mine, name: fmt.Sprintf("crowd-%s-%d", c.name, i), number: i}
				with.add(reconstruct(t, c.asks(t, c.sums, table), table, place, c.victims, 8))
			}
			expected := 100 * bestGuess(with.most)
			t.Logf("%d questions, %d sums released: least squares %s, a linear program %s; expected of the one of whom most is told %.1f %%, tolerated %d %%",
				c.sums*c.crowds, with.released, &with.squares, &with.decoded, expected, limit)
			for _, score := range []adversary.Score{with.squares, with.decoded} {
				if score.Tried >= 100 && 100*score.Rate() > float64(limit) {
					t.Errorf("guesses are better than the profile tolerates: %s", &score)
				}
			}
			if expected > float64(limit)+0.5 {
				t.Errorf("the guess at one is better than the profile tolerates")
			}
			if testing.Short() {
				return
			}
			for i := range c.crowds {
				table := crowd(uint64(i))
				place := newLaboratory(t, on, c.off)
				without.add(reconstruct(t, c.asks(t, c.without, table), table, place, c.victims, 1))
			}
			t.Logf("without %v: least squares %s, a linear program %s", c.off, &without.squares, &without.decoded)
			if max(without.squares.Rate(), without.decoded.Rate()) < c.wins {
				t.Errorf("without what stops it the adversary should win, and does not")
			}
		})
	}
}

// bestGuess is how often a binary secret is guessed right of which so much of the variance is explained, as if everything were normal.
func bestGuess(share float64) float64 {
	if share >= 1 {
		return 1
	}
	return 0.5 * math.Erfc(-math.Sqrt(share/(1-share))/math.Sqrt2)
}
