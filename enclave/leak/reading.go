package leak

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// reading is one way to read the values of an output column as those of a shown column. Numbers are in units of 10^-places, and those of
// the data, as view gives them, in units of 10^-scale.
type reading struct {
	output, shown int
	numbers       []int64
	readable      []bool
	places, scale int
	view          func(int64) (int64, bool)
	label         bool // numbers are labels: nothing is between two of them
}

// values is an output column as numbers and as texts, where it has them.
type values struct {
	numbers []int64
	texts   []string
	valid   []bool
	places  int
	read    *values // texts as numbers, once they were asked for
}

// decimals are texts read as decimal numbers of one scale; without numbers if fewer than half of them are.
func (v *values) decimals() *values {
	if v.read == nil {
		v.read = &values{}
		v.read.numbers, v.read.valid, v.read.places = decimals(v.texts, v.valid)
	}
	return v.read
}

func valuesOf(p *enclave.Product, column int) values {
	declared, c := &p.Plan.Manifest.Output.Columns[column], &p.Columns[column]
	v := values{numbers: c.Numbers, texts: c.Texts, valid: c.Valid, places: declared.Decimals}
	if declared.Type == enclave.KindEnum {
		v.texts = make([]string, p.Rows)
		for row, at := range c.Numbers {
			if c.Valid[row] {
				v.texts[row] = declared.Values[at]
			}
		}
	}
	return v
}

// readings lists how an output column can be read as a shown column.
func (c *census) readings(v *values, output, shown int) []reading {
	column := c.columns[shown].Column
	base := reading{output: output, shown: shown, view: same}
	var all []reading
	add := func(numbers []int64, readable []bool, places int) {
		for _, w := range views(column) {
			r := base
			r.numbers, r.readable, r.places, r.scale, r.view = numbers, readable, places, w.scale, w.of
			all = append(all, r)
		}
	}
	if v.numbers != nil {
		add(v.numbers, v.valid, v.places)
	}
	if v.texts == nil {
		return all
	}
	if read := v.decimals(); read.numbers != nil {
		add(read.numbers, read.valid, read.places)
	}
	if column.Type == enclave.Code || column.Type == enclave.Date {
		r := base
		r.label = column.Type == enclave.Code
		if r.numbers, r.readable = parsed(column, v.texts, v.valid); r.numbers != nil {
			all = append(all, r)
		}
	}
	return all
}

// view is a stored value as a number that people or programs could write for it.
type view struct {
	scale int
	of    func(int64) (int64, bool)
}

func same(v int64) (int64, bool) { return v, true }

func views(c *enclave.Column) []view {
	all := []view{{c.Scale, same}}
	switch c.Type {
	case enclave.Date:
		all = append(all, view{0, func(v int64) (int64, bool) { return compact(v), true }})
	case enclave.Code:
		labels, known := make([]int64, len(c.Codes)), make([]bool, len(c.Codes))
		some := false
		for i, label := range c.Codes {
			n, err := strconv.ParseInt(label, 10, 64)
			labels[i], known[i] = n, err == nil
			some = some || err == nil
		}
		if some {
			all = append(all, view{0, func(v int64) (int64, bool) {
				if v < 0 || v >= int64(len(labels)) {
					return 0, false
				}
				return labels[v], known[v]
			}})
		}
	case enclave.Decimal:
		all = append(all, view{0, same}) // as a guest sees it
	case enclave.Int, enclave.Text:
	}
	return all
}

// compact writes days since 1970-01-01 like 20240131.
func compact(days int64) int64 {
	year, month, day := time.Unix(days*86400, 0).UTC().Date()
	return int64(year)*10_000 + int64(month)*100 + int64(day)
}

// decimals reads texts as decimal numbers of one scale; nil if fewer than half of them are.
func decimals(texts []string, valid []bool) (numbers []int64, readable []bool, places int) {
	for _, text := range texts {
		if _, fraction, ok := strings.Cut(text, "."); ok && len(fraction) <= enclave.MaxDecimals {
			places = max(places, len(fraction))
		}
	}
	as := enclave.Column{Type: enclave.Int}
	if places > 0 {
		as = enclave.Column{Type: enclave.Decimal, Scale: places}
	}
	numbers, readable = parsed(&as, texts, valid)
	return numbers, readable, places
}

