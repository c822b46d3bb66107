package leak

import (
	"cmp"
	"context"
	"iter"
	"math"
	"math/bits"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Limits of the search for records.
const (
	maxSample       = 20_000 // rows of the output that are sought
	fewRows         = 2_000  // up to here, more is tried
	candidatesEach  = 2      // ways to read one output column
	maxPairings     = 16     // of all columns together
	somePairings    = 8      // of many rows, and of which all triples are tried
	maxWords        = 32     // of a text that is a row of words
	maxSplit        = 64     // columns of words that are read, of all columns together; more count as found
	fewPermutations = 2
	permutations    = 8
	unlikely        = 1e-4 // rows that would match by chance: below it, one is enough
)

// matcher seeks rows of the output in the data. Each output column is read as the shown columns that its values fit best; for pairs, triples and
// all of these readings together, it counts for each row of the output how many subjects have that combination of values. The same count for
// the output with each column permuted tells what chance would match.
type matcher struct {
	*census
	pairings []*pairing
	sample   []int // rows of the output
	subsets  []*subset
	unread   bool     // there are columns of words that were not read
	here     []uint64 // scratch: the hash of each pairing's value in the row at hand
}

// subset is a combination of pairings with every combination of values that is sought.
type subset struct {
	mask   uint32
	table  table
	places [][]int32 // by permutation, the first is none, and row of the sample: position in table, -1 if a value is missing
	chance float64   // rows that would match if columns were independent
}

func newMatcher(ctx context.Context, in *inspection, c *census) (*matcher, error) {
	m := &matcher{census: c}
	step := (in.product.Rows + maxSample - 1) / maxSample
	for row := 0; row < in.product.Rows; row += step {
		m.sample = append(m.sample, row)
	}
	limit, tries := maxPairings, permutations
	if len(m.sample) > fewRows {
		limit, tries = somePairings, fewPermutations
	}
	if err := m.choose(ctx, in.product, limit); err != nil {
		return nil, err
	}
	m.here = make([]uint64, len(m.pairings))
	orders := m.permute(tries)
	for _, mask := range m.masks() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.subsets = append(m.subsets, m.seek(mask, orders))
	}
	return m, nil
}

// choose finds the readings of each output column that fit best, the best of each column first. No more are kept meanwhile.
func (m *matcher) choose(ctx context.Context, product *enclave.Product, limit int) error {
	var ranked [candidatesEach][]*pairing
	split := 0
	for output, v := range columnsOf(product) {
		readings := make([][]reading, len(m.columns))
		readable := false
		for shown := range readings {
			readings[shown] = m.readings(&v, output, shown)
			readable = readable || len(readings[shown]) > 0
		}
		if !readable {
			continue
		}
		if output >= len(product.Columns) {
			if split++; split > maxSplit {
				m.unread = true
				break
			}
		}
		fitting, err := m.fitting(ctx, readings)
		if err != nil {
			return err
		}
		for i, p := range fitting {
			ranked[i] = keep(ranked[i], p, limit)
		}
	}
	for _, best := range ranked {
		m.pairings = append(m.pairings, best...)
	}
	m.pairings = m.pairings[:min(len(m.pairings), limit)]
	return nil
}

// fitting are the best readings of one output column, each as another shown column.
func (m *matcher) fitting(ctx context.Context, readings [][]reading) (fitting []*pairing, err error) {
	for _, asOne := range readings {
		var best *pairing
		for i := range asOne {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if p := m.pair(&asOne[i]); p != nil && p.found >= 0.5 && (best == nil || p.score > best.score) {
				best = p
			}
		}
		if best != nil {
			fitting = keep(fitting, best, candidatesEach)
		}
	}
	return fitting, nil
}

// keep adds a pairing to the best so many; of equal ones, the first are better.
func keep(best []*pairing, p *pairing, atMost int) []*pairing {
	best = append(best, p)
	slices.SortStableFunc(best, func(a, b *pairing) int { return cmp.Compare(b.score, a.score) })
	return best[:min(len(best), atMost)]
}

// columnsOf are the columns of a product, numbered, and after them, where all texts of a column have the same number of words, each word as a
// column of its own. No more are made than are looked at.
func columnsOf(p *enclave.Product) iter.Seq2[int, values] {
	return func(yield func(int, values) bool) {
		for column := range p.Columns {
			if !yield(column, valuesOf(p, column)) {
				return
			}
		}
		output := len(p.Columns)
		for column := range p.Columns {
			if p.Columns[column].Texts == nil {
				continue
			}
			v := valuesOf(p, column)
			for _, word := range v.words() {
				if !yield(output, word) {
					return
				}
				output++
			}
		}
	}
}

func (v *values) words() []values {
	var columns []values
	for row, text := range v.texts {
		if !v.valid[row] {
			continue
		}
		words := runs([]byte(text), isValue)
		if columns == nil && len(words) > 1 && len(words) <= maxWords {
			columns = make([]values, len(words))
			for i := range columns {
				columns[i] = values{texts: make([]string, len(v.texts)), valid: v.valid}
			}
		}
		if len(words) != len(columns) {
			return nil
		}
		for i, word := range words {
			columns[i].texts[row] = string(word)
		}
	}
	return columns
}

