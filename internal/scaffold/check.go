package scaffold

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/program"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/synth"
)

// Report is what [Check] found out about a module.
type Report struct {
	Module *enclave.Module
	Ran    bool   // over one synthetic batch, all of it padding; a program: over made-up rows
	Rows   int    // that a program returned
	Failed error  // how that run ended, if not well
	Said   string // what the module wrote to its standard streams meanwhile
}

// Check reads a module's file as admission does, compiles it, and, if it has code, runs it over one batch in which every row is padding; a
// program, over rows with values that the dataset's description allows, whether they make sense or not.
// Without a description the types of columns are not known: then it tries numbers and codes, and every value is 0. An error means that admission would refuse the
// module; a run that fails is in the report.
func Check(ctx context.Context, path string, dataset *enclave.Dataset) (*Report, error) {
	bytes, err := readFile(path, admit.MaxModuleBytes)
	if err != nil {
		return nil, err
	}
	module, err := admit.Check(bytes)
	if err != nil {
		return nil, err
	}
	said := &sandbox.Listener{}
	box, err := sandbox.New(ctx, sandbox.Config{Output: said}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	report := &Report{Module: module}
	if err = box.Compile(ctx, module); err == nil && module.HasCode {
		report.try(ctx, box, said, dataset)
	}
	return report, errors.Join(err, box.Close(context.WithoutCancel(ctx)))
}

// try runs the module over plans until one goes well. With a description there is one plan; without, one for each guess.
func (r *Report) try(ctx context.Context, box *sandbox.Sandbox, said *sandbox.Listener, dataset *enclave.Dataset) {
	guesses := []*enclave.Dataset{dataset}
	if dataset == nil {
		guesses = guess(r.Module.Manifest)
	}
	r.Ran = true
	for _, d := range guesses {
		said.Reset()
		if r.Failed = r.dryRun(ctx, box, d); r.Failed == nil || ctx.Err() != nil {
			break
		}
	}
	r.Said = said.Text()
}

// maxGuesses bounds how many combinations of types are tried.
const maxGuesses = 64

// guess describes datasets that the manifest could be about: columns that are summed are numbers and not shown, those with a map are codes,
// every other one is shown and is a number or a code.
func guess(m *enclave.Manifest) []*enclave.Dataset {
	var open []int
	base := enclave.Dataset{Name: m.Inputs[0].Dataset}
	for i, name := range m.Inputs[0].Columns {
		c := enclave.Column{Name: name, Type: enclave.Int, Class: enclave.Quasi, Min: "0", Max: "0", Codes: []string{"?"}}
		for _, k := range m.Keys {
			if k.Of != nil && k.Of.Column == name && k.Of.Cuts == nil {
				c.Type = enclave.Code
			}
		}
		switch {
		case slices.ContainsFunc(m.Measures, func(me enclave.ManifestMeasure) bool { return me.Of == name }):
			c.Class = enclave.Measure
		case c.Type == enclave.Int:
			open = append(open, i)
		}
		base.Columns = append(base.Columns, c)
	}
	var all []*enclave.Dataset
	for n := 0; n < 1<<min(len(open), 6) && n < maxGuesses; n++ {
		d := base
		d.Columns = slices.Clone(base.Columns)
		for bit, at := range open {
			if bit < 6 && n>>bit&1 == 1 {
				d.Columns[at].Type = enclave.Code
			}
		}
		all = append(all, &d)
	}
	return all
}

// dryRun runs the module over one batch of padding or a program over made-up rows, with default parameters.
func (r *Report) dryRun(ctx context.Context, box *sandbox.Sandbox, dataset *enclave.Dataset) error {
	module := r.Module
	plan, err := planFor(module.Manifest, dataset)
	if err != nil {
		return err
	}
	if module.Manifest.Form == enclave.Program {
		return r.perform(ctx, box, plan)
	}
	batch := &enclave.Batch{}
	for _, c := range plan.Shown {
		v := enclave.Vector{Valid: make([]byte, enclave.BatchRows/8)}
		if dataset.Columns[c].Type.Narrow() {
			v.Narrow = make([]int32, enclave.BatchRows)
		} else {
			v.Wide = make([]int64, enclave.BatchRows)
		}
		batch.Columns = append(batch.Columns, v)
	}
	guest, err := box.Open(ctx, module, plan)
	if err != nil {
		return err
	}
	err = guest.Assign(ctx, batch, make([][]int32, plan.ModuleKeys()))
	return errors.Join(err, guest.Close(context.WithoutCancel(ctx)))
}

// madeUpRows is how many rows a program is tried on, a subject for every fifth.
const madeUpRows = 1000

// perform runs a program over made-up rows. Of a fault it says what is inside MODULE_FAILED: over rows that nobody had, its author may know.
func (r *Report) perform(ctx context.Context, box *sandbox.Sandbox, plan *enclave.Plan) error {
	rows, err := synth.NewTable(plan.Dataset, enclave.Sample{Rows: madeUpRows, Subjects: madeUpRows / 5})
	if err != nil {
		return err
	}
	product, err := program.New(box).Perform(ctx, rows, r.Module, plan)
	if e := enclave.AsError(err); e != nil && e.Reason == "MODULE_FAILED" {
		return e.Unwrap()
	}
	if err != nil {
		return err
	}
	r.Rows = product.Rows
	return nil
}

// planFor is as much of a plan as the sandbox needs.
func planFor(m *enclave.Manifest, dataset *enclave.Dataset) (*enclave.Plan, error) {
	plan := &enclave.Plan{Dataset: dataset, Manifest: m}
	document := struct {
		Params  map[string]any `json:"params"`
		Columns []string       `json:"columns"`
		Keys    []string       `json:"keys"`
		Output  []string       `json:"output,omitempty"`
	}{map[string]any{}, []string{}, []string{}, nil}
	for _, name := range m.Inputs[0].Columns {
		at := dataset.Column(name)
		if at < 0 {
			return nil, enclave.Fail(enclave.Invalid, "CHECK_COLUMN", "column", name, "dataset", dataset.Name)
		}
		if dataset.Columns[at].Class.Shown() || slices.Contains(m.Inputs[0].Show, name) {
			plan.Shown, document.Columns = append(plan.Shown, at), append(document.Columns, name)
		}
	}
	for i, at := range m.ModuleKeys() {
		plan.Keys = append(plan.Keys, enclave.Key{Name: m.Keys[at].Name, Module: i})
		document.Keys = append(document.Keys, m.Keys[at].Name)
	}
	if m.Output != nil {
		for i := range m.Output.Columns {
			document.Output = append(document.Output, m.Output.Columns[i].Name)
		}
	}
	for i := range m.Params {
		value, err := m.Params[i].Check(m.Params[i].Default)
		if err != nil {
			return nil, err
		}
		document.Params[m.Params[i].Name] = value
	}
	var err error
	if plan.Params, err = json.Marshal(document); err != nil {
		return nil, enclave.Internalf("encode parameters: %w", err)
	}
	return plan, nil
}

// Text is the report for a person.
func (r *Report) Text(lang enclave.Lang) string {
	m := r.Module.Manifest
	say := func(code string, args map[string]string) string { return enclave.Message(lang, code, args) }
	lines := []string{
		say("CHECK_MODULE", map[string]string{"name": m.Name, "version": m.Version, "digest": r.Module.Digest.String()}),
		say("CHECK_SIZE", map[string]string{
			"bytes": strconv.FormatInt(r.Module.Facts.Bytes, 10), "functions": strconv.FormatInt(r.Module.Facts.Functions, 10),
			"imports": strconv.FormatInt(r.Module.Facts.Imports, 10), "pages": strconv.FormatInt(r.Module.Facts.MemoryPages, 10),
		}),
	}
	switch {
	case !r.Module.HasCode:
		lines = append(lines, say("CHECK_NO_CODE", nil))
	case r.Failed == nil && m.Form == enclave.Program:
		lines = append(lines, say("CHECK_PERFORMED", map[string]string{"rows": strconv.Itoa(madeUpRows), "returned": strconv.Itoa(r.Rows)}))
	case r.Failed == nil:
		lines = append(lines, say("CHECK_RAN", nil))
	case m.Form == enclave.Program:
		lines = append(lines, say("CHECK_NOT_PERFORMED", map[string]string{"rows": strconv.Itoa(madeUpRows), "why": enclave.AsError(r.Failed).In(lang)}))
	default:
		lines = append(lines, say("CHECK_FAILED", map[string]string{"why": enclave.AsError(r.Failed).In(lang)}))
	}
	if r.Said != "" {
		lines = append(lines, say("CHECK_SAID", nil), r.Said)
	}
	return strings.Join(lines, "\n") + "\n"
}
