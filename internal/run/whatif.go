package run

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// WhatIf says what other rules would have decided of past outputs.
type WhatIf struct {
	Version  int            `json:"version"`  // 1
	Revision enclave.Digest `json:"revision"` // of the rules that were tried
	Judged   int            `json:"judged"`   // how many outputs
	Changed  int            `json:"changed"`  // of them, whose decision or output would be another, or may be
	// Approximate is how many were judged from what was measured of the output as it was treated then, though it would be treated otherwise.
	Approximate int `json:"approximate"`
	// Rules counts the outputs that a rule would decide otherwise: by rule, then by operator.
	Rules map[string]map[string]int `json:"rules,omitempty"`
	Runs  []WhatIfRun               `json:"runs,omitempty"` // those that change, newest first
}

// WhatIfRun is one output that other rules would decide otherwise, or treat otherwise.
type WhatIfRun struct {
	Run      string           `json:"run"`
	Operator string           `json:"operator"`
	Scenario string           `json:"scenario"`
	Dataset  string           `json:"dataset"`
	Policy   enclave.Digest   `json:"policy"` // that decided
	Before   enclave.Decision `json:"before"`
	After    enclave.Decision `json:"after"` // "" if the run would not come to a decision
	// Rules are those that would hold and did not, or the other way round; Reasons are of the decision after.
	Rules   []string         `json:"rules,omitempty"`
	Reasons []enclave.Reason `json:"reasons,omitempty"`
	Numbers []NumberChange   `json:"numbers,omitempty"` // that apply to it and differ
	// Approximate: one of the numbers changes the treatment, so that the output would be another. Then Suppressed is how many more cells are
	// below the threshold, at least, where that is known.
	Approximate bool  `json:"approximate,omitempty"`
	Suppressed  int64 `json:"suppressed,omitempty"`
	// Exact: the run was run again. Then SameOutput says whether the same bytes came of it, and Cells how many cells are published.
	Exact      bool      `json:"exact,omitempty"`
	SameOutput bool      `json:"same_output,omitempty"`
	Cells      *[2]int64 `json:"cells,omitempty"` // before and after
}

// NumberChange is one number of a profile in which two revisions differ.
type NumberChange struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// judgedOnly are the numbers that change no output: they are judged, or bound what is asked. Any other may change the treatment.
func judgedOnly() []string {
	return []string{
		"name", "forms", "rank_percent", "max_module_bytes", "max_data_bytes", "max_cells", "bits_percent", "parameter_percent", "shown", "replay_percent", "module_review", "output_review", "reviewers",
		"row_runs", "runs", "questions", "denials", "held_days",
	}
}

// DryRun judges the last outputs that were decided anew, by rules that are not in force. Nothing comes of it but a record that somebody asked.
// Exact walks the path of those again whose treatment would be another, one after the other, which takes as long as they did; REPLAY_BUSY
// while a replay is under way.
func (r *Register) DryRun(ctx context.Context, caller enclave.Caller, rules enclave.Policy, last int, exact bool) (*WhatIf, error) {
	if exact {
		if !r.replaying.TryLock() {
			return nil, enclave.Fail(enclave.Unavailable, "REPLAY_BUSY")
		}
		defer r.replaying.Unlock()
	}
	ids, err := r.config.Store.LastJudged(ctx, last)
	if err != nil {
		return nil, err
	}
	what := &WhatIf{Version: 1, Revision: rules.Revision(), Rules: map[string]map[string]int{}}
	for _, id := range ids {
		one, err := r.whatIf(ctx, id, rules, exact)
		if ctx.Err() != nil {
			return nil, enclave.Fail(enclave.Canceled, "REPLAY_CANCELED").Because(context.Cause(ctx))
		}
		if err != nil {
			return nil, err
		}
		what.add(one)
	}
	act := enclave.NewAct(r.config.Now(), caller, "policy.dry-run", "policy", "revision", what.Revision.String(),
		"judged", strconv.Itoa(what.Judged), "exact", strconv.FormatBool(exact))
	return what, r.config.Replays.Acts.Record(ctx, act)
}

func (w *WhatIf) add(one *WhatIfRun) {
	w.Judged++
	if one.Approximate {
		w.Approximate++
	}
	if one.After == one.Before && !one.Approximate && (!one.Exact || one.SameOutput) {
		return
	}
	w.Changed++
	for _, rule := range one.Rules {
		if w.Rules[rule] == nil {
			w.Rules[rule] = map[string]int{}
		}
		w.Rules[rule][one.Operator]++
	}
	w.Runs = append(w.Runs, *one)
}

