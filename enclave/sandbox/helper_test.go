package sandbox_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
)

// open makes a sandbox that ends with the test.
func open(tb testing.TB, config sandbox.Config) *sandbox.Sandbox {
	tb.Helper()
	s, err := sandbox.New(tb.Context(), config, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// rehearse makes a sandbox for synthetic rows that ends with the test.
func rehearse(tb testing.TB, config sandbox.Config) *sandbox.Rehearsal {
	tb.Helper()
	r, err := sandbox.NewRehearsal(tb.Context(), config, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return r
}

func moduleOf(wasm []byte) *enclave.Module {
	return &enclave.Module{Digest: enclave.DigestOf(wasm), Bytes: wasm, HasCode: true}
}

// dataset has a column of each width to show, and one that is not shown.
func dataset() *enclave.Dataset {
	return &enclave.Dataset{Name: "visits", Columns: []enclave.Column{
		{Name: "birth_year", Type: enclave.Int, Class: enclave.Quasi},
		{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"a", "b"}},
		{Name: "cost", Type: enclave.Decimal, Class: enclave.Measure, Scale: 2},
	}}
}

// planOf shows columns, asks the guest for one key, and sets as_of to 2024.
func planOf(shown ...int) *enclave.Plan {
	d := dataset()
	columns := ""
	for i, c := range shown {
		if i > 0 {
			columns += ","
		}
		columns += `"` + d.Columns[c].Name + `"`
	}
	return &enclave.Plan{
		Dataset: d, Shown: shown,
		Keys:   []enclave.Key{{Name: "age_band", Module: 0}},
		Params: []byte(`{"params":{"as_of":2024},"columns":[` + columns + `],"keys":["age_band"]}`),
	}
}

// batchOf has the plan's columns, each with the value at(row) in every row that is not padding.
func batchOf(plan *enclave.Plan, rows int, at func(column, row int) int64) *enclave.Batch {
	b := &enclave.Batch{Rows: rows, Subjects: make([]uint32, rows)}
	for i, c := range plan.Shown {
		v := enclave.Vector{Valid: make([]byte, enclave.BatchRows/8)}
		if plan.Dataset.Columns[c].Type.Narrow() {
			v.Narrow = make([]int32, enclave.BatchRows)
		} else {
			v.Wide = make([]int64, enclave.BatchRows)
		}
		for row := range rows {
			v.Valid[row/8] |= 1 << (row % 8)
			if v.Narrow != nil {
				v.Narrow[row] = int32(at(i, row)) //nolint:gosec // small numbers of the test
			} else {
				v.Wide[row] = at(i, row)
			}
		}
		b.Columns = append(b.Columns, v)
	}
	return b
}

// assign runs one batch through a fresh guest and returns the codes of its only key.
func assign(tb testing.TB, s enclave.Sandbox, wasm []byte, plan *enclave.Plan, batch *enclave.Batch) ([]int32, error) {
	tb.Helper()
	g, err := s.Open(tb.Context(), moduleOf(wasm), plan)
	if err != nil {
		return nil, err
	}
	codes := [][]int32{make([]int32, batch.Rows)}
	err = g.Assign(tb.Context(), batch, codes)
	if closing := g.Close(tb.Context()); closing != nil {
		tb.Error(closing)
	}
	return codes[0], err
}
