package load_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/synth"
)

// TestKnown: the directory recognises every subject of a file, however the identifier is written, and nobody else.
func TestKnown(t *testing.T) {
	store, err := load.Open(t.TempDir(), [32]byte{1}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ids := [][]byte{nil}
	for row := range synth.Rows(1, 50) {
		ids = append(ids, []byte(row[0]))
	}
	before, err := store.Known(t.Context(), enclave.Person, ids)
	if err != nil || slices.Contains(before, true) {
		t.Fatalf("known before anything was loaded: %v, %v", before, err)
	}
	var csv bytes.Buffer
	if err := synth.WriteCSV(&csv, 1, 50); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Ingest(t.Context(), synth.Dataset(), load.CSV, bytes.NewReader(csv.Bytes()), nil); err != nil {
		t.Fatal(err)
	}
	known, err := store.Known(t.Context(), enclave.Person, ids)
	if err != nil || known[0] || slices.Contains(known[1:], false) {
		t.Errorf("%v, %v", known, err)
	}
	id := string(ids[1])
	wide := strings.Map(func(r rune) rune { return r - '!' + '！' }, id)
	for _, c := range []struct {
		text string
		want bool
	}{
		{strings.ToLower(id), true},
		{" " + id + "\n", true},
		{wide, true},
		{id[:17], false},
		{id + "0", false},
		{strings.Repeat("1", 1000), false},
		{"", false},
	} {
		candidate := []byte(c.text)
		got, err := store.Known(t.Context(), enclave.Person, [][]byte{candidate})
		if err != nil || got[0] != c.want || string(candidate) != c.text {
			t.Errorf("%.40q: %v, %v; afterwards %.40q", c.text, got, err, candidate)
		}
	}
	if got, err := store.Known(t.Context(), enclave.Organisation, ids); err != nil || slices.Contains(got, true) {
		t.Errorf("a person is no organisation: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Known(ctx, enclave.Person, ids); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
