package history

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/darkroom-project/darkroom/enclave"
)

// Column is a column whose sums are published.
type Column struct {
	Values []int64 // by row of the history; 0 where it is empty, as in the sum
	Of     []bool  // by release, the table in question last: whether sums of this column are published
}

// amounts is the matrix of a column's published sums: a row for each cell, scaled to length 1, and a column for each unit. Cells that follow
// from others are left out, and so are those that differ from such by too little to be told apart: the rest is the basis.
type amounts struct {
	*matrix
	values  []int64
	kinds   []kind
	kindOf  [][]int32     // by table and cell of the full table; −1 for cells that are in no published one
	scale   []float64     // by position
	basis   []int         // positions, ascending
	inverse *mat.SymDense // of the products of the basis's rows
	pairs   []float64     // by two kinds: their product with the inverse; nil if they are too many

	atoms []atom // once they were gathered
	atom  map[string]int
}

// kind is the cells of a full table that are in the same published ones.
type kind struct {
	positions []int32
	places    []int32   // those of the basis, by their numbers there
	scales    []float64 // of the places
}

// unit is what a subject's rows that are in the same cells have together: one vector, the sum of those of its kinds, times the amount.
type unit struct {
	amount float64
	kinds  []int32
}

const (
	// negligible is the square of the share of a cell's length below which what it tells beyond other cells counts for nothing: floating point tells
	// no less apart.
	negligible = 1e-10
	// maxPairs is of how many kinds products are kept for each two.
	maxPairs = 1024
)

// newAmounts arranges a column's sums. It is nil where nobody has an amount in any.
func newAmounts(m *matrix, values []int64) (*amounts, error) {
	n := len(m.cells)
	if n == 0 {
		return nil, nil //nolint:nilnil // as it says
	}
	w := &amounts{matrix: m, values: values, scale: make([]float64, n)}
	w.sort()
	gram := w.products()
	for p := range n {
		if gram.At(p, p) > 0 {
			w.scale[p] = 1 / math.Sqrt(gram.At(p, p))
		}
	}
	for p := range n {
		for q := p; q < n; q++ {
			gram.SetSym(p, q, gram.At(p, q)*w.scale[p]*w.scale[q])
		}
	}
	var pivoted mat.PivotedCholesky
	pivoted.Factorize(gram, negligible)
	w.basis = slices.Sorted(slices.Values(pivoted.ColumnPivots(nil)[:pivoted.Rank()]))
	if len(w.basis) == 0 {
		return nil, nil //nolint:nilnil // as it says
	}
	products := mat.NewSymDense(len(w.basis), nil)
	for i, p := range w.basis {
		for k, q := range w.basis[i:] {
			products.SetSym(i, i+k, gram.At(p, q))
		}
	}
	var factor mat.Cholesky
	w.inverse = mat.NewSymDense(len(w.basis), nil)
	if !factor.Factorize(products) {
		return nil, enclave.Internalf("history: the sums of a column are beyond floating point")
	}
	_ = factor.InverseTo(w.inverse) // it complains of what negligible allows, and is there all the same
	w.settle()
	return w, nil
}

// sort finds the kinds.
func (w *amounts) sort() {
	w.kindOf = make([][]int32, len(w.tables))
	for t := range w.tables {
		known := map[string]int32{}
		w.kindOf[t] = make([]int32, len(w.tables[t].lists))
		for c, list := range w.tables[t].lists {
			if len(list) == 0 {
				w.kindOf[t][c] = -1
				continue
			}
			name := string(key(list))
			if _, there := known[name]; !there {
				known[name] = int32(len(w.kinds)) //nolint:gosec // at most the cells of all tables
				w.kinds = append(w.kinds, kind{positions: list})
			}
			w.kindOf[t][c] = known[name]
		}
	}
}

// settle says of the kinds where they are in the basis, and keeps the products of each two.
func (w *amounts) settle() {
	for i := range w.kinds {
		for _, p := range w.kinds[i].positions {
			if at, there := slices.BinarySearch(w.basis, int(p)); there {
				w.kinds[i].places = append(w.kinds[i].places, int32(at)) //nolint:gosec // at most MaxLeverageRank
				w.kinds[i].scales = append(w.kinds[i].scales, w.scale[p])
			}
		}
	}
	n := len(w.kinds)
	if n > maxPairs {
		return
	}
	pairs := make([]float64, n*n)
	for i := range n {
		for k := range i + 1 {
			pairs[i*n+k] = w.pair(int32(i), int32(k))
			pairs[k*n+i] = pairs[i*n+k]
		}
	}
	w.pairs = pairs
}

