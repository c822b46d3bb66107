package aggregate

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
)

// chunk is how many rows are looked at together.
const chunk = 1 << 12

// worker groups the rows of some ranges. All of its memory is its own, made once and used again for each chunk of rows.
type worker struct {
	layout  *layout
	learned *learned      // what the module computes, unless the guest sees rows
	guest   enclave.Guest // of a crafted run only
	places  *enclave.Places
	turn    *enclave.Turn // which is its own while it works

	view    enclave.Batch // the shown columns of a batch
	emitted [][]int32     // by the guest, one slice for each of its keys
	replay  *replay       // nil before its first batch
	codes   []int32       // of the key at hand
	numbers []int32       // of each row's full cell: first its place, then its slot
	margin  []slot        // of each row's cell in the set at hand
	fresh   []uint8       // 1 if the row's subject is new to that cell

	index    []slot // nil if slots are places
	sets     []*cells
	last     int64 // subject that fell into a cell
	subjects int64 // distinct ones that did, if rows can be dropped
}

// cells are the accumulators of one grouping set, by slot.
type cells struct {
	set     enclave.Set
	found   map[int32]slot // margins only: by number
	numbers []int32
	codes   [][]int32
	of      []slot // margins only: the slot of the margin that a slot of the full table belongs to
	tallies []tally
	totals  [][]total // by summed column
}

// manySlots is room for cells at the beginning, so that two workers' accumulators share no cache line.
const manySlots = 64

func newWorker(l *layout, f *learned, places *enclave.Places, turn *enclave.Turn) *worker {
	w := &worker{
		layout: l, learned: f, places: places, turn: turn, last: nobody,
		codes: make([]int32, chunk), numbers: make([]int32, chunk), margin: make([]slot, chunk), fresh: make([]uint8, chunk),
	}
	for i, set := range l.sets {
		c := &cells{set: set, found: map[int32]slot{}, tallies: make([]tally, 0, manySlots)}
		if i < len(l.plan.Sets) {
			for range l.summed {
				c.totals = append(c.totals, make([]total, 0, manySlots))
			}
		}
		c.add(dropped, nil)
		c.of = []slot{outside}
		w.sets = append(w.sets, c)
	}
	if !direct(l.cells, int64(places.Rows())) {
		w.index = newIndex(l.cells)
		return w
	}
	for number := range l.cells {
		w.meet(number)
	}
	return w
}

// batch counts one batch, whose first row is that of the snapshot.
func (w *worker) batch(ctx context.Context, b *enclave.Batch, row int64) error {
	for _, at := range w.layout.summed {
		if b.Rows > 0 && b.Columns[at].Wide == nil {
			return enclave.Internalf("a summed column is narrow")
		}
	}
	if err := w.assign(ctx, b); err != nil {
		return err
	}
	for first := 0; first < b.Rows; first += chunk {
		rows := min(chunk, b.Rows-first)
		if err := w.number(ctx, b, first, rows); err != nil {
			return err
		}
		w.places.Put(row+int64(first), w.numbers[:rows])
		w.group(b, first, rows)
	}
	return nil
}

// group adds some rows, whose places are known, to their cells.
func (w *worker) group(b *enclave.Batch, first, rows int) {
	full, subjects, fresh := w.numbers[:rows], b.Subjects[first:first+rows], w.fresh[:rows]
	if w.index != nil {
		find(w.index, full, w.meet)
	}
	if w.layout.drops {
		w.last, w.subjects = countInside(full, subjects, w.last, w.subjects)
	}
	for i, c := range w.sets {
		slots := full
		if i > 0 {
			slots = w.margin[:rows]
			for row, s := range full {
				slots[row] = c.of[s]
			}
		}
		count(c.tallies, slots, subjects, fresh)
		for j := range c.totals {
			values := b.Columns[w.layout.summed[j]].Wide[first : first+rows]
			addUp(c.totals[j], slots, fresh, values, w.layout.bounds[j].signed(), i > 0)
		}
	}
}

