package lab

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/leak"
	"github.com/darkroom-project/darkroom/enclave/program"
	"github.com/darkroom-project/darkroom/internal/releases"
)

// scenario is that of every grant.
const scenario = "attack"

// Lab is an enclave with one dataset. It is for one goroutine.
type Lab struct {
	config    Config
	policy    enclave.Policy
	path      enclave.Enclave
	treater   *treater
	recorder  *recorder
	dataset   *enclave.Dataset
	snapshots map[enclave.Digest]*snapshot
	newest    *snapshot
	known     map[string]uint32
	runs      int
}

// Config says what a lab is made of.
type Config struct {
	Policy  enclave.Policy
	Sandbox enclave.Sandbox // that runs modules; see [Natives]
	Guests  program.Sandbox // that runs programs; nil if there are none
	Seed    history.Seed    // of the audit
	Off     []Mechanism     // what is switched off
}

// New makes a lab without rows: Load is next.
func New(config Config) *Lab {
	l := &Lab{config: config, snapshots: map[enclave.Digest]*snapshot{}, known: map[string]uint32{}}
	off := offs(config.Off)
	files := memory{}
	l.recorder = &recorder{lab: l, files: files, off: off}
	l.policy = weakened{config.Policy, off}
	l.treater = &treater{off: off}
	l.path = enclave.Enclave{
		Planner: admit.Planner{}, Loader: l, Executor: aggregate.New(config.Sandbox, 1), Inspector: leak.New(nobody{}),
		Measurer: measurer{off: off}, Treater: l.treater, Recorder: l.recorder,
		Historian: historian{releases.New(l.recorder, files, l, config.Seed), off},
	}
	if config.Guests != nil {
		l.path.Performer = program.New(config.Guests)
	}
	return l
}

// Load makes a table the newest snapshot. Every table of a lab has the same dataset.
func (l *Lab) Load(t *Table) error {
	s, err := load(t, l.known)
	if err != nil {
		return err
	}
	l.dataset, l.newest, l.snapshots[s.about.Digest] = t.Dataset, s, s
	return nil
}

// Open finds a snapshot.
func (l *Lab) Open(_ context.Context, _ *enclave.Dataset, digest enclave.Digest) (enclave.Rows, error) {
	if s := l.snapshots[digest]; s != nil {
		return s, nil
	}
	return nil, enclave.Internalf("there is no snapshot %s", digest)
}

// Answer is how a run ended, and everything that is known of it.
type Answer struct {
	Outcome enclave.Outcome
	Stage   enclave.Stage
	Reasons []enclave.Reason // as they are, before an operator's sight
	Facts   *enclave.Facts   // that policy judged; nil if it did not come that far
	Plan    *enclave.Plan    // nil if it was refused before
	Release *Release         // what was released, if it is a table of groups
	Bytes   []byte           // what was released
	// Of a table that was treated: how many of its cells were left out, by rule. A cell that breaks two rules counts for both.
	Rules map[string]int64
	Fates []enclave.Fate // of Table.Cells
	Table *enclave.Table
	Risks []enclave.Risk // likewise
}

// Run submits a module for an operator and waits.
func (l *Lab) Run(ctx context.Context, operator string, module *enclave.Module, params map[string]enclave.Scalar) (*Answer, error) {
	l.runs++
	now := time.Now()
	var columns []string
	for i := range l.dataset.Columns {
		if l.dataset.Columns[i].Class != enclave.Identifier {
			columns = append(columns, l.dataset.Columns[i].Name)
		}
	}
	order := &enclave.Order{
		Run: enclave.Run{
			ID: strconv.Itoa(l.runs), Grant: operator, Scenario: scenario, Module: module.Digest, Dataset: l.dataset.Name, Snapshot: l.newest.about.Digest,
			Policy: l.policy.Revision(), Submitter: enclave.Caller{Role: enclave.Operator, Org: operator, Name: "somebody"}, Submitted: now,
			Environment: enclave.Prod, Params: params,
		},
		Grant: enclave.Grant{
			ID: operator, Operator: operator, Scenario: scenario, State: enclave.GrantActive, Forms: []enclave.Form{enclave.Aggregate, enclave.Program},
			Scopes: []enclave.Scope{{Dataset: l.dataset.Name, Columns: columns}}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		},
		Module: module, Dataset: l.dataset, Snapshot: l.newest.about, Policy: l.policy, Approved: true,
	}
	answer := &Answer{Outcome: enclave.Failed}
	l.treater.last, l.recorder.decided = nil, nil
	err := l.path.Run(ctx, order, func(s enclave.Stage) { answer.Stage = s })
	if treated := l.treater.last; treated != nil {
		answer.Table, answer.Fates, answer.Plan = treated.Table, treated.Fates, treated.Table.Plan
		answer.Risks, answer.Rules = l.treater.risks, rules(l.treater.risks, treated.Fates)
	}
	if err != nil {
		return answer, answer.fail(err)
	}
	l.recorder.conclude(answer)
	return answer, nil
}

// fail says of a run how it ended without a verdict. What is nobody's fault but the laboratory's is returned.
func (a *Answer) fail(err error) error {
	fault, ours := errors.AsType[*enclave.Error](err)
	if !ours || fault.Kind == enclave.Internal || fault.Kind == enclave.Canceled || fault.Kind == enclave.Unavailable {
		return err
	}
	a.Reasons = fault.Reasons()
	if fault.Kind == enclave.Refused {
		a.Outcome = enclave.Denied
	}
	return nil
}

// History is how many exact releases there are.
func (l *Lab) History() int { return len(l.recorder.footprints) }

// Profile is the numbers in force.
func (l *Lab) Profile() (enclave.Profile, error) { return l.config.Policy.Profile(l.dataset, scenario) }

// rules counts the cells that were left out.
func rules(risks []enclave.Risk, fates []enclave.Fate) map[string]int64 {
	counts := map[string]int64{}
	for i, fate := range fates {
		switch fate {
		case enclave.Published:
		case enclave.Complement:
			counts[string(Complement)]++
		case enclave.Primary, enclave.Forbidden:
			for risk, name := range ruleOf {
				if risks[i]&risk != 0 {
					counts[name]++
				}
			}
		}
	}
	return counts
}

var ruleOf = map[enclave.Risk]string{
	enclave.RiskThreshold: string(Threshold), enclave.RiskDominance: string(Dominance), enclave.RiskPPercent: "p_percent",
	enclave.RiskHomogeneity: string(Homogeneity), enclave.RiskHistory: string(History),
}

// Rules are the names that Answer.Rules may have, sorted.
func Rules() []string {
	return slices.Sorted(slices.Values(append(slices.Collect(maps.Values(ruleOf)), string(Complement))))
}

// nobody is the directory of subjects that have no identifiers.
type nobody struct{}

func (nobody) Known(_ context.Context, _ enclave.SubjectKind, candidates [][]byte) ([]bool, error) {
	return make([]bool, len(candidates)), nil
}

// memory is files in memory.
type memory map[enclave.Digest][]byte

func (m memory) Put(content []byte) (enclave.Digest, error) {
	digest := enclave.DigestOf(content)
	m[digest] = content
	return digest, nil
}

func (m memory) Get(digest enclave.Digest) ([]byte, error) {
	content, there := m[digest]
	if !there {
		return nil, enclave.Internalf("there is no file %s", digest)
	}
	return content, nil
}
