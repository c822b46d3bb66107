package leak

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// TestTurn: of large products one is inspected at a time, and who waits can be canceled; modest ones wait for nobody.
func TestTurn(t *testing.T) {
	of := func(bytes int) *enclave.Product {
		output := &enclave.ManifestOutput{Columns: []enclave.ManifestColumn{{Type: enclave.KindText}}}
		return &enclave.Product{
			Plan: &enclave.Plan{Manifest: &enclave.Manifest{Output: output}}, Rows: 1,
			Columns: []enclave.ProductColumn{{Texts: []string{strings.Repeat("x", bytes)}}},
		}
	}
	i := New(nil)
	done, err := i.turn(t.Context(), of(modest))
	if err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.turn(canceled, of(modest)); !errors.Is(err, context.Canceled) {
		t.Errorf("two at a time: %v", err)
	}
	if _, err := i.turn(canceled, of(1)); err != nil {
		t.Errorf("a modest one waits: %v", err)
	}
	done()
	if _, err := i.turn(t.Context(), of(modest)); err != nil {
		t.Error(err)
	}
}
