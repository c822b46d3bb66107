package history

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Secret is a column of which releases tell something: [Bounded] or [Labelled].
type Secret interface {
	// tells are the cells of all releases that tell of it, and changes what other values would change of them.
	tells(all *matrix) *matrix
	changes(m *matrix) changes
}

// changes are what other values would change.
type changes interface {
	reader() changer
	// means is what a full-table cell means to weights: rows in cells that mean the same, and of the same other number, can change their sum in the same ways.
	means(w weights, table int, cell int32) []uint64
}

// weights are of positions: [real] or [modular].
type weights interface {
	// difference names by how much the sum of the weights changes where a row counts in some positions more and in others less: 0 if not at all.
	difference(more, less []int32) uint64
}

// real are weights in floating point.
type real []float64

// alike is to how much sums of real weights have to agree.
const alike = 1e-8

func (w real) pull(more, less []int32) (sum float64) {
	for _, p := range more {
		sum += w[p]
	}
	for _, p := range less {
		sum -= w[p]
	}
	return sum
}

func (w real) difference(more, less []int32) uint64 {
	return uint64(int64(math.Round(w.pull(more, less) / alike))) //nolint:gosec // its bits
}

// modular are weights in a field.
type modular struct {
	*field
	by []uint64
}

func (w modular) difference(more, less []int32) (sum uint64) {
	for _, p := range more {
		sum = w.add(sum, w.by[p])
	}
	for _, p := range less {
		sum = w.subtract(sum, w.by[p])
	}
	return sum
}

// changer says what the published cells would be if a row's value were another one. It is for one goroutine.
type changer interface {
	// other is what changes depend on but for the cells that the row is in.
	other(row int) int32
	// asks is whether somebody could learn a row's value at all.
	asks(row int) bool
	// of visits the changes, one for each other value, or two if the value can be more and can be less: the positions that the row would count in
	// besides, and those that it would count in no more. A change is open if somebody who reads the tables would see another value by it. The slices are the changer's.
	of(row int, visit func(more, less []int32, open bool))
	// place appends what rows have in common that other values would change the same cells of, and swap visits what changes of such a row if its value
	// is that of another one there, which then can have the first one's: nothing if they have the same.
	place(key []int32, row int) []int32
	swap(row, other int, visit func(more, less []int32))
}

// patterns number what full-table cells mean to some weights of positions, by table: those of the same number are the same to them.
type patterns struct{ of [][]int32 }

// newPatterns numbers them.
func newPatterns(m *matrix, changes changes, all []weights) *patterns {
	p := &patterns{of: make([][]int32, len(m.tables))}
	for _, t := range m.speak {
		numbers := map[string]int32{}
		for cell := range m.tables[t].lists {
			var name []byte
			for _, w := range all {
				for _, v := range changes.means(w, t, int32(cell)) {
					name = binary.LittleEndian.AppendUint64(name, v)
				}
			}
			number, met := numbers[string(name)]
			if !met {
				number = int32(len(numbers)) //nolint:gosec // at most the cells
				numbers[string(name)] = number
			}
			p.of[t] = append(p.of[t], number)
		}
	}
	return p
}

// key appends what tells a row's changes from others': the patterns that it has, and something else.
func (p *patterns) key(key []int32, m *matrix, row int, other int32) []int32 {
	key = append(key, other)
	for _, t := range m.speak {
		number := m.cell(t, row)
		if number != None {
			number = p.of[t][number]
		}
		key = append(key, number)
	}
	return key
}

// Bounded is a column whose sums are published, of values between bounds that everybody knows.
type Bounded struct {
	Column
	Low, High int64
}

func (b *Bounded) tells(all *matrix) *matrix {
	return all.only(func(p int) bool { return b.Of[all.cells[p].release] })
}

func (b *Bounded) changes(m *matrix) changes { return &bounded{Bounded: b, matrix: m} }

type bounded struct {
	*Bounded
	*matrix
	column []int32
}

func (b *bounded) reader() changer { return &bounded{Bounded: b.Bounded, matrix: b.matrix} }

func (b *bounded) means(w weights, table int, cell int32) []uint64 {
	return []uint64{w.difference(b.tables[table].lists[cell], nil)}
}

