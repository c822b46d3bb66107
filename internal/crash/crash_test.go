package main

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/sdk"
)

// TestMain lets the tests' own binary be the server that is killed.
func TestMain(m *testing.M) {
	if code, served := asServer(); served {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// TestKills is a few kills of the many that the command makes; another few each time.
func TestKills(t *testing.T) {
	t.Parallel() // they wait, for the most part
	kills := 5
	if testing.Short() {
		kills = 2
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	tell(t, func(dir string) (figures, error) { return kill(t.Context(), dir, kills, seed) })
}

// TestFaults lets a few of the server's writes fail, of the hundreds that the command can.
func TestFaults(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("needs Linux on amd64")
	}
	if testing.Short() {
		t.Skip("a process that is watched at each of its system calls, which is slow")
	}
	tell(t, func(dir string) (figures, error) { return fail(t.Context(), dir, 5) })
}

// TestStorm is two hundred runs at once.
func TestStorm(t *testing.T) {
	t.Parallel()
	runs := 200
	if testing.Short() {
		runs = 40
	}
	tell(t, func(dir string) (figures, error) { return rush(t.Context(), dir, runs) })
}

// TestHeldRunIsReleased follows a held run that goes on: only toward its release, and only to an outcome that people can decide on.
func TestHeldRunIsReleased(t *testing.T) {
	t.Parallel()
	held, leaving := sdk.Run{Stage: "judge", Outcome: sdk.RunHeld}, sdk.Run{Stage: "release"}
	for _, c := range []struct {
		seen []sdk.Run
		bad  bool
	}{
		{seen: []sdk.Run{held, leaving, {Stage: "release", Outcome: sdk.RunReleased}}},
		{seen: []sdk.Run{held, {Stage: "execute"}}, bad: true},
		{seen: []sdk.Run{held, leaving, {Stage: "release", Outcome: sdk.RunFailed}}, bad: true},
	} {
		j, followed := newJournal(), &taken{question: &question{outcome: sdk.RunHeld}}
		for _, run := range c.seen {
			j.saw(followed, run, 0)
		}
		if bad := len(j.violations) > 0; bad != c.bad {
			t.Errorf("%v: violations %v", c.seen, j.violations)
		}
	}
}

func tell(t *testing.T, play func(dir string) (figures, error)) {
	t.Helper()
	f, err := play(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f.print(t.Output())
	if len(f.rows) == 0 || len(f.violations) > 0 {
		t.Errorf("%d violations", len(f.violations))
	}
}
