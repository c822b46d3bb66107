package leak

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Limits of the search for packed rows.
const (
	leastPacked = 3    // columns of one row
	maxTried    = 12   // columns whose combinations are all tried
	surely      = 1e-3 // windows of the whole output that would match by chance: below it, one is enough
	maxWindows  = 1 << 16
	looksEach   = 512     // windows that are looked at for each row of the data, on average,
	looksAtAll  = 1 << 22 // and for all of them beyond that
	shared      = 16      // letters and digits in a row that a text has in common with a row's values, without separators
)

// packs seeks rows of the data in texts. A text is looked at through windows of some words; a window holds a row if it has the values of
// three shown columns or more, in any order and among other words, that fewer subjects than the threshold have together. Texts whose windows are
// too many, and all texts if rows have too many windows to look at, count as found.
type packs struct {
	*census
	texts   []text
	windows []window
	lists   [][][]int32 // by shown column and list: the windows that have a value, ascending
	list    [][]int32   // by shown column and tally: list + 1, 0 is none
	seen    []uint32    // scratch: the row that a window was last looked at for
	row     uint32
	strips  strips
	uncut   map[int]bool // texts with more windows than there may be
	looks   int64        // windows that may still be looked at
}

// window is some words of a text, with the rarest combination of values of one row that was found among them.
type window struct {
	text     int
	share    []float64 // of the data's rows that have one of the window's values, by shown column
	mask     uint64
	chance   float64 // rows of the data that would have such a combination if columns were independent
	subjects int32
	last     uint32
}

func newPacks(ctx context.Context, texts []text, c *census) (*packs, error) {
	p := &packs{census: c, texts: texts, uncut: map[int]bool{}, looks: looksEach*c.rows + looksAtAll, lists: make([][][]int32, len(c.columns)), list: make([][]int32, len(c.columns))}
	readers := make([]words, len(c.columns))
	for i := range c.columns {
		readers[i] = newWords(&c.columns[i])
		p.list[i] = make([]int32, len(c.columns[i].tallies))
	}
	for at := range texts {
		for _, meaning := range texts[at].meaning {
			if printable(meaning) {
				if err := p.addWindows(ctx, at, runs(meaning, isValue), readers); err != nil {
					return nil, err
				}
			}
		}
	}
	p.seen = make([]uint32, len(p.windows))
	p.strips = newStrips(texts)
	return p, nil
}

// addWindows cuts a text into windows of three words for each shown column, which overlap by two thirds, so that a row with a name beside every
// value lies in one.
func (p *packs) addWindows(ctx context.Context, at int, all [][]byte, readers []words) error {
	step := max(2, len(p.columns))
	for first := 0; ; first += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(p.windows) == maxWindows {
			p.uncut[at] = true
			return nil
		}
		w := window{text: at, share: make([]float64, len(p.columns)), chance: math.Inf(1)}
		filled := 0
		for i := range p.columns {
			for _, value := range readers[i].in(all[min(first, len(all)):min(first+3*step, len(all))]) {
				p.enter(i, value)
				w.share[i] += float64(p.columns[i].tallies[value].rows) / float64(p.rows)
			}
			filled += btoi(w.share[i] > 0)
		}
		if filled > 0 {
			p.windows = append(p.windows, w)
		}
		if first+3*step >= len(all) {
			return nil
		}
	}
}

// enter notes that the window to come has a value.
func (p *packs) enter(column int, value int32) {
	at := p.list[column][value]
	if at == 0 {
		p.lists[column] = append(p.lists[column], nil)
		at = int32(len(p.lists[column])) //nolint:gosec // bounded by the texts
		p.list[column][value] = at
	}
	p.lists[column][at-1] = append(p.lists[column][at-1], int32(len(p.windows))) //nolint:gosec // bounded by the texts
}

// see looks for one row of the data in the windows that have its rarer values: of three columns, one is not among the two most common.
func (p *packs) see(subject uint32, at []int32) {
	if len(p.texts) == 0 {
		return
	}
	p.strips.see(p.census, subject, at)
	if p.looks < 0 {
		return
	}
	p.row++
	var filled [64]int
	columns := filled[:0]
	for i, value := range at {
		if i < len(filled) && value >= 0 && p.list[i][value] > 0 {
			columns = append(columns, i)
		}
	}
	if len(columns) < leastPacked {
		return
	}
	of := func(i int) []int32 { return p.lists[i][p.list[i][at[i]]-1] }
	slices.SortFunc(columns, func(a, b int) int { return len(of(a)) - len(of(b)) })
	for _, i := range columns[:len(columns)-leastPacked+1] {
		if p.looks -= int64(len(of(i))); p.looks < 0 {
			return
		}
		for _, w := range of(i) {
			if p.seen[w] == p.row {
				continue
			}
			p.seen[w] = p.row
			mask, chance := uint64(0), float64(p.rows)
			for _, j := range columns {
				if _, has := slices.BinarySearch(of(j), w); has {
					mask |= 1 << j
					chance *= min(1, p.windows[w].share[j])
				}
			}
			p.windows[w].match(mask, chance, subject, p.threshold)
		}
	}
}

