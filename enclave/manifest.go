package enclave

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Form is what a module may be.
type Form string

// The forms.
const (
	Aggregate Form = "aggregate" // the module says which group a row belongs to, the enclave says how much
	Program   Form = "program"   // the module computes anything and returns one typed table, which people release
)

// Op is what the enclave computes of a group.
type Op string

// The measures. Mean is computed from the treated sum and count, so it does not undo rounding.
const (
	Count    Op = "count"    // rows
	Subjects Op = "subjects" // distinct subjects
	Sum      Op = "sum"      // of a catalogued column
	Mean     Op = "mean"     // of a catalogued column
)

// ManifestSection is the name of the WebAssembly custom section that carries the manifest as JSON.
const ManifestSection = "darkroom.manifest"

// Manifest is what a module declares of itself. It is written in YAML by its author and carried as JSON in the module's custom
// section; everything in it is public and covered by the module's digest.
type Manifest struct {
	Darkroom int               `json:"darkroom"` // version of this format: 1
	Name     string            `json:"name"`
	Version  string            `json:"version"`
	Title    string            `json:"title,omitempty"`
	Form     Form              `json:"form"`
	Fuel     int64             `json:"fuel,omitempty"` // what the module may burn for each row; 0 is [DefaultFuel], at most [MaxFuel]
	Inputs   []ManifestInput   `json:"inputs"`
	Params   []ManifestParam   `json:"params,omitempty"`
	Keys     []ManifestKey     `json:"keys,omitempty"`     // of the form aggregate, as the two below
	Measures []ManifestMeasure `json:"measures,omitempty"` //
	Margins  [][]string        `json:"margins,omitempty"`  // sets of keys that are also tabulated alone; [] is the grand total
	Output   *ManifestOutput   `json:"output,omitempty"`   // of the form program
}

// ManifestInput names a dataset and the columns that are used of it. The guest sees those of class quasi and open, in this
// order; Show adds columns of class sensitive or measure, and makes every output of the module crafted.
type ManifestInput struct {
	Dataset string   `json:"dataset"`
	Columns []string `json:"columns"`
	Show    []string `json:"show,omitempty"`
}

// ManifestParam is a run's parameter with its domain: a bounded whole number or one of a list.
type ManifestParam struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"` // int64 or enum
	Min     int64    `json:"min,omitempty"`
	Max     int64    `json:"max,omitempty"`
	Values  []string `json:"values,omitempty"`
	Default Scalar   `json:"default"`
}

// ManifestKey is one dimension of the output. Exactly one of three: Values, a list from which the module emits positions; Min and
// Max, a range of whole numbers that the module emits; Of, a column that the enclave evaluates itself.
type ManifestKey struct {
	Name   string      `json:"name"`
	Values []string    `json:"values,omitempty"`
	Min    *int64      `json:"min,omitempty"`
	Max    *int64      `json:"max,omitempty"`
	Of     *ColumnRule `json:"of,omitempty"`
}

// ColumnRule turns a column's value into a key: the code itself; or, for numbers and dates, the interval between Cuts (ascending;
// a value equal to a cut belongs to the interval above); or, for codes, a declared Map (unmapped codes are "(other)").
//
// With Inside, rows below the first cut, from the last one on, of an unmapped code or without a value fall into no cell: it is how a manifest
// asks about some rows only. It is for columns that a module may see. That somebody has a protected value is measured against those who have
// another, and so they stay in the table.
type ColumnRule struct {
	Column string            `json:"column"`
	Cuts   []Scalar          `json:"cuts,omitempty"`
	Map    map[string]string `json:"map,omitempty"`
	Inside bool              `json:"inside,omitempty"`
}

// ManifestMeasure is one number of each group.
type ManifestMeasure struct {
	Name string `json:"name"`
	Op   Op     `json:"op"`
	Of   string `json:"of,omitempty"` // column of sum and mean
}

