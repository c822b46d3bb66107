// Package term prints for people at a terminal.
package term

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Table prints rows in aligned columns. What cells hold that does not print is made visible, as [Line] has it. Widths are of the terminal: a Chinese character takes two places. Columns whose cells are
// all numbers, or a dot for none, are aligned to the right.
func Table(w io.Writer, header []string, rows [][]string) {
	header, rows = printable(header), slices.Clone(rows)
	for r := range rows {
		rows[r] = printable(rows[r])
	}
	width, numeric := make([]int, len(header)), make([]bool, len(header))
	for c, name := range header {
		width[c], numeric[c] = runewidth.StringWidth(name), len(rows) > 0
		for _, row := range rows {
			width[c] = max(width[c], runewidth.StringWidth(row[c]))
			numeric[c] = numeric[c] && isNumber(row[c])
		}
	}
	line := func(cells []string) {
		var b strings.Builder
		for c, cell := range cells {
			gap := strings.Repeat(" ", width[c]-runewidth.StringWidth(cell))
			if numeric[c] {
				cell = gap + cell
			} else if c < len(cells)-1 {
				cell += gap
			}
			if c > 0 {
				b.WriteString("  ")
			}
			b.WriteString(cell)
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
	line(header)
	rule := make([]string, len(header))
	for c := range rule {
		rule[c] = strings.Repeat("─", width[c])
	}
	fmt.Fprintln(w, strings.Join(rule, "  "))
	for _, row := range rows {
		line(row)
	}
}

func printable(cells []string) []string {
	out := make([]string, len(cells))
	for i, cell := range cells {
		out[i] = Line(cell)
	}
	return out
}

func isNumber(s string) bool {
	return s == "·" || strings.Trim(s, "-+.0123456789") == ""
}

// Indent writes to w with a prefix before each line. Writes are expected to be of whole lines.
func Indent(w io.Writer, prefix string) io.Writer { return indented{w, prefix} }

type indented struct {
	w      io.Writer
	prefix string
}

func (i indented) Write(line []byte) (int, error) {
	if _, err := io.WriteString(i.w, i.prefix); err != nil {
		return 0, err
	}
	return i.w.Write(line)
}
