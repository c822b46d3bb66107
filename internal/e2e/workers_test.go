package e2e_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
)

// The same question about the same file has the same answer, byte for byte, from enclaves with other keys, on one core and on several, with one
// run at a time and with many. It is not parallel, since the number of processors is the process's.
func TestSameBytesOnAnyNumberOfCores(t *testing.T) {
	processors := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(processors)
	var want []byte
	for _, c := range []struct{ processors, workers, runs int }{{1, 1, 1}, {3, 1, 1}, {4, 3, 4}} {
		runtime.GOMAXPROCS(c.processors)
		d := start(t, app.Config{Workers: c.workers})
		d.visits()
		grant := d.grant(acme, synth.Dataset())
		module := d.upload(acme, bands("honest"), guest(t, scaffold.AgeBand))
		var runs []sdk.Run
		for range c.runs {
			runs = append(runs, d.submit(acme, grant, module, nil))
		}
		for _, run := range runs {
			got, _, rows := d.result(acme, run)
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) || len(rows) < 20 {
				t.Errorf("%+v: other bytes", c)
			}
		}
	}
}
