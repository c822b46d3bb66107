package history

import "context"

// TryWhole has the audit try to do without elimination from so many cells on.
func (a *Audit) TryWhole(from int) { a.scale.cells = from }

// Sample has it do so from the first cell on with samples of few people.
func (a *Audit) Sample(in, without int) { a.scale = scale{in: in, without: without} }

// Whole reports whether it did.
func (r *Result) Whole() bool { return r.search.pool == nil }

// Partition says which of some vectors no others make up for.
func Partition(vectors [][]float64) (alone []bool, decided bool) {
	var all []sparse
	for _, vector := range vectors {
		var v sparse
		for p, by := range vector {
			if by != 0 {
				v.add(int32(p), by)
			}
		}
		all = append(all, v)
	}
	p, err := newPartition(context.Background(), all, len(vectors[0]))
	return p.alone, p.decided && err == nil
}

// Spans reports whether it is shown that columns of some positions, and what is about nobody, span all positions.
func Spans(positions int, columns [][]int32, nobody []map[int32]int64, seed Seed) bool {
	cells := make([]int32, len(columns))
	for i := range cells {
		cells[i] = int32(i)
	}
	release := &Release{Cells: cells, Published: columns}
	p := &people{}
	subjects := make([]uint32, len(columns))
	for i := range subjects {
		subjects[i] = uint32(i)
	}
	if err := p.grow(subjects); err != nil {
		panic(err)
	}
	m := arrange(p, false, []*Release{release}, [][]int32{make([]int32, positions)})
	for i := range positions {
		m.cells = append(m.cells, coordinate{0, int32(i), 1})
	}
	m.index()
	relations := make([]mixture, len(nobody))
	for i := range nobody {
		relations[i] = nobody[i]
	}
	r := &rests{matrix: m, gone: make([]bool, positions), since: make([]*difference, 1)}
	return r.span(cells, relations, r.gone).everything(context.Background(), seed.stream(0))
}