// number works out the places of some rows: one more than the numbers of their full cells, or 0.
func (w *worker) number(ctx context.Context, b *enclave.Batch, first, rows int) error {
	numbers := w.numbers[:rows]
	for i := range numbers {
		numbers[i] = 1
	}
	if err := addTerms(w.layout.terms, numbers, b, first, w.codes); err != nil {
		return err
	}
	if w.learned != nil {
		if err := w.learned.add(numbers, b, first, w.layout.shown, w.codes); err != nil {
			return err
		}
	} else if err := w.addEmitted(numbers, first); err != nil {
		return crafted(ctx, err)
	}
	if w.layout.drops {
		for i, n := range numbers {
			numbers[i] = max(n, 0)
		}
	}
	return nil
}

// addEmitted adds what the guest of a crafted run said.
func (w *worker) addEmitted(numbers []int32, first int) error {
	for k := range w.layout.plan.Keys {
		key := &w.layout.plan.Keys[k]
		if key.Module < 0 {
			continue
		}
		codes := w.codes[:len(numbers)]
		if err := guestCodes(key, w.emitted[key.Module][first:first+len(numbers)], codes); err != nil {
			return err
		}
		digits(numbers, codes, w.layout.strides[k])
	}
	return nil
}

// assign lets the guest of a crafted run see the shown columns of a batch and nothing else: no subjects, no column that it was not
// shown. Some batches it sees twice, see replay. The guest has turns of its own: the worker gives its turn away meanwhile, since whoever has
// one waits for nothing.
func (w *worker) assign(ctx context.Context, b *enclave.Batch) error {
	if w.guest == nil || b.Rows == 0 {
		return nil
	}
	w.view.Rows = b.Rows
	for i, position := range w.layout.shown {
		w.view.Columns[i] = b.Columns[position]
	}
	for i := range w.emitted {
		w.emitted[i] = w.emitted[i][:b.Rows]
	}
	w.turn.Give()
	if err := w.guest.Assign(ctx, &w.view, w.emitted); err != nil {
		return crafted(ctx, err)
	}
	first := w.replay == nil
	if first {
		w.replay = newReplay(w.layout)
	}
	if w.replay.chosen(first) {
		if err := w.replay.verify(ctx, w.guest, &w.view, w.emitted); err != nil {
			return crafted(ctx, err)
		}
	}
	return w.turn.Take(ctx)
}

// employ gives the worker a guest that sees rows.
func (w *worker) employ(guest enclave.Guest) {
	w.guest = guest
	w.view.Columns = make([]enclave.Vector, len(w.layout.shown))
	for range w.layout.moduleKeys {
		w.emitted = append(w.emitted, make([]int32, enclave.BatchRows))
	}
}

// crafted makes one fault of all those of a guest that sees rows: which it was could tell of them.
func crafted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return enclave.Fail(enclave.Invalid, "MODULE_FAILED").Because(err)
}

// meet makes slots for a full cell that no row was in before, and for the margins that it belongs to.
func (w *worker) meet(number int32) slot {
	codes := w.layout.codes(number)
	full := w.sets[0].add(number, codes)
	for _, c := range w.sets[1:] {
		marginNumber, marginCodes := w.layout.project(c.set, codes)
		s, met := c.found[marginNumber]
		if !met {
			s = c.add(marginNumber, marginCodes)
			c.found[marginNumber] = s
		}
		c.of = append(c.of, s)
	}
	return full
}

func (c *cells) add(number int32, codes []int32) slot {
	c.numbers = append(c.numbers, number)
	c.codes = append(c.codes, codes)
	c.tallies = append(c.tallies, tally{last: nobody})
	for j := range c.totals {
		c.totals[j] = append(c.totals[j], newTotal())
	}
	return slot(len(c.numbers) - 1) //nolint:gosec // at most MaxCells
}

// finish ends the last subject of each cell, and tells margins what follows from the full table. A sum could overflow only if a value
// was outside its column's bounds (see bounds).
func (w *worker) finish() error {
	full := w.sets[0]
	for j := range full.totals {
		within := w.layout.bounds[j]
		for s := firstCell; int(s) < len(full.numbers); s++ {
			if t := &full.totals[j][s]; full.tallies[s].counts > 0 && (t.least < within.low || t.greatest > within.high) {
				return enclave.Internalf("a value of summed column %d is outside its bounds", j)
			}
		}
	}
	for i, c := range w.sets {
		for j := range c.totals {
			end(c.totals[j], w.layout.bounds[j].signed())
			for s := firstCell; int(s) < len(full.numbers) && i > 0; s++ {
				c.totals[j][c.of[s]].join(&full.totals[j][s])
			}
		}
	}
	return nil
}
