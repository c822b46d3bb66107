package enclave

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Class says how a column may be used (列分类).
type Class string

// The column classes.
const (
	Identifier Class = "identifier" // names a subject: kept only as a keyed hash in the subject directory, never shown, never a key
	Quasi      Class = "quasi"      // identifies in combination (birth year, district): may be shown to a guest and be a key
	Sensitive  Class = "sensitive"  // what must not be learned of a person (diagnosis): a key only where the enclave evaluates it
	Measure    Class = "measure"    // a number that is summed: never shown, never a guest's key
	Open       Class = "open"       // harmless alone: may be shown to a guest and be a key
)

// Classes lists every class.
func Classes() []Class { return []Class{Identifier, Quasi, Sensitive, Measure, Open} }

// Shown reports whether a guest may see such a column without its output being crafted.
func (c Class) Shown() bool { return c == Quasi || c == Open }

// Type is the type of a column's values. Numbers are exact: there is no floating point in a snapshot, so that every sum is the
// same on any number of cores.
type Type string

// The column types, and how a value is stored.
const (
	Int     Type = "int"     // int64
	Decimal Type = "decimal" // int64, scaled by 10^Scale
	Date    Type = "date"    // int32, days since 1970-01-01
	Code    Type = "code"    // int32, position in the column's code list
	Text    Type = "text"    // free text; identifiers only, never stored
)

// Narrow reports whether values are stored in 32 bits (date, code) rather than 64 (int, decimal).
func (t Type) Narrow() bool { return t == Date || t == Code }

// Scalar is one value as a person writes it in a description: 12, "12.50", "2024-01-31". JSON numbers and strings are both read.
type Scalar string

// UnmarshalJSON reads a number or a string.
func (s *Scalar) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err == nil {
		*s = Scalar(text)
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(raw, &number); err != nil {
		return fmt.Errorf("expected a number or a string, found %.20s", raw)
	}
	*s = Scalar(number)
	return nil
}

// Column describes one column of a dataset.
type Column struct {
	Name     string   `json:"name"`               // [a-z][a-z0-9_]*, at most 63: what manifests and grants say
	Header   string   `json:"header,omitempty"`   // the column's name in source files, where it differs ("身份证号")
	Type     Type     `json:"type"`               //
	Class    Class    `json:"class"`              //
	Scale    int      `json:"scale,omitempty"`    // decimal: digits after the point, 1 to 9
	Codes    []string `json:"codes,omitempty"`    // code: the code list, in the order of its numbers
	Min      Scalar   `json:"min,omitempty"`      // int, decimal, date: least value, written as values are
	Max      Scalar   `json:"max,omitempty"`      // int, decimal, date: greatest value
	Nullable bool     `json:"nullable,omitempty"` // empty fields are allowed
	Check    Check    `json:"check,omitempty"`    // identifier: the form every value must have
}

// Check is the form of an identifier, tested with its check digit when a file is loaded.
type Check string

// The checked identifiers.
const (
	CitizenID Check = "citizen-id" // GB 11643-1999, 18 digits (公民身份号码)
	USCC      Check = "uscc"       // GB 32100-2015, 18 characters (统一社会信用代码)
)

// SubjectKind is what rows are about; each kind has one subject directory for the whole domain.
type SubjectKind string

// The kinds of subject.
const (
	Person       SubjectKind = "person"
	Organisation SubjectKind = "organisation"
)

// Sharing is how a dataset may be opened (共享开放属性).
type Sharing string

// The sharing attributes. Barred data is never granted.
const (
	Unconditional Sharing = "unconditional"
	Conditional   Sharing = "conditional"
	Barred        Sharing = "barred"
)

// Subject names the column whose values identify the subject of a row, and their kind.
type Subject struct {
	Column string      `json:"column"`
	Kind   SubjectKind `json:"kind"`
}

// Dataset describes a catalogued table of one source department. It is data about data: it holds no value of any row except
// code lists and bounds, which the source declares.
type Dataset struct {
	Name    string   `json:"name"`            // [a-z][a-z0-9-]*, at most 63
	Title   string   `json:"title,omitempty"` //
	Owner   string   `json:"owner"`           // organisation of the source department
	Grade   int      `json:"grade"`           // 1 (least) to 4 (most protected) (数据分级)
	Sharing Sharing  `json:"sharing"`         //
	Subject Subject  `json:"subject"`         //
	Columns []Column `json:"columns"`         //
}

