package adversary

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/lab"
)

// part is a set of protected values that no question told apart. Columns that no question looked at are not in it.
type part struct {
	value     map[int]int64   // by column: a value of the part
	low, high map[int]int64   // by column: the least and the greatest; [lab.Missing] of the empty one
	of        map[int][]int64 // by column of codes: all of them
}

// partition finds the parts: of each protected column that a key or a module looks at, and those crossed.
func partition(dataset *enclave.Dataset, seen []Seen) []part {
	parts := []part{{map[int]int64{}, map[int]int64{}, map[int]int64{}, map[int][]int64{}}}
	for c := range dataset.Columns {
		if dataset.Columns[c].Class.Shown() {
			continue
		}
		var keys []*enclave.Key
		whole := false
		for s := range seen {
			for k := range seen[s].Plan.Keys {
				if key := &seen[s].Plan.Keys[k]; key.Module < 0 && key.Column == c {
					keys = append(keys, key)
				}
			}
			whole = whole || seen[s].Function != nil && slices.Contains(seen[s].Plan.Shown, c)
		}
		if len(keys) == 0 && !whole {
			continue
		}
		var crossed []part
		for _, p := range parts {
			for _, q := range partsOf(&dataset.Columns[c], c, keys, whole) {
				for before := range p.value {
					q.value[before], q.low[before], q.high[before], q.of[before] = p.value[before], p.low[before], p.high[before], p.of[before]
				}
				crossed = append(crossed, q)
			}
		}
		parts = crossed
	}
	return parts
}

// partsOf are the parts of one column's values: each value by itself if a module looks at it.
func partsOf(column *enclave.Column, at int, keys []*enclave.Key, whole bool) []part {
	low, high, err := column.Bounds()
	if err != nil {
		panic(err) // the enclave took the description
	}
	starts := []int64{low}
	if column.Type == enclave.Code || whole {
		for v := low + 1; v <= high; v++ {
			starts = append(starts, v)
		}
	}
	for _, k := range keys {
		starts = append(starts, k.Cuts...)
	}
	slices.Sort(starts)
	starts = slices.DeleteFunc(slices.Compact(starts), func(v int64) bool { return v < low || v > high })
	if column.Nullable {
		starts = append(starts, lab.Missing)
	}
	var parts []part
	byCodes := map[string]int{}
	for i, v := range starts {
		p := part{map[int]int64{at: v}, map[int]int64{at: v}, map[int]int64{at: high}, map[int][]int64{at: {v}}}
		if i+1 < len(starts) && starts[i+1] != lab.Missing {
			p.high[at] = starts[i+1] - 1
		}
		if v == lab.Missing {
			p.high[at] = lab.Missing
		}
		if column.Type == enclave.Code && !whole && v != lab.Missing {
			var name strings.Builder
			for _, k := range keys {
				name.WriteString(strconv.Itoa(int(codeOf(k, v))) + " ")
			}
			id := name.String()
			if before, there := byCodes[id]; there { // codes that are always together are one part
				parts[before].of[at] = append(parts[before].of[at], v)
				continue
			}
			byCodes[id] = len(parts)
		}
		parts = append(parts, p)
	}
	return parts
}

// holds reports whether a row with these values is in the part.
func (p *part) holds(dataset *enclave.Dataset, values []int64) bool {
	for c := range p.value {
		v := values[c]
		if dataset.Columns[c].Type == enclave.Code {
			if !slices.Contains(p.of[c], v) {
				return false
			}
		} else if (v == lab.Missing) != (p.low[c] == lab.Missing) || v < p.low[c] || v > p.high[c] {
			return false
		}
	}
	return true
}

// bounds are the least and the greatest value that a row of the part may have in a column: by the prior, which is more than the catalogue
// tells. Empty values count as 0.
func (p *part) bounds(dataset *enclave.Dataset, column int, prior [][]int64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, values := range prior {
		if p.holds(dataset, values) {
			v := float64(values[column])
			if values[column] == lab.Missing {
				v = 0
			}
			low, high = min(low, v), max(high, v)
		}
	}
	if low > high {
		return 0, 0
	}
	return low, high
}
