package enclave

import (
	"slices"
)

// Telling is what the cells of a table tell of one protected column, for the audit of what everybody shares. A value's class is those that no key tells
// from it; a block is here everybody who agrees on all keys but the column's own, keys of other protected columns among them.
type Telling struct {
	Column string
	Starts []int64 // least values of intervals that are in one class each, ascending; the first is the least value that there may be
	Class  []int32 // by interval, numbered from 0
	Empty  int32   // the class of empty values, -1 if there may be none
	Block  []int32 // by cell of the full table, numbered from 0
	Sets   []TellingSet
}

// TellingSet is a grouping set that keeps keys of the column.
type TellingSet struct {
	Block []int32 // by block of the full table: the set's that it is part of
	Class []int32 // by class: the set's that it is part of
	Cells []TellingCell
}

// TellingCell is a published cell: whose it is, and its position in Table.Cells.
type TellingCell struct{ Block, Class, Cell int32 }

// EmptyValue stands for an empty value among those of a column.
const EmptyValue int64 = -1 << 63

// Of is the class of a value.
func (t *Telling) Of(value int64) int32 {
	if value == EmptyValue {
		return t.Empty
	}
	at, exact := slices.BinarySearch(t.Starts, value)
	if !exact {
		at--
	}
	return t.Class[max(at, 0)]
}

// Classes is how many classes there are.
func (t *Telling) Classes() int { return int(slices.Max(append(slices.Clip(t.Class), t.Empty))) + 1 }

// tells is what publishing some cells tells of protected columns.
func (t *Table) tells(fates []Fate) (all []Telling) {
	if t.Plan.Dataset == nil {
		return nil
	}
	for column := range t.Plan.Dataset.Columns {
		var own, others Set
		for k := range t.Plan.Keys {
			if t.Plan.protectedBy(k) == column {
				own = append(own, k)
			} else {
				others = append(others, k)
			}
		}
		if len(own) > 0 {
			all = append(all, t.telling(column, own, others, fates))
		}
	}
	return all
}

func (t *Table) telling(column int, own, others Set, fates []Fate) Telling {
	c := &t.Plan.Dataset.Columns[column]
	told := Telling{Column: c.Name, Empty: -1}
	classes, blocks := numbering{}, numbering{}
	classOf := func(value int64) int32 {
		codes := make([]int32, len(t.Plan.Keys))
		for _, k := range own {
			codes[k] = t.Plan.Keys[k].position(value)
		}
		return classes.of(own, codes)
	}
	for _, start := range t.Plan.starts(c, own) {
		if class := classOf(start); len(told.Class) == 0 || class != told.Class[len(told.Class)-1] {
			told.Starts, told.Class = append(told.Starts, start), append(told.Class, class)
		}
	}
	if c.Nullable {
		told.Empty = classOf(EmptyValue)
	}
	for i := range t.Cells {
		if t.Cells[i].Set == 0 {
			told.Block = append(told.Block, blocks.of(others, t.Cells[i].Codes))
		}
	}
	for s, set := range t.Plan.Sets {
		kept := set.without(others)
		if len(kept) == 0 {
			continue
		}
		rest := set.without(own)
		ofBlock, ofClass, of := numbering{}, numbering{}, TellingSet{}
		for _, codes := range blocks.codes {
			of.Block = append(of.Block, ofBlock.of(rest, codes))
		}
		for _, codes := range classes.codes {
			of.Class = append(of.Class, ofClass.of(kept, codes))
		}
		for i := range t.Cells {
			if cell := &t.Cells[i]; cell.Set == s && fates[i] == Published {
				of.Cells = append(of.Cells, TellingCell{ofBlock.of(rest, cell.Codes), ofClass.of(kept, cell.Codes), int32(i)})
			}
		}
		told.Sets = append(told.Sets, of)
	}
	return told
}

// starts are the values of a column at which some of these keys may change, ascending, the least of all first.
func (p *Plan) starts(c *Column, keys Set) []int64 {
	low, high, err := c.Bounds()
	if err != nil {
		return nil
	}
	starts := []int64{low}
	for _, k := range keys {
		for value := range p.Keys[k].Lookup {
			starts = append(starts, int64(value))
		}
		starts = append(starts, p.Keys[k].Cuts...)
	}
	slices.Sort(starts)
	return slices.DeleteFunc(slices.Compact(starts), func(v int64) bool { return v < low || v > high })
}

// position is where a value of the key's column stands among its labels; see [Key].
func (k *Key) position(value int64) int32 {
	switch {
	case value == EmptyValue:
		return k.Missing
	case k.Lookup != nil:
		return k.Lookup[value]
	}
	at, exact := slices.BinarySearch(k.Cuts, value)
	if exact {
		at++
	}
	return int32(at) //nolint:gosec // at most MaxKeyValues
}

// without is the set less the keys of another.
func (s Set) without(other Set) Set {
	return slices.DeleteFunc(slices.Clone(s), func(k int) bool { return slices.Contains(other, k) })
}

// numbering numbers tuples of codes, from 0 as they come.
type numbering struct {
	numbers map[string]int32
	codes   [][]int32 // of one of each number
}

func (n *numbering) of(set Set, codes []int32) int32 {
	if n.numbers == nil {
		n.numbers = map[string]int32{}
	}
	name := set.Project(codes)
	number, met := n.numbers[name]
	if !met {
		number = int32(len(n.codes)) //nolint:gosec // at most MaxCells
		n.numbers[name], n.codes = number, append(n.codes, codes)
	}
	return number
}
