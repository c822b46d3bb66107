package e2e_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// TestMain makes this test binary the compiler too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.CompileCommand {
		os.Exit(sandbox.CompileMain(context.Background(), os.Args[2:], os.Stdin, os.Stdout, os.Stderr)) //nolint:forbidigo // a main of its own
	}
	m.Run()
}

// A module that would keep a compiler busy for minutes is refused with the limit that it came to. The enclave serves somebody else meanwhile;
// afterwards it needs no compiler for what it has compiled, also when it starts again.
func TestACompileBombCostsAChild(t *testing.T) {
	t.Parallel()
	compiler, err := sandbox.ThisProgram()
	ok(t, err)
	d := start(t, app.Config{CompileSeconds: 1, Compiler: compiler})
	d.visits()
	grant := d.grant(rival, synth.Dataset())
	whole, err := admit.Attach(guests.SlowToCompile(), bands("bomb"))
	ok(t, err)
	refused := make(chan error, 1)
	go func() {
		_, err := d.clients[acme].UploadModule(t.Context(), bytes.NewReader(whole))
		refused <- err
	}()
	honest := d.upload(rival, bands("honest"), guest(t, scaffold.AgeBand))
	d.ends(rival, d.submit(rival, grant, honest, nil), sdk.RunReleased, "")
	if err := <-refused; sdk.ReasonOf(err) != "MODULE_COMPILE" {
		t.Errorf("a compile bomb: %v", err)
	}
	d.close()
	d.config.Compiler = []string{"/nowhere/compiler"}
	d.open()
	d.ends(rival, d.submit(rival, grant, honest, map[string]string{"as_of": "2025"}), sdk.RunReleased, "")
}
