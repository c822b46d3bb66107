package history

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// people says which rows are whose. Rows of one subject usually stand side by side; each such stretch is a run. Where rows of later
// versions were appended a subject can have several runs. Subjects are numbered afresh, from 0 in order of appearance: a person is
// such a number, and it never changes.
type people struct {
	rows   int
	starts []int32 // first row of each run, and the number of rows at the end
	person []int32 // of each run; nil while everyone has one run, and then the run is the person
	count  int
	runsOf []int32 // runs by person, nil like person
	from   []int32 // where a person's runs begin in runsOf
	names  []uint32
}

const maxRows = 1<<31 - 2

// grow appends rows. It takes 4 bytes for a moment for every subject number up to the largest.
func (p *people) grow(subjects []uint32) error {
	if len(subjects) > maxRows-p.rows {
		return enclave.Fail(enclave.Limit, "HISTORY_TOO_LARGE")
	}
	largest := uint32(0)
	for _, name := range subjects {
		largest = max(largest, name)
	}
	for _, name := range p.names {
		largest = max(largest, name)
	}
	known := make([]int32, int(largest)+1)
	for person, name := range p.names {
		known[name] = int32(person) + 1
	}
	if len(p.starts) == 0 {
		p.starts = []int32{0}
	}
	owners := p.person
	if owners == nil {
		for run := range len(p.starts) - 1 {
			owners = append(owners, int32(run))
		}
	}
	for i, name := range subjects {
		if i > 0 && subjects[i-1] == name {
			continue
		}
		if i > 0 {
			p.starts = append(p.starts, int32(p.rows+i)) //nolint:gosec // checked above
		}
		if known[name] == 0 {
			p.names = append(p.names, name)
			known[name] = int32(len(p.names)) //nolint:gosec // fewer than rows
		}
		owners = append(owners, known[name]-1)
	}
	if len(subjects) > 0 {
		p.rows += len(subjects)
		p.starts = append(p.starts, int32(p.rows)) //nolint:gosec // checked above
	}
	p.count = len(p.names)
	p.index(owners)
	return nil
}

// index finds the runs of each person by counting.
func (p *people) index(owners []int32) {
	p.person, p.runsOf, p.from = nil, nil, nil
	if len(owners) == p.count {
		return
	}
	p.person, p.runsOf, p.from = owners, make([]int32, len(owners)), make([]int32, p.count+1)
	for _, person := range owners {
		p.from[person+1]++
	}
	for i := range p.count {
		p.from[i+1] += p.from[i]
	}
	next := slices.Clone(p.from)
	for run, person := range owners {
		p.runsOf[next[person]] = int32(run)
		next[person]++
	}
}

// owner is whose a row is.
func (p *people) owner(row int) int32 {
	run, found := slices.BinarySearch(p.starts, int32(row)) //nolint:gosec // at most maxRows
	if !found {
		run--
	}
	if p.person == nil {
		return int32(run) //nolint:gosec // fewer than rows
	}
	return p.person[run]
}

// stretches is how many runs of rows a person has, stretch the n-th of them: rows first to last−1.
func (p *people) stretches(person int32) int {
	if p.runsOf == nil {
		return 1
	}
	return int(p.from[person+1] - p.from[person])
}

func (p *people) stretch(person int32, n int) (first, last int) {
	run := person
	if p.runsOf != nil {
		run = p.runsOf[int(p.from[person])+n]
	}
	return int(p.starts[run]), int(p.starts[run+1])
}
