package history_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/history"
)

// program is a linear program over variables from 0 to 1: rows of equations with what they add up to.
type program struct {
	variables int
	shares    bool // equations keep them from being more than 1
	rows      [][]float64
	right     []float64
}

// equal adds an equation, unless it follows from the others.
func (p *program) equal(row []float64, sum float64) {
	if slices.ContainsFunc(row, func(v float64) bool { return v != 0 }) && independent(append(slices.Clone(p.rows), row)) {
		p.rows, p.right = append(p.rows, row), append(p.right, sum)
	}
}

// most is the largest value of a variable, which one known solution tells of. What the equations lack at first, when all are 0, is made up for at a price.
func (p *program) most(t *testing.T, variable int) float64 {
	t.Helper()
	n, equations, bounds := p.variables, len(p.rows), p.variables
	if p.shares {
		bounds = 0
	}
	a := mat.NewDense(equations+bounds, n+bounds+equations, nil)
	goal, first := make([]float64, n+bounds+equations), []int{}
	right := slices.Clone(p.right)
	for i, row := range p.rows {
		for k, v := range row {
			a.Set(i, k, v)
		}
		a.Set(i, n+bounds+i, 1)
		goal[n+bounds+i] = 100
		first = append(first, n+bounds+i)
	}
	for k := range bounds {
		a.Set(equations+k, k, 1)
		a.Set(equations+k, n+k, 1)
		right, first = append(right, 1), append(first, n+k)
	}
	goal[variable] = -1
	best, _, err := lp.Simplex(goal, a, right, 1e-9, first)
	if err != nil {
		t.Fatal(err)
	}
	return -best
}

// surely are the rows of which it is known that their value is the least, 0, or the greatest: a linear program for each, written out, that shares nothing with the code under test.
func (e *exact) surely(t *testing.T, values []int64, high int64) (sure []bool) {
	t.Helper()
	p := &program{variables: len(values)}
	for i := range e.columns[0] {
		row, sum := make([]float64, len(values)), 0.0
		for k, column := range e.columns {
			row[k] = float64(column[i])
			sum += row[k] * float64(values[k]) / float64(high)
		}
		p.equal(row, sum)
	}
	for row, value := range values {
		up := value < high && p.most(t, row) > float64(value)/float64(high)+1e-7
		mirrored := &program{variables: p.variables, rows: p.rows}
		for i, equation := range p.rows {
			sum := -p.right[i]
			for _, v := range equation {
				sum += v
			}
			mirrored.right = append(mirrored.right, sum)
		}
		down := value > 0 && mirrored.most(t, row) > 1-float64(value)/float64(high)+1e-7
		sure = append(sure, !up && !down && (value == 0 || value == high))
	}
	return sure
}

// Of whom sums within bounds say which value they have is decided by linear programs too, two for each row.
func TestAlikeSums(t *testing.T) {
	systems := systems(150, 20)
	var tables verdicts
	for n := range systems {
		r := random(n)
		owners, values, high := []uint32{}, []int64{}, int64(1+r.IntN(2))
		rare := 2 + r.IntN(8)
		for s := range 10 {
			for range 1 + r.IntN(2) {
				value := int64(0)
				if r.IntN(rare) == 0 {
					value = 1 + r.Int64N(high)
				}
				owners, values = append(owners, uint32(s)), append(values, value)
			}
		}
		a := start(t, history.Sums, owners, 2)
		var past []*history.Release
		column := &history.Secret{Values: values, High: high}
		known := make([]bool, len(owners))
		for range 3 {
			keys := [][]int32{codes(r, len(owners), 2, false), codes(r, len(owners), 2, true)}
			result := try(t, a, crossed(owners, keys, []int{2, 2}, [][]int{{0}, {}}, 2))
			if result.Refused {
				continue
			}
			column.Summed = append(column.Summed, true)
			past = append(past, result.Release())
			sure := exactly(history.Sums, owners, past).surely(t, values, high)
			tables.add(t, n, a, result, column, news(owners, known, sure))
			known = sure
		}
	}
	tables.both(t)
}

// systems is how many systems to try: so many, or fewer where time is short.
func systems(all, short uint64) uint64 {
	if testing.Short() {
		return short
	}
	return all
}

// verdicts counts the tables that tell somebody's value, and those that do not.
type verdicts struct{ told, clean int }

// add compares what is found of a table with of how many it should be, and has it join the history.
func (c *verdicts) add(t *testing.T, system uint64, a *history.Audit, result *history.Result, secret *history.Secret, want int) {
	t.Helper()
	alike, err := result.Alike(context.Background(), secret)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case alike.Undecided, alike.People != want:
		t.Fatalf("system %d: %+v, and by linear programs %d", system, alike, want)
	case want == 0:
		c.clean++
	default:
		c.told++
		if len(alike.Suppressed) == 0 {
			t.Errorf("system %d: %+v names nothing", system, alike)
		}
	}
	if err := a.Accept(result); err != nil {
		t.Fatal(err)
	}
}

