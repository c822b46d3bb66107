package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/lab"
)

// description is a finding with all that it takes to see it again.
type description struct {
	Finding finding          `json:"finding"`
	Seed    uint64           `json:"seed"`
	Trial   uint64           `json:"trial"`
	Dataset *enclave.Dataset `json:"dataset"`
	Tables  []string         `json:"tables"` // CSV, as loaded one after the other
	Prior   [][]int64        `json:"prior"`
	Off     []lab.Mechanism  `json:"off,omitempty"`
	Asked   []*ask           `json:"asked"`
}

// write writes a finding down.
func (t *trial) write(file string, f finding) error {
	d := description{Finding: f, Seed: t.seed, Trial: t.number, Dataset: t.world.tables[0].Dataset, Prior: t.world.prior, Off: t.world.off, Asked: t.asked[:f.Step]}
	for _, table := range t.world.tables {
		raw, err := table.CSV()
		if err != nil {
			return err
		}
		d.Tables = append(d.Tables, string(raw))
	}
	raw, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, raw, 0o600)
}

// read reads the rows of a table.
func read(dataset *enclave.Dataset, text string) (*lab.Table, error) {
	t := &lab.Table{Dataset: dataset}
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if i == 0 {
			continue
		}
		fields := strings.Split(line, ",")
		row := lab.Row{Values: make([]int64, len(fields))}
		for c, field := range fields {
			var err error
			switch column := &dataset.Columns[c]; {
			case column.Name == dataset.Subject.Column:
				row.Subject = field
			case field == "":
				row.Values[c] = lab.Missing
			default:
				row.Values[c], err = column.Parse(field)
			}
			if err != nil {
				return nil, err
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// replay asks the questions of a description again, tells what was answered, and looks at the answers.
func (m *machine) replay(ctx context.Context, file string, out io.Writer) error {
	raw, err := os.ReadFile(file) //nolint:gosec // the file that was named
	if err != nil {
		return err
	}
	var d description
	if err := json.Unmarshal(raw, &d); err != nil {
		return err
	}
	w := &world{prior: d.Prior, off: d.Off}
	for _, text := range d.Tables {
		table, err := read(d.Dataset, text)
		if err != nil {
			return err
		}
		w.tables = append(w.tables, table)
	}
	t := &trial{world: w, accounts: newAccount(w), seed: d.Seed, number: d.Trial, reasons: map[string]int{}}
	l, natives, err := m.laboratory(w)
	if err != nil {
		return err
	}
	if t.profile, err = l.Profile(); err != nil {
		return err
	}
	newest := 0
	for _, a := range d.Asked {
		if a.Snapshot > newest {
			newest = a.Snapshot
			if err := l.Load(w.tables[newest]); err != nil {
				return err
			}
		}
		if _, err := t.put(ctx, l, natives, a); err != nil {
			return err
		}
	}
	r := rand.New(rand.NewPCG(d.Seed, d.Trial)) //nolint:gosec // a search that can be repeated
	t.check(r)
	if err := t.infer(r); err != nil {
		return err
	}
	t.tell(out)
	fmt.Fprintf(out, "it was found that %s: %s\n", d.Finding.Kind, d.Finding.About)
	for _, f := range t.found {
		if promised(f.Kind) {
			return errors.Join(errBroken, fmt.Errorf("%s: %s", f.Kind, f.About))
		}
	}
	return nil
}

// tell tells a trial in full.
func (t *trial) tell(out io.Writer) {
	for i, a := range t.asked {
		raw, err := json.Marshal(a.Manifest.Keys)
		if err != nil {
			raw = []byte(err.Error())
		}
		fmt.Fprintf(out, "%d. %s of snapshot %d: keys %s, measures %v, margins %v, a module for %d places\n", i+1, a.Operator, a.Snapshot, raw, a.Manifest.Measures, a.Manifest.Margins, len(a.Groups))
	}
	for i := range t.accounts.seen {
		s := &t.accounts.seen[i]
		fmt.Fprintf(out, "release %d, of snapshot %d: %v\n", i+1, s.Snapshot, s.Release.Header)
		for _, row := range s.Release.Rows {
			fmt.Fprintf(out, "   %v\n", row)
		}
	}
	for _, f := range t.found {
		fmt.Fprintf(out, "found, after %d questions: %s: %s\n", f.Step, f.Kind, f.About)
	}
}
