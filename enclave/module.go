package enclave

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// Module is WebAssembly that passed admission's checks. Its digest names it; Bytes are exactly what was submitted.
type Module struct {
	Digest   Digest
	Manifest *Manifest
	Bytes    []byte
	HasCode  bool // false: a manifest alone, whose keys the enclave evaluates
	Facts    ModuleFacts
}

// ModuleFacts is what trusted code measured about a module's bytes.
type ModuleFacts struct {
	Bytes       int64 `json:"bytes"`
	DataBytes   int64 `json:"data_bytes"` // in data segments (A28: smuggled data)
	Functions   int64 `json:"functions"`
	Imports     int64 `json:"imports"`
	MemoryPages int64 `json:"memory_pages"` // least memory, in 64 KiB pages
}

// AdmissionFacts is what policy judges before a module may touch data: what was measured about its bytes, and what its manifest
// asks of the dataset.
type AdmissionFacts struct {
	Version     int         `json:"version"` // 1
	Form        Form        `json:"form"`
	Operator    string      `json:"operator"`
	Scenario    string      `json:"scenario"`
	Dataset     string      `json:"dataset"`
	Grade       int         `json:"grade"`
	SubjectKind SubjectKind `json:"subject_kind"`
	Sharing     Sharing     `json:"sharing"`
	Module      ModuleFacts `json:"module"`
	Columns     []UseFacts  `json:"columns"`
	Cells       int64       `json:"cells"`    // size of the key space: the product of the key domains
	Subjects    int64       `json:"subjects"` // in the snapshot, rounded down to a power of two
	HasCode     bool        `json:"has_code"`
	Approved    bool        `json:"approved"` // by two people (see Profile.ModuleReview)
}

// UseFacts is how a manifest uses one column.
type UseFacts struct {
	Column string `json:"column"`
	Class  Class  `json:"class"`
	Shown  bool   `json:"shown"`  // to the guest
	Key    bool   `json:"key"`    // evaluated by the enclave as a key
	Summed bool   `json:"summed"` // by a measure
}

// Plan is a manifest resolved against a dataset: everything that the later stages need, with columns as positions in the
// dataset's description. It is immutable once made.
type Plan struct {
	Dataset  *Dataset
	Manifest *Manifest
	Shown    []int // columns the guest sees, in the manifest's order
	Crafted  bool  // the guest is shown a protected column, or its form is program: no exact release
	Keys     []Key
	Sets     []Set // Sets[0] is the full table, the others its margins
	Summed   []int // columns that are summed, each once; Cell.Sums is in this order
	Measures []PlannedMeasure
	// Params is the JSON object for darkroom_init: {"params": {name: number or string}, "columns": [names of Shown, in order], "keys":
	// [names of the keys that the guest computes, in the order of its codes]}; of a program, which has no keys, also {"output": [names of the
	// output's columns, in order]}.
	Params []byte
	// Operator is whose run it is, so that the sandbox can share its room between operators. The path fills it in; no guest sees it.
	Operator string
	// ReplayPercent is the profile's, likewise.
	ReplayPercent int64
}

// Set is a grouping set: which keys are kept, ascending; the others are summed over.
type Set []int

// Project writes the codes of the set's keys as a map key: equal for cells that fall into the same cell of the set.
func (s Set) Project(codes []int32) string {
	text := make([]byte, 0, 4*len(s))
	for _, k := range s {
		text = binary.LittleEndian.AppendUint32(text, uint32(codes[k])) //nolint:gosec // its bits
	}
	return string(text)
}

// Groups are whom the cells of a set say protected values of. For each sensitive or measure column that keys of the set are evaluated
// from, it is the set without those keys: the cells of the set that agree on the rest are one group, and each is a value that some
// in it have. Keys from other protected columns stay, as if a reader knew them (Machanavajjhala et al. 2006: the other sensitive
// attributes count among the quasi-identifiers). A column of one possible value is left out, since the catalogue tells it; so are
// keys of a module, which was shown no protected column or whose table is never exact.
func (p *Plan) Groups(set Set) []Set {
	var groups []Set
	var columns []int
	for _, k := range set {
		column := p.protectedBy(k)
		if column < 0 || slices.Contains(columns, column) {
			continue
		}
		columns = append(columns, column)
		values, rest := 1, Set{}
		for _, other := range set {
			if p.protectedBy(other) == column {
				values = max(values, len(p.Keys[other].Labels))
			} else {
				rest = append(rest, other)
			}
		}
		if values > 1 {
			groups = append(groups, rest)
		}
	}
	return groups
}

