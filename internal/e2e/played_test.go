package e2e_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/adversary"
	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/attacks"
)

// site is where an attack is played: a served enclave, or a laboratory.
type site interface {
	load(table *lab.Table)
	ask(operator string, manifest *enclave.Manifest, code []byte, params map[string]enclave.Scalar) ended
}

// ended is how a run ended: what its operator sees, and what the authority's report says besides.
type ended struct {
	outcome enclave.Outcome
	trace   adversary.Trace // without the table
	release *lab.Release    // nil if nothing was released
	keys    int             // columns of it that are labels
	reasons []string        // of the report
	facts   *enclave.Facts  // likewise; nil if it did not come that far
	rules   map[string]int64
}

// served is a dataset of a served enclave, and the operators of a number.
type served struct {
	*domain
	name    string
	number  int
	grants  map[string]string
	modules map[string]string // by operator, manifest and code
	lock    sync.Mutex        // guards grants and modules, and is held while a module is handed in
	dataset *enclave.Dataset

	suspended sync.Map // operators whose grant is, so that nothing more is asked for them
}

// loading holds as many tokens as a source department may load files at once.
var loading = make(chan struct{}, 4)

func (s *served) load(table *lab.Table) {
	s.t.Helper()
	file, err := table.CSV()
	ok(s.t, err)
	loading <- struct{}{}
	defer func() { <-loading }()
	if s.dataset != nil {
		_, err := s.clients[s.dataset.Owner].Load(s.t.Context(), s.name, "csv", strings.NewReader(string(file)), nil)
		ok(s.t, err)
		return
	}
	described := *table.Dataset
	described.Name = s.name
	s.dataset, s.grants, s.modules = &described, map[string]string{}, map[string]string{}
	s.domain.load(s.dataset, file)
}

// handIn makes sure that an operator has a grant and a module, each once.
func (s *served) handIn(operator string, manifest *enclave.Manifest, code []byte) (grant, module string) {
	s.t.Helper()
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.grants[operator] == "" {
		s.grants[operator] = s.grant(operator, s.dataset)
	}
	asked, err := enclave.DigestJSON(manifest)
	ok(s.t, err)
	name := fmt.Sprint(operator, asked, enclave.DigestOf(code))
	if s.modules[name] == "" {
		s.modules[name] = s.upload(operator, manifest, code)
	}
	return s.grants[operator], s.modules[name]
}

func (s *served) ask(operator string, manifest *enclave.Manifest, code []byte, params map[string]enclave.Scalar) ended {
	s.t.Helper()
	operator = fmt.Sprint(operator, "-", s.number)
	suspended := ended{outcome: enclave.Failed, trace: adversary.Trace{"outcome": "suspended"}}
	if _, is := s.suspended.Load(operator); is {
		return suspended
	}
	grant, module := s.handIn(operator, manifest, code)
	given := map[string]string{}
	for name, v := range params {
		given[name] = string(v)
	}
	submitted, err := s.clients[operator].Submit(s.t.Context(), sdk.Order{Grant: grant, Module: module, Params: given})
	if sdk.ReasonOf(err) == "GRANT_NOT_ACTIVE" { // too many denials suspend it, and then there is nothing left to ask
		s.suspended.Store(operator, true)
		return suspended
	}
	ok(s.t, err)
	run, err := s.clients[operator].Wait(s.t.Context(), submitted.ID)
	ok(s.t, err)
	e := ended{outcome: enclave.Outcome(run.Outcome), trace: adversary.Trace{
		"outcome": string(run.Outcome), "stage": run.Stage, "fuel": strconv.FormatInt(run.Fuel, 10),
		"took": run.Finished.Sub(run.Submitted).Truncate(time.Minute).String(), // beyond a step, or it would tell how busy the machine is
	}}
	for _, reason := range run.Reasons {
		e.trace["reasons"] += reason.Code + " "
	}
	raw, err := s.clients["authority"].Report(s.t.Context(), run.ID)
	ok(s.t, err)
	var report enclave.Report
	ok(s.t, json.Unmarshal(raw, &report))
	e.facts = report.Facts
	for _, reason := range report.Reasons {
		e.reasons = append(e.reasons, reason.Code)
	}
	if run.Outcome == "released" {
		_, header, rows := s.result(operator, run)
		e.release = &lab.Release{Header: header, Rows: rows}
	}
	return e
}