// masks are the combinations of pairings that are tried: pairs, triples of the first, the best reading of every column, and that without one.
// Each reads different output columns as different shown columns.
func (m *matcher) masks() []uint32 {
	sound := func(mask uint32) bool {
		outputs, shown := map[int]bool{}, map[int]bool{}
		for i, p := range m.pairings {
			if mask>>i&1 == 1 {
				outputs[p.output], shown[p.shown] = true, true
			}
		}
		n := bits.OnesCount32(mask)
		return n >= 2 && len(outputs) == n && len(shown) == n
	}
	masks := map[uint32]bool{}
	add := func(mask uint32) {
		if sound(mask) {
			masks[mask] = true
		}
	}
	all := uint32(0)
	for i := range m.pairings {
		if next := all | 1<<i; bits.OnesCount32(next) == 1 || sound(next) {
			all = next
		}
		for j := range i {
			add(1<<i | 1<<j)
			for k := range j {
				if i < somePairings {
					add(1<<i | 1<<j | 1<<k)
				}
			}
		}
	}
	add(all)
	for i := range m.pairings {
		add(all &^ (1 << i))
	}
	var list []uint32
	for mask := range masks {
		list = append(list, mask)
	}
	slices.Sort(list)
	return list
}

// permute makes so many orders of the sample for each pairing, the same for the same output.
func (m *matcher) permute(tries int) [][][]int32 {
	state := uint64(len(m.sample))
	orders := make([][][]int32, tries+1)
	for try := range orders {
		for range m.pairings {
			order := make([]int32, len(m.sample))
			for i := range order {
				order[i] = int32(i)
				if try > 0 {
					state++
					j := mix(state) % uint64(i+1)
					order[i], order[j] = order[j], int32(i)
				}
			}
			orders[try] = append(orders[try], order)
		}
	}
	return orders
}

// seek enters what is sought for a combination of pairings.
func (m *matcher) seek(mask uint32, orders [][][]int32) *subset {
	s := &subset{mask: mask, table: newTable(len(orders) * len(m.sample))}
	for try, order := range orders {
		places := make([]int32, len(m.sample))
		for i := range places {
			places[i] = -1
			hash, chance, ok := m.tuple(mask, order, i, try > 0)
			if !ok {
				continue
			}
			places[i] = s.table.add(hash)
			if try == 0 {
				s.chance += min(1, chance)
			}
		}
		s.places = append(s.places, places)
	}
	return s
}

// tuple is the hash of a row's values under an order, and how many rows of the data would have them if columns were independent. It is
// false if a value is missing, or if the row was to be torn apart and the order happens to leave it together.
func (m *matcher) tuple(mask uint32, order [][]int32, i int, torn bool) (hash uint64, chance float64, ok bool) {
	chance = float64(m.rows)
	first := order[bits.TrailingZeros32(mask)][i]
	for j, p := range m.pairings {
		if mask>>j&1 == 0 {
			continue
		}
		at := order[j][i]
		torn = torn && at == first
		key := p.keys[m.sample[at]]
		if key < 0 {
			return 0, 0, false
		}
		hash += part(j, key)
		chance *= float64(p.rows[key]) / float64(m.rows)
	}
	return hash, chance, !torn
}

// part is one value's share of the hash of a combination.
func part(pairing int, key int32) uint64 { return mix(uint64(pairing)<<32 | uint64(uint32(key))) } //nolint:gosec // its bits

// mix is the output function of SplitMix64 (Steele, Lea, Flood 2014).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// see looks one row of the data up.
func (m *matcher) see(subject uint32, at []int32) {
	has := uint32(0)
	for j, p := range m.pairings {
		value := at[p.shown]
		if value < 0 || p.hits[value] < 0 {
			continue
		}
		has |= 1 << j
		m.here[j] = part(j, p.hits[value])
	}
	for _, s := range m.subsets {
		if has&s.mask != s.mask {
			continue
		}
		hash := uint64(0)
		for mask := s.mask; mask != 0; mask &= mask - 1 {
			hash += m.here[bits.TrailingZeros32(mask)]
		}
		s.table.see(hash, subject, m.threshold)
	}
}

// matched counts the rows of the sample, in an order, whose combination fewer subjects have than the threshold, but some.
func (s *subset) matched(try int, threshold int32) (matched, sought int) {
	for _, place := range s.places[try] {
		if place < 0 {
			continue
		}
		sought++
		if s.table.few(place, threshold) {
			matched++
		}
	}
	return matched, sought
}

// excess is how many rows match beyond what chance explains: more than in any permutation by three standard deviations and three rows, where
// chance explains any.
func (s *subset) excess(threshold int32) int {
	matched, sought := s.matched(0, threshold)
	most := 0.0
	for try := 1; try < len(s.places); try++ {
		if n, of := s.matched(try, threshold); of > 0 {
			most = max(most, float64(n)*float64(sought)/float64(of))
		}
	}
	bound := most + 3*math.Sqrt(most)
	if most > 0 || s.chance >= unlikely {
		bound += 3
	}
	if float64(matched) <= bound {
		return 0
	}
	return matched - int(most)
}

// records is the fact of the same name: the most that any combination of readings finds.
func (in *inspection) records(m *matcher) {
	var worst *subset
	most := 0
	for _, s := range m.subsets {
		if n := s.excess(m.threshold); n > most {
			worst, most = s, n
		}
	}
	if m.unread {
		in.facts.Records = in.facts.Rows
	}
	if worst == nil || m.unread {
		return
	}
	in.facts.Records = (int64(most)*in.facts.Rows + int64(len(m.sample)) - 1) / int64(len(m.sample))
	for i, place := range worst.places[0] {
		if place >= 0 && worst.table.few(place, m.threshold) {
			in.found("records", m.sample[i], -1)
		}
	}
}
