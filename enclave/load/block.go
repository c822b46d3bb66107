package load

import (
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// values are one stored column in memory. Empty rows hold 0 and are listed.
type values struct {
	stored []int64
	empty  []int64 // row numbers, ascending
}

// layout says what becomes of each column of a file.
type layout struct {
	dataset *enclave.Dataset
	readers []*reader // in the order of the file's columns
	targets []int     // position in the description, in the order of the file's columns
	subject int       // position of the subject column in the file
}

// newLayout matches a file's columns with the description: each exactly once, and of a type that can be read.
func newLayout(dataset *enclave.Dataset, headers []header) (*layout, error) {
	l := &layout{dataset: dataset, subject: -1}
	var unknown []string
	seen := make([]bool, len(dataset.Columns))
	for i, h := range headers {
		c := slices.IndexFunc(dataset.Columns, func(c enclave.Column) bool { return c.SourceName() == h.name })
		if c < 0 {
			unknown = append(unknown, clip(h.name))
			continue
		}
		column := &dataset.Columns[c]
		if seen[c] {
			return nil, enclave.Fail(enclave.Invalid, "FILE_COLUMN_TWICE", "column", column.SourceName())
		}
		seen[c] = true
		if !h.origin.fits(column.Type) {
			return nil, enclave.Fail(enclave.Invalid, "FILE_COLUMN_TYPE",
				"column", column.SourceName(), "found", h.found, "expected", string(column.Type))
		}
		r, err := newReader(column)
		if err != nil {
			return nil, err
		}
		if column.Name == dataset.Subject.Column {
			l.subject = i
		}
		l.readers, l.targets = append(l.readers, r), append(l.targets, c)
	}
	return l, l.complete(unknown, seen)
}

func (l *layout) complete(unknown []string, seen []bool) error {
	var missing []string
	for c := range seen {
		if !seen[c] {
			missing = append(missing, l.dataset.Columns[c].SourceName())
		}
	}
	switch {
	case len(l.readers) == 0: // what stands in the first line may be a row, so it is not repeated
		return enclave.Fail(enclave.Invalid, "FILE_NO_HEADER", "expected", list(missing))
	case len(unknown) > 0:
		return enclave.Fail(enclave.Invalid, "FILE_COLUMN_UNKNOWN", "column", list(unknown), "dataset", l.dataset.Name)
	case len(missing) > 0:
		return enclave.Fail(enclave.Invalid, "FILE_COLUMN_MISSING", "column", list(missing), "dataset", l.dataset.Name)
	}
	return nil
}

func clip(name string) string {
	const most = 64
	if r := []rune(strings.ToValidUTF8(name, "?")); len(r) > most {
		return strconv.Quote(string(r[:most]) + "…")
	}
	return strconv.Quote(strings.ToValidUTF8(name, "?"))
}

func list(names []string) string {
	const most = 10
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " … (" + strconv.Itoa(len(names)) + ")"
	}
	return strings.Join(names, ", ")
}

// block is a decoded part: rows in the stored form, with the pseudonyms of their subjects. Each worker fills blocks of its own.
type block struct {
	layout   *layout
	columns  []values // in the order of the description; empty for identifiers
	subjects []pseudonym
	rows     int
	lines    int
	wrong    *flaw
}

func (l *layout) newBlock() *block {
	return &block{layout: l, columns: make([]values, len(l.dataset.Columns))}
}

// decode fills the block from a part.
func (b *block) decode(p part, h *hasher) {
	b.subjects = b.subjects[:0]
	for i := range b.columns {
		c := &b.columns[i]
		c.stored, c.empty = c.stored[:0], c.empty[:0]
	}
	b.rows, b.lines, b.wrong = p.each(func(fields []field) *flaw { return b.add(fields, h) })
}

func (b *block) add(fields []field, h *hasher) *flaw {
	l := b.layout
	for i := range fields {
		r := l.readers[i]
		if r.column.Type == enclave.Text {
			id, wrong := r.identifier(&fields[i])
			if wrong != nil {
				return wrong
			}
			if i == l.subject {
				b.subjects = append(b.subjects, h.of(id))
			}
			continue
		}
		v, empty, wrong := r.stored(&fields[i])
		if wrong != nil {
			return wrong
		}
		c := &b.columns[l.targets[i]]
		if empty {
			c.empty = append(c.empty, int64(len(c.stored)))
		}
		c.stored = append(c.stored, v)
	}
	return nil
}