// both checks that there were tables of either kind.
func (c *verdicts) both(t *testing.T) {
	t.Helper()
	t.Logf("%d tables tell what somebody has, %d do not", c.told, c.clean)
	if c.told == 0 || c.clean == 0 {
		t.Errorf("%d tables tell what somebody has, %d do not", c.told, c.clean)
	}
}

// news is of how many subjects something is known that was not.
func news(owners []uint32, known, sure []bool) int {
	var people []uint32
	for row := range sure {
		if sure[row] && !known[row] && !slices.Contains(people, owners[row]) {
			people = append(people, owners[row])
		}
	}
	return len(people)
}

// survey is a table of a column of small numbers. It may publish sums, and may tell the numbers apart: then it is of classes of them, crossed with a key
// that drops some rows.
type survey struct {
	release *history.Release
	summed  bool
	telling *enclave.Telling // nil if it tells none apart
	block   []int32          // by row; None of those that are not asked
	class   []int32          // by number
}

func newSurvey(r *rand.Rand, owners []uint32, label []int32, classes []int32) survey {
	s := survey{block: codes(r, len(owners), 2, true), class: classes}
	margin := r.IntN(2) == 0 // over the key is published too
	for row := range s.block {
		if r.IntN(5) == 0 {
			s.block[row] = history.None
		}
	}
	number := slices.Max(classes) + 1
	told := make([]int32, len(owners))
	for row := range told {
		told[row] = classes[label[row]]
	}
	margins := [][]int{{0}, {}}
	if margin {
		margins = append(margins, []int{1})
	}
	s.release = crossed(owners, [][]int32{s.block, told}, []int{2, int(number)}, margins, 2)
	s.telling = &enclave.Telling{Class: classes, Empty: -1, Sets: []enclave.TellingSet{{Block: []int32{0, 1}}, {Block: []int32{0, 0}}}}
	for label := range classes {
		s.telling.Starts = append(s.telling.Starts, int64(label))
	}
	for class := range number {
		s.telling.Sets[0].Class, s.telling.Sets[1].Class = append(s.telling.Sets[0].Class, class), append(s.telling.Sets[1].Class, class)
	}
	for full, list := range s.release.Published {
		block, class := int32(full)/number, int32(full)%number
		s.telling.Block = append(s.telling.Block, block)
		for _, cell := range list {
			switch {
			case cell == int32(full):
				s.telling.Sets[0].Cells = append(s.telling.Sets[0].Cells, enclave.TellingCell{Block: block, Class: class, Cell: cell})
			case cell >= 2*number+3:
				s.telling.Sets[1].Cells = append(s.telling.Sets[1].Cells, enclave.TellingCell{Class: class, Cell: cell})
			}
		}
	}
	if !margin {
		s.telling.Sets = s.telling.Sets[:1]
	}
	return s
}

// full is the full-table cell of a row if its value is that one.
func (s *survey) full(row int, value int32) int32 {
	if s.telling == nil {
		return s.release.Cells[row]
	}
	if s.block[row] == history.None {
		return history.None
	}
	return s.block[row]*(slices.Max(s.class)+1) + s.class[value]
}

// surelyTold are the rows of which it is known that nobody has a number of a class that shows in as many tables as any other would, and those of which it is
// known that they have the least or the greatest, as [exact.surely] says it: there are variables for each number of each row.
func surelyTold(t *testing.T, surveys []survey, values []int64, high int64) (class, amount []bool) {
	t.Helper()
	numbers := int(high) + 1
	p := &program{variables: len(values) * numbers, shares: true}
	for row := range values {
		one := make([]float64, p.variables)
		for u := range numbers {
			one[row*numbers+u] = 1
		}
		p.equal(one, 1)
	}
	for i := range surveys {
		s := &surveys[i]
		of := map[int32]bool{} // cells of classes
		if s.telling != nil {
			for _, set := range s.telling.Sets {
				for _, cell := range set.Cells {
					of[cell.Cell] = true
				}
			}
		}
		cells := map[int32]bool{}
		for _, list := range s.release.Published {
			for _, cell := range list {
				cells[cell] = true
			}
		}
		for _, cell := range slices.Sorted(maps.Keys(cells)) {
			count, sum := make([]float64, p.variables), make([]float64, p.variables)
			all, total := 0.0, 0.0
			for row, value := range values {
				for u := range numbers {
					full := s.full(row, int32(u))
					if full == history.None || !slices.Contains(s.release.Published[full], cell) {
						continue
					}
					count[row*numbers+u], sum[row*numbers+u] = 1, float64(u)
					if int64(u) == value {
						all, total = all+1, total+float64(u)
					}
				}
			}
			if of[cell] {
				p.equal(count, all)
			}
			if s.summed {
				p.equal(sum, total)
			}
		}
	}
	for row, value := range values {
		shows, counts := make([]int, numbers), false
		for i := range surveys {
			s := &surveys[i]
			full := s.full(row, int32(value)) //nolint:gosec // small
			counts = counts || s.summed && full != history.None && len(s.release.Published[full]) > 0
			for u := range numbers {
				if s.telling != nil && full != history.None && s.class[value] != s.class[u] {
					shows[u]++
				}
			}
		}
		most := slices.Max(shows)
		known, bound := most > 0, counts && (value == 0 || value == high)
		for u := range numbers {
			if shows[u] == most && known || int64(u) != value && bound {
				possible := p.most(t, row*numbers+u) > 1e-7
				known = known && (shows[u] < most || !possible)
				bound = bound && (int64(u) == value || !possible)
			}
		}
		class, amount = append(class, known), append(amount, bound)
	}
	return class, amount
}

