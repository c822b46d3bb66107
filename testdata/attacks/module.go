package attacks

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// Module is a guest of a question. One of its fields says which.
type Module struct {
	Choose   []Rule `json:"choose"`   // the code of the first rule that fits; a row that fits none is dropped
	Hash     int    `json:"hash"`     // into so many groups, by the shown values and the parameters
	Compiled string `json:"compiled"` // "ageband": of the committed guests
	Weigh    *Weigh `json:"weigh"`    // a program
	Count    int    `json:"count"`    // modulo so many: how many rows it is shown
	Filled   int    `json:"filled"`   // modulo so many: how many bytes of the first column's bitmap have a value
	Across   bool   `json:"across"`   // 0 and 1 in turns
}

// Rule is a condition on shown values with the code of those that fit.
type Rule struct {
	Where map[string][]enclave.Scalar `json:"where"` // of codes: which, "" for empty; of numbers: from, to
	Code  int32                       `json:"code"`
}

// Weigh is [guests.Weighing].
type Weigh struct {
	Value  int64 `json:"value"`
	Offset int64 `json:"offset"`
}

// Code is a module's bytes without its manifest, and what it computes: nil for a program, and where it computes nothing of a row.
func (m *Module) Code(manifest *enclave.Manifest, dataset *enclave.Dataset) (wasm []byte, function func(params []byte) lab.Native, err error) {
	shown := manifest.Shown(dataset)
	columns := make([]guests.Column, len(shown))
	for i, c := range shown {
		if columns[i], err = guests.ColumnOf(&dataset.Columns[c]); err != nil {
			return nil, nil, err
		}
	}
	switch {
	case m.Choose != nil:
		choose, err := chosen(m.Choose, dataset, shown)
		if err != nil {
			return nil, nil, err
		}
		return guests.Chooser(columns, tabulate(columns, choose)), func([]byte) lab.Native { return choose }, nil
	case m.Hash > 0:
		return guests.Hashed(columns, m.Hash), func(params []byte) lab.Native {
			return func(values []int64) []int32 {
				values = slices.Clone(values)
				for i, v := range values {
					if v == lab.Missing {
						values[i] = -1
					}
				}
				return []int32{guests.HashOf(params, m.Hash, values)}
			}
		}, nil
	case m.Compiled == "ageband":
		wasm, err = guests.Compiled("ageband")
		at := slices.Index(shown, dataset.Column("birth_year"))
		return wasm, func(params []byte) lab.Native {
			var asOf int64
			if _, err := fmt.Sscanf(string(params), `{"params":{"as_of":%d}`, &asOf); err != nil {
				panic(err) // the planner wrote it
			}
			return func(values []int64) []int32 {
				age := asOf - values[at]
				if age < 0 {
					return []int32{-1}
				}
				code := int32(0)
				for _, first := range []int64{18, 45, 65} {
					if age >= first {
						code++
					}
				}
				return []int32{code}
			}
		}, err
	case m.Weigh != nil:
		return guests.Weighing(m.Weigh.Value, m.Weigh.Offset), nil, nil
	case m.Count > 0:
		return guests.RowCount(m.Count), nil, nil
	case m.Filled > 0:
		return guests.Filled(m.Filled), nil, nil
	case m.Across:
		return guests.AcrossRows().Wasm, nil, nil
	}
	return nil, nil, fmt.Errorf("a module of no kind")
}

// chosen makes a function of rules.
func chosen(rules []Rule, dataset *enclave.Dataset, shown []int) (lab.Native, error) {
	type condition struct {
		at     int // in the shown values
		values []int64
		span   bool
	}
	conditions := make([][]condition, len(rules))
	for i, rule := range rules {
		for name, list := range rule.Where {
			at := slices.Index(shown, dataset.Column(name))
			if at < 0 {
				return nil, fmt.Errorf("the module is not shown %q", name)
			}
			column := &dataset.Columns[shown[at]]
			c := condition{at: at, span: column.Type != enclave.Code}
			for _, text := range list {
				v := lab.Missing
				if text != "" {
					var err error
					if v, err = column.Parse(string(text)); err != nil {
						return nil, fmt.Errorf("%s = %q: %w", name, text, err)
					}
				}
				c.values = append(c.values, v)
			}
			conditions[i] = append(conditions[i], c)
		}
	}
	return func(values []int64) []int32 {
		for i := range rules {
			if !slices.ContainsFunc(conditions[i], func(c condition) bool {
				v := values[c.at]
				if c.span && len(c.values) == 2 && c.values[0] != lab.Missing {
					return v < c.values[0] || v > c.values[1]
				}
				return !slices.Contains(c.values, v)
			}) {
				return []int32{rules[i].Code}
			}
		}
		return []int32{-1}
	}, nil
}

// tabulate writes a function down for every tuple.
func tabulate(columns []guests.Column, function lab.Native) []int8 {
	table := make([]int8, guests.Places(columns))
	values, places := make([]int64, len(columns)), make([]int64, len(columns))
	for i := range table {
		rest := int64(i)
		for c := len(columns) - 1; c >= 0; c-- {
			places[c] = rest % (columns[c].Values + 1)
			rest /= columns[c].Values + 1
			values[c] = columns[c].Low + places[c]
			if places[c] == columns[c].Values {
				values[c] = lab.Missing
			}
		}
		table[i] = int8(function(values)[0]) //nolint:gosec // few codes
	}
	return table
}

// Counted are the parameters of the n-th time of a step.
func (s *Step) Counted(n int) map[string]enclave.Scalar {
	params := map[string]enclave.Scalar{}
	for name, v := range s.Params {
		params[name] = v
	}
	if s.Param != "" {
		params[s.Param] = enclave.Scalar(strconv.Itoa(n))
	}
	return params
}
