package history

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// unit is what a subject's rows that are in the same cells have together: one vector, the sum of those of its kinds, times the amount.
type unit struct {
	amount float64
	kinds  []int32
	vector sparse // in places, unless products of kinds are kept
}

// units reads subjects' units. It is for one goroutine.
type units struct {
	*amounts
	list   []unit
	kinds  []int32
	merged bool             // amounts of several rows, which may come to 0
	alone  *memory[float64] // of kinds: their vectors' products with themselves
}

func (w *amounts) units() *units { return &units{amounts: w} }

// of are a subject's units, in a slice of the reader's. Those without an amount are left out.
func (r *units) of(person int32) []unit {
	r.list, r.kinds, r.merged = r.list[:0], r.kinds[:0], false
	for n := range r.people.stretches(person) {
		first, end := r.people.stretch(person, n)
		for row := first; row < end; row++ {
			r.add(row)
		}
	}
	units := r.list
	if r.merged {
		units = slices.DeleteFunc(units, func(u unit) bool { return u.amount == 0 })
	}
	if r.inverse != nil && r.pairs == nil {
		for i := range units {
			units[i].vector = r.vector(units[i].kinds, inPlaces)
		}
	}
	return units
}

// add adds a row to the unit of the same kinds.
func (r *units) add(row int) {
	if r.values[row] == 0 {
		return
	}
	from := len(r.kinds)
	for _, t := range r.speak {
		if cells := r.tables[t].cells; row < len(cells) && cells[row] != None {
			if k := r.alike.of[t][cells[row]]; k >= 0 {
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
			r.merged = true
			r.kinds = r.kinds[:from]
			return
		}
	}
	r.list = append(r.list, unit{amount: float64(r.values[row]), kinds: kinds})
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
func (w *amounts) between(u, v *unit) float64 {
	if w.pairs == nil {
		return w.product(&u.vector, &v.vector) * u.amount * v.amount
	}
	return w.pairs.between(u.kinds, v.kinds) * u.amount * v.amount
}

// itself is the product of a unit's vector with itself.
func (r *units) itself(u *unit) float64 {
	if r.pairs != nil && len(u.kinds) <= few {
		return r.between(u, u)
	}
	if r.alone == nil {
		r.alone = newMemory[float64](r.people.count/stretches, cached, nil)
	}
	product, met := r.alone.of(u.kinds)
	if !met {
		one := *u
		one.amount = 1
		*product = r.between(&one, &one)
	}
	return *product * u.amount * u.amount
}

// addTo adds a unit's vector, times a factor, to another one.
func (w *amounts) addTo(vector []float64, u *unit, factor float64) {
	v := w.vector(u.kinds, inPlaces)
	for i, p := range v.at {
		vector[p] += factor * u.amount * v.by[i]
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
	sparse           // in places
	capacity float64 // the total of all amounts, without their signs
	squares  float64 // the total of their squares
}

// gather finds the atoms, in an order that does not depend on chance.
func (w *amounts) gather() {
	if w.atom != nil {
		return
	}
	type total struct{ capacity, squares float64 }
	totals := map[string]total{}
	for _, part := range inParts(0, w.people.count, func(from, to int32) map[string]total {
		totals, read := map[string]total{}, w.units()
		for person := from; person < to; person++ {
			for _, u := range read.of(person) {
				t := totals[string(key(u.kinds))]
				totals[string(key(u.kinds))] = total{t.capacity + math.Abs(u.amount), t.squares + u.amount*u.amount}
			}
		}
		return totals
	}) {
		for name, t := range part {
			totals[name] = total{totals[name].capacity + t.capacity, totals[name].squares + t.squares}
		}
	}
	w.atom = make(map[string]int, len(totals))
	for i, name := range slices.Sorted(maps.Keys(totals)) {
		w.atom[name] = i
		kinds := make([]int32, 0, len(name)/4)
		for raw := []byte(name); len(raw) > 0; raw = raw[4:] {
			kinds = append(kinds, int32(binary.LittleEndian.Uint32(raw))) //nolint:gosec // as key wrote it
		}
		w.atoms = append(w.atoms, atom{w.vector(kinds, inPlaces), totals[name].capacity, totals[name].squares})
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
