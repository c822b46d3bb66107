package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/darkroom-project/darkroom/enclave"
)

// TestService starts one service and lets all who need one use it: the scripts of testdata/script, and the bad inputs of every command.
func TestService(t *testing.T) {
	d := startDomain(t)
	t.Run("bad input", d.testBadInputs)
	t.Run("interrupted", d.testInterrupted)
	t.Run("script", func(t *testing.T) {
		testscript.Run(t, testscript.Params{
			Dir:                 filepath.Join("testdata", "script"),
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Setup: func(env *testscript.Env) error {
				for name, value := range d.env {
					env.Setenv(name, value)
				}
				// The go command of 'module build' keeps what it compiled before.
				for _, name := range []string{"GOCACHE", "GOPATH"} {
					value, err := exec.Command("go", "env", name).Output() //nolint:gosec,noctx // a fixed command
					if err != nil {
						return err
					}
					env.Setenv(name, strings.TrimSpace(string(value)))
				}
				env.Setenv("LANG", "en_US.UTF-8")
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){"capture": capture, "status": status, "flip": flip, "copy-ledger": copyLedger},
		})
	})
	code, errs := d.stopped()
	if code != exitDone || !strings.Contains(errs, enclave.Say(enclave.English, "CLI_SERVE_STOPPING")) {
		t.Errorf("stopped with status %d, and said: %s", code, errs)
	}
}

// testInterrupted: whoever stops waiting is told that the run goes on, and how to come back to it.
func (d *domain) testInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out, errs bytes.Buffer
	// The first stage shown is the interrupt's moment.
	stderr := writerFunc(func(b []byte) (int, error) {
		if strings.HasPrefix(string(b), "  ") {
			interrupt()
		}
		return errs.Write(b)
	})
	args := d.words("run submit $ENDLESS --grant $GRANT --wait --lang en --credential $OPERATOR")
	if status := Main(ctx, args, strings.NewReader(""), &out, stderr); status != exitFailed || reasonIn(errs.String()) != "CALL_CANCELED" {
		t.Errorf("status %d\n%s%s", status, out.String(), errs.String())
	}
	hint := regexp.MustCompile(`Stop it: darkroom (run cancel runs/[a-z2-7]{26})`).FindStringSubmatch(errs.String())
	if hint == nil {
		t.Fatalf("it does not say how to stop the run:\n%s", errs.String())
	}
	d.dr(t, hint[1]+" --credential $OPERATOR")
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// capture NAME REGEXP sets a variable to what the regular expression finds in the last command's output, or its first group.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME REGEXP")
	}
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) == 0 {
		ts.Fatalf("nothing matches %s", args[1])
	}
	ts.Setenv(args[0], found[len(found)-1])
}

// status N COMMAND … runs a command that must end with that status.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND ...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if err != nil {
		got = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if got != args[0] {
		ts.Fatalf("status %s (%v), not %s", got, err, args[0])
	}
}

// copyLedger FROM TO copies the folder of a ledger that is written meanwhile: a file may vanish under the copy, which then begins again, as an
// auditor's would.
func copyLedger(ts *testscript.TestScript, _ bool, args []string) {
	to := ts.MkAbs(args[1])
	for range 20 {
		ts.Check(os.RemoveAll(to))
		if err := os.CopyFS(to, os.DirFS(args[0])); err == nil {
			return
		} else if !errors.Is(err, fs.ErrNotExist) {
			ts.Check(err)
		}
	}
	ts.Fatalf("the ledger never held still")
}

// flip DIR changes one bit of the first file below a directory.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip DIR")
	}
	found := errors.New("found")
	err := filepath.WalkDir(ts.MkAbs(args[0]), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path) //nolint:gosec // a test's own
		if err != nil {
			return err
		}
		raw[len(raw)/2] ^= 1
		ts.Check(os.WriteFile(path, raw, 0o600)) //nolint:gosec // likewise
		return found
	})
	if !errors.Is(err, found) {
		ts.Fatalf("nothing to change below %s: %v", args[0], err)
	}
}
