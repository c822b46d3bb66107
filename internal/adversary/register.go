package adversary

import (
	"fmt"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/lab"
)

// Register is what the adversary knows of the people before it asks anything.
type Register struct {
	Dataset *enclave.Dataset
	// Prior is protected values as they occur: each a row's values by column, drawn like those of the data. Open and quasi ones are not looked at.
	Prior [][]int64
	// Identities are columns of which the first is the sum of the others in every row.
	Identities [][]string
	// Peculiar are priors of subjects who are known to be unlike others. They must be told apart when the system is built.
	Peculiar map[string][][]int64
	// Told is what the adversary knows of some by itself. Their subjects must be told apart when the system is built.
	Told []Told

	subjects  map[string]int
	rows      []known // each version of each row once
	snapshots [][]int // their rows
}

// Told is a known sum.
type Told struct {
	Wanted
	Snapshot int
	Value    int64
}

// known is a row without its protected values.
type known struct {
	subject int
	public  []int64 // by column; 0 of those that are not shown
}

// Know makes the register of the snapshots of a dataset, in their order. A row that is the same in two snapshots is one row, which the adversary is
// taken to know: who was corrected, entered or left is no secret, what their values are is.
func Know(prior [][]int64, snapshots ...*lab.Table) *Register {
	r := &Register{Dataset: snapshots[0].Dataset, Prior: prior, subjects: map[string]int{}}
	versions := map[string]int{}
	for _, t := range snapshots {
		var rows []int
		times := map[string]int{} // two equal rows of one subject are two rows
		for _, row := range t.Rows {
			if _, there := r.subjects[row.Subject]; !there {
				r.subjects[row.Subject] = len(r.subjects)
			}
			version := fmt.Sprint(row.Subject, row.Values)
			times[version]++
			version = fmt.Sprint(version, times[version])
			if _, there := versions[version]; !there {
				public := slices.Clone(row.Values)
				for c := range public {
					if !r.Dataset.Columns[c].Class.Shown() {
						public[c] = 0
					}
				}
				versions[version] = len(r.rows)
				r.rows = append(r.rows, known{r.subjects[row.Subject], public})
			}
			rows = append(rows, versions[version])
		}
		r.snapshots = append(r.snapshots, rows)
	}
	return r
}

// home is the last snapshot that a subject is in.
func (r *Register) home(subject string) int {
	number := r.subjects[subject]
	for i := len(r.snapshots) - 1; i > 0; i-- {
		if slices.ContainsFunc(r.snapshots[i], func(row int) bool { return r.rows[row].subject == number }) {
			return i
		}
	}
	return 0
}

// Seen is a released table, with what it answers.
type Seen struct {
	Snapshot int // that it was asked of
	Plan     *enclave.Plan
	Function lab.Native // the module's; nil if it has no code
	Release  *lab.Release
	Least    int64 // a cell is there only if it has so many subjects
	// What counts and sums were rounded to, in whole units of the column.
	RoundCount, RoundSum int64
}

// codes are a row's codes by key if its protected values are those of a part, and whether it is in the table at all. Into is for them, and the
// values are for a module's function.
func (s *Seen) codes(row *known, of *part, into []int32, values []int64) (codes []int32, inside bool) {
	return s.evaluate(func(column int) int64 {
		if s.Plan.Dataset.Columns[column].Class.Shown() {
			return row.public[column]
		}
		return of.value[column]
	}, into, values)
}

// Codes are the codes by key of a row with these values, and whether it is in the table at all: what only the enclave knows of protected ones.
func (s *Seen) Codes(values []int64) (codes []int32, inside bool) {
	return s.evaluate(func(column int) int64 { return values[column] }, nil, nil)
}

func (s *Seen) evaluate(value func(column int) int64, into []int32, values []int64) (codes []int32, inside bool) {
	var emitted []int32
	if s.Function != nil {
		values = values[:0]
		for _, c := range s.Plan.Shown {
			values = append(values, value(c))
		}
		emitted = s.Function(values)
	}
	codes = into[:0]
	for i := range s.Plan.Keys {
		key := &s.Plan.Keys[i]
		var code int32
		if key.Module >= 0 {
			if code = emitted[key.Module]; code >= 0 {
				code -= int32(key.Offset) //nolint:gosec // as the manifest has it
			}
		} else {
			code = codeOf(key, value(key.Column))
		}
		if code < 0 {
			return nil, false
		}
		codes = append(codes, code)
	}
	return codes, true
}

// codeOf is the code of a value of a column, -1 if it drops the row.
func codeOf(key *enclave.Key, value int64) int32 {
	if value == lab.Missing {
		return key.Missing
	}
	if key.Lookup != nil {
		return key.Lookup[value]
	}
	at, found := slices.BinarySearch(key.Cuts, value)
	if found {
		at++
	}
	return int32(at) //nolint:gosec // at most the number of cuts
}