// parsed reads texts as a column's values; nil if fewer than half of them are.
func parsed(c *enclave.Column, texts []string, valid []bool) (numbers []int64, readable []bool) {
	var codes map[string]int64
	if c.Type == enclave.Code {
		codes = make(map[string]int64, len(c.Codes))
		for i, label := range c.Codes {
			codes[label] = int64(i)
		}
	}
	numbers, readable = make([]int64, len(texts)), make([]bool, len(texts))
	read, all := 0, 0
	for i, text := range texts {
		if !valid[i] {
			continue
		}
		all++
		if codes != nil {
			numbers[i], readable[i] = codes[text]
		} else if n, err := c.Parse(strings.TrimSpace(text)); err == nil {
			numbers[i], readable[i] = n, true
		}
		if readable[i] {
			read++
		}
	}
	if 2*read < all || read == 0 {
		return nil, nil
	}
	return numbers, readable
}

// common brings both sides to the finer of the two scales. It is false where a number does not fit.
func (r *reading) common() (ofOutput, ofData int64) {
	return power(max(0, r.scale-r.places)), power(max(0, r.places-r.scale))
}

func power(places int) int64 {
	n := int64(1)
	for range places {
		n *= 10
	}
	return n
}

// times multiplies; false if that overflows.
func times(a, b int64) (int64, bool) {
	if b != 1 && (a > math.MaxInt64/b || a < -math.MaxInt64/b) {
		return 0, false
	}
	return a * b, true
}

// granule is the greatest number that divides every value of the output, at the common scale: what the values were rounded to, at least. Of
// few values, whose common divisor may be chance, it is a 1, 2 or 5 with zeros.
func (r *reading) granule() int64 {
	scale, _ := r.common()
	g := int64(0)
	different := map[int64]bool{}
	for i, n := range r.numbers {
		if y, ok := times(n, scale); ok && r.readable[i] {
			if len(different) < manyValues {
				different[y] = true
			}
			for g, y = y, g; y != 0; g, y = y, g%y {
			}
		}
	}
	if g < 0 {
		g = -g
	}
	if g == 0 || r.label {
		return scale
	}
	if len(different) == manyValues {
		return g
	}
	best := scale
	for decade := int64(1); decade <= g/10+1; decade *= 10 {
		for _, n := range []int64{decade, 2 * decade, 5 * decade} {
			if n > best && g%n == 0 {
				best = n
			}
		}
	}
	return best
}

// manyValues have their common divisor by intent.
const manyValues = 20

// pairing is an output column read as a shown column, with the values that occur on both sides.
type pairing struct {
	reading
	keys  []int32 // of each row of the output: a position among its different values, -1 if it has none
	hits  []int32 // of each tally of the shown column: the position of the value that it would be rounded to, -1 if the output has no such
	rows  []int64 // of each different value: the rows of the data that have it
	score float64 // share of the output's values that occur in the data, plus share of the data's rows that have one of them
	found float64
}

// pair compares the values of a reading with the data, rounded in the way that fits better.
func (c *census) pair(r *reading) *pairing {
	granule := r.granule()
	_, scale := r.common()
	best := c.rounded(r, granule, granule/2)
	if scale%granule != 0 {
		if down := c.rounded(r, granule, 0); best == nil || down != nil && down.score > best.score {
			best = down
		}
	}
	return best
}

// rounded compares with the data's values plus shift, rounded down to multiples of the granule. It is nil if the output has no value.
func (c *census) rounded(r *reading, granule, shift int64) *pairing {
	toOutput, toData := r.common()
	p := &pairing{reading: *r, keys: make([]int32, len(r.numbers))}
	ids := map[int64]int32{}
	for row, n := range r.numbers {
		p.keys[row] = -1
		y, ok := times(n, toOutput)
		if !ok || !r.readable[row] {
			continue
		}
		id, known := ids[y]
		if !known {
			id = int32(len(ids)) //nolint:gosec // at most the rows of an output
			ids[y] = id
		}
		p.keys[row] = id
	}
	if len(ids) == 0 {
		return nil
	}
	p.rows = make([]int64, len(ids))
	column := &c.columns[r.shown]
	p.hits = make([]int32, len(column.tallies))
	covered := int64(0)
	for at := range column.tallies {
		p.hits[at] = -1
		t := &column.tallies[at]
		x, ok := r.view(t.value)
		if !ok {
			continue
		}
		if x, ok = times(x, toData); !ok {
			continue
		}
		if id, known := ids[down(x+shift, granule)]; known {
			p.hits[at] = id
			p.rows[id] += t.rows
			covered += t.rows
		}
	}
	read, found := 0, 0
	for _, id := range p.keys {
		if id >= 0 {
			read++
			if p.rows[id] > 0 {
				found++
			}
		}
	}
	p.found = float64(found) / float64(read)
	p.score = p.found + float64(covered)/float64(c.rows)
	return p
}

// down rounds to the next multiple of a positive granule that is not above.
func down(x, granule int64) int64 {
	if rest := x % granule; rest < 0 {
		return x - rest - granule
	} else {
		return x - rest
	}
}
