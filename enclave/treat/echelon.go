package treat

import "slices"

// term is an unknown with its coefficient, never 0. Vectors are terms in ascending order of unknowns.
type term struct {
	unknown     int
	coefficient uint64
}

// echelon is a set of independent vectors in echelon form: each has a pivot, its first unknown, of its own. It remembers how each
// came from the vectors that were inserted.
type echelon struct {
	rows  []echelonRow
	pivot []int    // unknown → its row, or -1
	dense []uint64 // for the vector in hand; 0 between calls
	work  *work
}

// echelonRow is scale · (inserted − Σ factor · earlier row).
type echelonRow struct {
	terms []term
	name  int // of the inserted vector
	scale uint64
	steps []step
}

type step struct {
	row    int
	factor uint64
}

func newEchelon(unknowns int, w *work) *echelon {
	e := &echelon{pivot: make([]int, unknowns), dense: make([]uint64, unknowns), work: w}
	for i := range e.pivot {
		e.pivot[i] = -1
	}
	return e
}

// reduce takes multiples of rows from a vector until its first unknown is no row's pivot. Nothing remains exactly if the vector is a
// combination of the inserted ones.
func (e *echelon) reduce(v []term) (rest []term, steps []step, err error) {
	if len(v) == 0 {
		return nil, nil, nil
	}
	touched := len(v)
	for _, t := range v {
		e.dense[t.unknown] = t.coefficient
	}
	u := v[0].unknown
	for ; u < len(e.dense); u++ {
		factor := e.dense[u]
		if factor == 0 {
			continue
		}
		if e.pivot[u] < 0 {
			break
		}
		steps = append(steps, step{e.pivot[u], factor})
		touched += e.take(factor, e.rows[e.pivot[u]].terms)
	}
	return e.gather(u), steps, e.work.spend(touched)
}

// take subtracts factor · terms from the vector in hand.
func (e *echelon) take(factor uint64, terms []term) int {
	negative := subtract(0, factor)
	for _, t := range terms {
		e.dense[t.unknown] = add(e.dense[t.unknown], multiply(negative, t.coefficient))
	}
	return len(terms)
}

// gather lifts the vector in hand out, from an unknown on.
func (e *echelon) gather(from int) []term {
	count := 0
	for _, c := range e.dense[from:] {
		if c != 0 {
			count++
		}
	}
	terms := make([]term, 0, count)
	for u := from; u < len(e.dense); u++ {
		if c := e.dense[u]; c != 0 {
			terms = append(terms, term{u, c})
			e.dense[u] = 0
		}
	}
	return terms
}

// insert adds a vector, unless it is a combination of the others.
func (e *echelon) insert(name int, v []term) error {
	rest, steps, err := e.reduce(v)
	if err != nil || len(rest) == 0 {
		return err
	}
	scale := invert(rest[0].coefficient)
	for i := range rest {
		rest[i].coefficient = multiply(rest[i].coefficient, scale)
	}
	e.pivot[rest[0].unknown] = len(e.rows)
	e.rows = append(e.rows, echelonRow{rest, name, scale, steps})
	return nil
}

// reduced is the reduced echelon form: for each row one vector in which its own pivot is 1 and every other one 0. It does not depend
// on which vectors span the space, only on the order of the unknowns, and none of its vectors has a part that follows by itself.
func (e *echelon) reduced() ([][]term, error) {
	form := make([][]term, len(e.rows))
	for u, row := range slices.Backward(e.pivot) {
		if row < 0 {
			continue
		}
		touched := len(e.rows[row].terms)
		for _, t := range e.rows[row].terms {
			e.dense[t.unknown] = t.coefficient
		}
		for _, t := range e.rows[row].terms[1:] {
			// Vectors already reduced have no other pivots, so each factor stays what the row says.
			if other := e.pivot[t.unknown]; other >= 0 {
				touched += e.take(t.coefficient, form[other])
			}
		}
		form[row] = e.gather(u)
		if err := e.work.spend(touched); err != nil {
			return nil, err
		}
	}
	return form, nil
}

// combination writes a combination of rows as one of the inserted vectors, by name, and says how much work that was.
func (e *echelon) combination(of []step) (how map[int]uint64, touched int) {
	weights := make([]uint64, len(e.rows))
	for _, s := range of {
		weights[s.row] = add(weights[s.row], s.factor)
	}
	how = map[int]uint64{}
	for i := len(weights) - 1; i >= 0; i-- {
		if weights[i] == 0 {
			continue
		}
		row := &e.rows[i]
		weight := multiply(weights[i], row.scale)
		how[row.name] = weight
		touched += len(row.steps)
		for _, s := range row.steps {
			weights[s.row] = subtract(weights[s.row], multiply(weight, s.factor))
		}
	}
	return how, touched
}

// solution is a vector of the null space: a way in which so many unknowns could change together and nothing inserted would. Free
// unknowns have arbitrary values; what is 0 here is 0 in every such vector, but for an accident of probability 1/prime, on the safe
// side.
func (e *echelon) solution() []uint64 {
	values := make([]uint64, len(e.pivot))
	for u := len(values) - 1; u >= 0; u-- {
		if e.pivot[u] < 0 {
			values[u] = arbitrary(uint64(u))
			continue
		}
		for _, t := range e.rows[e.pivot[u]].terms[1:] {
			values[u] = subtract(values[u], multiply(t.coefficient, values[t.unknown]))
		}
	}
	return values
}
