package aggregate

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// locator finds the places of rows: the numbers of their cells plus one, or 0 for those in no cell. It adds up what the columns of a row say.
// It is immutable, and shared by the workers.
type locator struct {
	layout  *layout
	columns []*column // those that leave the fewest rows in cells first
	wide    []*wide
	learned *learned // that is not in the columns
	drops   bool     // a row may fall into no cell
	beyond  int32    // a power of two that no place reaches
	// few is set where columns alone leave so few rows that the rest is worth doing for these only.
	few bool
}

// newLocator puts together what the keys of the enclave's own and a learned function say.
func newLocator(l *layout, f *learned) (*locator, error) {
	at := &locator{layout: l, drops: l.moduleKeys > 0 && f == nil, beyond: 1 << bits.Len32(uint32(l.cells))} //nolint:gosec // at most MaxCells
	for i := range l.plan.Keys {
		if key := &l.plan.Keys[i]; key.Module < 0 {
			if err := at.evaluate(key, l.strides[i]); err != nil {
				return nil, err
			}
		}
	}
	if f != nil && f.factors == nil {
		at.learned, at.drops = f, true
	} else if f != nil {
		for i, factor := range f.factors {
			c, err := at.column(l.plan.Shown[i])
			if err != nil {
				return nil, err
			}
			f.domains[i].join(c, factor)
		}
	}
	kept := 1.0
	for _, c := range at.columns {
		at.drops = c.weigh() || at.drops
		kept *= c.keeps
	}
	slices.SortStableFunc(at.columns, func(a, b *column) int { return cmp.Compare(a.keeps, b.keeps) })
	at.few = kept <= 0.5 && at.wide == nil && at.learned == nil && (l.moduleKeys == 0 || f != nil)
	if len(at.columns) > 0 {
		at.columns[0].begin()
	}
	return at, nil
}

// begin makes the column's table that of the first number, which is 1.
func (t *column) begin() {
	for i, add := range t.adds {
		if add != away {
			t.adds[i]++
		}
	}
	if t.empty != away {
		t.empty++
	}
}

// column is the table of a column of the dataset.
func (at *locator) column(number int) (*column, error) {
	position := slices.Index(at.layout.read, number)
	for _, c := range at.columns {
		if c.at == position {
			return c, nil
		}
	}
	c, err := newColumn(&at.layout.plan.Dataset.Columns[number], position)
	if err == nil {
		at.columns = append(at.columns, c)
	}
	return c, err
}

func (at *locator) evaluate(key *enclave.Key, stride int32) error {
	c := &at.layout.plan.Dataset.Columns[key.Column]
	low, span, err := c.Domain()
	if err != nil {
		return err
	}
	if span < fewValues {
		t, err := at.column(key.Column)
		if err != nil {
			return err
		}
		return t.evaluate(key, c, stride)
	}
	if key.Lookup != nil {
		return enclave.Internalf("key %s does not fit its column", key.Name)
	}
	at.drops = at.drops || key.Inside || c.Nullable && key.Missing < 0
	at.wide = append(at.wide, &wide{key: key, at: slices.Index(at.layout.read, key.Column), stride: stride, cuts: cutsAbove(key.Cuts, low)})
	return nil
}

// found is where the rows of a chunk are.
type found struct {
	slots []int32 // places, of the rows that were found
	rows  []uint16
	all   bool // every row was found, in its order; rows is not used
}

// place is what a place is written into.
type place interface {
	uint8 | uint16 | uint32
}

// locate finds the places of some rows of a batch, from row first on, and writes them down.
func locate[P place](w *worker, b *enclave.PackedBatch, first int, places []P) (found, error) {
	at, numbers := w.locator, w.numbers[:len(places)]
	if at.few && at.full(b, first, len(places)) {
		n := at.narrow(b, first, numbers, w.rows)
		if slices.Max(append(numbers[:n:n], 0)) >= at.beyond {
			return found{}, errAstray
		}
		clear(places)
		for i, row := range w.rows[:n] {
			places[row] = P(numbers[i])
		}
		return found{slots: numbers[:n], rows: w.rows[:n]}, nil
	}
	done, all := 0, int32(0)
	switch {
	case len(at.columns) == 0:
		for i := range numbers {
			numbers[i] = 1
		}
	case len(at.columns) > 1 && at.columns[0].full(b, first, len(places)) && at.columns[1].full(b, first, len(places)):
		all = begin(numbers, places, b, first, at.columns[0], at.columns[1])
		done = 2
	default:
		clear(numbers)
	}
	for _, c := range at.columns[done:] {
		c.add(numbers, b, first)
	}
	others, err := w.addOthers(numbers, b, first)
	if err != nil {
		return found{}, err
	}
	if at.drops || others || done < max(len(at.columns), 1) {
		all = settle(numbers, places)
	}
	if all >= at.beyond {
		return found{}, errAstray
	}
	return found{slots: numbers, all: true}, nil
}

var errAstray = enclave.Internalf("a value of a key is outside its column's bounds")

