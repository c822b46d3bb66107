package enclave

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// ManifestOutput declares the one table that a program returns. What people need to judge it stands beside: a table that nobody can
// explain is not released.
type ManifestOutput struct {
	About   string           `json:"about"`           // what the table says, in a sentence
	Behind  string           `json:"behind"`          // how many subjects stand behind a row, and how that was made sure
	Rows    int64            `json:"rows"`            // at most
	Model   bool             `json:"model,omitempty"` // the numbers are parameters of a model that was fitted to the rows
	Columns []ManifestColumn `json:"columns"`
}

// ColumnKind is the type of a program's output column.
type ColumnKind string

// The kinds of output columns.
const (
	KindInt     ColumnKind = "int64"   // whole numbers from Min to Max
	KindDecimal ColumnKind = "decimal" // numbers from Min to Max, which the enclave rounds to Decimals places
	KindEnum    ColumnKind = "enum"    // one of Values
	KindText    ColumnKind = "text"    // UTF-8 of at most Bytes bytes
)

// ManifestColumn is one column of a program's output. Any value may be empty.
type ManifestColumn struct {
	Name     string     `json:"name"`
	Type     ColumnKind `json:"type"`
	About    string     `json:"about"` // what a value means, with its unit
	Min      int64      `json:"min,omitempty"`
	Max      int64      `json:"max,omitempty"`
	Decimals int        `json:"decimals,omitempty"`
	Values   []string   `json:"values,omitempty"`
	Bytes    int64      `json:"bytes,omitempty"`
}

// Limits of a program's output.
const (
	MaxOutputRows    = 1_000_000
	MaxOutputColumns = 256
	MaxDecimals      = 9
	MaxTextBytes     = 10_000
	MaxAbout         = 500 // bytes of an explanation
)

// Bits is the most information that one value of the column can carry, in whole bits, rounded up: the logarithm of the size of its
// domain, the empty value included.
func (c *ManifestColumn) Bits() int64 {
	switch c.Type {
	case KindInt, KindDecimal:
		low, high := c.Range()
		return int64(bits.Len64(uint64(high) - uint64(low) + 1)) //nolint:gosec // two's complement difference is what is meant
	case KindEnum:
		return int64(bits.Len(uint(len(c.Values))))
	case KindText:
		return 8*c.Bytes + int64(bits.Len64(uint64(c.Bytes+1))) //nolint:gosec // validated to be small
	}
	return math.MaxInt32
}

// Range is the least and the largest value of a number's column in stored units: whole numbers as they are, decimals times ten to the
// power of their places.
func (c *ManifestColumn) Range() (low, high int64) {
	scale := int64(1)
	for range c.Decimals {
		scale *= 10
	}
	return c.Min * scale, c.Max * scale
}

// Product is the table that a program returned, read from the guest's memory value by value: numbers rounded to what the manifest
// declares and within its bounds, texts valid UTF-8 of bounded length, an empty value the same whatever the guest left in its place. Rows
// are in an order of the enclave's own, ascending column by column, empty values first.
type Product struct {
	Plan    *Plan
	Rows    int
	Columns []ProductColumn // as the manifest's output columns
	// Emitted is for each row its position in the guest's own order. It is for measuring alone, and never leaves.
	Emitted []int32
}

// ProductColumn is the values of one output column: Numbers of a number's column in stored units (see [ManifestColumn.Range]) or, of an
// enumeration's, positions in Values; Texts of a text's column. The other is nil. A value that is not Valid is 0 or "".
type ProductColumn struct {
	Numbers []int64
	Texts   []string
	Valid   []bool
}

// LeakFacts is what trusted code measured of a product against the rows of the snapshot that its run was pinned to, in the columns that its
// module was shown. A combination of values that at least the profile's threshold of distinct subjects have identifies nobody and counts
// nowhere; neither does what chance explains (see the room leak, which says how each is found and what remains possible).
type LeakFacts struct {
	Rows     int64 `json:"rows"`     // of the output
	Values   int64 `json:"values"`   // of the output that are not empty
	Subjects int64 `json:"subjects"` // distinct, of the whole snapshot
	// Records counts rows that have values of one row of the data in two columns or more, up to the order of rows and columns and to
	// rounding, beyond the rows that still have them when the output's columns are permuted.
	Records int64 `json:"records"`
	// Identifiers counts values that hold the identifier of a subject which the subject directory knows, in clear or in a common encoding.
	Identifiers int64 `json:"identifiers"`
	// Packed counts texts that hold values of one row of the data in three columns or more, in clear or in a common encoding.
	Packed int64 `json:"packed"`
	// Injective counts output columns that, alone or with another, are equal where a shown column, two or all of them are, and different
	// where these differ: by the order in which the guest emitted them, or by how often each value occurs. No encoding of values that repeat
	// hides it, in that order or of about all rows; of a few rows whose values all differ, in an order of the guest's own, a secret bijection
	// shows in no fact: Bits alone bounds it, and people must be able to explain every column.
	Injective int64 `json:"injective"`
	// Verbatim is the values that stand in a shown column of class sensitive or measure, beyond those that would if each were moved a
	// little: in percent of Values, rounded up.
	Verbatim int64 `json:"verbatim"`
	// Bits is what the output can carry by the domains that the manifest declares: for each row the bits of every column, and the number
	// of rows. It is an upper bound, whatever the values mean.
	Bits int64 `json:"bits"`
	// Parameters counts the numbers of a declared model that are not empty; 0 where none is declared.
	Parameters int64 `json:"parameters"`
}

