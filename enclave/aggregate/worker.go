package aggregate

import (
	"context"
	"math"

	"github.com/darkroom-project/darkroom/enclave"
)

// worker groups the rows of one range. All of its memory is made once and used again for each batch.
type worker struct {
	layout  *layout
	learned *learned      // what the module computes, unless the guest sees rows
	guest   enclave.Guest // of a crafted run only

	view    enclave.Batch // the shown columns of a batch
	tuples  []int32       // of each row, if learned
	emitted [][]int32     // by the guest, one slice for each of its keys
	codes   []int32       // of the key at hand
	numbers []int64       // of each row's full cell
	slots   []slot        // of each row's full cell
	places  []slot        // of every row of the range, in order
	margin  []slot        // of each row's cell in the set at hand

	subject uint32   // the subject of the row before
	visit   uint32   // how many subjects have come, 0 before the first
	visits  []uint32 // visit that each row belongs to

	index index
	full  []int64 // number of each slot of the full table
	sets  []*cells
	total tally // of all rows that fell into a cell
}

// cells are the accumulators of one grouping set, by slot.
type cells struct {
	set     enclave.Set
	found   map[int64]slot // margins only: by number
	numbers []int64        // by slot
	codes   [][]int32      // by slot
	of      []slot         // margins only: the slot of the margin that a slot of the full table belongs to
	tallies []tally
	totals  [][]total // by summed column, then slot
}

// tally counts rows and distinct subjects. A subject's rows come side by side, so it is new to a cell exactly if the last visit to
// that cell was another one.
type tally struct {
	rows, subjects int64
	last           uint32
}

// total adds up one column. running is the total so far of the subject of the last visit; it becomes part of the rest when another
// subject comes.
type total struct {
	running, sum, absolute, largest, second int64
	extremes
	last     uint32
	overflow bool
}

// extremes are the least and the greatest value of a row.
type extremes struct{ least, greatest int64 }

func (e *extremes) join(other extremes) {
	e.least, e.greatest = min(e.least, other.least), max(e.greatest, other.greatest)
}

func newWorker(l *layout, f *learned, rows int64) *worker {
	w := &worker{
		places: make([]slot, 0, rows),
		layout: l, learned: f, tuples: make([]int32, enclave.BatchRows),
		codes: make([]int32, enclave.BatchRows), numbers: make([]int64, enclave.BatchRows),
		slots: make([]slot, enclave.BatchRows), margin: make([]slot, enclave.BatchRows),
		visits: make([]uint32, enclave.BatchRows),
		index:  newIndex(l.cells), full: []int64{dropped},
	}
	w.view.Columns = make([]enclave.Vector, len(l.shown))
	for range l.moduleKeys {
		w.emitted = append(w.emitted, make([]int32, enclave.BatchRows))
	}
	for i, set := range l.sets {
		c := &cells{set: set, found: map[int64]slot{}}
		if i < len(l.plan.Sets) {
			c.totals = make([][]total, len(l.summed))
		}
		c.add(dropped, nil)
		c.of = []slot{0}
		w.sets = append(w.sets, c)
	}
	return w
}

// batch counts one batch.
func (w *worker) batch(ctx context.Context, b *enclave.Batch) error {
	if b.Rows == 0 {
		return nil
	}
	if err := w.number(ctx, b); err != nil {
		return err
	}
	numbers, slots, visits := w.numbers[:b.Rows], w.slots[:b.Rows], w.visits[:b.Rows]
	w.index.find(numbers, slots, w.meet)
	w.places = append(w.places, slots...)
	if err := w.count(b.Subjects[:b.Rows], visits); err != nil {
		return err
	}
	tallyAll(&w.total, slots, visits)
	for i, c := range w.sets {
		at := slots
		if i > 0 {
			at = w.margin[:b.Rows]
			for row, s := range slots {
				at[row] = c.of[s]
			}
		}
		tallyRows(c.tallies, at, visits)
		for j := range c.totals {
			column := &b.Columns[w.layout.summed[j]]
			if column.Wide == nil {
				return enclave.Internalf("a summed column is narrow")
			}
			if i == 0 {
				addUpFull(c.totals[j], at, visits, column.Wide)
			} else {
				addUp(c.totals[j], at, visits, column.Wide)
			}
		}
	}
	return nil
}

// number works out the full cell of each row, or dropped.
func (w *worker) number(ctx context.Context, b *enclave.Batch) error {
	if err := w.assign(ctx, b); err != nil {
		return err
	}
	numbers, codes := w.numbers[:b.Rows], w.codes[:b.Rows]
	clear(numbers)
	for k := range w.layout.plan.Keys {
		key := &w.layout.plan.Keys[k]
		var err error
		switch {
		case key.Module < 0:
			err = columnCodes(key, &b.Columns[w.layout.keyColumn[k]], codes)
		case w.learned != nil:
			lookUpTuples(w.learned.codes[key.Module], w.tuples[:b.Rows], codes)
		default:
			err = crafted(ctx, guestCodes(key, w.emitted[key.Module][:b.Rows], codes))
		}
		if err != nil {
			return err
		}
		fold(w.layout.sizes[k], codes, numbers)
	}
	return nil
}