// Of whom tables of a label say which one they have is decided by linear programs too, where tables tell all labels apart, or some.
func TestAlikeLabels(t *testing.T) {
	const labels = 3
	systems := systems(120, 15)
	var tables verdicts
	for n := range systems {
		r := random(n)
		owners, label := each(12), []int32{}
		rare := 1 + r.IntN(4)
		for range owners {
			label = append(label, int32(min(r.IntN(labels*rare), labels-1))) //nolint:gosec // small
		}
		a := start(t, history.Sums, owners, 2)
		var past []survey
		column := &history.Secret{}
		for _, l := range label {
			column.Values = append(column.Values, int64(l))
		}
		known := make([]bool, len(owners))
		for range 3 {
			classes := [][]int32{{0, 1, 2}, {0, 1, 2}, {0, 0, 1}, {0, 1, 0}}[r.IntN(4)]
			s := newSurvey(r, owners, label, classes)
			result := try(t, a, s.release)
			if result.Refused || len(result.Suppressed) > 0 {
				continue
			}
			column.By = append(column.By, s.telling)
			past = append(past, s)
			sure, _ := surelyTold(t, past, column.Values, labels-1)
			tables.add(t, n, a, result, column, news(owners, known, sure))
			known = sure
		}
	}
	tables.both(t)
}

// What classes and sums of a column tell together is decided by linear programs as well.
func TestAlikeTogether(t *testing.T) {
	systems := systems(150, 10)
	var tables verdicts
	for n := range systems {
		r := random(n)
		owners, values, high := each(10), []int64{}, int64(1+r.IntN(3))
		var label []int32
		rare := 1 + r.IntN(3)
		for range owners {
			value := min(r.Int64N((high+1)*int64(rare)), high)
			values, label = append(values, value), append(label, int32(value)) //nolint:gosec // small
		}
		a := start(t, history.Sums, owners, 2)
		var past []survey
		column := &history.Secret{Values: values, High: high}
		known := make([]bool, 2*len(owners))
		for range 3 {
			told, summed := r.IntN(2) == 0, r.IntN(2) == 0
			var s survey
			if told {
				classes := [][]int32{{0, 1, 2, 3}, {0, 0, 1, 1}, {0, 1, 1, 1}, {0, 1, 0, 1}}[r.IntN(4)][:high+1]
				s = newSurvey(r, owners, label, classes)
			} else {
				s.release = crossed(owners, [][]int32{codes(r, len(owners), 2, false), codes(r, len(owners), 2, true)}, []int{2, 2}, [][]int{{0}, {}}, 2)
			}
			s.summed = summed || !told
			result := try(t, a, s.release)
			if result.Refused || len(result.Suppressed) > 0 {
				continue
			}
			column.By, column.Summed = append(column.By, s.telling), append(column.Summed, s.summed)
			past = append(past, s)
			class, amount := surelyTold(t, past, values, high)
			sure := slices.Concat(class, amount)
			tables.add(t, n, a, result, column, news(slices.Concat(owners, owners), known, sure))
			known = sure
		}
	}
	tables.both(t)
}

// Whoever compares comes to an end where tables are many and values rare, in large systems too, and then an example is nobody's but theirs of whom nothing is told.
func TestAlikeComesToAnEnd(t *testing.T) {
	r := random(5)
	systems := systems(16, 3)
	for n := range systems {
		rows, domain, rare := 300+r.IntN(3000), 3+r.IntN(12), 2+r.IntN(60)
		owners := each(rows)
		column := &history.Secret{High: 1}
		for range owners {
			column.Values = append(column.Values, int64(r.IntN(rare)/(rare-1)))
		}
		a := start(t, history.Sums, owners, 10)
		for range 2 + r.IntN(4) {
			keys := [][]int32{codes(r, rows, domain, true), codes(r, rows, domain, false)}
			result := try(t, a, crossed(owners, keys, []int{domain, domain}, [][]int{{0}, {}}, 10))
			if result.Refused {
				continue
			}
			column.Summed = append(column.Summed, true)
			alike, err := result.Alike(context.Background(), column)
			if err != nil || alike.Undecided || alike.People > 0 && len(alike.Suppressed) == 0 {
				t.Fatalf("system %d: %+v, %v", n, alike, err)
			}
			t.Logf("%d rows, one of %d: %+v", rows, rare, alike)
			if err := a.Accept(result); err != nil {
				t.Fatal(err)
			}
		}
	}
}
