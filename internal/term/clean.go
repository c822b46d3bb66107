package term

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Line makes text that others wrote fit for one line of a terminal: whatever does not print is written as \u{202e}: control characters,
// escape sequences with them, and what reorders, joins or hides other text. A line break is written as ⏎, so that nobody's text passes
// for another line of ours.
func Line(text string) string { return clean(text, "") }

// Text is Line for text of several lines: it keeps line breaks and tabs.
func Text(text string) string { return clean(text, "\n\t") }

func clean(text, keep string) string {
	var b strings.Builder
	for len(text) > 0 {
		c, size := utf8.DecodeRuneInString(text)
		switch {
		case c == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case strconv.IsGraphic(c), strings.ContainsRune(keep, c):
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(" ⏎ ")
		case c == '\t':
			b.WriteByte(' ')
		default:
			fmt.Fprintf(&b, `\u{%x}`, c)
		}
		text = text[size:]
	}
	return b.String()
}
