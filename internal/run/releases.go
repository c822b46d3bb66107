package run

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Releases is the register of a dataset's exact releases: what left, and what each took of what the dataset can tell at all. A release cannot be
// taken back; who wants a table to be answered for ever releases it first, and later ones give way.
type Releases struct {
	Version  int    `json:"version"` // 1
	Dataset  string `json:"dataset"`
	Subjects int64  `json:"subjects"` // of all versions of the dataset that were counted when the last one was judged
	Rank     int64  `json:"rank"`     // independent sums that all of them publish together
	// Budgets are by the rules in force, for each scenario that had a release.
	Budgets  []RankBudget `json:"budgets,omitempty"`
	Releases []Released   `json:"releases,omitempty"` // oldest first
}

// RankBudget is how many independent sums a scenario may be answered as long as all releases together publish no more than Limit. Left is
// negative where they publish more, which a scenario with a larger budget may have asked for.
type RankBudget struct {
	Scenario string `json:"scenario"`
	Percent  int64  `json:"percent"` // of the subjects
	Limit    int64  `json:"limit"`
	Left     int64  `json:"left"`
	// GuessPercent is how often a guess at one subject may be right.
	GuessPercent int64 `json:"guess_percent"`
}

// Released is one release.
type Released struct {
	Number   int64              `json:"number"` // from 1: the version of the history that it made
	Run      string             `json:"run"`
	Grant    string             `json:"grant"`
	Operator string             `json:"operator"`
	Scenario string             `json:"scenario"`
	Module   enclave.Digest     `json:"module"`
	Snapshot enclave.Digest     `json:"snapshot"`
	Time     time.Time          `json:"time"` // coarse
	Form     string             `json:"form"`
	ByPeople bool               `json:"by_people,omitempty"`
	Cells    enclave.CellCounts `json:"cells"`          // of a table
	Rows     int64              `json:"rows,omitempty"` // of a program's output, which has no cells
	// Rank is what all releases up to this one publish, and Adds how much of it came with this one: what its place in the plan costs. A program's
	// output publishes no sums.
	Rank int64 `json:"rank"`
	Adds int64 `json:"adds"`
	// Guess is how often, in percent, the best guess at one subject is right by all releases up to this one, as it was measured then; 0 if it was not.
	Guess int64 `json:"guess,omitempty"`
}

// Releases lists a dataset's releases with what they used up. It costs what was measured when each was judged, and no new audit.
func (r *Register) Releases(ctx context.Context, dataset string) (*Releases, error) {
	ids, err := r.config.Store.Released(ctx, dataset)
	if err != nil {
		return nil, err
	}
	all := &Releases{Version: 1, Dataset: dataset}
	for _, id := range ids {
		one, facts, err := r.releaseOf(ctx, id)
		if err != nil {
			return nil, err
		}
		one.Number, one.Rank = int64(len(all.Releases)+1), all.Rank
		if facts.Form == enclave.Aggregate {
			one.Rank = max(all.Rank, facts.History.Rank)
			all.Subjects = facts.History.Subjects
			if guess := facts.History.Guess; guess < 100 {
				one.Guess = guess
			}
		}
		one.Adds, all.Rank = one.Rank-all.Rank, one.Rank
		all.Releases = append(all.Releases, one)
	}
	return all, r.budgets(ctx, all)
}

func (r *Register) releaseOf(ctx context.Context, id string) (Released, *enclave.Facts, error) {
	state, err := r.config.Store.Get(ctx, id)
	if err != nil {
		return Released{}, nil, err
	}
	decision, err := r.config.Store.Decision(ctx, id)
	if err != nil {
		return Released{}, nil, err
	}
	evidence, err := decision.evidence()
	if err != nil {
		return Released{}, nil, err
	}
	return Released{
		Run: id, Grant: state.Grant, Operator: state.Submitter.Org, Scenario: state.Scenario, Module: state.Module, Snapshot: state.Snapshot,
		Time: decision.Time, Form: string(evidence.Facts.Form), ByPeople: decision.ByPeople, Cells: evidence.Facts.Cells,
		Rows: evidence.Facts.Leak.Rows,
	}, &evidence.Facts, nil
}

// budgets says what the rules in force leave to each scenario.
func (r *Register) budgets(ctx context.Context, all *Releases) error {
	if len(all.Releases) == 0 {
		return nil
	}
	description, err := r.config.Datasets.Dataset(ctx, all.Dataset)
	if err != nil {
		return err
	}
	for i := range all.Releases {
		scenario := all.Releases[i].Scenario
		at, met := slices.BinarySearchFunc(all.Budgets, scenario, func(b RankBudget, name string) int { return strings.Compare(b.Scenario, name) })
		if met {
			continue
		}
		profile, err := r.config.Policies.Active().Profile(description, scenario)
		if err != nil {
			return err
		}
		limit := profile.RankPercent * all.Subjects / 100
		all.Budgets = slices.Insert(all.Budgets, at, RankBudget{Scenario: scenario, Percent: profile.RankPercent, Limit: limit, Left: limit - all.Rank, GuessPercent: profile.GuessPercent})
	}
	return nil
}