// laboratory is a site with mechanisms switched off.
type laboratory struct {
	*lab.Lab
	t       *testing.T
	dataset *enclave.Dataset
	off     []lab.Mechanism
}

// guestRoom makes what runs guests in laboratories.
func guestRoom(t *testing.T) *sandbox.Sandbox {
	t.Helper()
	guests, err := sandbox.New(t.Context(), sandbox.Config{}, slog.New(slog.DiscardHandler))
	ok(t, err)
	t.Cleanup(func() { ok(t, guests.Close(t.Context())) })
	return guests
}

func newLaboratory(t *testing.T, on *stage, off []lab.Mechanism) *laboratory {
	t.Helper()
	return &laboratory{t: t, off: off, Lab: lab.New(lab.Config{Policy: on.rules, Sandbox: on.guests, Guests: on.guests, Seed: history.Seed{1}, Off: off})}
}

func (l *laboratory) load(table *lab.Table) {
	l.t.Helper()
	l.dataset = table.Dataset
	ok(l.t, l.Load(table))
}

func (l *laboratory) ask(operator string, manifest *enclave.Manifest, code []byte, params map[string]enclave.Scalar) ended {
	l.t.Helper()
	whole, err := admit.Attach(code, manifest)
	ok(l.t, err)
	module, err := admit.Check(whole)
	ok(l.t, err)
	answer, err := l.Run(l.t.Context(), operator, module, params)
	ok(l.t, err)
	e := ended{
		outcome: answer.Outcome, release: answer.Release, facts: answer.Facts, rules: answer.Rules,
		trace: adversary.Trace{"outcome": string(answer.Outcome), "stage": string(answer.Stage)},
	}
	for _, reason := range answer.Reasons {
		e.reasons = append(e.reasons, reason.Code)
	}
	if answer.Release == nil && answer.Bytes != nil {
		header, rows := preview(l.t, answer.Bytes)
		e.release = &lab.Release{Header: header, Rows: rows}
	}
	return e
}

// played is everything that came of an attack.
type played struct {
	scene  *attacks.Scene
	runs   []ended
	seen   []adversary.Seen
	honest ended
	tables []*lab.Table // as they were loaded
}

// play plays a variant's steps, and then the honest question.
func play(t *testing.T, a *attacks.Attack, v *attacks.Variant, scene *attacks.Scene, at site, profile *enclave.Profile) *played {
	t.Helper()
	p := &played{scene: scene, tables: []*lab.Table{scene.Tables["first"]}}
	at.load(scene.Tables["first"])
	for _, step := range v.Steps {
		if step.Load != "" {
			p.tables = append(p.tables, scene.Tables[step.Load])
			at.load(scene.Tables[step.Load])
			continue
		}
		for n := range max(step.Times, 1) {
			e, seen := p.ask(t, a, &step, n, at, profile)
			p.runs = append(p.runs, e)
			if seen.Plan != nil {
				p.seen = append(p.seen, seen)
			}
		}
	}
	p.honest, _ = p.ask(t, a, &attacks.Step{Ask: v.Honest.Ask}, 0, at, profile)
	return p
}

func (p *played) ask(t *testing.T, a *attacks.Attack, step *attacks.Step, n int, at site, profile *enclave.Profile) (ended, adversary.Seen) {
	t.Helper()
	newest := p.tables[len(p.tables)-1]
	dataset := *newest.Dataset
	if s, is := at.(*served); is {
		dataset.Name = s.name
	}
	manifest := a.Manifest(step.Ask, &dataset)
	var code []byte
	var function func([]byte) lab.Native
	if module := a.Questions[step.Ask].Module; module != nil {
		var err error
		code, function, err = module.Code(manifest, &dataset)
		ok(t, err)
	}
	operator := acme
	if step.By != "" {
		operator = step.By
	}
	e := at.ask(operator, manifest, code, step.Counted(n))
	e.keys = len(manifest.Keys)
	seen := adversary.Seen{Snapshot: len(p.tables) - 1, Release: e.release, RoundCount: profile.RoundCount, RoundSum: profile.RoundSum, Least: profile.Threshold}
	if l, is := at.(*laboratory); is && slices.Contains(l.off, lab.Threshold) {
		seen.Least = 1
	}
	if e.release != nil && manifest.Form == enclave.Aggregate && (function != nil || len(manifest.ModuleKeys()) == 0) {
		seen.Plan = planOf(t, &dataset, manifest, step.Counted(n), len(newest.Rows))
		if function != nil {
			seen.Function = function(seen.Plan.Params)
		}
	}
	return e, seen
}

