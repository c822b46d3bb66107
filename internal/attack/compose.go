package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/lab"
)

// place is what a module sees of a row.
type place struct{ area, job, year int64 }

// ask is a question: a manifest, and what its module makes of places, -1 of those that are not listed.
type ask struct {
	Operator string            `json:"operator"`
	Snapshot int               `json:"snapshot"`
	Manifest *enclave.Manifest `json:"manifest"`
	Groups   map[string]int32  `json:"groups"` // by place, "area job year"; nil without a module, empty of one that finds nobody
}

func (p place) String() string { return fmt.Sprint(p.area, " ", p.job, " ", p.year) }

// function is the module's.
func (a *ask) function() lab.Native {
	if a.Groups == nil {
		return nil
	}
	return func(values []int64) []int32 {
		if group, listed := a.Groups[place{values[0], values[1], values[2]}.String()]; listed {
			return []int32{group}
		}
		return []int32{-1}
	}
}

// composer makes questions that are about nearly the same people as those before.
type composer struct {
	*rand.Rand
	world   *world
	newest  int
	places  []place          // that people of any snapshot have
	crowd   map[place]int    // how many rows
	sets    []map[place]bool // that were asked about
	victims []place
	spent   []place // company of victims, from the first one that is still to be had
	asked   int
}

func newComposer(r *rand.Rand, w *world) *composer {
	c := &composer{Rand: r, world: w, crowd: map[place]int{}}
	for _, t := range w.tables {
		for _, row := range t.Rows {
			p := place{row.Values[colArea], row.Values[colJob], row.Values[colYear]}
			if c.crowd[p] == 0 {
				c.places = append(c.places, p)
			}
			c.crowd[p]++
		}
	}
	c.Shuffle(len(c.places), func(i, j int) { c.places[i], c.places[j] = c.places[j], c.places[i] })
	c.victims = c.places[:min(2, len(c.places))]
	c.spent = c.places[len(c.victims):]
	return c
}

// next composes a question.
func (c *composer) next() *ask {
	c.asked++
	a := &ask{Operator: []string{"acme", "rival"}[c.IntN(2)], Snapshot: c.newest, Manifest: &enclave.Manifest{
		Darkroom: 1, Name: "question", Version: strconv.Itoa(c.asked), Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: "world", Columns: []string{"area", "job", "year", "illness", "ill", "cost"}}},
	}}
	m := a.Manifest
	switch c.IntN(6) {
	case 0: // what the enclave evaluates
		for range 1 + c.IntN(3) {
			c.key(m, "")
		}
	case 1:
		c.key(m, "")
		c.group(a, c.partition())
	case 2:
		c.group(a, c.stars())
	default:
		c.group(a, c.near())
		if c.IntN(3) == 0 {
			c.key(m, "")
		}
	}
	c.measure(m)
	c.margins(m)
	return a
}

// group makes a module's key of sets of places.
func (c *composer) group(a *ask, sets []map[place]bool) {
	a.Groups = map[string]int32{}
	for i, set := range sets {
		for p := range set {
			a.Groups[p.String()] = int32(i)
		}
		if len(set) > 0 {
			c.sets = append(c.sets, set)
		}
	}
	a.Manifest.Keys = append(a.Manifest.Keys, enclave.ManifestKey{Name: "who", Values: codes("g", len(sets))})
	a.Manifest.Inputs[0].Columns = []string{"area", "job", "year", "illness", "ill", "cost"}
}

// key adds a key that the enclave evaluates, of another column than those that are there.
func (c *composer) key(m *enclave.Manifest, column string) {
	dataset := c.world.tables[0].Dataset
	for column == "" || slices.ContainsFunc(m.Keys, func(k enclave.ManifestKey) bool { return k.Of != nil && k.Of.Column == column }) {
		column = []string{"area", "job", "year", "year", "illness", "ill", "cost"}[c.IntN(7)]
	}
	rule := &enclave.ColumnRule{Column: column}
	described := &dataset.Columns[dataset.Column(column)]
	switch {
	case described.Codes != nil && c.IntN(2) == 0:
		rule.Map = map[string]string{}
		for i, code := range described.Codes {
			if i == 0 || c.IntN(2) == 0 {
				rule.Map[code] = []string{"left", "right"}[c.IntN(2)]
			}
		}
	case column == "year":
		rule.Cuts = c.cuts(firstYear, lastYear+1, 1+c.IntN(3))
	case column == "cost":
		rule.Cuts = c.cuts(400, 1600, 1+c.IntN(2))
	case column == "ill":
		rule.Cuts = []enclave.Scalar{"1"}
	}
	m.Keys = append(m.Keys, enclave.ManifestKey{Name: "by_" + column, Of: rule})
}

