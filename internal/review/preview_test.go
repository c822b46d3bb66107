package review

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/darkroom-project/darkroom/enclave"
)

func TestCellsAreSafeToShow(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "",
		"plain text 12.5 %":               "plain text 12.5 %",
		"北京市":                             "北京市",
		"\x1b[2J\x1b[31mred":              `\u{1b}[2J\u{1b}[31mred`,
		"a\u202eb\u2066c\u200fd":          `a\u{202e}b\u{2066}c\u{200f}d`,
		"a\nb\tc\rd\x00":                  `a\u{a}b\u{9}c\u{d}d\u{0}`,
		"<script>&\"'`":                   `\u{3c}script\u{3e}\u{26}\u{22}\u{27}\u{60}`,
		`\u{41}`:                          `\\u{41}`,
		"\xff\xfea":                       `\xff\xfea`,
		"\ufeffx\u00adx\u200bx\u00a0":     `\u{feff}x\u{ad}x\u{200b}x\u{a0}`,
		"a" + strings.Repeat("\u0301", 3): "a\u0301\u0301" + `\u{301}`,
		"\u0301a":                         `\u{301}a`,
		"\ue000\U000e0041":                `\u{e000}\u{e0041}`,
		strings.Repeat("字", 201):          strings.Repeat("字", 200) + "…",
	} {
		if got := escape(text); got != want {
			t.Errorf("%q is shown as %q, not %q", text, got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("a\x1b[0m<b>\u202e\xff")
	f.Fuzz(func(t *testing.T, text string) {
		got := escape(text)
		if !utf8.ValidString(got) || strings.ContainsAny(got, "<>&\"'`") || strings.ContainsFunc(got, func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Errorf("%q is shown as %q", text, got)
		}
	})
}

func TestHitsAreMasked(t *testing.T) {
	t.Parallel()
	value := "v"
	read := func(content []byte, limit int) ([]string, [][]*string, int64, error) {
		if content == nil || limit != PreviewRows {
			return nil, nil, 0, enclave.Internalf("not an output")
		}
		return []string{"a", "<b>"}, [][]*string{{&value, &value}, {&value, nil}, {&value, &value}}, 1000, nil
	}
	masks := func(places ...enclave.Place) string {
		t.Helper()
		p, err := preview(read, &enclave.HeldOutput{Bytes: []byte("output"), Places: places})
		if err != nil || p.Total != 1000 || !slices.Equal(p.Columns, []string{"a", `\u{3c}b\u{3e}`}) {
			t.Fatalf("%+v, %v", p, err)
		}
		text := ""
		for _, row := range p.Rows {
			for _, cell := range row {
				switch {
				case cell.Masked && cell.Text == "":
					text += "*"
				case cell.Masked:
					t.Error("a masked cell has its text")
				default:
					text += cell.Text + "."
				}
			}
			text += " "
		}
		return text
	}
	if _, err := preview(read, &enclave.HeldOutput{}); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("an output that cannot be read: %v", err)
	}
	many := make([]enclave.Place, maxPlaces)
	for i := range many {
		many[i] = enclave.Place{Row: 500 + int32(i), Column: 0}
	}
	for i, c := range []struct{ got, want string }{
		{masks(), "v.v. v.. v.v. "},
		{masks(enclave.Place{Row: 2, Column: 1}, enclave.Place{Row: 1, Column: 1}), "v.v. v.* v.* "},
		{masks(enclave.Place{Row: 1, Column: -1}), "v.v. ** v.v. "},
		{masks(enclave.Place{Row: -1, Column: 0}), "*v. *. *v. "},
		{masks(many[1:]...), "v.v. v.. v.v. "},
		{masks(many...), "** ** ** "},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, not %q", strconv.Itoa(i), c.got, c.want)
		}
	}
}
