package treat

// term is an unknown with its coefficient, never 0. Vectors are terms in ascending order of unknowns.
type term struct {
	unknown     int
	coefficient uint64
}

// echelon is a set of independent vectors in echelon form: each has a pivot, its first unknown, of its own. It remembers how each
// came from the vectors that were inserted.
type echelon struct {
	rows    []echelonRow
	byPivot map[int]int
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

func newEchelon() *echelon { return &echelon{byPivot: map[int]int{}} }

// reduce takes multiples of rows from a vector until its first unknown is no row's pivot. Nothing remains exactly if the vector is a
// combination of the inserted ones.
func (e *echelon) reduce(v []term) (rest []term, steps []step) {
	for len(v) > 0 {
		row, ok := e.byPivot[v[0].unknown]
		if !ok {
			break
		}
		factor := v[0].coefficient
		steps = append(steps, step{row, factor})
		v = minus(v, factor, e.rows[row].terms)
	}
	return v, steps
}

// insert adds a vector and reports whether it was independent of the others.
func (e *echelon) insert(name int, v []term) bool {
	rest, steps := e.reduce(v)
	if len(rest) == 0 {
		return false
	}
	scale := invert(rest[0].coefficient)
	terms := make([]term, len(rest))
	for i, t := range rest {
		terms[i] = term{t.unknown, multiply(t.coefficient, scale)}
	}
	e.byPivot[terms[0].unknown] = len(e.rows)
	e.rows = append(e.rows, echelonRow{terms, name, scale, steps})
	return true
}

// combination writes a combination of rows as one of the inserted vectors, by name.
func (e *echelon) combination(of []step) map[int]uint64 {
	weights := make([]uint64, len(e.rows))
	for _, s := range of {
		weights[s.row] = add(weights[s.row], s.factor)
	}
	how := map[int]uint64{}
	for i := len(weights) - 1; i >= 0; i-- {
		if weights[i] == 0 {
			continue
		}
		row := &e.rows[i]
		weight := multiply(weights[i], row.scale)
		how[row.name] = weight
		for _, s := range row.steps {
			weights[s.row] = subtract(weights[s.row], multiply(weight, s.factor))
		}
	}
	return how
}

// solution is a vector of the null space: a way in which so many unknowns could change together and nothing inserted would. Free
// unknowns have arbitrary values; what is 0 here is 0 in every such vector, but for an accident of probability 1/prime, on the safe
// side.
func (e *echelon) solution(unknowns int) []uint64 {
	values := make([]uint64, unknowns)
	for u := unknowns - 1; u >= 0; u-- {
		row, ok := e.byPivot[u]
		if !ok {
			values[u] = arbitrary(uint64(u))
			continue
		}
		for _, t := range e.rows[row].terms[1:] {
			values[u] = subtract(values[u], multiply(t.coefficient, values[t.unknown]))
		}
	}
	return values
}

// minus is a − factor·b.
func minus(a []term, factor uint64, b []term) []term {
	result := make([]term, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].unknown < b[0].unknown:
			result = append(result, a[0])
			a = a[1:]
		case len(a) == 0 || b[0].unknown < a[0].unknown:
			result = append(result, term{b[0].unknown, subtract(0, multiply(factor, b[0].coefficient))})
			b = b[1:]
		default:
			if c := subtract(a[0].coefficient, multiply(factor, b[0].coefficient)); c != 0 {
				result = append(result, term{a[0].unknown, c})
			}
			a, b = a[1:], b[1:]
		}
	}
	return result
}
