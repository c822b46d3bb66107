package review

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/darkroom-project/darkroom/enclave"
)

const (
	maxCell   = 200 // characters
	maxMarks  = 2   // that may stand on one character
	maxPlaces = 1000
)

// preview shows the beginning of an output. Cells where a fact was found are masked: reviewers are to learn that there is an identifier,
// not whose. Where there are more hits than places are named, any cell might be one.
func preview(read Text, held *enclave.HeldOutput) (Preview, error) {
	columns, rows, total, err := read(held.Bytes, PreviewRows)
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Total: total}
	for _, name := range columns {
		p.Columns = append(p.Columns, escape(name))
	}
	for i, row := range rows {
		cells := make([]Cell, len(row))
		for j, value := range row {
			switch {
			case len(held.Places) >= maxPlaces || slices.ContainsFunc(held.Places, func(at enclave.Place) bool { return covers(at, i, j) }):
				cells[j].Masked = true
			case value != nil:
				cells[j].Text = escape(*value)
			}
		}
		p.Rows = append(p.Rows, cells)
	}
	return p, nil
}

// covers reports whether a place names a cell, by itself, its whole row or its whole column.
func covers(at enclave.Place, row, column int) bool {
	return (at.Row < 0 || int(at.Row) == row) && (at.Column < 0 || int(at.Column) == column)
}

// escape writes a text so that it stays where it is shown, in a terminal and in a page: see [Cell].
func escape(text string) string {
	var out strings.Builder
	count, marks := 0, 0
	for len(text) > 0 {
		c, size := utf8.DecodeRuneInString(text)
		if count++; count > maxCell {
			out.WriteString("…")
			break
		}
		if marks++; !unicode.Is(unicode.M, c) {
			marks = 0
		}
		switch {
		case c == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case c == '\\':
			out.WriteString(`\\`)
		case !unicode.IsPrint(c) || marks > maxMarks || marks > 0 && count == marks || strings.ContainsRune("<>&\"'`", c):
			fmt.Fprintf(&out, `\u{%x}`, c)
		default:
			out.WriteRune(c)
		}
		text = text[size:]
	}
	return out.String()
}
