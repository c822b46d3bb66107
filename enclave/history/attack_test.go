package history_test

import (
	"errors"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/history"
)

// caught runs a sequence of tables, of which only the last ones, from the given step, may lose cells or be refused; the result is that
// of the first that did.
func caught(t *testing.T, subjects []uint32, k, from int, tables ...*history.Release) *history.Result {
	t.Helper()
	a := start(t, history.Sums, subjects, k)
	var past []*history.Release
	var first *history.Result
	for step, table := range tables {
		result := accept(t, a, table)
		if !result.Clean && step < from {
			t.Fatalf("step %d came before the attack: %+v", step, result)
		}
		if !result.Clean && first == nil {
			first = result
		}
		if !result.Refused {
			past = append(past, result.Release())
		}
	}
	if first == nil {
		t.Fatal("nothing was suppressed")
	}
	if len(subjects) <= 40 && exactly(history.Sums, subjects, past).violated(min(k, 3)) {
		t.Fatal("the promise is broken")
	}
	return first
}

func TestDifferencing(t *testing.T) {
	r := caught(t, each(200), 10, 1, filtered(200, func(int) bool { return true }), filtered(200, func(row int) bool { return row != 77 }))
	if r.Proven != 1 || r.Suppressed[0].Subjects != 1 {
		t.Errorf("%+v", r)
	}
	// A difference of nine is stopped, of ten it is not.
	r = caught(t, each(200), 10, 1, filtered(200, func(int) bool { return true }), filtered(200, func(row int) bool { return row > 8 }))
	if r.Suppressed[0].Subjects != 9 {
		t.Errorf("%+v", r)
	}
	a := start(t, history.Sums, each(200), 10)
	accept(t, a, filtered(200, func(int) bool { return true }))
	if r := try(t, a, filtered(200, func(row int) bool { return row > 9 })); !r.Clean {
		t.Errorf("%+v", r)
	}
}

// The tracker asks for A and T, and for A and not T: neither is about the target alone, but their sum less A is.
func TestTracker(t *testing.T) {
	target := func(row int) bool { return row == 5 }
	tracker := func(row int) bool { return row%2 == 0 }
	for _, rows := range []int{30, 3000} {
		caught(t, each(rows), 3, 1,
			filtered(rows, func(row int) bool { return target(row) || tracker(row) }),
			filtered(rows, func(row int) bool { return target(row) || !tracker(row) }),
			filtered(rows, func(int) bool { return true }))
	}
}

func TestComplement(t *testing.T) {
	cells := make([]int32, 100)
	for row := range cells {
		cells[row] = int32(row % 4)
	}
	cells[3] = history.None
	whole := &history.Release{Cells: make([]int32, 100), Published: [][]int32{{0}}}
	caught(t, each(100), 5, 1, whole, flat(cells...))
}

// Two tables and their union, in which there is one person more: any two of the three are harmless.
func TestLinkedTriple(t *testing.T) {
	between := func(first, last int) *history.Release {
		return filtered(41, func(row int) bool { return row >= first && row <= last })
	}
	left, right, both := between(0, 19), between(20, 39), between(0, 40)
	for _, pair := range [][]*history.Release{{left, right}, {right, both}, {both, left}} {
		audit := start(t, history.Sums, each(41), 10)
		for _, table := range pair {
			if r := accept(t, audit, table); !r.Clean {
				t.Fatalf("two of the tables are harmless: %+v", r)
			}
		}
	}
	for _, triple := range [][]*history.Release{{left, right, both}, {right, both, left}, {both, left, right}} {
		if r := caught(t, each(41), 10, 2, triple...); r.Suppressed[0].Subjects != 1 || r.Proven != 1 {
			t.Errorf("%+v", r)
		}
	}
}