// Limits of manifests.
const (
	MaxManifestBytes = 4 << 20
	MaxKeys          = 8
	MaxMeasures      = 32
	MaxParams        = 16
	MaxMargins       = 32
	MaxKeyValues     = 100_000
)

// ParseManifest reads and validates the JSON of a manifest. Unknown fields are errors. It is safe on hostile bytes.
func ParseManifest(raw []byte) (*Manifest, error) {
	if len(raw) > MaxManifestBytes {
		return nil, Fail(Limit, "MANIFEST_TOO_LARGE", "limit", strconv.Itoa(MaxManifestBytes))
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var m Manifest
	if err := dec.Decode(&m); err != nil {
		return nil, Fail(Invalid, "MANIFEST_MALFORMED", "problem", err.Error())
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, Fail(Invalid, "MANIFEST_MALFORMED", "problem", "more than one JSON value")
	}
	if name, found := doubledField(raw); found {
		return nil, Fail(Invalid, "MANIFEST_MALFORMED", "problem", fmt.Sprintf("the field %.100q twice", name))
	}
	return &m, m.Validate()
}

// doubledField finds a name that an object of a valid JSON text has twice. The decoder takes the last one; other readers, such as a
// reviewer's, may take the first. Fields are the same in whatever case, as they are to the decoder; the codes of a map are not.
func doubledField(raw []byte) (name string, found bool) {
	type level struct {
		names map[string]bool // nil of an array
		codes bool            // they are a map's codes
		value bool            // what comes next is the value of field
		field string
	}
	levels := []level{{}}
	for dec := json.NewDecoder(bytes.NewReader(raw)); ; {
		token, err := dec.Token()
		if err != nil {
			return "", false // the end
		}
		in := &levels[len(levels)-1]
		if text, ok := token.(string); ok && in.names != nil && !in.value {
			in.field, in.value = text, true
			if !in.codes {
				in.field = strings.ToLower(text)
			}
			if in.names[in.field] {
				return text, true
			}
			in.names[in.field] = true
			continue
		}
		in.value = false
		switch token {
		case json.Delim('{'):
			levels = append(levels, level{names: map[string]bool{}, codes: in.field == "map"})
		case json.Delim('['):
			levels = append(levels, level{})
		case json.Delim('}'), json.Delim(']'):
			levels = levels[:len(levels)-1]
		}
	}
}

// Validate reports the first thing wrong with a manifest by itself, naming its place. Whether it fits a dataset and a grant is
// for admission.
func (m *Manifest) Validate() error {
	checks := []func() (place, expected string){m.headProblem, m.inputProblem, m.paramProblem, m.keyProblem, m.measureProblem, m.marginProblem, m.noOutput, m.textProblem}
	if m.Form == Program {
		checks = []func() (place, expected string){m.headProblem, m.inputProblem, m.paramProblem, m.noTable, m.outputProblem, m.textProblem}
	}
	for _, check := range checks {
		if place, expected := check(); place != "" {
			return Fail(Invalid, "MANIFEST_INVALID", "place", place, "expected", expected)
		}
	}
	return nil
}

// ModuleKeys are the positions of the keys that the module computes; none means that no module code is needed.
func (m *Manifest) ModuleKeys() []int {
	var at []int
	for i := range m.Keys {
		if m.Keys[i].Of == nil {
			at = append(at, i)
		}
	}
	return at
}

// SeesRows reports whether the module's guest is shown rows: a program is, and an aggregate that asks for protected columns. Every other
// guest sees what the catalogue allows, and no data.
func (m *Manifest) SeesRows() bool {
	return m.Form == Program || len(m.ModuleKeys()) > 0 && slices.ContainsFunc(m.Inputs, func(in ManifestInput) bool { return len(in.Show) > 0 })
}

func (m *Manifest) headProblem() (place, expected string) {
	switch {
	case m.Darkroom != 1:
		return "darkroom", "1, the version of the manifest format"
	case !ValidName(m.Name):
		return "name", "[a-z][a-z0-9-]*, at most 63 characters"
	case m.Version == "" || len(m.Version) > 32:
		return "version", "1 to 32 characters"
	case len(m.Title) > 200:
		return "title", "at most 200 bytes"
	case m.Form != Aggregate && m.Form != Program:
		return "form", "aggregate or program"
	case m.Fuel < 0 || m.Fuel > MaxFuel:
		return "fuel", fmt.Sprintf("1 to %d units for each row, or nothing for %d", MaxFuel, DefaultFuel)
	}
	return "", ""
}

func (m *Manifest) inputProblem() (place, expected string) {
	if len(m.Inputs) != 1 {
		return "inputs", "exactly one dataset"
	}
	in := m.Inputs[0]
	if !ValidName(in.Dataset) {
		return "inputs[0].dataset", "the name of a dataset"
	}
	if len(in.Columns) == 0 || len(in.Columns) > MaxColumns || hasTwice(in.Columns) {
		return "inputs[0].columns", fmt.Sprintf("1 to %d different columns", MaxColumns)
	}
	if hasTwice(in.Show) {
		return "inputs[0].show", "each column once"
	}
	for _, c := range in.Show {
		if !slices.Contains(in.Columns, c) {
			return "inputs[0].show", "columns that stand in inputs[0].columns too"
		}
	}
	return "", ""
}

func (m *Manifest) paramProblem() (place, expected string) {
	if len(m.Params) > MaxParams {
		return "params", fmt.Sprintf("at most %d", MaxParams)
	}
	var names []string
	for _, p := range m.Params {
		place := "params." + p.Name
		if !columnPattern.MatchString(p.Name) || slices.Contains(names, p.Name) {
			return place, "different names, [a-z][a-z0-9_]*"
		}
		names = append(names, p.Name)
		switch p.Type {
		case "int64":
			if p.Min > p.Max || len(p.Values) != 0 {
				return place, "min and max, min not above max"
			}
		case "enum":
			if len(p.Values) == 0 || len(p.Values) > 1000 || hasTwice(p.Values) || p.Min != 0 || p.Max != 0 {
				return place, "1 to 1000 different values"
			}
		default:
			return place + ".type", "int64 or enum"
		}
		if _, err := p.Check(p.Default); err != nil {
			return place + ".default", "a value of the parameter's own domain"
		}
	}
	return "", ""
}

// Check reads a value for the parameter and reports a value outside its domain.
func (p *ManifestParam) Check(value Scalar) (any, error) {
	if p.Type == "int64" {
		if v, err := strconv.ParseInt(string(value), 10, 64); err == nil && v >= p.Min && v <= p.Max {
			return v, nil
		}
		return nil, Fail(Invalid, "PARAM_OUT_OF_DOMAIN", "param", p.Name, "expected", fmt.Sprintf("%d to %d", p.Min, p.Max))
	}
	if slices.Contains(p.Values, string(value)) {
		return string(value), nil
	}
	return nil, Fail(Invalid, "PARAM_OUT_OF_DOMAIN", "param", p.Name, "expected", strings.Join(p.Values, ", "))
}

func (m *Manifest) keyProblem() (place, expected string) {
	if len(m.Keys) == 0 || len(m.Keys) > MaxKeys {
		return "keys", fmt.Sprintf("1 to %d keys", MaxKeys)
	}
	var names []string
	for _, k := range m.Keys {
		place := "keys." + k.Name
		if !columnPattern.MatchString(k.Name) || slices.Contains(names, k.Name) {
			return place, "different names, [a-z][a-z0-9_]*"
		}
		names = append(names, k.Name)
		isRange := k.Min != nil || k.Max != nil
		if btoi(k.Values != nil)+btoi(isRange)+btoi(k.Of != nil) != 1 {
			return place, "one of: values; min and max; of"
		}
		if k.Of != nil {
			if place, expected := m.ruleProblem(k.Of); place != "" {
				return "keys." + k.Name + ".of." + place, expected
			}
		}
		if k.Values != nil && (len(k.Values) == 0 || len(k.Values) > MaxKeyValues || hasTwice(k.Values) || slices.ContainsFunc(k.Values, badLabel)) {
			return place + ".values", "1 to 100000 different labels, none empty or starting with a parenthesis"
		}
		// The module emits the number itself as an int32, in which -1 drops the row.
		if isRange && (k.Min == nil || k.Max == nil || *k.Min < 0 || *k.Max > math.MaxInt32 || *k.Min > *k.Max || *k.Max-*k.Min >= MaxKeyValues) {
			return place, "min and max from 0 to 2147483647, min not above max, at most 100000 values"
		}
	}
	return "", ""
}

func (m *Manifest) ruleProblem(r *ColumnRule) (place, expected string) {
	switch {
	case !slices.Contains(m.Inputs[0].Columns, r.Column):
		return "column", "a column of inputs[0].columns"
	case r.Cuts != nil && r.Map != nil:
		return "cuts", "either cuts or map"
	case r.Cuts != nil && (len(r.Cuts) == 0 || len(r.Cuts) > MaxKeyValues):
		return "cuts", "1 to 100000 values, ascending"
	case r.Map != nil && (len(r.Map) == 0 || len(r.Map) > MaxCodes):
		return "map", "1 to 100000 codes"
	case r.Inside && len(r.Cuts) < 2 && r.Map == nil:
		return "inside", "at least two cuts, or a map"
	}
	for _, label := range r.Map {
		if badLabel(label) {
			return "map", "labels that are not empty and do not start with a parenthesis"
		}
	}
	return "", ""
}

func (m *Manifest) measureProblem() (place, expected string) {
	if len(m.Measures) == 0 || len(m.Measures) > MaxMeasures {
		return "measures", fmt.Sprintf("1 to %d measures", MaxMeasures)
	}
	names := make([]string, 0, len(m.Keys)+len(m.Measures))
	for _, k := range m.Keys {
		names = append(names, k.Name)
	}
	for _, me := range m.Measures {
		place := "measures." + me.Name
		if !columnPattern.MatchString(me.Name) || slices.Contains(names, me.Name) {
			return place, "names different from each other and from the keys', [a-z][a-z0-9_]*"
		}
		names = append(names, me.Name)
		switch me.Op {
		case Count, Subjects:
			if me.Of != "" {
				return place + ".of", "none: count and subjects are of the group"
			}
		case Sum, Mean:
			if !slices.Contains(m.Inputs[0].Columns, me.Of) {
				return place + ".of", "a column of inputs[0].columns"
			}
		default:
			return place + ".op", "count, subjects, sum or mean"
		}
	}
	return "", ""
}

func (m *Manifest) marginProblem() (place, expected string) {
	if len(m.Margins) > MaxMargins {
		return "margins", fmt.Sprintf("at most %d", MaxMargins)
	}
	seen := map[string]bool{}
	for i, set := range m.Margins {
		place := fmt.Sprintf("margins[%d]", i)
		at := make([]int, 0, len(set))
		for _, name := range set {
			at = append(at, slices.IndexFunc(m.Keys, func(k ManifestKey) bool { return k.Name == name }))
		}
		slices.Sort(at)
		id := fmt.Sprint(at)
		if hasTwice(set) || slices.Contains(at, -1) || len(set) >= len(m.Keys) || seen[id] {
			return place, "fewer keys than the table has, each a key's name, each set once"
		}
		seen[id] = true
	}
	return "", ""
}

// badLabel refuses labels that could be taken for the enclave's own, "(total)", "(missing)" and "(other)".
func badLabel(s string) bool { return s == "" || len(s) > 200 || strings.HasPrefix(s, "(") }

func hasTwice(list []string) bool {
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if seen[s] {
			return true
		}
		seen[s] = true
	}
	return false
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
