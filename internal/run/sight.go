package run

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// This file is the one place that decides what leaves the register about a run. Whoever asks, and by whichever call, sees a run through
// sight, and more of it, its report, only as mayReport allows.
//
// In prod a run's operator is the adversary: its module chooses how the run ends. So what is seen is what the operator said itself, the
// name of a stage, an outcome, a reason out of the table below, and times in coarse steps. An outcome is an output too, but its reason must
// say nothing beyond it. In dev the rows are made from the catalogue, and nothing needs to be hidden.

// sight is a run as everybody sees it. It is built field by field, so that one that nobody decided about stays empty.
func (r *Register) sight(state *State) enclave.Run {
	seen := enclave.Run{
		// What the operator ordered, and what that was pinned to.
		ID: state.ID, Grant: state.Grant, Scenario: state.Scenario, Module: state.Module, Dataset: state.Dataset, Snapshot: state.Snapshot,
		Params: state.Params, Policy: state.Policy, Submitter: state.Submitter, Environment: state.Environment, Sample: state.Sample,
		Fuel: state.Fuel, // what was set aside, never what was burnt (A35)
		// How it goes. Times are coarse (A35); the revision counts the steps of progress, and any that an interruption made it take again.
		Submitted: enclave.Coarse(state.Submitted), Finished: enclave.Coarse(state.Finished),
		Stage: state.Stage, Outcome: state.Outcome, Revision: state.Revision, Reasons: state.Reasons,
		Question: state.Question, // a person's public words
	}
	if state.Progress == Running {
		seen.Stage = r.live.stage(state.ID, enclave.StageAdmit)
	}
	if state.Outcome == enclave.Released {
		seen.Result = state.Result // the digest of another output could be guessed at (A36)
	}
	if state.Environment != enclave.Dev {
		seen.Reasons = coarseReasons(state)
	}
	if state.Outcome != "" {
		seen.Support = support(r.config.SupportKey, state)
	}
	return seen
}

// mayReport reports whether a caller may see everything that is known of a run's end: its operator in dev, the authority and auditors
// always. It is asked beside the access policy, which says whose runs a caller reaches at all.
func mayReport(caller enclave.Caller, state *State) bool {
	switch caller.Role {
	case enclave.Authority, enclave.Auditor:
		return true
	case enclave.Operator:
		return state.Environment == enclave.Dev && caller.Org == state.Submitter.Org
	case enclave.SourceOrg, enclave.Reviewer:
	}
	return false
}

// mayExplain reports whether a caller may see what the rules saw of a run: whoever may see its report, and reviewers, who decide from facts.
func mayExplain(caller enclave.Caller, state *State) bool {
	return caller.Role == enclave.Reviewer && caller.Org != state.Submitter.Org || mayReport(caller, state)
}

// support is what an operator quotes when it asks what happened: a digest of how the run really ended, under a key of the enclave's. To
// the operator it is a random number, also beside those of its other runs; the authority, who sees the same one in the report, knows by it
// that both speak of the same end.
func support(key [32]byte, state *State) string {
	ended, err := json.Marshal(struct {
		Run     string
		Outcome enclave.Outcome
		Stage   enclave.Stage
		Reasons []enclave.Reason
	}{state.ID, state.Outcome, state.Stage, state.Reasons})
	if err != nil {
		return "" // texts always encode
	}
	mac := hmac.New(sha256.New, key[:])
	mac.Write(ended)
	return strings.ToLower(base32.StdEncoding.EncodeToString(mac.Sum(nil)[:10])) // 80 bits
}

