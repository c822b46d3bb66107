package run_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// TestEvidenceKeepsItsForm holds the text whose digest stands in the ledger to a golden vector: an auditor of another year must find
// the same bytes.
func TestEvidenceKeepsItsForm(t *testing.T) {
	t.Parallel()
	golden, err := os.ReadFile("testdata/evidence.json")
	ok(t, err)
	got, err := json.Marshal(run.Evidence{Salt: "abcdefghijklmnopqrstuvwxyz", Facts: enclave.Facts{
		Version: 1, Form: enclave.Aggregate, Operator: "acme", Scenario: "planning", Dataset: "visits", Grade: 2, SubjectKind: enclave.Person,
		Cells: enclave.CellCounts{Published: 12, Primary: 3, Complement: 2, History: 4}, MinSubjects: 11, RoundCount: 5, RoundSum: 100, Bytes: 4096,
	}})
	ok(t, err)
	if !bytes.Equal(got, bytes.TrimSpace(golden)) {
		t.Errorf("evidence is written as\n%s", got)
	}
}
