// Package honest describes what a statistical office would publish: sequences of tables over one dataset, as files. Whoever plays them needs no
// knowledge of any; internal/honest does. README.md says how to write one.
package honest

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/testdata/strict"
)

//go:embed *.yaml data/*.yaml
var files embed.FS

// Sequence is a series of tables that are released one after the other, over one dataset.
type Sequence struct {
	Name  string `json:"-"` // that of its file
	Title string `json:"title"`
	// Data is the dataset: one of data/, whose rows are a shared table, or visits, residents or firms, whose rows are made from Seed.
	Data string `json:"data"`
	Rows int64  `json:"rows"`
	Seed uint64 `json:"seed"`
	// Classes are those of columns, where they are not the description's.
	Classes map[string]enclave.Class `json:"classes"`
	// Snapshots are loaded one after the other; none is one of all rows.
	Snapshots []Snapshot `json:"snapshots"`
	Tables    []*Table   `json:"tables"`
	// Publish lists for each snapshot the tables that are released over it, in order; none is all over the only one.
	Publish [][]string `json:"publish"`
}

// Snapshot is what a loading differs in from the one before it; the last one has all rows as they are. Numbers are percent.
type Snapshot struct {
	Newcomers   int64            `json:"newcomers"`   // of subjects: they are in no snapshot before
	Leavers     int64            `json:"leavers"`     // of subjects: they are in no snapshot from this one on
	Corrections map[string]int64 `json:"corrections"` // by column, of rows: in the snapshots before, they had another row's value
	// Before, by column, keeps the rows whose value sorts before this: what happened up to a day.
	Before map[string]string `json:"before"`
}

// Table is a manifest without what all have in common.
type Table struct {
	Name     string                    `json:"name"`
	Title    string                    `json:"title"`
	Module   string                    `json:"module"` // a guest that has the code: ageband-c or ageband-go; none: the manifest is all
	Columns  []string                  `json:"columns"`
	Params   []enclave.ManifestParam   `json:"params"`
	Keys     []enclave.ManifestKey     `json:"keys"`
	Measures []enclave.ManifestMeasure `json:"measures"`
	Margins  [][]string                `json:"margins"`
}

// All reads every sequence, by name.
func All() ([]*Sequence, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	all := make([]*Sequence, 0, len(names))
	for _, name := range names {
		s := &Sequence{Name: strings.TrimSuffix(name, path.Ext(name))}
		if err := s.read(name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, s)
	}
	return all, nil
}

func (s *Sequence) read(file string) error {
	if err := strict.Read(files, file, s); err != nil {
		return err
	}
	if s.Snapshots == nil {
		s.Snapshots = []Snapshot{{}}
	}
	if s.Publish == nil {
		s.Publish = [][]string{nil}
		for _, t := range s.Tables {
			s.Publish[0] = append(s.Publish[0], t.Name)
		}
	}
	if len(s.Publish) != len(s.Snapshots) {
		return fmt.Errorf("tables over %d snapshots, and %d snapshots", len(s.Publish), len(s.Snapshots))
	}
	for _, name := range slices.Concat(s.Publish...) {
		if s.Table(name) == nil {
			return fmt.Errorf("there is no table %q", name)
		}
	}
	return nil
}

// Table is the table of a name, or nil.
func (s *Sequence) Table(name string) *Table {
	at := slices.IndexFunc(s.Tables, func(t *Table) bool { return t.Name == name })
	if at < 0 {
		return nil
	}
	return s.Tables[at]
}

// Dataset describes the sequence's data.
func (s *Sequence) Dataset() (*enclave.Dataset, error) {
	d, err := Describe(s.Data)
	if err != nil {
		return nil, err
	}
	for column, class := range s.Classes {
		at := d.Column(column)
		if at < 0 {
			return nil, fmt.Errorf("%s has no column %q", s.Data, column)
		}
		d.Columns[at].Class = class
	}
	return d, d.Validate()
}

// Describe describes a dataset by name.
func Describe(name string) (*enclave.Dataset, error) {
	switch name {
	case "visits":
		return synth.Dataset(), nil
	case "residents":
		return synth.Residents(), nil
	case "firms":
		return synth.Firms(), nil
	}
	file := "data/" + name + ".yaml"
	raw, err := files.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return scaffold.ParseDescription(raw, file)
}

// Manifest is the table as it is handed in.
func (t *Table) Manifest(dataset *enclave.Dataset) *enclave.Manifest {
	columns := slices.Clone(t.Columns)
	add := func(column string) {
		if column != "" && !slices.Contains(columns, column) {
			columns = append(columns, column)
		}
	}
	for _, k := range t.Keys {
		if k.Of != nil {
			add(k.Of.Column)
		}
	}
	for _, m := range t.Measures {
		add(m.Of)
	}
	return &enclave.Manifest{
		Darkroom: 1, Name: t.Name, Version: "1.0.0", Title: t.Title, Form: enclave.Aggregate, Params: t.Params, Keys: t.Keys, Measures: t.Measures, Margins: t.Margins,
		Inputs: []enclave.ManifestInput{{Dataset: dataset.Name, Columns: columns}},
	}
}
