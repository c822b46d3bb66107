package load

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/darkroom-project/darkroom/enclave"
)

// csvPart is whole rows of a CSV file. Decoding unescapes quotes in place.
type csvPart struct {
	data      []byte
	delimiter byte
	columns   int
	at, line  int
	fields    []field
}

func (p *csvPart) release() {}

func (p *csvPart) each(visit func(fields []field) *flaw) (rows, lines int, wrong *flaw) {
	clean := utf8.Valid(p.data) && !bytes.ContainsRune(p.data, utf8.RuneError)
	for p.at < len(p.data) {
		line := p.line
		fields, wrong := p.record(p.fields[:0])
		if wrong == nil && fields == nil {
			continue
		}
		p.fields = fields
		switch {
		case wrong != nil:
		case len(fields) != p.columns:
			wrong = &flaw{kind: enclave.Invalid, code: "FILE_FIELDS", args: []string{
				"found", strconv.Itoa(len(fields)), "expected", strconv.Itoa(p.columns),
			}}
		case !clean && !decodable(fields):
			wrong = &flaw{kind: enclave.Invalid, code: "FILE_ENCODING"}
		default:
			wrong = visit(fields)
		}
		if wrong != nil {
			wrong.row, wrong.line = rows, line
			return rows, p.line, wrong
		}
		rows++
	}
	return rows, p.line, nil
}

func decodable(fields []field) bool {
	for i := range fields {
		if !utf8.Valid(fields[i].text) || bytes.ContainsRune(fields[i].text, utf8.RuneError) {
			return false
		}
	}
	return true
}

// record reads the next row into fields; a blank line gives none. Fields are trimmed.
func (p *csvPart) record(fields []field) ([]field, *flaw) {
	data := p.data
	if p.at < len(data) && data[p.at] == '\n' || p.at+1 < len(data) && data[p.at] == '\r' && data[p.at+1] == '\n' {
		p.at += bytes.IndexByte(data[p.at:], '\n') + 1
		p.line++
		return nil, nil
	}
	for {
		var text []byte
		var wrong *flaw
		if p.at < len(data) && data[p.at] == '"' {
			text, wrong = p.quoted()
		} else {
			text, wrong = p.plain()
		}
		if wrong != nil {
			return nil, wrong
		}
		f := field{form: formText, text: bytes.TrimSpace(text)}
		if len(f.text) == 0 {
			f.form = formEmpty
		}
		fields = append(fields, f)
		if p.at >= len(data) {
			p.line++
			return fields, nil
		}
		end := data[p.at]
		p.at++
		if end == '\n' {
			p.line++
			return fields, nil
		}
		if len(fields) > maxFileColumns {
			return nil, &flaw{kind: enclave.Limit, code: "FILE_TOO_WIDE", args: []string{"limit", strconv.Itoa(maxFileColumns)}}
		}
	}
}

// plain reads up to the delimiter or the end of the line, and stops on it.
func (p *csvPart) plain() ([]byte, *flaw) {
	start := p.at
	for i, c := range p.data[start:] {
		switch c {
		case p.delimiter, '\n':
			p.at = start + i
			return p.data[start:p.at], nil // a CR before the LF is trimmed as space
		case '"':
			return nil, badQuotes()
		}
	}
	p.at = len(p.data)
	return p.data[start:], nil
}

// quoted reads a quoted field and stops on the delimiter or line end after it.
func (p *csvPart) quoted() ([]byte, *flaw) {
	data := p.data
	start := p.at + 1
	out := start // doubled quotes are closed up in place
	for i := start; i < len(data); i++ {
		c := data[i]
		switch {
		case c == '\n':
			p.line++
		case c == '"' && i+1 < len(data) && data[i+1] == '"':
			i++
		case c == '"':
			i++
			if i < len(data) && data[i] == '\r' {
				i++
			}
			if i < len(data) && data[i] != p.delimiter && data[i] != '\n' {
				return nil, badQuotes()
			}
			p.at = i
			return data[start:out], nil
		}
		data[out] = c
		out++
	}
	return nil, badQuotes()
}

func badQuotes() *flaw { return &flaw{kind: enclave.Invalid, code: "FILE_QUOTES"} }

// located makes the refusal of a flaw in a part that starts after some rows and lines; lines counts the header. Rows are counted
// from 1 without the header, lines of the file from 1 with it.
func (w *flaw) located(rows, lines int64) *enclave.Error {
	line := "–" // only text files have lines
	if lines >= 0 {
		line = strconv.FormatInt(lines+int64(w.line)+1, 10)
	}
	args := append([]string{"row", strconv.FormatInt(rows+int64(w.row)+1, 10), "line", line}, w.args...)
	return enclave.Fail(w.kind, w.code, args...)
}
