package main

import (
	"os"
	"testing"
	"time"
)

// TestMain lets the tests' own binary be the server that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(serveDir); dir != "" {
		os.Exit(serve(dir))
	}
	os.Exit(m.Run())
}

// TestKills is a few kills of the many that the command makes; another few each time.
func TestKills(t *testing.T) {
	kills := 5
	if testing.Short() {
		kills = 2
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	tell(t, func(dir string) (figures, error) { return kill(t.Context(), dir, kills, seed) })
}

// TestStorm is two hundred runs at once.
func TestStorm(t *testing.T) {
	runs := 200
	if testing.Short() {
		runs = 40
	}
	tell(t, func(dir string) (figures, error) { return rush(t.Context(), dir, runs) })
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