// Place is where in an output a fact was found.
type Place struct {
	Fact   string `json:"fact"`   // as [LeakFacts] names it
	Row    int32  `json:"row"`    // -1: the whole column
	Column int32  `json:"column"` // -1: the whole row
}

// Inspected is a product with what was measured of it. Places are at most 1000, for reviewers to look at.
type Inspected struct {
	Product *Product
	Facts   LeakFacts
	Places  []Place
}

func (m *Manifest) noOutput() (place, expected string) {
	if m.Output != nil {
		return "output", "none: it is for the form program"
	}
	return "", ""
}

func (m *Manifest) noTable() (place, expected string) {
	if m.Keys != nil || m.Measures != nil || m.Margins != nil {
		return "keys, measures, margins", "none: a program declares its output"
	}
	return "", ""
}

func (m *Manifest) outputProblem() (place, expected string) {
	o := m.Output
	switch {
	case o == nil:
		return "output", "the table that the program returns"
	case badAbout(o.About):
		return "output.about", aboutExpected
	case badAbout(o.Behind):
		return "output.behind", aboutExpected
	case o.Rows < 1 || o.Rows > MaxOutputRows:
		return "output.rows", fmt.Sprintf("1 to %d", MaxOutputRows)
	case len(o.Columns) == 0 || len(o.Columns) > MaxOutputColumns:
		return "output.columns", fmt.Sprintf("1 to %d columns", MaxOutputColumns)
	}
	var names []string
	for i := range o.Columns {
		c := &o.Columns[i]
		place := "output.columns." + c.Name
		if !columnPattern.MatchString(c.Name) || slices.Contains(names, c.Name) {
			return place, "different names, [a-z][a-z0-9_]*"
		}
		names = append(names, c.Name)
		if badAbout(c.About) {
			return place + ".about", aboutExpected
		}
		if what, expected := c.domainProblem(); what != "" {
			return place + "." + what, expected
		}
	}
	return "", ""
}

// domainProblem checks that a column states its own domain, and nothing of another type's.
func (c *ManifestColumn) domainProblem() (place, expected string) {
	number := c.Type == KindInt || c.Type == KindDecimal
	switch {
	case !number && c.Type != KindEnum && c.Type != KindText:
		return "type", "int64, decimal, enum or text"
	case !number && (c.Min != 0 || c.Max != 0):
		return "min", "none: min and max are for numbers"
	case c.Type != KindDecimal && c.Decimals != 0:
		return "decimals", "none: only decimals are rounded"
	case c.Type != KindEnum && c.Values != nil:
		return "values", "none: values are for enumerations"
	case c.Type != KindText && c.Bytes != 0:
		return "bytes", "none: bytes are for texts"
	}
	const largest = 1_000_000_000 // times 10 to the power of MaxDecimals, it is within int64
	switch c.Type {
	case KindInt:
		if c.Min >= c.Max || c.Min < -1<<53 || c.Max > 1<<53 {
			return "min", "min below max, both within 2 to the power of 53"
		}
	case KindDecimal:
		if c.Min >= c.Max || c.Min < -largest || c.Max > largest {
			return "min", "min below max, both within 1000000000"
		}
		if c.Decimals < 0 || c.Decimals > MaxDecimals {
			return "decimals", fmt.Sprintf("0 to %d", MaxDecimals)
		}
	case KindEnum:
		if len(c.Values) == 0 || len(c.Values) > MaxKeyValues || hasTwice(c.Values) || slices.ContainsFunc(c.Values, badLabel) {
			return "values", "1 to 100000 different labels, none empty or starting with a parenthesis"
		}
	case KindText:
		if c.Bytes < 1 || c.Bytes > MaxTextBytes {
			return "bytes", fmt.Sprintf("1 to %d", MaxTextBytes)
		}
	}
	return "", ""
}

const aboutExpected = "a sentence for reviewers, at most 500 bytes"

func badAbout(s string) bool { return s == "" || len(s) > MaxAbout || !utf8.ValidString(s) }