// Snapshot is one immutable, content-addressed loading of a dataset.
type Snapshot struct {
	Dataset     string    `json:"dataset"`
	Digest      Digest    `json:"digest"`      // of the description and every column file
	Description Digest    `json:"description"` // of the dataset's description it was loaded under
	Rows        int64     `json:"rows"`
	Subjects    int64     `json:"subjects"`
	Loaded      time.Time `json:"loaded"`
}

// Limits of descriptions.
const (
	MaxColumns = 256
	MaxCodes   = 100_000
)

var (
	namePattern   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	columnPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
)

// ValidName reports whether s names a dataset, an organisation or a module: [a-z][a-z0-9-]{0,62}.
func ValidName(s string) bool { return namePattern.MatchString(s) }

// Column returns the position of a column by name, or -1.
func (d *Dataset) Column(name string) int {
	return slices.IndexFunc(d.Columns, func(c Column) bool { return c.Name == name })
}

// Digest identifies the description.
func (d *Dataset) Digest() (Digest, error) { return DigestJSON(d) }

// Validate reports the first thing wrong with a description, naming its place.
func (d *Dataset) Validate() error {
	bad := func(place, expected string) error {
		return Fail(Invalid, "DATASET_INVALID", "place", place, "expected", expected)
	}
	switch {
	case !ValidName(d.Name):
		return bad("name", "[a-z][a-z0-9-]*, at most 63 characters")
	case !ValidName(d.Owner):
		return bad("owner", "an organisation, [a-z][a-z0-9-]*")
	case d.Grade < 1 || d.Grade > 4:
		return bad("grade", "1 to 4")
	case !slices.Contains([]Sharing{Unconditional, Conditional, Barred}, d.Sharing):
		return bad("sharing", "unconditional, conditional or barred")
	case d.Subject.Kind != Person && d.Subject.Kind != Organisation:
		return bad("subject.kind", "person or organisation")
	case len(d.Columns) == 0 || len(d.Columns) > MaxColumns:
		return bad("columns", fmt.Sprintf("1 to %d columns", MaxColumns))
	}
	names, headers := map[string]bool{}, map[string]bool{}
	for i := range d.Columns {
		c := &d.Columns[i]
		if names[c.Name] || headers[c.SourceName()] {
			return bad("columns."+c.Name, "each name and header once")
		}
		names[c.Name], headers[c.SourceName()] = true, true
		if place, expected := c.problem(); place != "" {
			return bad("columns."+c.Name+"."+place, expected)
		}
	}
	subject := d.Column(d.Subject.Column)
	if subject < 0 || d.Columns[subject].Class != Identifier || d.Columns[subject].Nullable {
		return bad("subject.column", "a column of class identifier that is never empty")
	}
	return nil
}

// SourceName is the column's name in source files.
func (c *Column) SourceName() string {
	if c.Header != "" {
		return c.Header
	}
	return c.Name
}

// problem names the first bad field of a column and what was expected, or "".
func (c *Column) problem() (place, expected string) {
	switch {
	case !columnPattern.MatchString(c.Name):
		return "name", "[a-z][a-z0-9_]*, at most 63 characters"
	case !slices.Contains([]Type{Int, Decimal, Date, Code, Text}, c.Type):
		return "type", "int, decimal, date, code or text"
	case !slices.Contains(Classes(), c.Class):
		return "class", "identifier, quasi, sensitive, measure or open"
	case (c.Class == Identifier) != (c.Type == Text):
		return "type", "text for identifiers, and for nothing else"
	case c.Class == Measure && c.Type != Int && c.Type != Decimal:
		return "type", "int or decimal for a measure"
	case c.Type == Decimal && (c.Scale < 1 || c.Scale > 9):
		return "scale", "1 to 9 digits after the point"
	case c.Type != Decimal && c.Scale != 0:
		return "scale", "none: only a decimal has a scale"
	case c.Check != "" && (c.Class != Identifier || c.Check != CitizenID && c.Check != USCC):
		return "check", "citizen-id or uscc, on an identifier"
	case c.Type == Code && (len(c.Codes) == 0 || len(c.Codes) > MaxCodes):
		return "codes", fmt.Sprintf("a list of 1 to %d codes", MaxCodes)
	case c.Type != Code && len(c.Codes) != 0:
		return "codes", "none: only type code has a code list"
	}
	if c.Type == Code {
		return c.codesProblem()
	}
	if c.Type == Text {
		return "", ""
	}
	low, high, err := c.Bounds()
	if err != nil || low > high {
		return "min", "min and max in the form of the column's values, min not above max"
	}
	return "", ""
}

