package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Shapes of columns, as a draft judges them.
const (
	checkedShare   = 0.9 // of values with a right check digit: the column is such an identifier
	mostPlainCodes = 200 // different values of a column whose header does not say that it holds codes
)

// Draft proposes the description of a file for a person to correct: names, types, classes, code lists, bounds, the subject. It reads
// the whole file and keeps nothing of it but code lists and rounded bounds. The dataset's name is made from name. Where the draft had
// to guess, class and bounds are the safer choice; the notes say what a person must check. The description has no owner, so
// it does not validate before a person has been at it.
func Draft(ctx context.Context, format Format, src Source, name string) (*enclave.Dataset, []enclave.Reason, error) {
	t, err := openTable(ctx, src, format)
	if err != nil {
		return nil, nil, err
	}
	columns, err := observe(ctx, t, format)
	if err != nil {
		return nil, nil, err
	}
	d := &drafter{dataset: &enclave.Dataset{Name: datasetName(name), Grade: 3, Sharing: enclave.Conditional}}
	d.note("DRAFT_OWNER", "grade", strconv.Itoa(d.dataset.Grade), "sharing", string(d.dataset.Sharing))
	taken := map[string]bool{}
	for i, o := range columns {
		c, kind := d.column(o)
		c.Name = columnName(o.header.name, i+1, taken)
		if c.Name != o.header.name {
			c.Header = o.header.name
		}
		d.dataset.Columns = append(d.dataset.Columns, c)
		d.consider(&c, kind, o)
	}
	d.finish()
	return d.dataset, d.notes, nil
}

