package enclave

import (
	"math"
	"math/bits"
	"slices"
)

// Shown are the columns that the module's guest sees, as positions in the dataset, in the manifest's order: none if there is no guest. An
// identifier that the manifest asks to show is among them, for admission to refuse; a column that the dataset lacks is not.
func (m *Manifest) Shown(dataset *Dataset) []int {
	if !m.NeedsCode() {
		return nil
	}
	var shown []int
	for _, name := range m.Inputs[0].Columns {
		at := dataset.Column(name)
		if at >= 0 && (dataset.Columns[at].Class.Shown() || slices.Contains(m.Inputs[0].Show, name)) {
			shown = append(shown, at)
		}
	}
	return shown
}

// NeedsCode reports whether the enclave would ever call the module: it is a program, or has keys to compute.
func (m *Manifest) NeedsCode() bool { return m.Form == Program || len(m.ModuleKeys()) > 0 }

// ReservedFuel is what is set aside for a run's module, and what its operator is charged, whatever becomes of the run: the fuel that the
// manifest asks for each row, over the rows that the guest is asked about. It is known before the run begins, and tells nothing that the
// guest could choose. Of a guest that sees rows, their number is rounded up to a power of two; any other is asked about what the catalogue
// allows. It is 0 without code, and MaxInt64 if it is larger.
func ReservedFuel(m *Manifest, dataset *Dataset, rows int64) int64 {
	if !m.NeedsCode() {
		return 0
	}
	if m.SeesRows() {
		rows = bucket(rows)
	} else {
		rows = min(MaxTuples, (&Plan{Dataset: dataset, Manifest: m, Shown: m.Shown(dataset)}).Tuples()) // of more it is refused
	}
	starts := int64(1)
	if m.Form == Aggregate { // each batch is a whole one, in an instance of its own
		starts = (rows-1)/BatchRows + 1
		rows = starts * BatchRows
	}
	return saturated(BaseFuel, starts, saturated(m.RowFuel(), rows, 0))
}

// bucket rounds a number of rows up to a power of two.
func bucket(rows int64) int64 {
	if rows <= 1 {
		return 1
	}
	return 1 << bits.Len64(uint64(rows-1))
}

// saturated is a × b + c of numbers that are not negative, or MaxInt64.
func saturated(a, b, c int64) int64 {
	over, product := bits.Mul64(uint64(a), uint64(b))                                              //nolint:gosec // not negative
	if sum := product + uint64(c); over == 0 && product <= math.MaxInt64 && sum <= math.MaxInt64 { //nolint:gosec // not negative
		return int64(sum)
	}
	return math.MaxInt64
}
