package sandbox

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// golden reads hexadecimal digits; spaces and lines are free, and # begins a comment.
func golden(tb testing.TB, name string) []byte {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name)) //nolint:gosec // a file of the test
	if err != nil {
		tb.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(raw)) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	want, err := hex.DecodeString(digits.String())
	if err != nil || len(want) == 0 {
		tb.Fatalf("%s: %d bytes, %v", name, len(want), err)
	}
	return want
}

func TestDescriptorIsTheGoldenOne(t *testing.T) {
	l := layoutOf(&enclave.Plan{
		Dataset: &enclave.Dataset{Columns: []enclave.Column{{Type: enclave.Int}, {Type: enclave.Date}, {Type: enclave.Decimal}, {Type: enclave.Code}}},
		Shown:   []int{3, 0},
		Keys:    []enclave.Key{{Module: 0}, {Module: -1}, {Module: 1}},
	})
	got := l.descriptor(0x0060_0000, enclave.BatchRows)
	if want := golden(t, "descriptor.hex"); !bytes.Equal(got, want) {
		t.Fatalf("got\n%swant\n%s", hex.Dump(got), hex.Dump(want))
	}
	if len(got) != int(l.descriptorBytes()) {
		t.Fatalf("%d bytes, announced as %d", len(got), l.descriptorBytes())
	}
	if l.size != 0x14_4000 {
		t.Fatalf("the window takes %#x bytes", l.size)
	}
}

func TestOnlyFifteenSystemFunctionsAreOffered(t *testing.T) {
	if n := len(system()); n != 15 {
		t.Fatalf("%d functions", n)
	}
	for _, f := range system() {
		if !offers(systemModule, f.name, f.params, f.results()) {
			t.Errorf("%s is not offered", f.name)
		}
		if offers(systemModule, f.name, append(f.params, i64), f.results()) || offers("env", f.name, f.params, f.results()) {
			t.Errorf("%s is offered with another type or from another module", f.name)
		}
	}
	if offers(systemModule, "fd_read", system()[6].params, system()[6].results()) {
		t.Error("fd_read is offered")
	}
}
