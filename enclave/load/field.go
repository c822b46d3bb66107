package load

import (
	"fmt"
	"math"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// form is how a file gives a value.
type form uint8

const (
	formEmpty  form = iota // null, or an empty text
	formText               // as written in a CSV file
	formNumber             // value is scaled by 10^scale
	formDate               // value is days since 1970-01-01
	formUnfit              // something that no column takes
)

// field is one value of a file, before the description says what it must be.
type field struct {
	form  form
	scale int
	value int64
	text  []byte
}

// flaw is what is wrong with a file, at a row and line that count from the start of a part.
type flaw struct {
	row, line int
	kind      enclave.Kind
	code      string
	args      []string
}

// maxIdentifierBytes caps one identifier.
const maxIdentifierBytes = 256

// reader reads the fields of one column into their stored form.
type reader struct {
	column    *enclave.Column
	low, high int64
	codes     map[string]int32
}

func newReader(c *enclave.Column) (*reader, error) {
	r := &reader{column: c}
	if c.Type == enclave.Code {
		r.codes = make(map[string]int32, len(c.Codes))
		for i, code := range c.Codes {
			r.codes[code] = int32(i)
		}
	}
	if c.Type == enclave.Text {
		return r, nil
	}
	var err error
	if r.low, r.high, err = c.Bounds(); err != nil {
		return nil, enclave.Internalf("bounds of column %s: %w", c.Name, err)
	}
	if c.Type.Narrow() && (r.low < math.MinInt32 || r.high > math.MaxInt32) {
		return nil, enclave.Internalf("bounds of column %s: more than 32 bits", c.Name)
	}
	return r, nil
}

// stored reads the field of a column that is not an identifier. Empty reports an allowed empty field.
func (r *reader) stored(f *field) (value int64, empty bool, wrong *flaw) {
	if f.form == formEmpty {
		if r.column.Nullable {
			return 0, true, nil
		}
		return 0, false, r.missing()
	}
	value, ok := r.parse(f)
	if !ok || value < r.low || value > r.high {
		return 0, false, r.unexpected()
	}
	return value, false, nil
}

func (r *reader) parse(f *field) (int64, bool) {
	c := r.column
	switch c.Type {
	case enclave.Int:
		if f.form == formText {
			return parseInt(f.text)
		}
		return rescale(f, 0)
	case enclave.Decimal:
		if f.form == formText {
			return parseDecimal(f.text, c)
		}
		return rescale(f, c.Scale)
	case enclave.Date:
		if f.form == formText {
			return parseDate(f.text)
		}
		return f.value, f.form == formDate
	case enclave.Code:
		code, ok := int32(0), false
		switch f.form {
		case formText:
			code, ok = r.codes[string(f.text)]
		case formNumber:
			code, ok = r.codes[enclave.FormatDecimal(f.value, f.scale)]
		case formEmpty, formDate, formUnfit:
		}
		return int64(code), ok
	case enclave.Text:
	}
	return 0, false
}

// identifier reads the field of an identifier column into its normalised form, which lasts until the next call.
func (r *reader) identifier(f *field) ([]byte, *flaw) {
	var id []byte
	switch f.form {
	case formText:
		id = normalise(f.text)
	case formNumber:
		id = strconv.AppendInt(nil, f.value, 10)
	case formDate, formUnfit:
		return nil, r.unexpected()
	case formEmpty:
	}
	if len(id) == 0 {
		if r.column.Nullable {
			return nil, nil
		}
		return nil, r.missing()
	}
	if len(id) > maxIdentifierBytes || !holds(r.column.Check, id) {
		return nil, r.unexpected()
	}
	return id, nil
}

func (r *reader) missing() *flaw {
	return &flaw{kind: enclave.Invalid, code: "VALUE_MISSING", args: []string{"column", r.column.SourceName(), "expected", "a value"}}
}

// unexpected says what the column expects, never what it found.
func (r *reader) unexpected() *flaw {
	c := r.column
	code, expected := "", ""
	switch c.Type {
	case enclave.Int, enclave.Decimal, enclave.Date:
		code = map[enclave.Type]string{enclave.Int: "VALUE_INT", enclave.Decimal: "VALUE_DECIMAL", enclave.Date: "VALUE_DATE"}[c.Type]
		expected = c.Format(r.low) + " … " + c.Format(r.high)
	case enclave.Code:
		code, expected = "VALUE_CODE", fmt.Sprintf("%d codes", len(c.Codes))
	case enclave.Text:
		switch c.Check {
		case enclave.CitizenID:
			code, expected = "VALUE_CITIZEN_ID", "GB 11643-1999"
		case enclave.USCC:
			code, expected = "VALUE_USCC", "GB 32100-2015"
		default:
			code, expected = "VALUE_IDENTIFIER", strconv.Itoa(maxIdentifierBytes)
		}
	}
	return &flaw{kind: enclave.Invalid, code: code, args: []string{
		"column", c.SourceName(), "expected", expected, "scale", strconv.Itoa(c.Scale), "codes", strconv.Itoa(len(c.Codes)),
	}}
}
