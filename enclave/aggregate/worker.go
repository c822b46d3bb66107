package aggregate

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
)

// chunk is how many rows are looked at together: what is in between stays in the first-level cache.
const chunk = 1 << 11

// worker groups the rows of some ranges. All of its memory is its own, made once and used again for each chunk of rows.
type worker struct {
	layout  *layout
	locator *locator
	guest   enclave.Guest // of a crafted run only
	places  *enclave.Places
	turn    *enclave.Turn // which is its own while it works

	view     enclave.Batch // the shown columns of a batch, as the guest sees them
	emitted  [][]int32     // by the guest, one slice for each of its keys
	replay   *replay       // nil before its first batch
	codes    []int32       // of the key at hand
	numbers  []int32       // of each row's full cell: first its place, then its slot
	rows     []uint16      // those that were found, if not all
	subjects []uint32      // theirs
	values   []int64       // of a column, where its codes do not do
	margin   []slot        // of each row's cell in the set at hand

	index []slot // nil if slots are places
	sets  []*cells
	last  uint32 // subject that fell into a cell
	seen  uint32 // distinct ones that did, if rows can be dropped
}

// cells are the accounts of one grouping set, by slot.
type cells struct {
	set      enclave.Set
	found    map[int32]slot // margins only: by number
	numbers  []int32
	codes    [][]int32
	of       []slot      // margins only: the slot of the margin that a slot of the full table belongs to
	accounts [][]account // by summed column; one, without sums, if there is none
	absolute [][]int64   // by summed column that may be negative
}

// manySlots is room for cells at the beginning, so that two workers' accounts share no cache line.
const manySlots = 64