func (c *Column) codesProblem() (place, expected string) {
	seen := make(map[string]bool, len(c.Codes))
	for _, code := range c.Codes {
		if code == "" || strings.TrimSpace(code) != code || strings.HasPrefix(code, "(") || seen[code] {
			return "codes", "different codes, none empty, with spaces around it or starting with a parenthesis"
		}
		seen[code] = true
	}
	return "", ""
}

// Bounds are the least and greatest stored value that the column may hold. Int, decimal and date columns MUST state both, since
// overflow of a sum is excluded by them. For codes: the positions of the list.
func (c *Column) Bounds() (low, high int64, err error) {
	if c.Type == Code {
		return 0, int64(len(c.Codes)) - 1, nil
	}
	if low, err = c.Parse(string(c.Min)); err != nil {
		return 0, 0, err
	}
	if high, err = c.Parse(string(c.Max)); err != nil {
		return 0, 0, err
	}
	return low, high, nil
}

// Domain is the least value that a column may hold, and how far above it the greatest is: as Bounds, of a column that is not of texts.
// The error is internal, for a description that was not validated.
func (c *Column) Domain() (low int64, span uint64, err error) {
	low, high, err := c.Bounds()
	if err != nil || low > high {
		return 0, 0, Internalf("column %s has no bounds: %v", c.Name, err)
	}
	return low, uint64(high) - uint64(low), nil //nolint:gosec // two's complement difference
}

// YesOrNo reports whether the column has two values. What it sums up to, of whomever, is how many have the greater one, but for a number that everybody knows.
func (c *Column) YesOrNo() bool {
	_, span, err := c.Domain()
	return err == nil && span == 1
}

// Parse reads one value as it is written in files and descriptions into its stored form. It does not apply bounds. For a code it
// searches the list; a loader keeps a map instead.
func (c *Column) Parse(text string) (int64, error) {
	switch c.Type {
	case Int:
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("not a whole number")
		}
		return v, nil
	case Decimal:
		return parseDecimal(text, c.Scale)
	case Date:
		t, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return 0, fmt.Errorf("not a date like 2024-01-31")
		}
		return t.Unix() / 86400, nil
	case Code:
		if i := slices.Index(c.Codes, text); i >= 0 {
			return int64(i), nil
		}
		return 0, fmt.Errorf("not in the code list")
	case Text:
	}
	return 0, fmt.Errorf("text has no stored form")
}

// Format writes a stored value as it is written in files.
func (c *Column) Format(v int64) string {
	switch c.Type {
	case Decimal:
		return FormatDecimal(v, c.Scale)
	case Date:
		return time.Unix(v*86400, 0).UTC().Format(time.DateOnly)
	case Code:
		if v >= 0 && v < int64(len(c.Codes)) {
			return c.Codes[v]
		}
		return ""
	case Int, Text:
	}
	return strconv.FormatInt(v, 10)
}

// FormatDecimal writes v scaled by 10^scale as a decimal fraction.
func FormatDecimal(v int64, scale int) string {
	if scale == 0 {
		return strconv.FormatInt(v, 10)
	}
	sign, digits := "", strconv.FormatInt(v, 10)
	if v < 0 {
		sign, digits = "-", digits[1:]
	}
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale+1-len(digits)) + digits
	}
	return sign + digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
}

// parseDecimal reads [-+]digits[.digits] exactly; more digits after the point than the scale are an error unless they are zeros.
func parseDecimal(text string, scale int) (int64, error) {
	bad := fmt.Errorf("not a decimal number with at most %d digits after the point", scale)
	whole, fraction, _ := strings.Cut(text, ".")
	fraction = strings.TrimRight(fraction, "0")
	if strings.Trim(whole, "+-") == "" || len(fraction) > scale || strings.ContainsAny(fraction, "+-_") {
		return 0, bad
	}
	v, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", scale-len(fraction)), 10, 64)
	if err != nil || v == math.MinInt64 {
		return 0, bad
	}
	return v, nil
}
