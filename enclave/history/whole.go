package history

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// wholeFrom is of how many cells on it is tried to show that groups have full rank without elimination, which takes little time of fewer.
const wholeFrom = 1 << 10

// whole tries to judge without elimination, which takes rank³ multiplications where cells are large and have little to do with each other. There, people are as good as any others, and
// some times as many as there are cells will do to show that there are k groups of full rank (step 4): it returns the matrix without redundant cells. Or cells are named that
// have to go, since what is left of one without others is about few. Otherwise nothing was found out.
func (t *trial) whole(ctx context.Context) (shown *matrix, named []Suppression, err error) {
	m := t.all
	if len(m.cells) < t.wholeFrom || m.distinct && m.people.rows > m.people.count {
		return nil, nil, ctx.Err()
	}
	if t.seen == nil {
		t.seen = &looks{m.prints(t.random), m.earlier()}
	}
	r := m.rests(t.seen)
	people := r.draft(t.k)
	if named = people.few(t.k); len(named) > 0 || people.lacking(t.k) {
		return nil, named, ctx.Err()
	}
	groups := people.deal(t.k)
	redundant, relations, err := r.redundant(ctx, t.field, r.some(groups))
	if err != nil {
		return nil, nil, err
	}
	trying, giveUp := context.WithCancel(ctx)
	defer giveUp()
	failed := false
	for _, ok := range inTurns(len(groups), func(i int) func() bool {
		random := t.random.fork()
		return func() bool {
			ok := trying.Err() == nil && r.span(groups[i], relations).everything(trying, random)
			if !ok {
				giveUp()
			}
			return ok
		}
	}) {
		failed = failed || !ok
	}
	if failed {
		return nil, nil, ctx.Err()
	}
	return m.only(func(p int) bool { return !redundant[p] }), nil, nil
}

// some are people of all groups, as many as a copy is made of.
func (r *rests) some(groups [][]int32) *crowd {
	people := slices.Concat(groups...)
	rows, most := 0, maxCopied/max(1, len(r.speak))
	for _, person := range people {
		r.people.eachRow(person, func(int) { rows++ })
	}
	each := (rows + most - 1) / max(1, most)
	var some []int32
	for i, taken := 0, 0; i < len(people); i += max(1, each) {
		r.people.eachRow(people[i], func(int) { taken++ })
		if taken > most {
			break
		}
		some = append(some, people[i])
	}
	return r.gather(some)
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

// redundant are the positions that follow from others before them, old ones before new ones, as far as relations can be seen; and the relations between rests.
func (r *rests) redundant(ctx context.Context, f *field, some *crowd) (redundant []bool, relations []mixture, err error) {
	found, err := r.relations(ctx, f, some)
	if err != nil {
		return nil, nil, err
	}
	order := r.of.oldFirst()
	place := make([]int32, len(order))
	for i, p := range order {
		place[p] = int32(len(order) - 1 - i) //nolint:gosec // positions are numbered in int32
	}
	e := newEchelon(f, len(order))
	for _, of := range found {
		for p, times := range of {
			e.take(place[p], f.whole(times))
		}
		if e.settle() {
			if written := r.written(of); len(written) > 0 { // of those of which nothing is left it is nothing
				relations = append(relations, written)
			}
		}
	}
	redundant = make([]bool, len(order))
	for p := range redundant {
		redundant[p] = e.lines[place[p]].there
	}
	return redundant, relations, nil
}