func (c *composer) cuts(low, high, n int) []enclave.Scalar {
	at := map[int]bool{}
	for range n {
		at[low+c.IntN(high-low)] = true
	}
	var cuts []enclave.Scalar
	for v := low; v < high; v++ {
		if at[v] {
			cuts = append(cuts, enclave.Scalar(strconv.Itoa(v)))
		}
	}
	return cuts
}

// measure asks for one to three numbers.
func (c *composer) measure(m *enclave.Manifest) {
	all := []enclave.ManifestMeasure{
		{Name: "rows", Op: enclave.Count},
		{Name: "people", Op: enclave.Subjects},
		{Name: "sum_ill", Op: enclave.Sum, Of: "ill"},
		{Name: "sum_cost", Op: enclave.Sum, Of: "cost"},
		{Name: "mean_cost", Op: enclave.Mean, Of: "cost"},
	}
	c.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	m.Measures = all[:1+c.IntN(3)]
}

func (c *composer) margins(m *enclave.Manifest) {
	var sets [][]string
	if c.IntN(3) == 0 {
		sets = append(sets, []string{})
	}
	if len(m.Keys) > 1 {
		for _, k := range m.Keys {
			if c.IntN(2) == 0 {
				sets = append(sets, []string{k.Name})
			}
		}
	}
	m.Margins = sets
}

// partition deals all places out, or nearly all.
func (c *composer) partition() []map[place]bool {
	sets := make([]map[place]bool, 2+c.IntN(4))
	for i := range sets {
		sets[i] = map[place]bool{}
	}
	for _, p := range c.places {
		if c.IntN(40) > 0 {
			sets[c.IntN(len(sets))][p] = true
		}
	}
	return sets
}

// stars are groups of about the threshold, with a victim in each.
func (c *composer) stars() []map[place]bool {
	want := 3
	if c.world.tables[0].Dataset.Subject.Kind == enclave.Person {
		want = 10
	}
	var sets []map[place]bool
	for _, v := range c.victims {
		set, rows := map[place]bool{v: true}, c.crowd[v]
		for rows < want+c.IntN(2) {
			if len(c.spent) == 0 {
				c.spent = slices.Clone(c.places[len(c.victims):])
				if len(c.spent) == 0 {
					return sets
				}
			}
			p := c.spent[0]
			c.spent = c.spent[1:]
			set[p] = true
			rows += c.crowd[p]
		}
		sets = append(sets, set)
	}
	return sets
}

// near is a set that was asked about, or two of them combined, with a few places more or less; and sometimes what is left besides.
func (c *composer) near() []map[place]bool {
	set := map[place]bool{}
	if len(c.sets) > 0 {
		for p := range c.sets[c.IntN(len(c.sets))] {
			set[p] = true
		}
		if c.IntN(2) == 0 {
			other, how := c.sets[c.IntN(len(c.sets))], c.IntN(4)
			for _, p := range c.places {
				a, b := set[p], other[p]
				if []bool{a || b, a && b, a && !b, a != b}[how] {
					set[p] = true
				} else {
					delete(set, p)
				}
			}
		}
	} else {
		low := int64(firstYear + c.IntN(15))
		for _, p := range c.places {
			if p.year >= low {
				set[p] = true
			}
		}
	}
	for range c.IntN(3) {
		p := c.places[c.IntN(len(c.places))]
		if c.IntN(2) == 0 {
			p = c.victims[c.IntN(len(c.victims))]
		}
		if set[p] {
			delete(set, p)
		} else {
			set[p] = true
		}
	}
	sets := []map[place]bool{set}
	if c.IntN(3) == 0 {
		rest := map[place]bool{}
		for _, p := range c.places {
			if !set[p] {
				rest[p] = true
			}
		}
		sets = append(sets, rest)
	}
	return sets
}
