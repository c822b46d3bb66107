package cli

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/run"
)

// What left and would not leave so now is counted, in part or whole, by a dry run of either kind.
func TestLostCells(t *testing.T) {
	for name, c := range map[string]struct {
		run  run.WhatIfRun
		lost int
	}{
		"fewer cells":          {run.WhatIfRun{Before: enclave.Release, After: enclave.Release, Exact: true, Cells: &[2]int64{618, 600}}, 1},
		"denied, run again":    {run.WhatIfRun{Before: enclave.Release, After: enclave.Deny, Exact: true}, 1},
		"denied, as it was":    {run.WhatIfRun{Before: enclave.Release, After: enclave.Deny, Approximate: true}, 1},
		"more below":           {run.WhatIfRun{Before: enclave.Release, After: enclave.Release, Approximate: true, Suppressed: 2}, 1},
		"denied and below":     {run.WhatIfRun{Before: enclave.Release, After: enclave.Deny, Approximate: true, Suppressed: 2}, 1},
		"more cells":           {run.WhatIfRun{Before: enclave.Release, After: enclave.Release, Exact: true, Cells: &[2]int64{600, 618}}, 0},
		"no decision":          {run.WhatIfRun{Before: enclave.Release, Exact: true}, 0},
		"it never left":        {run.WhatIfRun{Before: enclave.Hold, After: enclave.Deny}, 0},
		"it was denied always": {run.WhatIfRun{Before: enclave.Deny, After: enclave.Deny, Approximate: true, Suppressed: 2}, 0},
	} {
		if lost := lostCells(&run.WhatIf{Runs: []run.WhatIfRun{c.run}}); lost != c.lost {
			t.Errorf("%s: %d", name, lost)
		}
	}
}