// protectedBy is the protected column that a key is evaluated from, or -1.
func (p *Plan) protectedBy(key int) int {
	if p.Dataset == nil || key < 0 || key >= len(p.Keys) || p.Keys[key].Module >= 0 {
		return -1
	}
	column := p.Keys[key].Column
	if column < 0 || column >= len(p.Dataset.Columns) || p.Dataset.Columns[column].Class.Shown() {
		return -1
	}
	return column
}

// PlannedMeasure is a measure with its column's position in Plan.Summed, -1 for count and subjects.
type PlannedMeasure struct {
	Name string
	Op   Op
	Sum  int
}

// Key is one dimension with its domain. A row's key is a position in Labels.
type Key struct {
	Name   string
	Labels []string
	// Module is the position among the codes that the guest emits, -1 for a key that the enclave evaluates. Offset is taken from the
	// guest's code (a key with min and max).
	Module int
	Offset int64
	// Column is evaluated by the enclave: through Lookup (code columns: code → position) or Cuts (numbers and dates: the number of
	// cuts not above the value; with Inside one less, and those from the last cut on are in no cell). Missing is the position of empty
	// values. A position of -1 is that of rows in no cell.
	Column  int
	Lookup  []int32
	Cuts    []int64
	Inside  bool
	Missing int32
}

// Labels of the enclave's own. Catalogued codes and declared labels never start with a parenthesis.
const (
	LabelTotal   = "(total)"
	LabelMissing = "(missing)"
	LabelOther   = "(other)"
)

// ColumnsRead are the dataset columns that execution reads: shown, keys and sums, each once, ascending.
func (p *Plan) ColumnsRead() []int {
	used := make([]bool, len(p.Dataset.Columns))
	for _, c := range p.Shown {
		used[c] = true
	}
	for _, c := range p.Summed {
		used[c] = true
	}
	for i := range p.Keys {
		if p.Keys[i].Module < 0 {
			used[p.Keys[i].Column] = true
		}
	}
	var read []int
	for c, yes := range used {
		if yes {
			read = append(read, c)
		}
	}
	return read
}

// MaxCells is the largest key space that the enclave takes on, whatever policy says: the product of the key domains.
const MaxCells = 1 << 22

// MaxTuples is the most tuples of shown values, times keys that it computes, that a guest is asked about.
const MaxTuples = 1 << 24

// Tuples is how many tuples of values the shown columns may hold, by the catalogue's code lists and bounds and whether a value may be
// empty; MaxInt64 if more. A guest is asked about each of them once, and not about rows, so that it sees no data; only a crafted plan
// shows it rows.
func (p *Plan) Tuples() int64 {
	tuples := uint64(1)
	for _, at := range p.Shown {
		column := &p.Dataset.Columns[at]
		low, high, err := column.Bounds()
		span := uint64(high) - uint64(low) //nolint:gosec // two's complement difference is what is meant
		if err != nil || low > high || span > math.MaxInt64-2 {
			return math.MaxInt64
		}
		if column.Nullable {
			span++
		}
		over, product := bits.Mul64(tuples, span+1)
		if over != 0 || product > math.MaxInt64 {
			return math.MaxInt64
		}
		tuples = product
	}
	return int64(tuples)
}

// TooWide reports whether a guest would have to be asked about more tuples than MaxTuples.
func (p *Plan) TooWide() bool {
	keys := int64(p.ModuleKeys())
	return keys > 0 && !p.Crafted && p.Tuples() > MaxTuples/keys
}

// ModuleKeys is the number of keys that the guest computes.
func (p *Plan) ModuleKeys() int {
	n := 0
	for i := range p.Keys {
		if p.Keys[i].Module >= 0 {
			n++
		}
	}
	return n
}