func (b *bounded) other(row int) (room int32) {
	if b.Values[row] < b.High {
		room++
	}
	if b.Values[row] > b.Low {
		room += 2
	}
	return room
}

// asks is true of values at a bound. What others are the numbers alone tell nobody for whom they do not add up to it.
func (b *bounded) asks(row int) bool { return b.Values[row] == b.Low || b.Values[row] == b.High }

func (b *bounded) of(row int, visit func(more, less []int32, open bool)) {
	if b.column = b.appendRow(b.column[:0], row); len(b.column) == 0 {
		return
	}
	if b.Values[row] < b.High {
		visit(b.column, nil, true)
	}
	if b.Values[row] > b.Low {
		visit(nil, b.column, true)
	}
}

func (b *bounded) place(key []int32, row int) []int32 {
	for _, t := range b.speak {
		key = append(key, b.cell(t, row))
	}
	return key
}

// swap is of who has room above if the other one has room below, or the other way round, or is free by itself.
func (b *bounded) swap(row, other int, visit func(more, less []int32)) {
	if b.other(row)|b.other(other) == 3 {
		visit(b.appendRow(b.column[:0], row), nil)
	}
}

// Labelled is a column whose values are keys of tables.
type Labelled struct {
	Values []int64            // by row of the history, as stored; [enclave.EmptyValue] where it is empty
	By     []*enclave.Telling // by release, the table in question last; nil if it does not tell them
}

func (l *Labelled) tells(all *matrix) *matrix {
	telling := make([]map[int32]bool, len(l.By))
	for t, by := range l.By {
		telling[t] = map[int32]bool{}
		if by != nil {
			for _, set := range by.Sets {
				for _, c := range set.Cells {
					telling[t][c.Cell] = true
				}
			}
		}
	}
	return all.only(func(p int) bool { return telling[all.cells[p].release][all.cells[p].cell] })
}

// labelled is the column as the published cells tell it: values that no table tells apart are one, and so are those of which a table publishes nothing.
type labelled struct {
	*Labelled
	*matrix
	value  []int32   // by row
	values int       // how many there are
	class  [][]int32 // by table and value; −1 of which nothing is published
	sets   [][]toldSet
}

// toldSet is where the published cells of a table's grouping set stand.
type toldSet struct {
	*enclave.TellingSet
	classes int
	at      []int32 // positions, by the set's block times classes plus its class; −1 of what is not published
}

func (l *Labelled) changes(m *matrix) changes {
	all := &labelled{Labelled: l, matrix: m, sets: make([][]toldSet, len(m.tables))}
	positions := make([]map[int32]int32, len(m.tables))
	for _, t := range m.speak {
		positions[t] = map[int32]int32{}
	}
	for p, c := range m.cells {
		positions[c.release][c.cell] = int32(p)
	}
	seen := make([][]bool, len(m.tables)) // by table and class: whether anything is published of it
	for _, t := range m.speak {
		seen[t] = make([]bool, l.By[t].Classes())
		for s := range l.By[t].Sets {
			set := toldSet{TellingSet: &l.By[t].Sets[s]}
			blocks := 0
			for _, block := range set.Block {
				blocks = max(blocks, int(block)+1)
			}
			for _, class := range set.Class {
				set.classes = max(set.classes, int(class)+1)
			}
			set.at = slices.Repeat([]int32{-1}, blocks*set.classes)
			told := make([]bool, set.classes)
			for _, c := range set.Cells {
				if p, there := positions[t][c.Cell]; there {
					set.at[int(c.Block)*set.classes+int(c.Class)], told[c.Class] = p, true
				}
			}
			all.sets[t] = append(all.sets[t], set)
			for class, of := range set.Class {
				seen[t][class] = seen[t][class] || told[of]
			}
		}
	}
	all.sort(seen)
	return all
}

func (l *labelled) reader() changer { return &relabelled{labelled: l} }

// means are what the values of somebody in the block of a cell count for, less what the first one does: only differences matter.
func (l *labelled) means(w weights, table int, cell int32) (differences []uint64) {
	var first, list []int32
	for value := range l.values {
		list = l.append(list[:0], table, l.By[table].Block[cell], l.class[table][value])
		if value == 0 {
			first = slices.Clone(list)
		}
		differences = append(differences, w.difference(list, first))
	}
	return differences
}