// coarseReasons are the reasons of a run in prod as its operator sees them: those of the table as they are, with the values that the table
// allows, and for all others one that says no more than the outcome.
func coarseReasons(state *State) []enclave.Reason {
	var seen []enclave.Reason
	add := func(reason enclave.Reason) {
		if !slices.ContainsFunc(seen, func(r enclave.Reason) bool {
			return r.Code == reason.Code && r.In(enclave.English) == reason.In(enclave.English)
		}) {
			seen = append(seen, reason)
		}
	}
	if state.Outcome == enclave.Denied && state.Stage == enclave.StageRecord && slices.ContainsFunc(state.Reasons, isCrafted) {
		return []enclave.Reason{{Code: "OUTPUT_UNSAFE"}} // of a guest that sees rows, and may have chosen by them what else is wrong
	}
	table := shown()
	for _, reason := range state.Reasons {
		if reason.Code == "HISTORY_BUDGET" { // which budget it was is not for operators: all are told in the same words
			reason = enclave.Reason{Code: "BUDGET_SPENT", Args: map[string]string{"grant": state.Grant, "dataset": state.Dataset}}
		}
		args, known := table[reason.Code]
		if !known {
			add(enclave.Reason{Code: general(state)})
			continue
		}
		told := enclave.Reason{Code: reason.Code}
		for _, name := range args {
			if value, there := reason.Args[name]; there {
				if told.Args == nil {
					told.Args = map[string]string{}
				}
				told.Args[name] = value
			}
		}
		add(told)
	}
	return seen
}

func isCrafted(reason enclave.Reason) bool { return reason.Code == "OUTPUT_CRAFTED" }

// general is the reason that stands for all those that the table does not have.
func general(state *State) string {
	switch state.Outcome {
	case enclave.Denied, enclave.Rehearsed:
		if state.Stage == enclave.StageAdmit {
			return "RUN_REFUSED"
		}
		return "OUTPUT_UNSAFE"
	case enclave.Held:
		return "OUTPUT_HELD"
	case enclave.Stopped:
		return "RUN_CANCELED"
	case enclave.Failed, enclave.Released, "":
	}
	return "INTERNAL"
}

// shown is the table of the reasons that an operator may see in prod, with the values that come along. Each line says why it tells nothing
// of the rows beyond the outcome. What is not here becomes a general reason; what that hides, and why, the test beside this file lists.
func shown() map[string][]string {
	return map[string][]string{
		// Of the manifest and the catalogue alone: the same on any rows.
		"COLUMN_MAP_TYPE": {"key", "column"}, "COLUMN_MAP_UNKNOWN": {"key", "column", "code"}, "COLUMN_UNKNOWN": {"dataset", "column"}, "COLUMN_NOT_SHOWN": {"column"},
		"CUTS_TYPE": {"key", "column"}, "CUTS_VALUE": {"key", "column", "cut"}, "INSIDE_PROTECTED": {"key", "column", "class"}, "DATASET_NOT_INPUT": {"dataset", "input"},
		"GROUP_BY_IDENTITY": {"key", "column"}, "INPUT_IDENTIFIER": {"column"}, "KEYSPACE_TOO_LARGE": {"limit"}, "KEY_NEEDS_CUTS": {"key", "column"},
		"PARAM_OUT_OF_DOMAIN": {"param", "expected"}, "PARAM_UNKNOWN": {"param"}, "SHOWN_TOO_WIDE": {"columns"}, "SUM_NOT_MEASURE": {"column", "class"},
		"FORM_NOT_ALLOWED": {"form"}, "COLUMN_HIDDEN": {"column", "class"}, "SHARING_BARRED": {"dataset"}, "MODULE_OVER_PROFILE": {"limit"}, "MODULE_DATA_OVER_PROFILE": {"limit"},
		"KEYSPACE_OVER_PROFILE": {"limit"}, "OUTPUT_CRAFTED": nil, "OUTPUT_OF_PROGRAM": nil, "OUTPUT_REVIEW": nil, "MODULE_NOT_APPROVED": {"dataset"},
		// Of the snapshot's size: of its rows, whether a bound that the source chose could overflow; of its subjects, a power of two. Policy's
		// other reasons at admission are told too, so that the outcome says the same without it.
		"SUM_OVERFLOW": {"column"}, "KEYSPACE_TOO_LARGE_FOR_DATA": nil,
		// Of a guest that sees no rows, but everything that the catalogue allows. Whatever ends the run of one that sees rows is a denial that
		// gives no reason: see blur.
		"MODULE_CODE_RANGE": {"key"}, "MODULE_COMPILE": {"seconds", "memory"}, "MODULE_CONTRACT": nil, "MODULE_FUEL": {"limit"}, "MODULE_INVALID": nil, "MODULE_MEMORY": {"limit"},
		"MODULE_STOPPED": {"limit"}, "MODULE_TRAP": nil,
		// What has become of the grant, the module, the policy or the snapshot meanwhile.
		"GRANT_NOT_ACTIVE": {"grant", "state"}, "GRANT_FORM": {"grant", "form"}, "GRANT_DATASET": {"grant", "dataset"},
		"GRANT_COLUMN": {"grant", "dataset", "column"}, "GRANT_NOT_FOUND": {"grant"}, "MODULE_NOT_FOUND": {"module"},
		"DATASET_NOT_FOUND": {"dataset"}, "SNAPSHOT_NOT_FOUND": {"dataset"}, "SNAPSHOT_MISSING": {"dataset"}, "SNAPSHOT_OUTDATED": {"dataset"},
		"POLICY_REVISION_GONE": {"revision"}, "PROFILE_CHANGED": nil,
		// Of the enclave, not of a run: it failed, was interrupted or was busy; or somebody stopped the run.
		"INTERNAL": nil, "RUN_INTERRUPTED": nil, "RUN_CANCELED": nil, "RUN_EXPIRED": {"days"}, "HISTORY_MOVED": nil, "FACTS_VERSION": nil,
		// Of work that was too much, by the clock or by a count. That the enclave gave up says the same as that the run failed in a stage whose
		// name is seen; what made it too much, nobody hears. Of a guest that sees rows, which could choose it, it is a denial like any other (see blur).
		"RUN_TOO_LONG": {"limit"}, "TABLE_TOO_INTRICATE": nil, "HISTORY_TOO_LARGE": nil, "INSPECTION_TOO_LARGE": nil,
		// Of all releases of the dataset together: the budget is used up, for everybody. It is told since nothing else than to ask for less
		// helps; whoever knows the releases knows it from the rule, but for the number of subjects, which it bounds (HISTORY_BUDGET, see coarseReasons).
		"BUDGET_SPENT": {"grant", "dataset"}, "ROUNDING_TOO_FINE": nil,
		// Of two people who looked.
		"REVIEW_REJECTED": nil,
	}
}

