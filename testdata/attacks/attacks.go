// Package attacks describes attacks: what data there is, the secret that is wanted, which questions are asked by whom in which order, and
// which mechanism has to stop them. Each folder is an attack, its attack.yaml has several variants of it; README.md says how to write one.
// Whoever plays them needs no knowledge of any: internal/e2e does so on a real enclave, and on one without the mechanism.
package attacks

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/testdata/strict"
)

//go:embed */attack.yaml
var folders embed.FS

// Attack is a way to learn something.
type Attack struct {
	Folder  string   `json:"-"`
	Threats []string `json:"threats"` // their numbers, A7
	Title   string   `json:"title"`
	Data    string   `json:"data"`   // a scene, see Scenes
	Column  string   `json:"secret"` // the victim's value in it
	// Measures are those of questions that have none of their own.
	Measures  []enclave.ManifestMeasure `json:"measures"`
	Questions map[string]*Question      `json:"questions"`
	Variants  []*Variant                `json:"variants"`
}

// Variant is a sequence of runs. What it does not say its attack's first variant does.
type Variant struct {
	Name   string `json:"name"`
	Tries  string `json:"tries"`
	Data   string `json:"data"`
	Column string `json:"secret"`
	Steps  []Step `json:"steps"`
	// Stopped says which mechanism stops it, and at which run of those asked, from 1; 0 is the last. Where it is a refusal or people, Reason is
	// what the authority's report says.
	Stopped Stopped `json:"stopped"`
	// Off is what has to be switched off for the attack to succeed, and Wins how often it does then, in percent; 0 is 90. Nothing is off if there
	// is nothing to switch off, and Why says why.
	Off  []lab.Mechanism `json:"off"`
	Wins int             `json:"wins"`
	Why  string          `json:"why"`
	// Reads is the column of a program's output that holds the secret, and what is to be taken from it for each row of data.
	Reads *Reading `json:"reads"`
	// Known are other subjects whose values the adversary knows by itself.
	Known []string `json:"known"`
	// Honest is a question of the same shape that must be answered with so many rows or more after all this.
	Honest Honest `json:"honest"`
	// Residual says where SECURITY.md admits that the attack succeeds, as it must then: once it does not, the promise can be made.
	Residual string `json:"residual"`
}

// Step is a run, several runs, or a snapshot that is loaded.
type Step struct {
	Ask    string                    `json:"ask"`
	By     string                    `json:"by"` // "" is the first operator
	Params map[string]enclave.Scalar `json:"params"`
	Times  int                       `json:"times"` // 0 is once
	Param  string                    `json:"param"` // counts the times
	Load   string                    `json:"load"`  // a table of the scene
}

// Stopped says what stops a variant.
type Stopped struct {
	By     string `json:"by"` // a rule of the lab, or "people", "refusal", "budget", "blind"
	Run    int    `json:"run"`
	Reason string `json:"reason"`
}

// Reading is how a program's output is read.
type Reading struct {
	Column string `json:"column"`
	Offset int64  `json:"offset"`
}

// Honest is a question that must be answered.
type Honest struct {
	Ask  string `json:"ask"`
	Rows int    `json:"rows"`
}

// Question is a manifest without what all have in common.
type Question struct {
	Columns  []string                  `json:"columns"` // none: all but identifiers
	Show     []string                  `json:"show"`
	Params   []enclave.ManifestParam   `json:"params"`
	Keys     []enclave.ManifestKey     `json:"keys"`
	Measures []enclave.ManifestMeasure `json:"measures"`
	Margins  [][]string                `json:"margins"`
	Output   *enclave.ManifestOutput   `json:"output"`
	Module   *Module                   `json:"module"`
}

// All reads every attack, in the order of folders.
func All() ([]*Attack, error) {
	files, err := fs.Glob(folders, "*/attack.yaml")
	if err != nil {
		return nil, err
	}
	all := make([]*Attack, 0, len(files))
	for _, file := range files {
		a, err := read(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, a)
	}
	return all, nil
}

func read(file string) (*Attack, error) {
	a := &Attack{Folder: path.Dir(file)}
	if err := strict.Read(folders, file, a); err != nil {
		return nil, err
	}
	if len(a.Threats) == 0 || len(a.Variants) == 0 {
		return nil, fmt.Errorf("no threats or no variants")
	}
	for _, v := range a.Variants {
		if err := a.complete(v); err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
	}
	return a, nil
}

// complete fills a variant in from the attack and its first variant.
func (a *Attack) complete(v *Variant) error {
	first := a.Variants[0]
	if v.Data == "" {
		v.Data = a.Data
	}
	if v.Column == "" {
		v.Column = a.Column
	}
	if v.Stopped.By == "" {
		v.Stopped.By, v.Stopped.Reason = first.Stopped.By, first.Stopped.Reason
	}
	if v.Off == nil && v.Why == "" {
		v.Off = first.Off
	}
	if v.Wins == 0 {
		v.Wins = 90
	}
	if v.Honest.Ask == "" {
		v.Honest = first.Honest
	}
	if Scenes()[v.Data] == nil {
		return fmt.Errorf("there is no scene %q", v.Data)
	}
	for _, step := range append(slices.Clone(v.Steps), Step{Ask: v.Honest.Ask}) {
		if step.Load == "" && a.Questions[step.Ask] == nil {
			return fmt.Errorf("there is no question %q", step.Ask)
		}
	}
	return nil
}

// StoppedAt is the position of the run that must be stopped, of so many.
func (v *Variant) StoppedAt(runs int) int {
	if v.Stopped.Run > 0 {
		return v.Stopped.Run - 1
	}
	return runs - 1
}

// Manifest is a question as it is handed in, over a dataset.
func (a *Attack) Manifest(name string, dataset *enclave.Dataset) *enclave.Manifest {
	q := a.Questions[name]
	m := &enclave.Manifest{
		Darkroom: 1, Name: name, Version: "1", Form: enclave.Aggregate, Params: q.Params, Keys: q.Keys, Measures: q.Measures, Margins: q.Margins,
		Inputs: []enclave.ManifestInput{{Dataset: dataset.Name, Columns: q.Columns, Show: q.Show}},
	}
	if q.Output != nil {
		m.Form, m.Output = enclave.Program, q.Output
	} else if m.Measures == nil {
		m.Measures = a.Measures
	}
	if m.Inputs[0].Columns == nil {
		for i := range dataset.Columns {
			if dataset.Columns[i].Class != enclave.Identifier {
				m.Inputs[0].Columns = append(m.Inputs[0].Columns, dataset.Columns[i].Name)
			}
		}
	}
	return m
}