// pair is the product of two kinds' vectors with the inverse.
func (w *amounts) pair(a, b int32) (sum float64) {
	if w.pairs != nil {
		return w.pairs[int(a)*len(w.kinds)+int(b)]
	}
	raw := w.inverse.RawSymmetric()
	for i, p := range w.kinds[a].places {
		for k, q := range w.kinds[b].places {
			sum += w.kinds[a].scales[i] * w.kinds[b].scales[k] * raw.Data[int(min(p, q))*raw.Stride+int(max(p, q))]
		}
	}
	return sum
}

// products are those of all cells' rows.
func (w *amounts) products() *mat.SymDense {
	n, kinds := len(w.cells), len(w.kinds)
	sum := mat.NewSymDense(n, nil)
	// add adds an amount's square where two kinds meet.
	add := func(data []float64, a, b int32, square float64) {
		for i, p := range w.kinds[a].positions {
			for k, q := range w.kinds[b].positions {
				if a != b || k <= i {
					data[int(min(p, q))*n+int(max(p, q))] += square
				}
			}
		}
	}
	if kinds <= maxPairs {
		for i, square := range w.squares(kinds, func(data []float64, a, b int32, square float64) {
			data[int(a)*kinds+int(b)] += square
		}) {
			if square != 0 {
				add(sum.RawSymmetric().Data, int32(i/kinds), int32(i%kinds), square) //nolint:gosec // few
			}
		}
		return sum
	}
	return mat.NewSymDense(n, w.squares(n, add))
}

// squares has the square of each unit's amount added to a matrix of n × n for each two of its kinds.
func (w *amounts) squares(n int, add func(data []float64, a, b int32, square float64)) []float64 {
	parts := inParts(0, w.people.count, func(from, to int32) []float64 {
		data, read := make([]float64, n*n), w.units()
		for person := from; person < to; person++ {
			for _, u := range read.of(person) {
				for i, a := range u.kinds {
					for _, b := range u.kinds[:i+1] {
						add(data, a, b, u.amount*u.amount)
					}
				}
			}
		}
		return data
	})
	for _, part := range parts[1:] {
		for i, v := range part {
			parts[0][i] += v
		}
	}
	return parts[0]
}

// units reads subjects' units. It is for one goroutine.
type units struct {
	*amounts
	speak []int // tables that have positions
	list  []unit
	kinds []int32
}

func (w *amounts) units() *units { return &units{amounts: w, speak: w.reader().speak} }

// of are a subject's units, in a slice of the reader's. Those without an amount are left out.
func (r *units) of(person int32) []unit {
	r.list, r.kinds = r.list[:0], r.kinds[:0]
	for n := range r.people.stretches(person) {
		first, end := r.people.stretch(person, n)
		for row := first; row < end; row++ {
			r.add(row)
		}
	}
	return slices.DeleteFunc(r.list, func(u unit) bool { return u.amount == 0 })
}

// add adds a row to the unit of the same kinds.
func (r *units) add(row int) {
	if r.values[row] == 0 {
		return
	}
	from := len(r.kinds)
	for _, t := range r.speak {
		if cells := r.tables[t].cells; row < len(cells) && cells[row] != None {
			if k := r.kindOf[t][cells[row]]; k >= 0 {
				r.kinds = append(r.kinds, k)
			}
		}
	}
	kinds := r.kinds[from:len(r.kinds):len(r.kinds)]
	if len(kinds) == 0 {
		return
	}
	for i := range r.list {
		if slices.Equal(r.list[i].kinds, kinds) {
			r.list[i].amount += float64(r.values[row])
			r.kinds = r.kinds[:from]
			return
		}
	}
	r.list = append(r.list, unit{float64(r.values[row]), kinds})
}

// own are a subject's units for keeps; none of nobody.
func (r *units) own(person int32) []unit {
	if person == nobody {
		return nil
	}
	own := slices.Clone(r.of(person))
	for i := range own {
		own[i].kinds = slices.Clone(own[i].kinds)
	}
	return own
}

