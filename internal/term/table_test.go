package term_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/internal/term"
)

// TestTable: columns line up as a terminal shows them, numbers to the right, and no line ends in blanks.
func TestTable(t *testing.T) {
	var out bytes.Buffer
	term.Table(&out, []string{"区划", "patients", "note"}, [][]string{
		{"南山区", "1200", "a"},
		{"x", "·", ""},
		{"y", "-3.5", "longer"},
	})
	want := strings.Join([]string{
		"区划    patients  note",
		"──────  ────────  ──────",
		"南山区      1200  a",
		"x              ·",
		"y           -3.5  longer",
		"",
	}, "\n")
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTableWithoutRows(t *testing.T) {
	var out bytes.Buffer
	term.Table(&out, []string{"name", "n"}, nil)
	if got, want := out.String(), "name  n\n────  ─\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestIndent(t *testing.T) {
	var out bytes.Buffer
	term.Table(term.Indent(&out, "> "), []string{"n"}, [][]string{{"1"}})
	if got, want := out.String(), "> n\n> ─\n> 1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
