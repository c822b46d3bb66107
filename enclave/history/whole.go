package history

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"sync"
)

// whole tries to judge without eliminating everything, which takes rank³ multiplications where cells are large and have little to do with each other. There, people are as good as any others, and
// some times as many as there are cells will do to show that there are k groups that are in questions of all but a few positions (step 4). What is about these only is found out by elimination.
func (t *trial) whole(ctx context.Context) (clean bool, named []Suppression, err error) {
	m := t.all
	if len(m.cells) < t.scale.cells || m.distinct && m.people.rows > m.people.count {
		return false, nil, ctx.Err()
	}
	if t.seen == nil {
		t.seen = &looks{m.prints(t.random), m.earlier(ctx)}
	}
	if err := ctx.Err(); err != nil {
		return false, nil, err
	}
	r := m.rests(t.seen)
	people := r.draft(t.scale, t.k)
	common := people.common(ctx)
	if common == nil {
		return false, nil, ctx.Err()
	}
	few := r.scarce(common.out)
	rest, err := t.settle(ctx, few.matrix, few.everybody())
	if err != nil {
		return false, nil, err
	}
	redundant, relations, err := r.redundant(ctx, t.field, r.some(people.people))
	if err != nil {
		return false, nil, err
	}
	redundant.also(few.original(t.field, few.matrix.ordered(few.matrix.oldFirst()).cells, rest.basis.nullVectors()))
	if len(rest.stuck) > 0 {
		for _, s := range rest.stuck {
			s.basis = redundant.without(few.original(t.field, rest.cells, slices.Values(s.basis)))
		}
		return false, t.name(m, rest.stuck), nil
	}
	if !t.dealt(ctx, r, common, relations) {
		return false, nil, ctx.Err()
	}
	t.now, t.closed = &search{matrix: redundant.rest()}, t.k
	return true, nil, nil
}

// dealt reports whether people could be dealt out to k groups all of which were shown to span whatever there is of the positions that they are in.
func (t *trial) dealt(ctx context.Context, r *rests, common *draft, relations []mixture) bool {
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	groups, relations := common.deal(), t.field.independent(relations, common.out)
	return !slices.Contains(inTurns(len(groups), func(i int) func() bool {
		random := t.random.fork()
		return func() bool {
			ok := ctx.Err() == nil && r.span(groups[i], relations, common.out).everything(ctx, random)
			if !ok {
				giveUp()
			}
			return ok
		}
	}), false)
}

// independent are relations that no others are the same as, without positions that are out. Directions must not be more than there are independent ones: in rounded numbers they would become independent.
func (f *field) independent(relations []mixture, out []bool) (some []mixture) {
	e := newEchelon(f, len(out))
	for _, of := range relations {
		for p, times := range of {
			if !out[p] {
				e.take(p, f.whole(times))
			}
		}
		if e.settle() {
			some = append(some, of)
		}
	}
	return some
}

// some are some of many people, as many as a copy is made of, and somebody in each cell of full tables that they are not in.
func (r *rests) some(people []int32) *crowd {
	rows, most := 0, maxCopied/max(1, len(r.speak))
	for _, person := range people {
		r.people.eachRow(person, func(int) { rows++ })
	}
	var some []int32
	for i, taken := 0, 0; i < len(people); i += 1 + rows/most {
		r.people.eachRow(people[i], func(int) { taken++ })
		if taken > most {
			break
		}
		some = append(some, people[i])
	}
	return r.gather(append(some, slices.Concat(inTurns(len(r.speak), func(i int) func() []int32 {
		return func() []int32 { return r.inOtherCells(r.speak[i], some) }
	})...)...))
}

// inOtherCells are people who are in cells of a full table that some are not in, one for each.
func (r *rests) inOtherCells(table int, some []int32) (others []int32) {
	cells, met, left := r.tables[table].cells, make([]bool, len(r.tables[table].lists)), 0
	for cell, of := range r.seen.prints[table] {
		if met[cell] = of == (fingerprint{}); !met[cell] {
			left++
		}
	}
	meet := func(cell int32) bool {
		if cell == None || met[cell] {
			return false
		}
		met[cell] = true
		left--
		return true
	}
	for _, person := range some {
		r.people.eachRow(person, func(row int) { meet(r.cell(table, row)) })
	}
	for row := 0; row < len(cells) && left > 0; row++ {
		if meet(cells[row]) {
			others = append(others, r.people.owner(row))
		}
	}
	return others
}

// inTurns prepares so many tasks one after the other, and does as many at once as there are processors.
func inTurns[T any](n int, prepare func(i int) func() T) []T {
	done, turns := make([]T, n), make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i := range n {
		task := prepare(i)
		turns <- struct{}{}
		all.Go(func() {
			done[i] = task()
			<-turns
		})
	}
	all.Wait()
	return done
}

// redundancy is what combinations of positions are about nobody. Positions are redundant that follow from others before them, of which old ones are the first.
type redundancy struct {
	of    *matrix
	place []int32 // of positions, the last ones first
	span  *echelon
}

// redundant finds relations as far as they can be seen, which are returned between rests.
func (r *rests) redundant(ctx context.Context, f *field, some *crowd) (all *redundancy, relations []mixture, err error) {
	found, err := r.relations(ctx, f, some)
	if err != nil {
		return nil, nil, err
	}
	order := r.of.oldFirst()
	all = &redundancy{r.of, make([]int32, len(order)), newEchelon(f, len(order))}
	for i, p := range order {
		all.place[p] = int32(len(order) - 1 - i) //nolint:gosec // positions are numbered in int32
	}
	for _, of := range found {
		for p, times := range of {
			all.span.take(all.place[p], f.whole(times))
		}
		if all.span.settle() {
			if written := r.written(of); len(written) > 0 { // of those of which nothing is left it is nothing
				relations = append(relations, written)
			}
		}
	}
	return all, relations, nil
}

// also adds other combinations that are about nobody.
func (r *redundancy) also(others iter.Seq[[]uint64]) {
	for of := range others {
		for p, weight := range of {
			if weight != 0 {
				r.span.take(r.place[p], weight)
			}
		}
		r.span.settle()
	}
}

// without are combinations of positions that come to the same as some do, without those that are redundant.
func (r *redundancy) without(some iter.Seq[[]uint64]) (without [][]uint64) {
	order := make([]uint64, len(r.place))
	for of := range some {
		for p, weight := range of {
			order[r.place[p]] = weight
		}
		r.span.clear(order)
		for p := range of {
			of[p] = order[r.place[p]]
		}
		without = append(without, of)
	}
	return without
}

// rest is the matrix without redundant positions.
func (r *redundancy) rest() *matrix {
	return r.of.only(func(p int) bool { return !r.span.lines[r.place[p]].there })
}