// sees reports whether an order's guest is shown rows. How such a guest's run ends is its own choice, made of the rows: each end that is told
// apart from another would be an answer.
func sees(order *enclave.Order) bool {
	manifest := order.Module.Manifest
	if manifest.Form == enclave.Program {
		return true
	}
	return order.Module.HasCode && len(manifest.Inputs) > 0 && len(manifest.Inputs[0].Show) > 0
}

// veiled reports whether a run's guest is shown rows that are real.
func veiled(order *enclave.Order) bool {
	return order != nil && order.Run.Environment != enclave.Dev && sees(order)
}

// stageOf is the stage that a run at work is seen at. Where a guest is shown rows, how far it comes is its choice: that it was executed is all.
func stageOf(order *enclave.Order, stage enclave.Stage) enclave.Stage {
	if veiled(order) && stage != enclave.StageAdmit && stage != enclave.StageLoad {
		return enclave.StageExecute
	}
	return stage
}

// blur is how a run's failure is recorded, with its stage. Whatever goes wrong from the execution of a guest that sees rows on, in it, with
// what it made or by the clock, is a denial like policy's: failures would be another answer about the rows. What nobody chooses by the rows
// stays as it is: that somebody stopped the run, that others' releases kept coming first, and the grant. The cause keeps what it was.
func blur(order *enclave.Order, stage enclave.Stage, err error) (enclave.Stage, error) {
	chosen := false
	switch stage {
	case enclave.StageExecute, enclave.StageMeasure, enclave.StageTreat, enclave.StageJudge:
		chosen = true
	case enclave.StageRecord:
		chosen = errors.Is(err, enclave.Fail(enclave.Limit, "RUN_TOO_LONG"))
	case enclave.StageQueued, enclave.StageAdmit, enclave.StageLoad, enclave.StageRelease:
	}
	if err == nil || !chosen || !veiled(order) || enclave.KindOf(err) == enclave.Canceled || enclave.AsError(err).Reason == "HISTORY_MOVED" {
		return stage, err
	}
	if e := enclave.AsError(err); e.Reason == "MODULE_FAILED" {
		err = errors.Unwrap(e)
	}
	return enclave.StageRecord, enclave.Fail(enclave.Refused, "MODULE_FAILED").Because(err)
}