// observe reads the whole file once.
func observe(ctx context.Context, t table, format Format) ([]*observed, error) {
	columns := make([]*observed, 0, len(t.headers()))
	for _, h := range t.headers() {
		if h.origin == originOther {
			return nil, enclave.Fail(enclave.Invalid, "FILE_COLUMN_TYPE",
				"column", clip(h.name), "found", h.found, "expected", "text, int, decimal, date, bool")
		}
		columns = append(columns, newObserved(h))
	}
	if len(columns) > enclave.MaxColumns {
		return nil, enclave.Fail(enclave.Limit, "FILE_TOO_WIDE", "limit", itoa(enclave.MaxColumns))
	}
	rows, lines := int64(0), t.headLines()
	var p part
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var err error
		if p, err = t.next(p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		err = guarded(format, func() error {
			defer p.release()
			n, more, wrong := p.each(func(fields []field) *flaw {
				for i := range fields {
					columns[i].add(&fields[i])
				}
				return nil
			})
			if wrong != nil {
				return wrong.located(rows, lines)
			}
			if rows += int64(n); lines >= 0 {
				lines += int64(more)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if rows == 0 {
		return nil, enclave.Fail(enclave.Invalid, "FILE_EMPTY")
	}
	return columns, nil
}

// drafter collects a description with its notes.
type drafter struct {
	dataset *enclave.Dataset
	notes   []enclave.Reason
	best    int // how well the subject column fits so far
}

// note adds a note of the message catalogue; args are pairs of name and value.
func (d *drafter) note(code string, args ...string) {
	d.notes = append(d.notes, enclave.Fail(enclave.Invalid, code, args...).Reasons()...)
}

// column proposes type and class. Kind is set if the column may identify a subject.
func (d *drafter) column(o *observed) (c enclave.Column, kind enclave.SubjectKind) {
	c.Nullable = o.empty > 0
	m := meaningOf(o.header.name)
	switch {
	case o.rows > 0 && float64(o.citizens) >= checkedShare*float64(o.rows):
		c.Type, c.Class, c.Check = enclave.Text, enclave.Identifier, enclave.CitizenID
		return c, enclave.Person
	case o.rows > 0 && float64(o.usccs) >= checkedShare*float64(o.rows):
		c.Type, c.Class, c.Check = enclave.Text, enclave.Identifier, enclave.USCC
		return c, enclave.Organisation
	case m != nil && m.class == enclave.Identifier:
		c.Type, c.Class = enclave.Text, enclave.Identifier
		return c, m.kind
	}
	d.typed(&c, o, m)
	switch {
	case c.Type == enclave.Text:
		c.Class = enclave.Identifier
		d.note("DRAFT_TEXT", "column", clip(o.header.name))
	case m != nil && (m.class != enclave.Measure || c.Type == enclave.Int || c.Type == enclave.Decimal):
		c.Class = m.class
	case c.Type == enclave.Int || c.Type == enclave.Decimal:
		c.Class = enclave.Measure
		d.note("DRAFT_MEASURE", "column", clip(o.header.name))
	case c.Type == enclave.Date:
		c.Class = enclave.Quasi
	default:
		c.Class = enclave.Sensitive
		d.note("DRAFT_CLASS", "column", clip(o.header.name))
	}
	return c, ""
}

// typed proposes the type with its code list or bounds.
func (d *drafter) typed(c *enclave.Column, o *observed, m *meaning) {
	few := len(o.distinct) > 0
	all := o.rows > 0
	switch {
	case all && o.dates == o.rows:
		c.Type = enclave.Date
		low, high := time.Unix(o.plain.low*86400, 0).UTC().Year(), time.Unix(o.plain.high*86400, 0).UTC().Year()
		c.Min, c.Max = enclave.Scalar(fmt.Sprintf("%04d-01-01", low)), enclave.Scalar(fmt.Sprintf("%04d-12-31", high))
	case few && m != nil && m.code && o.header.origin != originDecimal && o.header.origin != originFloat && o.scale == 0:
		d.codes(c, o)
	case all && o.ints == o.rows:
		c.Type = enclave.Int
		low, high := outward(o.plain.low, o.plain.high)
		c.Min, c.Max = enclave.Scalar(c.Format(low)), enclave.Scalar(c.Format(high))
	case all && o.decimals == o.rows && o.scale <= fine:
		c.Type, c.Scale = enclave.Decimal, max(o.scale, 1)
		unit := int64(1)
		for range fine - c.Scale {
			unit *= 10
		}
		low, high := outward(floor(o.fine.low, unit)/unit, -floor(-o.fine.high, unit)/unit)
		c.Min, c.Max = enclave.Scalar(c.Format(low)), enclave.Scalar(c.Format(high))
	case few && len(o.distinct) <= mostPlainCodes && int64(len(o.distinct)) <= max(20, o.rows/2):
		d.codes(c, o)
	default:
		c.Type = enclave.Text
	}
	if c.Min != "" {
		d.note("DRAFT_BOUNDS", "column", clip(o.header.name), "low", string(c.Min), "high", string(c.Max))
	}
}

func (d *drafter) codes(c *enclave.Column, o *observed) {
	c.Type, c.Codes = enclave.Code, slices.Sorted(maps.Keys(o.distinct))
	c.Codes = slices.DeleteFunc(c.Codes, func(code string) bool { return strings.HasPrefix(code, "(") })
	d.note("DRAFT_CODES", "column", clip(o.header.name), "count", strconv.Itoa(len(c.Codes)))
	if len(c.Codes) < len(o.distinct) {
		d.note("DRAFT_PARENTHESIS", "column", clip(o.header.name))
	}
}

// consider takes the column as the subject if it fits better than the one before: checked numbers first, citizens before
// organisations, then what the header says.
func (d *drafter) consider(c *enclave.Column, kind enclave.SubjectKind, o *observed) {
	if kind == "" || c.Nullable {
		return
	}
	fit := 1
	switch {
	case c.Check == enclave.CitizenID:
		fit = 5
	case c.Check == enclave.USCC:
		fit = 3
	case meaningOf(o.header.name) != &meanings[len(meanings)-1]: // more than just "id"
		fit = 2
		if kind == enclave.Person {
			fit = 4
		}
	}
	if fit > d.best {
		d.best, d.dataset.Subject = fit, enclave.Subject{Column: c.Name, Kind: kind}
	}
}

func (d *drafter) finish() {
	subject := d.dataset.Subject
	if subject.Column == "" {
		d.note("DRAFT_NO_SUBJECT")
		return
	}
	d.note("DRAFT_SUBJECT", "kind", string(subject.Kind), "column", subject.Column)
}