func newWorker(at *locator, places *enclave.Places, turn *enclave.Turn) *worker {
	l := at.layout
	w := &worker{
		layout: l, locator: at, places: places, turn: turn, last: nobody,
		codes: make([]int32, chunk), numbers: make([]int32, chunk), rows: make([]uint16, chunk), subjects: make([]uint32, chunk),
		values: make([]int64, chunk), margin: make([]slot, chunk),
	}
	for i, set := range l.sets {
		c := &cells{set: set, found: map[int32]slot{}}
		sums := 0
		if i < len(l.plan.Sets) {
			sums = len(l.summed)
		}
		for j := range max(sums, 1) {
			c.accounts = append(c.accounts, make([]account, 0, manySlots))
			if j < sums && l.bounds[j].signed() {
				c.absolute = append(c.absolute, make([]int64, 0, manySlots))
			} else {
				c.absolute = append(c.absolute, nil)
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
func (w *worker) batch(ctx context.Context, b *enclave.PackedBatch, row int64) error {
	if err := w.assign(ctx, b); err != nil {
		return err
	}
	for first := 0; first < b.Rows; first += chunk {
		at, err := w.find(b, first, min(chunk, b.Rows-first), row+int64(first))
		if err != nil {
			return crafted(ctx, w.guest, err)
		}
		w.group(b, first, at)
	}
	return nil
}

// find finds the places of some rows, the first of which is that row of the snapshot.
func (w *worker) find(b *enclave.PackedBatch, first, rows int, row int64) (found, error) {
	one, two, four := w.places.Window(row, rows)
	switch {
	case one != nil:
		return locate(w, b, first, one)
	case two != nil:
		return locate(w, b, first, two)
	}
	return locate(w, b, first, four)
}

// group adds some rows, whose places are known, to their cells.
func (w *worker) group(b *enclave.PackedBatch, first int, at found) {
	slots := at.slots
	subjects := w.subjects[:len(slots)]
	if at.all {
		subjects = b.Subjects[first : first+len(slots)]
	} else {
		for i, row := range at.rows {
			subjects[i] = b.Subjects[first+int(row)]
		}
	}
	if w.index != nil {
		find(w.index, slots, w.meet)
	}
	if w.locator.drops {
		w.last, w.seen = countInside(slots, subjects, w.last, w.seen)
	}
	for i, c := range w.sets {
		own := slots
		if i > 0 {
			own = w.margin[:len(slots)]
			for row, s := range slots {
				own[row] = c.of[s]
			}
		}
		if i >= len(w.layout.plan.Sets) || len(w.layout.summed) == 0 {
			count(c.accounts[0], own, subjects)
			continue
		}
		for j, column := range w.layout.summed {
			w.addUp(c, j, own, subjects, &b.Columns[column], first, at)
		}
	}
}

// addUp adds the values of one column to the cells of a set.
func (w *worker) addUp(c *cells, j int, slots []slot, subjects []uint32, v *enclave.Packed, first int, at found) {
	accounts, last := c.accounts[j], first+len(slots)
	switch plain := at.all && c.absolute[j] == nil && full(v.Valid, first, len(slots)); {
	case plain && v.One != nil:
		add(accounts, slots, subjects, v.One[first:last], v.Low)
	case plain && v.Two != nil:
		add(accounts, slots, subjects, v.Two[first:last], v.Low)
	case plain && v.Four != nil:
		add(accounts, slots, subjects, v.Four[first:last], v.Low)
	case plain:
		add(accounts, slots, subjects, v.Eight[first:last], v.Low)
	case c.absolute[j] != nil:
		addSigned(accounts, c.absolute[j], slots, subjects, w.valuesOf(v, first, at))
	default:
		add(accounts, slots, subjects, bitsOf(w.valuesOf(v, first, at)), 0)
	}
}

// assign lets the guest of a crafted run see the shown columns of a batch and nothing else: no subjects, no column that it was not
// shown. Some batches it sees twice, see replay. The guest has turns of its own: the worker gives its turn away meanwhile, since whoever has
// one waits for nothing.
func (w *worker) assign(ctx context.Context, b *enclave.PackedBatch) error {
	if w.guest == nil || b.Rows == 0 {
		return nil
	}
	w.view.Rows = b.Rows
	for i, position := range w.layout.shown {
		b.Columns[position].Decode(&w.view.Columns[i], b.Rows)
	}
	for i := range w.emitted {
		w.emitted[i] = w.emitted[i][:b.Rows]
	}
	w.turn.Give()
	if err := w.guest.Assign(ctx, &w.view, w.emitted); err != nil {
		return crafted(ctx, w.guest, err)
	}
	first := w.replay == nil
	if first {
		w.replay = newReplay(w.layout)
	}
	if w.replay.chosen(first) {
		if err := w.replay.verify(ctx, w.guest, &w.view, w.emitted); err != nil {
			return crafted(ctx, w.guest, err)
		}
	}
	return w.turn.Take(ctx)
}

// employ gives the worker a guest that sees rows.
func (w *worker) employ(guest enclave.Guest) {
	w.guest = guest
	for _, c := range w.layout.plan.Shown {
		w.view.Columns = append(w.view.Columns, enclave.NewVector(w.layout.plan.Dataset.Columns[c].Type.Narrow()))
	}
	for range w.layout.moduleKeys {
		w.emitted = append(w.emitted, make([]int32, enclave.BatchRows))
	}
}

// crafted makes one fault of all those of a guest that sees rows: which it was could tell of them.
func crafted(ctx context.Context, guest enclave.Guest, err error) error {
	if guest == nil || err == nil || ctx.Err() != nil {
		return err
	}
	return enclave.Fail(enclave.Invalid, "MODULE_FAILED").Because(err)
}

// addOthers adds what is in no column's table to the numbers of some rows: keys of many values, a function of several columns, and what the
// guest of a crafted run said. It reports whether there is any of it.
func (w *worker) addOthers(numbers []int32, b *enclave.PackedBatch, first int) (bool, error) {
	for _, k := range w.locator.wide {
		k.add(numbers, b, first, w.codes)
	}
	if f := w.locator.learned; f != nil {
		return true, f.add(numbers, b, first, w.layout.shown, w.codes)
	}
	if w.guest == nil {
		return len(w.locator.wide) > 0, nil
	}
	for k := range w.layout.plan.Keys {
		key := &w.layout.plan.Keys[k]
		if key.Module < 0 {
			continue
		}
		codes := w.codes[:len(numbers)]
		if err := guestCodes(key, w.emitted[key.Module][first:first+len(numbers)], codes); err != nil {
			return true, err
		}
		digits(numbers, codes, w.layout.strides[k])
	}
	return true, nil
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
	for j := range c.accounts {
		c.accounts[j] = append(c.accounts[j], newAccount())
		if c.absolute[j] != nil {
			c.absolute[j] = append(c.absolute[j], 0)
		}
	}
	return slot(len(c.numbers) - 1) //nolint:gosec // at most MaxCells
}

// finish ends the last subject of each cell. A sum could overflow only if a value was outside its column's bounds (see bounds).
func (w *worker) finish() error {
	for i, c := range w.sets[:len(w.layout.plan.Sets)] {
		for j, within := range w.layout.bounds {
			for s := range c.accounts[j] {
				a := &c.accounts[j][s]
				if i == 0 && s >= int(firstCell) && a.counts > 0 && (a.least < within.low || a.greatest > within.high) {
					return enclave.Internalf("a value of summed column %d is outside its bounds", j)
				}
				if size := a.end(); c.absolute[j] != nil {
					c.absolute[j][s] += size
				}
			}
		}
	}
	return nil
}