// nobody stands in place of a person.
const nobody int32 = -1

// between is the product of two units' vectors with the inverse.
func (w *amounts) between(u, v *unit) (sum float64) {
	for _, a := range u.kinds {
		for _, b := range v.kinds {
			sum += w.pair(a, b)
		}
	}
	return sum * u.amount * v.amount
}

// addTo adds a unit's vector, times a factor, to another one.
func (w *amounts) addTo(vector []float64, u *unit, factor float64) {
	for _, a := range u.kinds {
		for i, p := range w.kinds[a].places {
			vector[p] += factor * u.amount * w.kinds[a].scales[i]
		}
	}
}

// block are the products of several units with several.
func (w *amounts) block(u, v []unit) *mat.Dense {
	b := mat.NewDense(len(u), len(v), nil)
	for i := range u {
		for k := range v {
			b.Set(i, k, w.between(&u[i], &v[k]))
		}
	}
	return b
}

// atom is everybody's amounts that are in the same cells: only their total shows.
type atom struct {
	places   []int32
	scales   []float64 // of the places
	capacity float64   // the total of all amounts, without their signs
}

// gather finds the atoms, in an order that does not depend on chance.
func (w *amounts) gather() {
	if w.atom != nil {
		return
	}
	capacities := map[string]float64{}
	for _, part := range inParts(0, w.people.count, func(from, to int32) map[string]float64 {
		capacities, read := map[string]float64{}, w.units()
		for person := from; person < to; person++ {
			for _, u := range read.of(person) {
				capacities[string(key(u.kinds))] += math.Abs(u.amount)
			}
		}
		return capacities
	}) {
		for name, capacity := range part {
			capacities[name] += capacity
		}
	}
	w.atom = make(map[string]int, len(capacities))
	for i, name := range slices.Sorted(maps.Keys(capacities)) {
		w.atom[name] = i
		a := atom{capacity: capacities[name]}
		for raw := []byte(name); len(raw) > 0; raw = raw[4:] {
			k := &w.kinds[binary.LittleEndian.Uint32(raw)]
			a.places, a.scales = append(a.places, k.places...), append(a.scales, k.scales...)
		}
		w.atoms = append(w.atoms, a)
	}
}

// key names numbers that are not negative.
func key(numbers []int32) []byte {
	name := make([]byte, 0, 4*len(numbers))
	for _, n := range numbers {
		name = binary.LittleEndian.AppendUint32(name, uint32(n)) //nolint:gosec // as it says
	}
	return name
}

// at is the atom that a unit is part of.
func (w *amounts) at(u *unit) int { return w.atom[string(key(u.kinds))] }

// cheapest is the cell of the last release that costs least to suppress among those that have a say in a sum of cells, a weight for each place; −1
// if none has. It costs most where it would be the only one missing under a margin, since another one has to go with it; then by its subjects.
func (w *amounts) cheapest(weights []float64) int32 {
	most := 0.0
	for i, p := range w.basis {
		most = max(most, math.Abs(weights[i]*w.scale[p]))
	}
	type costs struct {
		coordinate
		alone int
	}
	var say []costs
	for i, p := range w.basis {
		if w.cells[p].release == len(w.releases)-1 && math.Abs(weights[i]*w.scale[p]) > most/10 {
			say = append(say, costs{w.cells[p], w.lonely(p)})
		}
	}
	if len(say) == 0 {
		return -1
	}
	return slices.MinFunc(say, func(a, b costs) int {
		return cmp.Or(cmp.Compare(a.alone, b.alone), cmp.Compare(a.size, b.size), cmp.Compare(a.cell, b.cell))
	}).cell
}

// lonely is under how many published margins a cell would be the only one of the full table that is missing.
func (m *matrix) lonely(position int) (margins int) {
	t := &m.tables[m.cells[position].release]
	if len(m.holders[position]) != 1 {
		return len(t.lists) // a margin itself
	}
	missing := func(h holder) bool {
		return !slices.ContainsFunc(t.lists[h.cell], func(p int32) bool { return len(m.holders[p]) == 1 })
	}
	for _, margin := range t.lists[m.holders[position][0].cell] {
		if int(margin) != position && !slices.ContainsFunc(m.holders[margin], missing) {
			margins++
		}
	}
	return margins
}
