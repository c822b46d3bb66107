package enclave_test

import (
	"math"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// What is reserved follows from the manifest, the catalogue and, of a guest that sees rows, the size of the snapshot to a power of two.
func TestReservedFuel(t *testing.T) {
	dataset := &enclave.Dataset{Columns: []enclave.Column{
		{Name: "year", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "1999"},
		{Name: "place", Type: enclave.Int, Class: enclave.Quasi, Min: "1", Max: "10000", Nullable: true},
		{Name: "cost", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "9"},
	}}
	key := enclave.ManifestKey{Name: "band", Values: []string{"a", "b"}}
	const batch = enclave.BatchRows
	for name, c := range map[string]struct {
		manifest enclave.Manifest
		columns  []string
		show     []string
		rows     int64
		want     int64
	}{
		"no code":                            {columns: []string{"year"}, rows: 1000},
		"a hundred tuples, any rows":         {enclave.Manifest{Keys: []enclave.ManifestKey{key}, Fuel: 7}, []string{"year", "cost"}, nil, 1 << 40, enclave.BaseFuel + 7*batch},
		"sixteen batches of tuples":          {enclave.Manifest{Keys: []enclave.ManifestKey{key}, Fuel: 1}, []string{"year", "place"}, nil, 1, 16 * (enclave.BaseFuel + batch)},
		"rows that are seen, to a power":     {enclave.Manifest{Keys: []enclave.ManifestKey{key}, Fuel: 1}, []string{"year", "cost"}, []string{"cost"}, 2*batch + 1, 4 * (enclave.BaseFuel + batch)},
		"a program":                          {enclave.Manifest{Form: enclave.Program, Fuel: 3}, []string{"year"}, nil, 1000, enclave.BaseFuel + 3*1024},
		"a program, as many rows as a power": {enclave.Manifest{Form: enclave.Program}, []string{"year"}, nil, 1024, enclave.BaseFuel + enclave.DefaultFuel*1024},
		"more than can be said":              {enclave.Manifest{Form: enclave.Program, Fuel: enclave.MaxFuel}, []string{"year"}, nil, 1 << 60, math.MaxInt64},
	} {
		if c.manifest.Form == "" {
			c.manifest.Form = enclave.Aggregate
		}
		c.manifest.Inputs = []enclave.ManifestInput{{Dataset: "d", Columns: c.columns, Show: c.show}}
		if got := enclave.ReservedFuel(&c.manifest, dataset, c.rows); got != c.want {
			t.Errorf("%s: %d units, want %d", name, got, c.want)
		}
	}
}
