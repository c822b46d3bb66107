package aggregate_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	wasm "github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// A guest that sees rows must say of each row what it says of it among other rows. What is none of a function of the row is a fault like
// any other of a crafted run's guest; only the cause says which.
func TestGuestsThatSeeRowsAreFunctionsOfTheRow(t *testing.T) {
	honest, err := os.ReadFile("../../internal/scaffold/guests/ageband.wasm")
	if err != nil {
		t.Fatal(err)
	}
	box, err := wasm.New(t.Context(), wasm.Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Close(context.Background()) })
	m := random(5, 3000)
	m.batch = 4096
	m.wide[born] = make([]int64, len(m.subjects))
	for i := range m.wide[born] {
		m.wide[born][i], m.empty[born][i] = 1930+int64(i)%90, false
	}
	m.wide[born][1234] = guests.Marker
	for name, c := range map[string]struct {
		code   []byte
		labels int
		caught bool
	}{
		"an honest one":                    {honest, 4, false},
		"one that counts rows":             {guests.AcrossRows().Wasm, 2, true},
		"one that looks for a row's value": {guests.Named("scanner").Wasm, 2, true},
	} {
		p := plan()
		p.Crafted, p.Shown = true, []int{born}
		p.Dataset.Columns[born].Name, p.Dataset.Columns[born].Max = "birth_year", enclave.Scalar(strconv.Itoa(guests.Marker))
		m.of = p.Dataset
		p.Keys[1].Labels, p.Keys[1].Offset = make([]string, c.labels), 0
		p.Params = []byte(`{"params":{"as_of":2024},"columns":["birth_year"],"keys":["age_band"]}`)
		module := &enclave.Module{Digest: enclave.DigestOf(c.code), Bytes: c.code, HasCode: true}
		_, err := aggregate.New(box, 2).Execute(t.Context(), m, module, p)
		if !c.caught {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, enclave.Fail(enclave.Invalid, "MODULE_FAILED")) || !strings.Contains(causes(err), "not a function of the row") {
			t.Errorf("%s: %v (%s)", name, err, causes(err))
		}
	}
}

// causes are the texts of an error and of what it wraps, which stay inside.
func causes(err error) string {
	text := ""
	for ; err != nil; err = errors.Unwrap(err) {
		text += err.Error() + "; "
	}
	return text
}