// sort finds the values that the published cells of some table tell apart.
func (l *labelled) sort(seen [][]bool) {
	var starts []int64
	for _, t := range l.speak {
		starts = append(starts, l.By[t].Starts...)
		if l.By[t].Empty >= 0 {
			starts = append(starts, enclave.EmptyValue)
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	numbers, of := map[string]int32{}, make([]int32, len(starts))
	l.class = make([][]int32, len(l.tables))
	for i, start := range starts {
		classes := make([]int32, 0, len(l.speak))
		for _, t := range l.speak {
			if class := l.By[t].Of(start); class >= 0 && seen[t][class] {
				classes = append(classes, class+1)
			} else {
				classes = append(classes, 0)
			}
		}
		name := string(key(classes))
		number, met := numbers[name]
		if !met {
			number = int32(len(numbers)) //nolint:gosec // at most the intervals
			numbers[name] = number
			for i, t := range l.speak {
				l.class[t] = append(l.class[t], classes[i]-1)
			}
		}
		of[i] = number
	}
	l.values, l.value = len(numbers), make([]int32, len(l.Values))
	inParts(0, len(l.Values), func(from, to int32) any {
		for row := from; row < to; row++ {
			at, exact := slices.BinarySearch(starts, l.Values[row])
			if !exact {
				at--
			}
			l.value[row] = of[max(at, 0)]
		}
		return nil
	})
}

// relabelled reads what rows of other values would count in.
type relabelled struct {
	*labelled
	in         []int // tables that the row in hand is in
	more, less []int32
}

func (r *relabelled) other(row int) int32 { return r.value[row] }

func (r *relabelled) asks(row int) bool {
	return slices.ContainsFunc(r.speak, func(t int) bool { return r.cell(t, row) != None })
}

func (r *relabelled) of(row int, visit func(more, less []int32, open bool)) {
	r.in = r.in[:0]
	for _, t := range r.speak {
		if r.cell(t, row) != None {
			r.in = append(r.in, t)
		}
	}
	own, most := r.value[row], 0
	for other := range int32(r.values) { //nolint:gosec // at most the intervals
		most = max(most, r.shows(own, other))
	}
	for other := range int32(r.values) { //nolint:gosec // at most the intervals
		shows := r.shows(own, other)
		if shows == 0 {
			continue
		}
		r.change(row, own, other)
		visit(r.more, r.less, shows == most)
	}
}

// change finds what changes of a row if its value is another one.
func (r *relabelled) change(row int, own, other int32) {
	r.more, r.less = r.more[:0], r.less[:0]
	for _, t := range r.speak {
		if cell := r.cell(t, row); cell != None && r.class[t][own] != r.class[t][other] {
			block := r.By[t].Block[cell]
			r.less, r.more = r.append(r.less, t, block, r.class[t][own]), r.append(r.more, t, block, r.class[t][other])
		}
	}
}

func (r *relabelled) place(key []int32, row int) []int32 {
	for _, t := range r.speak {
		block := None
		if cell := r.cell(t, row); cell != None {
			block = r.By[t].Block[cell]
		}
		key = append(key, block)
	}
	return key
}

func (r *relabelled) swap(row, other int, visit func(more, less []int32)) {
	if own, others := r.value[row], r.value[other]; own != others {
		r.change(row, own, others)
		visit(r.more, r.less)
	}
}

// shows is how many tables would have the row in hand in another class if its value were the other.
func (r *relabelled) shows(own, other int32) (tables int) {
	for _, t := range r.in {
		if r.class[t][own] != r.class[t][other] {
			tables++
		}
	}
	return tables
}

// append appends the positions that somebody of a block and a class counts in.
func (l *labelled) append(positions []int32, t int, block, class int32) []int32 {
	if class < 0 {
		return positions
	}
	for i := range l.sets[t] {
		set := &l.sets[t][i]
		if p := set.at[int(set.Block[block])*set.classes+int(set.Class[class])]; p >= 0 {
			positions = append(positions, p)
		}
	}
	return positions
}