// whatIf judges one output anew.
func (r *Register) whatIf(ctx context.Context, id string, rules enclave.Policy, exact bool) (*WhatIfRun, error) {
	state, err := r.config.Store.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	decision, err := r.config.Store.Judged(ctx, id)
	if err != nil {
		return nil, err
	}
	evidence, err := decision.evidence()
	if err != nil {
		return nil, err
	}
	dataset, err := r.config.Datasets.Dataset(ctx, state.Dataset)
	if err != nil {
		return nil, err
	}
	profile, err := rules.Profile(dataset, state.Scenario)
	if err != nil {
		return nil, err
	}
	one := &WhatIfRun{
		Run: id, Operator: state.Submitter.Org, Scenario: state.Scenario, Dataset: state.Dataset, Policy: decision.Policy, Before: decision.Decision,
		Numbers: numbersChanged(&decision.Profile, &profile),
	}
	treated := slices.ContainsFunc(one.Numbers, func(n NumberChange) bool { return !slices.Contains(judgedOnly(), n.Name) })
	if treated && exact {
		return one, r.walkAnew(ctx, state.Run, &decision, &evidence, rules, one)
	}
	facts := evidence.Facts
	if facts.Form != enclave.Program {
		// What is rounded anew is rounded to the new numbers.
		facts.RoundCount, facts.RoundSum = profile.RoundCount, profile.RoundSum
	}
	judgement, err := rules.Release(ctx, facts, profile)
	if err != nil {
		return nil, err
	}
	one.After, one.Reasons, one.Approximate = judgement.Decision, judgement.Reasons, treated
	one.Rules = parting(evidence.Passed, judgement.Passed)
	one.Suppressed = moreBelow(evidence.Before, decision.Profile.Threshold, profile.Threshold)
	return one, nil
}

// walkAnew walks the path of a run once more under other rules.
func (r *Register) walkAnew(ctx context.Context, run enclave.Run, decision *Decision, evidence *Evidence, rules enclave.Policy, one *WhatIfRun) error {
	one.Exact = true
	order, err := r.order(ctx, run)
	if err != nil {
		return err
	}
	order.Policy, order.Run.Policy = rules, rules.Revision()
	order.Grant.State, order.Approved = enclave.GrantActive, true
	again, err := r.config.Replays.Path.Replay(ctx, order, decision.History, 0, func(enclave.Stage) {})
	if err != nil {
		if ctx.Err() == nil && enclave.KindOf(err) == enclave.Internal {
			r.config.Log.WarnContext(ctx, "a run could not be tried under other rules", slog.String("run", run.ID), slog.Any("error", err))
		}
		one.Reasons = enclave.AsError(err).Reasons()
		if enclave.KindOf(err) == enclave.Refused {
			one.After = enclave.Deny
		}
		return nil
	}
	one.After, one.Reasons, one.Rules = again.Decision, again.Reasons, parting(evidence.Passed, again.Passed)
	one.SameOutput = again.Digest == decision.Result
	one.Cells = &[2]int64{evidence.Facts.Cells.Published, again.Facts.Cells.Published}
	return nil
}

// numbersChanged are the numbers in which two profiles differ, by name.
func numbersChanged(before, after *enclave.Profile) []NumberChange {
	old, fresh := numbersOf(before), numbersOf(after)
	var changes []NumberChange
	for _, name := range slices.Sorted(maps.Keys(fresh)) {
		if name != "name" && string(old[name]) != string(fresh[name]) {
			changes = append(changes, NumberChange{Name: name, Before: string(old[name]), After: string(fresh[name])})
		}
	}
	return changes
}

func numbersOf(p *enclave.Profile) map[string]json.RawMessage {
	var fields map[string]json.RawMessage
	raw, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(raw, &fields)
	}
	if err != nil {
		return nil // numbers and texts always encode
	}
	return fields
}

// parting are the rules that hold in one of two decisions alone, sorted.
func parting(before, after []string) []string {
	var rules []string
	for _, name := range before {
		if !slices.Contains(after, name) {
			rules = append(rules, name)
		}
	}
	for _, name := range after {
		if !slices.Contains(before, name) {
			rules = append(rules, name)
		}
	}
	slices.Sort(rules)
	return rules
}

// moreBelow is how many more cells are below one threshold than below another, at least: cells are counted below few thresholds.
func moreBelow(before *enclave.BeforeFacts, from, to int64) int64 {
	if before == nil || to <= from {
		return 0
	}
	var more int64
	for i, threshold := range enclave.Thresholds() {
		if threshold <= to && i < len(before.Below) {
			more = max(more, before.Below[i]-before.Unsafe.Threshold)
		}
	}
	return more
}