// settle gives rows without a cell the place 0, and writes all down. It returns all bits of all places.
func settle[P place](numbers []int32, places []P) (all int32) {
	places = places[:len(numbers)]
	for i, n := range numbers {
		n = max(n, 0)
		all |= n
		numbers[i], places[i] = n, P(n)
	}
	return all
}

// begin adds two columns up, which takes hardly longer than one alone, and returns all bits of the places.
func begin[P place](numbers []int32, places []P, b *enclave.PackedBatch, first int, x, y *column) (all int32) {
	v, w, last := &b.Columns[x.at], &b.Columns[y.at], first+len(numbers)
	switch {
	case v.One != nil && w.One != nil:
		return addTwo(numbers, places, v.One[first:last], w.One[first:last], x.adds, y.adds)
	case v.One != nil:
		return addTwo(numbers, places, v.One[first:last], w.Two[first:last], x.adds, y.adds)
	case w.One != nil:
		return addTwo(numbers, places, v.Two[first:last], w.One[first:last], x.adds, y.adds)
	default:
		return addTwo(numbers, places, v.Two[first:last], w.Two[first:last], x.adds, y.adds)
	}
}

// looked is what codes that are looked up are kept in.
type looked interface{ uint8 | uint16 }

func addTwo[P place, A, B looked](numbers []int32, places []P, a []A, b []B, x, y []int32) (all int32) {
	places, a, b = places[:len(numbers)], a[:len(numbers)], b[:len(numbers)]
	x, y = x[:int(^A(0))+1], y[:int(^B(0))+1] // so that no code is outside
	for i := range numbers {
		n := x[a[i]] + y[b[i]]
		all |= n
		numbers[i], places[i] = n, P(n)
	}
	return all
}

// add adds what the table says of a column.
func (t *column) add(numbers []int32, b *enclave.PackedBatch, first int) {
	v, last := &b.Columns[t.at], first+len(numbers)
	var valid []byte
	if !t.full(b, first, len(numbers)) {
		valid = v.Valid[first>>3:]
	}
	if v.One != nil {
		addOne(numbers, v.One[first:last], valid, t.adds, t.empty)
	} else {
		addOne(numbers, v.Two[first:last], valid, t.adds, t.empty)
	}
}

func addOne[A looked](numbers []int32, a []A, valid []byte, x []int32, empty int32) {
	a, x = a[:len(numbers)], x[:int(^A(0))+1]
	if valid == nil {
		for i := range numbers {
			numbers[i] += x[a[i]]
		}
		return
	}
	for i := range numbers {
		there := -int32(valid[i>>3] >> (i & 7) & 1) // all bits, or none
		numbers[i] += empty ^ (x[a[i]]^empty)&there
	}
}

// full reports whether no value of the column is empty in some rows.
func (t *column) full(b *enclave.PackedBatch, first, rows int) bool {
	return full(b.Columns[t.at].Valid, first, rows)
}

func (at *locator) full(b *enclave.PackedBatch, first, rows int) bool {
	return !slices.ContainsFunc(at.columns, func(c *column) bool { return !c.full(b, first, rows) })
}

// full reports whether no row is empty, from row first on, a multiple of 8.
func full(valid []byte, first, rows int) bool {
	if valid == nil {
		return true
	}
	valid = valid[first>>3:]
	for _, b := range valid[:rows>>3] {
		if b != 0xff {
			return false
		}
	}
	rest := byte(1)<<(rows&7) - 1
	return rest == 0 || valid[rows>>3]&rest == rest
}

// narrow finds the rows that stay, column by column, each of which looks only at those that the ones before left.
func (at *locator) narrow(b *enclave.PackedBatch, first int, numbers []int32, rows []uint16) int {
	n, last := 0, first+len(numbers)
	for i, c := range at.columns {
		switch v := &b.Columns[c.at]; {
		case i == 0 && v.One != nil:
			n = choose(numbers, rows, v.One[first:last], c.adds)
		case i == 0:
			n = choose(numbers, rows, v.Two[first:last], c.adds)
		case v.One != nil:
			n = keep(numbers[:n], rows, v.One[first:last], c.adds)
		default:
			n = keep(numbers[:n], rows, v.Two[first:last], c.adds)
		}
	}
	return n
}

// choose lists the rows that a column leaves in cells, with what it adds.
func choose[A looked](numbers []int32, rows []uint16, a []A, x []int32) int {
	n := 0
	numbers, rows, x = numbers[:len(a)], rows[:len(a)], x[:int(^A(0))+1]
	for i, code := range a {
		add := x[code]
		numbers[n], rows[n] = add, uint16(i)
		n += int(^uint32(add) >> 31) //nolint:gosec // 1 if it is not negative
	}
	return n
}

// keep leaves of the listed rows those that one more column leaves.
func keep[A looked](numbers []int32, rows []uint16, a []A, x []int32) int {
	n := 0
	rows, x = rows[:len(numbers)], x[:int(^A(0))+1]
	for i, row := range rows {
		add := numbers[i] + x[a[row]]
		numbers[n], rows[n] = add, row
		n += int(^uint32(add) >> 31) //nolint:gosec // 1 if it is not negative
	}
	return n
}