// match keeps the rarest combination and counts the subjects that have it.
func (w *window) match(mask uint64, chance float64, subject uint32, threshold int32) {
	switch {
	case bits.OnesCount64(mask) < leastPacked || chance > w.chance && mask != w.mask:
	case mask != w.mask:
		w.mask, w.chance, w.subjects, w.last = mask, chance, 1, subject
	case w.last != subject:
		w.last, w.subjects = subject, min(w.subjects+1, threshold)
	}
}

// packed is the fact of the same name: texts that hold a row, where chance explains fewer of them, as rare as they are, by three standard
// deviations and three; or hardly any.
func (in *inspection) packed(ctx context.Context, p *packs) error {
	rarest := map[int]float64{}
	for i := range p.windows {
		if err := ctx.Err(); err != nil {
			return err
		}
		w := &p.windows[i]
		if w.mask == 0 || w.subjects >= p.threshold {
			continue
		}
		if expected := w.expected(p.rows) * float64(len(p.windows)); expected < rarest[w.text] || rarest[w.text] == 0 {
			rarest[w.text] = expected
		}
	}
	hits := slices.SortedFunc(maps.Keys(rarest), func(a, b int) int {
		return cmp.Or(cmp.Compare(rarest[a], rarest[b]), cmp.Compare(a, b))
	})
	beyond := 0
	for i, at := range hits {
		expected := rarest[at]
		if expected < surely || float64(i+1) > expected+3*math.Sqrt(expected)+3 {
			beyond = i + 1
		}
	}
	guilty := map[int]bool{}
	for _, at := range hits[:beyond] {
		guilty[at] = true
	}
	p.strips.found(p.threshold, guilty)
	for at := range p.texts {
		if guilty[at] || p.uncut[at] || p.looks < 0 {
			in.facts.Packed += int64(len(p.texts[at].places))
			for _, place := range p.texts[at].places {
				in.found("packed", int(place.Row), int(place.Column))
			}
		}
	}
	return nil
}

// expected is how many rows of the data would have a combination of the window's values that is as rare as the one that was found, or rarer, if
// columns were independent.
func (w *window) expected(rows int64) float64 {
	var shares []float64
	for _, share := range w.share {
		if share > 0 {
			shares = append(shares, share)
		}
	}
	if len(shares) > maxTried {
		return w.chance * math.Exp2(float64(len(shares))) // no more combinations than that
	}
	sum := 0.0
	for mask := range uint32(1) << len(shares) {
		chance := float64(rows)
		for i, share := range shares {
			if mask>>i&1 == 1 {
				chance *= share
			}
		}
		if bits.OnesCount32(mask) >= leastPacked && chance <= w.chance*1.0001 {
			sum += chance
		}
	}
	return sum
}

// words reads words as the values of a shown column, in each way in which it may be written.
type words struct {
	*counted
	codes map[string]int64
	dates map[int64]int64 // like 20240131 → days
}

func newWords(c *counted) words {
	w := words{counted: c}
	switch c.Type {
	case enclave.Code:
		w.codes = make(map[string]int64, len(c.Codes))
		for i, label := range c.Codes {
			w.codes[label] = int64(i)
		}
	case enclave.Date:
		w.dates = make(map[int64]int64, len(c.tallies))
		for i := range c.tallies {
			w.dates[compact(c.tallies[i].value)] = c.tallies[i].value
		}
	case enclave.Int, enclave.Decimal, enclave.Text:
	}
	return w
}

// isSingle reports whether a word is a number or a date, whose parts mean nothing by themselves.
func isSingle(word string) bool {
	if _, err := time.Parse(time.DateOnly, word); err == nil {
		return true
	}
	_, err := strconv.ParseFloat(word, 64)
	return err == nil
}

// in lists the tallies that words name, ascending, each once. A word is read whole, without points and signs around it; where that is no
// value of any kind, in its parts between them.
func (w *words) in(all [][]byte) []int32 {
	var found []int32
	add := func(value int64) {
		if at, ok := w.index[value]; ok {
			found = append(found, at)
		}
	}
	read := func(word string) {
		if code, ok := w.codes[word]; ok {
			add(code)
		}
		if !strings.ContainsAny(word, "0123456789") {
			return
		}
		if w.codes == nil {
			if value, err := w.Parse(word); err == nil {
				add(value)
			}
		}
		if stored, err := strconv.ParseInt(word, 10, 64); err == nil {
			add(stored)
			if days, ok := w.dates[stored]; ok {
				add(days)
			}
		}
	}
	for _, word := range all {
		word = bytes.Trim(word, ".+-")
		read(string(word))
		if len(runs(word, isWord)) < 2 || isSingle(string(word)) {
			continue
		}
		for _, part := range runs(word, isWord) {
			read(string(part))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