// The same table is made of today's snapshot, in which there is one more person, or one person's row was corrected.
func TestNewcomer(t *testing.T) {
	for name, more := range map[string][]uint32{"new": {500}, "corrected": {7}} {
		a := start(t, history.Sums, each(100), 10)
		cells := make([]int32, 100)
		for row := range cells {
			cells[row] = int32(row % 5)
		}
		accept(t, a, flat(cells...))
		if err := a.Grow(more); err != nil {
			t.Fatal(err)
		}
		today := append(append([]int32{}, cells...), 2)
		if name == "corrected" {
			today[7] = history.None
		}
		r := accept(t, a, flat(today...))
		if r.Refused || len(r.Suppressed) != 1 || r.Suppressed[0].Cell != 2 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestPair(t *testing.T) {
	r := caught(t, each(40), 3, 1, filtered(40, func(row int) bool { return row < 20 }), filtered(40, func(row int) bool { return row < 18 }))
	if r.Suppressed[0].Subjects != 2 {
		t.Errorf("%+v", r)
	}
}

// One person's many rows are one subject, however many cells they are in.
func TestManyRowsAreOneSubject(t *testing.T) {
	subjects := make([]uint32, 0, 60)
	cells := make([]int32, 0, 60)
	for s := range uint32(3) {
		for range 20 {
			subjects, cells = append(subjects, s), append(cells, int32(len(cells)%2))
		}
	}
	a := start(t, history.Sums, subjects, 4)
	if r := try(t, a, flat(cells...)); r.Clean || len(r.Suppressed) != 2 {
		t.Errorf("%+v", r)
	}
}

// TOT = A + B + C: some tables give TOT, others A, B and C. Brute force takes each row's A, B and C for unknowns of their own; the audit
// of all measures together must not let anything through.
func TestColumnIdentity(t *testing.T) {
	total := filtered(30, func(int) bool { return true })
	parts := filtered(30, func(row int) bool { return row != 4 })
	if r := caught(t, each(30), 3, 1, total, parts); r.Suppressed[0].Subjects != 1 {
		t.Errorf("%v", r)
	}
	dangerous := 0
	for n := range uint64(150) {
		r := random(n)
		a := start(t, history.Sums, each(12), 3)
		e := &exact{columns: make([][]int64, 36)}
		offered := &exact{columns: make([][]int64, 36)}
		for range 3 {
			keys := codes(r, 12, 3, true)
			keys[r.IntN(12)] = history.None
			table, total := flat(keys...), r.IntN(2) == 0
			result := accept(t, a, table)
			e.measure(result.Release(), total)
			offered.measure(table, total)
		}
		for i := range 36 {
			e.of, offered.of = append(e.of, uint32(i/3)), append(offered.of, uint32(i/3))
		}
		if offered.violated(3) {
			dangerous++
		}
		if e.violated(3) {
			t.Fatalf("system %d: something follows from the identity", n)
		}
	}
	if dangerous == 0 {
		t.Fatal("nothing was dangerous")
	}
}

// measure publishes a table of TOT, or of each of A, B and C, whose unknowns are three columns for each row.
func (e *exact) measure(r *history.Release, total bool) {
	for cell := range r.Published {
		if len(r.Published[cell]) == 0 {
			continue
		}
		for measure := range 3 {
			for i := range e.columns {
				in := int64(0)
				if r.Cells[i/3] == int32(cell) && (total || i%3 == measure) {
					in = 1
				}
				e.columns[i] = append(e.columns[i], in)
			}
		}
	}
}

// A history that gives something away cannot be mended, and stands in the way of nothing: a table joins it that says nothing more of that person, and
// one that does loses the cell that would.
func TestWhatIsOutIsOut(t *testing.T) {
	a := start(t, history.Sums, each(100), 10)
	for _, past := range []*history.Release{filtered(100, func(int) bool { return true }), filtered(100, func(row int) bool { return row > 0 })} {
		if err := a.Add(past); err != nil {
			t.Fatal(err)
		}
	}
	if r := accept(t, a, filtered(100, func(row int) bool { return row >= 50 })); !r.Clean {
		t.Errorf("half of the people: %v", r)
	}
	if r := accept(t, a, filtered(100, func(row int) bool { return row > 0 })); !r.Clean {
		t.Errorf("what was released before: %v", r)
	}
	if r := try(t, a, filtered(100, func(row int) bool { return row != 1 })); r.Refused || len(r.Suppressed) != 1 || r.Proven == 0 {
		t.Errorf("all but another person: %v", r)
	}
}

func TestResultsHoldForTheirVersion(t *testing.T) {
	a := start(t, history.Sums, each(100), 10)
	table := filtered(100, func(row int) bool { return row < 40 })
	early := try(t, a, table)
	accept(t, a, filtered(100, func(row int) bool { return row < 39 }))
	if err := a.Accept(early); !errors.Is(err, enclave.Fail(enclave.State, "HISTORY_MOVED")) {
		t.Errorf("accepted against another history: %v", err)
	}
	if r := try(t, a, table); r.Clean {
		t.Error("the difference is one person")
	}
}