// planOf is what a manifest comes to, as anybody can work out.
func planOf(t *testing.T, dataset *enclave.Dataset, manifest *enclave.Manifest, params map[string]enclave.Scalar, rows int) *enclave.Plan {
	t.Helper()
	now := time.Now()
	plan, err := admit.Planner{}.Plan(&enclave.Order{
		Run: enclave.Run{Params: params, Submitted: now, Dataset: dataset.Name}, Module: &enclave.Module{Manifest: manifest}, Dataset: dataset,
		Snapshot: enclave.Snapshot{Rows: int64(rows)},
		Grant: enclave.Grant{
			State: enclave.GrantActive, Forms: []enclave.Form{enclave.Aggregate}, NotAfter: now.Add(time.Hour),
			Scopes: []enclave.Scope{{Dataset: dataset.Name, Columns: manifest.Inputs[0].Columns}},
		},
	})
	ok(t, err)
	return plan
}

// trace is everything that was seen but the numbers.
func (p *played) trace() adversary.Trace {
	all := adversary.Trace{}
	for i, e := range p.runs {
		for name, v := range e.trace {
			all[fmt.Sprint(i, " ", name)] = v
		}
		if e.release == nil {
			continue
		}
		all[fmt.Sprint(i, " rows")] = strconv.Itoa(len(e.release.Rows))
		for _, row := range e.release.Rows {
			all[fmt.Sprintf("%d there is %q", i, row[:e.keys])] = "yes"
		}
	}
	return all
}

// guess is the best guess that the adversary's algebra makes.
func (p *played) guess(t *testing.T, v *attacks.Variant) adversary.Belief {
	t.Helper()
	values := p.scene.Values[v.Column]
	if v.Reads != nil {
		return p.read(v, values)
	}
	register := adversary.Know(p.scene.Prior, p.tables...)
	register.Identities, register.Peculiar = p.scene.Identities, p.scene.Peculiar
	secret := adversary.Wanted{Subject: attacks.Victim, Column: v.Column}
	if p.scene.Before != 0 {
		register.Told = append(register.Told, adversary.Told{Wanted: secret, Value: p.scene.Before})
	}
	known := append([]string{attacks.Victim}, v.Known...)
	for _, name := range v.Known {
		total := int64(0)
		for _, row := range p.tables[0].Rows {
			if row.Subject == name {
				total += row.Values[p.tables[0].Dataset.Column(v.Column)]
			}
		}
		register.Told = append(register.Told, adversary.Told{Wanted: adversary.Wanted{Subject: name, Column: v.Column}, Value: total})
	}
	for name := range p.scene.Peculiar {
		known = append(known, name)
	}
	system := adversary.Build(register, p.seen, func(subject string) bool { return slices.Contains(known, subject) }, v.Column)
	belief, err := system.Guess(secret, values)
	ok(t, err)
	return belief
}

// read takes the secret from a program's output, if there is one.
func (p *played) read(v *attacks.Variant, values []int64) adversary.Belief {
	for _, e := range p.runs {
		if e.release == nil || len(e.release.Rows) != 1 {
			continue
		}
		n, err := strconv.ParseInt(e.release.Rows[0][slices.Index(e.release.Header, v.Reads.Column)], 10, 64)
		if err == nil {
			return adversary.Belief{Guess: slices.Index(values, n-v.Reads.Offset*int64(len(p.tables[0].Rows)))}
		}
	}
	return adversary.Belief{}
}

// preview reads an output in a laboratory.
func preview(t *testing.T, raw []byte) (header []string, rows [][]string) {
	t.Helper()
	header, values, _, err := treat.Preview(raw, 1000)
	ok(t, err)
	for _, row := range values {
		var texts []string
		for _, v := range row {
			if v == nil {
				texts = append(texts, "")
				continue
			}
			texts = append(texts, *v)
		}
		rows = append(rows, texts)
	}
	return header, rows
}
