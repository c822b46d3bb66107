// Package published has examples of tables that others published, with the cells that are unsafe there and what was suppressed to protect them.
// README.md says where each comes from, and how one is written. Whoever plays them needs no knowledge of any; internal/lab does.
package published

import (
	"embed"
	"encoding/csv"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/testdata/strict"
)

//go:embed *.yaml
var files embed.FS

// Example is tables over the same people or firms, which are released one after the other.
type Example struct {
	Name   string   `json:"-"` // that of its file
	Title  string   `json:"title"`
	Source string   `json:"source"`
	Rules  Rules    `json:"rules"`
	Data   string   `json:"data"` // see Groups
	Tables []*Table `json:"tables"`
	// Secrets are groups of people that no table has a cell of, and that must not follow either: values of columns.
	Secrets []map[string]string `json:"secrets"`

	Columns []string `json:"-"`
	Groups  []Group  `json:"-"` // that there are
	Valued  bool     `json:"-"` // whether they have a value, or are only counted
}

// Rules are the numbers of the publication; 0 where it has no such rule.
type Rules struct {
	Threshold        int64 `json:"threshold"` // a cell is unsafe with fewer subjects
	DominanceN       int   `json:"dominance_n"`
	DominancePercent int64 `json:"dominance_percent"`
	PPercent         int64 `json:"p_percent"`
}

// Least is the threshold below which no rules of Darkroom may go, whatever a publication does.
const Least = 3

// Profile is a profile with the rules in the place of its own, as nearly as Darkroom allows: no rule is ever off. Nothing is rounded, and the budget
// is the largest there is, since the examples are of few.
func (r *Rules) Profile(p enclave.Profile) enclave.Profile {
	p.Name, p.Threshold, p.PPercent = "published", max(r.Threshold, Least), max(r.PPercent, 1)
	p.DominanceN, p.DominancePercent = 1, 99
	if r.DominanceN > 0 {
		p.DominanceN, p.DominancePercent = r.DominanceN, r.DominancePercent
	}
	p.HomogeneityPercent, p.RoundCount, p.RoundSum, p.RankPercent = 100, 1, 1, 50
	return p
}

// Group is those who have the same values in all columns: a line of the data.
type Group struct {
	Values   []string // of Columns
	Subjects int64
	// Of the value: what they have together, and the two largest of them, which are all that primary rules look at.
	Sum, Largest, Second int64
}

// Table is a table of an example. Cells are named by their labels in the order of keys, "*" for a total.
type Table struct {
	Name    string                `json:"name"`
	Keys    []enclave.ManifestKey `json:"keys"`
	Margins [][]string            `json:"margins"`
	Primary [][]string            `json:"primary"` // the cells that are unsafe there
	// Secondary are the cells that were suppressed besides, and Secondaries is their number where no more is known; nothing is if both are empty.
	Secondary   [][]string `json:"secondary"`
	Secondaries int        `json:"secondaries"`
}

// All reads every example, by name.
func All() ([]*Example, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	all := make([]*Example, 0, len(names))
	for _, name := range names {
		e := &Example{Name: strings.TrimSuffix(name, path.Ext(name))}
		if err := e.read(name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, e)
	}
	return all, nil
}

func (e *Example) read(file string) error {
	if err := strict.Read(files, file, e); err != nil {
		return err
	}
	if e.Source == "" || len(e.Tables) == 0 {
		return fmt.Errorf("no source or no tables")
	}
	return e.group()
}

// group reads the data: a header of columns and of either subjects alone or subjects, sum, largest and second; a line for each group.
func (e *Example) group() error {
	lines, err := csv.NewReader(strings.NewReader(e.Data)).ReadAll()
	if err != nil || len(lines) < 2 {
		return fmt.Errorf("no data: %w", err)
	}
	header := lines[0]
	keys := slices.Index(header, "subjects")
	switch {
	case keys < 1 || len(header) != keys+1 && !slices.Equal(header[keys:], []string{"subjects", "sum", "largest", "second"}):
		return fmt.Errorf("a header %q", header)
	case len(header) > keys+1:
		e.Valued = true
	}
	e.Columns = header[:keys]
	for _, line := range lines[1:] {
		numbers := make([]int64, 4)
		for i, text := range line[keys:] {
			if numbers[i], err = strconv.ParseInt(text, 10, 64); err != nil {
				return err
			}
		}
		g := Group{Values: line[:keys], Subjects: numbers[0], Sum: numbers[1], Largest: numbers[2], Second: numbers[3]}
		rest, others := g.Sum-g.Largest-g.Second, g.Subjects-2
		if g.Subjects < 1 || g.Second > g.Largest || others < 0 && (rest != 0 || g.Second != 0) || others >= 0 && (rest < 0 || rest > others*g.Second) {
			return fmt.Errorf("no values add up to %v", line)
		}
		e.Groups = append(e.Groups, g)
	}
	return nil
}

// Contributions are the values of a group's subjects: the two largest as they are, the others nearly alike.
func (g *Group) Contributions() []int64 {
	values := []int64{g.Largest, g.Second}
	for i := range g.Subjects - 2 {
		others := g.Subjects - 2
		rest := g.Sum - g.Largest - g.Second
		values = append(values, rest/others+min(1, max(0, rest%others-i)))
	}
	return values[:g.Subjects]
}

// Dataset describes the example's people or firms.
func (e *Example) Dataset() *enclave.Dataset {
	d := &enclave.Dataset{
		Name: "published", Owner: "office", Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Organisation},
		Columns: []enclave.Column{{Name: "id", Type: enclave.Text, Class: enclave.Identifier}},
	}
	for i, name := range e.Columns {
		var codes []string
		for _, g := range e.Groups {
			codes = append(codes, g.Values[i])
		}
		slices.Sort(codes)
		d.Columns = append(d.Columns, enclave.Column{Name: name, Type: enclave.Code, Class: enclave.Quasi, Codes: slices.Compact(codes)})
	}
	if e.Valued {
		d.Columns = append(d.Columns, enclave.Column{Name: "value", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1000000"})
	}
	return d
}

// Manifest is a table as it is handed in.
func (e *Example) Manifest(t *Table) *enclave.Manifest {
	m := &enclave.Manifest{
		Darkroom: 1, Name: t.Name, Version: "1", Form: enclave.Aggregate, Keys: t.Keys, Margins: t.Margins,
		Measures: []enclave.ManifestMeasure{{Name: "number", Op: enclave.Count}},
		Inputs:   []enclave.ManifestInput{{Dataset: "published"}},
	}
	for _, k := range t.Keys {
		m.Inputs[0].Columns = append(m.Inputs[0].Columns, k.Of.Column)
	}
	if e.Valued {
		m.Measures = append(m.Measures, enclave.ManifestMeasure{Name: "total", Op: enclave.Sum, Of: "value"})
		m.Inputs[0].Columns = append(m.Inputs[0].Columns, "value")
	}
	return m
}
