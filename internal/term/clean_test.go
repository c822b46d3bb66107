package term_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/darkroom-project/darkroom/internal/term"
)

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"Fair premiums, 公平定价　é ½ €":   "Fair premiums, 公平定价　é ½ €",
		"\x1b[2J\x1b]0;title\x07":     `\u{1b}[2J\u{1b}]0;title\u{7}`,
		"\x9b31m":                     `\x9b31m`, // not UTF-8
		"\u009b31m":                   `\u{9b}31m`,
		"released\rheld":              `released\u{d}held`,
		"one\ntwo\tthree":             "one ⏎ two three",
		"safe \u202eelbuod\u202c":     `safe \u{202e}elbuod\u{202c}`,
		"\u2066a\u2069b\u200bc\ufeff": `\u{2066}a\u{2069}b\u{200b}c\u{feff}`,
		"a\u2028b\u2029c":             `a\u{2028}b\u{2029}c`,
		"\U000e0041 \U0010ffff":       `\u{e0041} \u{10ffff}`,
		"\b\b\b\x7f\x00":              `\u{8}\u{8}\u{8}\u{7f}\u{0}`,
		"a\xff\xfe":                   `a\xff\xfe`,
		"�":                           "�",
	} {
		if got := term.Line(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got, want := term.Text("one\n\ttwo\x1b\r\n"), "one\n\ttwo\\u{1b}\\u{d}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A cell is whatever somebody put there: it neither leaves its row nor moves another column.
func TestTableOfHostileCells(t *testing.T) {
	var out bytes.Buffer
	term.Table(&out, []string{"na\x1bme", "n"}, [][]string{{"a\nb", "1"}, {"\u202etxt", "2"}})
	want := strings.Join([]string{"na\\u{1b}me   n", "───────────  ─", "a ⏎ b        1", "\\u{202e}txt  2", ""}, "\n")
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\x1b[0m\u202e\n\xff")
	f.Fuzz(func(t *testing.T, text string) {
		line := term.Line(text)
		if !utf8.ValidString(line) {
			t.Errorf("%q: not UTF-8: %q", text, line)
		}
		for _, c := range line {
			if unicode.In(c, unicode.C, unicode.Zl, unicode.Zp) {
				t.Errorf("%q: %U is left in %q", text, c, line)
			}
		}
		if term.Line(line) != line {
			t.Errorf("%q: not the same when done twice", text)
		}
	})
}
