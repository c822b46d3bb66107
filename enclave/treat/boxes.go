package treat

import (
	"math"
	"math/bits"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// boxes are what could change in a table and hardly be noticed: between two cells of the full table, so many people move along the edges of
// a box whose opposite corners these are. Its edges are the keys in which they differ, each alone or several taken together (a code and its
// chapter). Half of the corners have more then, the others as many less, and so have the cells of those margins that tell all edges; nothing
// else changes. The box of two keys is the rectangle of a two-way table, that of no key the one cell with all margins above it.
//
// The name and the use are those of the hypercube method (Repsilber 1994; Giessing and Repsilber, "Tools and Strategies to Protect Multiple
// Tables with the GHQUAR Cell Suppression Engine", 2002).
type boxes struct {
	*lattice
	sets   []keys // of the plan
	at     map[codes]int
	shapes []shape
	lines  map[keys]map[codes][]int // cells of the full table that agree in all keys but some; see along
}

// keys is a set of keys, a bit for each.
type keys uint8

// codes name a cell, whatever its set.
type codes [enclave.MaxKeys]int32

// shape is how the edges of a box are made of keys, and the sets of the plan whose cells it changes: those that have a key of each edge.
type shape struct {
	edges []keys
	sets  []keys
}

// corner is a cell that a box changes, and whether it has more or less then.
type corner struct {
	cell int
	sign int64
}

func newBoxes(l *lattice) *boxes {
	b := &boxes{lattice: l, at: make(map[codes]int, len(l.table.Cells)), lines: map[keys]map[codes][]int{}}
	for _, set := range l.table.Plan.Sets {
		var s keys
		for _, k := range set {
			s |= 1 << k
		}
		b.sets = append(b.sets, s)
	}
	for i := range l.table.Cells {
		b.at[b.codesOf(i)] = i
	}
	for differ := range 1 << len(l.table.Plan.Keys) {
		b.list(keys(differ))
	}
	slices.SortStableFunc(b.shapes, func(a, b shape) int { return len(a.sets) - len(b.sets) }) // those likely to cost least first
	return b
}

// codesOf names a cell; its set is known by the keys that are summed over. So are those that there are not.
func (b *boxes) codesOf(cell int) codes {
	own := b.table.Cells[cell].Codes
	c := codes{}.without(^keys(0) << len(own))
	copy(c[:], own)
	return c
}

// intricate is with how many keys a box is made in one way alone.
const intricate = 5

// list makes edges of some keys in all ways, but for those that change cells of the same sets as one with fewer edges does.
func (b *boxes) list(differ keys) {
	ways := [][]keys{nil}
	for k := range b.table.Plan.Keys {
		if differ>>k&1 == 0 {
			continue
		}
		var more [][]keys
		for _, edges := range ways {
			more = append(more, append(slices.Clone(edges), 1<<k))
			for i := range edges {
				if bits.OnesCount8(uint8(differ)) < intricate {
					joined := slices.Clone(edges)
					joined[i] |= 1 << k
					more = append(more, joined)
				}
			}
		}
		ways = more
	}
	slices.SortStableFunc(ways, func(a, b []keys) int { return len(a) - len(b) })
	first := len(b.shapes)
	for _, edges := range ways {
		s := shape{edges: edges}
		for _, set := range b.sets {
			if !slices.ContainsFunc(edges, func(e keys) bool { return e&set == 0 }) {
				s.sets = append(s.sets, set)
			}
		}
		if !slices.ContainsFunc(b.shapes[first:], func(o shape) bool { return slices.Equal(o.sets, s.sets) }) {
			b.shapes = append(b.shapes, s)
		}
	}
}

// along are the cells of the full table that agree with one in all keys but some.
func (b *boxes) along(edge keys, from codes) []int {
	line, listed := b.lines[edge]
	if !listed {
		line = map[codes][]int{}
		for _, a := range b.atoms {
			rest := b.codesOf(a).without(edge)
			line[rest] = append(line[rest], a)
		}
		b.lines[edge] = line
	}
	return line[from.without(edge)]
}

// without is the codes with some keys summed over.
func (c codes) without(some keys) codes {
	for k := range c {
		if some>>k&1 == 1 {
			c[k] = enclave.Total
		}
	}
	return c
}

// walk visits boxes that start from a cell of the full table. What is visited is valid for so long.
type walk struct {
	*boxes
	price func(corner) (cost int64, usable bool)
	visit func(box []corner, cost int64)
	limit int64 // boxes that cost as much are not looked for
	spend func(terms int) error

	shape     *shape
	near, far codes
	box       []corner
}

// run visits the boxes that change cells of a set.
func (w *walk) run(from int, set keys) error {
	w.near = w.codesOf(from)
	if err := w.spend(len(w.shapes)); err != nil {
		return err
	}
	for i := range w.shapes {
		if w.shape = &w.shapes[i]; !slices.Contains(w.shape.sets, set) {
			continue
		}
		w.box = w.box[:0]
		if cost, usable := w.corner(0, 0); usable {
			if err := w.extend(0, cost); err != nil {
				return err
			}
		}
		if w.limit <= 0 {
			break
		}
	}
	return nil
}

// extend adds the corners at the far end of the i-th edge, for each cell that they could be those of.
func (w *walk) extend(i int, cost int64) error {
	if i == len(w.shape.edges) {
		w.visit(w.box, cost)
		return nil
	}
	had, edge := len(w.box), w.shape.edges[i]
	line := w.along(edge, w.near)
	if err := w.spend(len(line)); err != nil {
		return err
	}
	for _, other := range line {
		if !w.reach(edge, other) {
			continue
		}
		total, usable := cost, true
		for at := 1 << i; at < 2<<i && usable; at++ {
			total, usable = w.corner(at, total)
		}
		if err := w.spend(8 * (1 + len(w.box) - had)); err != nil { // maps are slower than vectors
			return err
		}
		if usable {
			if err := w.extend(i+1, total); err != nil {
				return err
			}
		}
		if w.box = w.box[:had]; w.limit <= 0 {
			break
		}
	}
	return nil
}

// reach goes along an edge to another cell. It reports whether that may be used and differs in all keys of the edge.
func (w *walk) reach(edge keys, other int) bool {
	for k, code := range w.table.Cells[other].Codes {
		if edge>>k&1 == 1 {
			if w.far[k] = code; code == w.near[k] {
				return false
			}
		}
	}
	_, usable := w.price(corner{other, 0})
	return usable
}

// corner adds the cells of a corner, which is at the far end of some edges, and their cost. It reports whether they have rows, may be used,
// and do not cost too much.
func (w *walk) corner(at int, cost int64) (total int64, usable bool) {
	place, sign := w.near, int64(1)
	for i, edge := range w.shape.edges {
		if at>>i&1 == 0 {
			continue
		}
		sign = -sign
		for k := range w.table.Plan.Keys {
			if edge>>k&1 == 1 {
				place[k] = w.far[k]
			}
		}
	}
	for _, set := range w.shape.sets {
		cell, exists := w.at[place.without(^set)]
		if !exists {
			return cost, false
		}
		c := corner{cell, sign}
		more, usable := w.price(c)
		if cost += more; !usable || cost >= w.limit {
			return cost, false
		}
		w.box = append(w.box, c)
	}
	return cost, true
}

// boundless is more than any count.
const boundless = math.MaxInt64 / 4