// assign finds what the module says of each row: by looking its tuple up, or, in a crafted run, by letting the guest see the shown
// columns and nothing else: no subjects, no column that it was not shown.
func (w *worker) assign(ctx context.Context, b *enclave.Batch) error {
	if w.learned == nil && w.guest == nil {
		return nil
	}
	w.view.Rows = b.Rows
	for i, position := range w.layout.shown {
		w.view.Columns[i] = b.Columns[position]
	}
	if w.learned != nil {
		return w.learned.tuples(w.view.Columns, w.tuples[:b.Rows])
	}
	for i := range w.emitted {
		w.emitted[i] = w.emitted[i][:b.Rows]
	}
	return crafted(ctx, w.guest.Assign(ctx, &w.view, w.emitted))
}

// crafted makes one fault of all those of a guest that sees rows: which it was could tell of them.
func crafted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	return enclave.Fail(enclave.Invalid, "MODULE_FAILED").Because(err)
}

// count numbers the subjects of a batch in the order in which they come.
func (w *worker) count(subjects, visits []uint32) error {
	if uint64(w.visit)+uint64(len(subjects)) > math.MaxUint32 {
		return enclave.Internalf("more subjects in a range than can be numbered")
	}
	subject, visit := w.subject, w.visit
	if visit == 0 {
		subject, visit = subjects[0], 1
	}
	for i, s := range subjects {
		if s != subject {
			subject = s
			visit++
		}
		visits[i] = visit
	}
	w.subject, w.visit = subject, visit
	return nil
}

// meet makes slots for a full cell that no row was in before, and for the margins that it belongs to.
func (w *worker) meet(number int64) slot {
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

func (c *cells) add(number int64, codes []int32) slot {
	c.numbers = append(c.numbers, number)
	c.codes = append(c.codes, codes)
	c.tallies = append(c.tallies, tally{})
	for j := range c.totals {
		c.totals[j] = append(c.totals[j], total{extremes: extremes{math.MaxInt64, math.MinInt64}})
	}
	return slot(len(c.numbers) - 1) //nolint:gosec // a worker meets no more cells than it has rows
}

// finish ends the last subject of each cell, and finds the extremes of margins.
func (w *worker) finish() error {
	full := w.sets[0].totals
	for i, c := range w.sets {
		for j := range c.totals {
			for s := 1; s < len(full[j]) && i > 0; s++ {
				c.totals[j][c.of[s]].join(full[j][s].extremes)
			}
		}
		for j := range c.totals {
			for s := 1; s < len(c.totals[j]); s++ {
				t := &c.totals[j][s]
				t.flush()
				if t.overflow {
					return enclave.Internalf("a sum overflowed")
				}
			}
		}
	}
	return nil
}

// tallyRows counts each row in its cell.
func tallyRows(tallies []tally, at []slot, visits []uint32) {
	for i, s := range at {
		t := &tallies[s]
		t.rows++
		if v := visits[i]; t.last != v {
			t.last = v
			t.subjects++
		}
	}
}

// tallyAll counts the rows that are in any cell.
func tallyAll(t *tally, at []slot, visits []uint32) {
	for i, s := range at {
		if s == 0 {
			continue
		}
		t.rows++
		if v := visits[i]; t.last != v {
			t.last = v
			t.subjects++
		}
	}
}

// addUp adds each row's value to its subject's running total in its cell. An empty value is 0.
func addUp(totals []total, at []slot, visits []uint32, values []int64) {
	values = values[:len(at)]
	visits = visits[:len(at)]
	for i, s := range at {
		t := &totals[s]
		if v := visits[i]; t.last != v {
			t.flush()
			t.last = v
		}
		t.running += values[i]
	}
}

// addUpFull does so for cells of the full table, and finds their extremes; those of margins follow from them.
func addUpFull(totals []total, at []slot, visits []uint32, values []int64) {
	values = values[:len(at)]
	visits = visits[:len(at)]
	for i, s := range at {
		t, value := &totals[s], values[i]
		if v := visits[i]; t.last != v {
			t.flush()
			t.last = v
		}
		t.running += value
		if value < t.least || value > t.greatest {
			t.join(extremes{value, value})
		}
	}
}

// flush ends the running total of a subject.
func (t *total) flush() {
	running := t.running
	t.running = 0
	size := running
	if size < 0 {
		size = -size
	}
	t.sum += running
	t.absolute += size
	if t.absolute < 0 || size < 0 { // the sum is never larger than the sum of absolutes
		t.overflow = true
	}
	switch {
	case size > t.largest:
		t.largest, t.second = size, t.largest
	case size > t.second:
		t.second = size
	}
}
