package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/internal/adversary"
	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/policy"
)

// Kinds of findings. Those that promised names never are, the others are not promised, and found to be measured.
const (
	fewSums     = "a sum of few subjects follows"
	fewPeople   = "a number of few subjects follows from numbers of distinct subjects"
	alikeInOne  = "a subject's protected value follows from one table"
	alikeInMany = "a subject's protected value follows from several tables"
	estimated   = "a sum follows in which one subject can estimate another"
	dominated   = "a sum that one or two subjects dominate follows"
	narrow      = "a subject's sum is known within p %"
	guessed     = "a subject's secret can be guessed"
	tells       = "which cells are missing, or how runs end, depends on one subject's protected values"
)

// promised reports whether a kind of finding breaks a promise.
func promised(kind string) bool {
	return kind == fewSums || kind == fewPeople || kind == alikeInOne || kind == alikeInMany || kind == estimated
}

// trial is one world, questions about it, and what was found.
type trial struct {
	seed, number uint64
	world        *world
	asked        []*ask
	accounts     *account
	profile      enclave.Profile
	found        []finding
	near         nearest
	runs         int
	released     int
	reasons      map[string]int // of runs that were not
}

// nearest is how close a trial came.
type nearest struct {
	few      int     // least number of subjects that a sum that follows is about, less the threshold
	sum      float64 // greatest share of the largest subjects in a sum that follows
	relative float64 // narrowest interval of a subject's sum, by its value
	share    float64 // greatest part of a secret that is told
}

// finding is something that was found.
type finding struct {
	Kind  string  `json:"kind"`
	About string  `json:"about"`
	Value float64 `json:"value"`
	Step  int     `json:"step"` // after so many questions
}

// machine is what trials run on.
type machine struct {
	rules *policy.Engine
	flip  int             // of how many trials one is played again with another secret; 0 is none
	off   []lab.Mechanism // what is switched off in every world
}

// play makes a world and asks so many questions about it.
func (m *machine) play(ctx context.Context, seed, number uint64, questions int) (*trial, error) {
	r := rand.New(rand.NewPCG(seed, number)) //nolint:gosec // a search that can be repeated
	t := &trial{seed: seed, number: number, reasons: map[string]int{}, world: newWorld(r), near: nearest{few: math.MaxInt, relative: math.Inf(1)}}
	t.world.off = append(t.world.off, m.off...)
	t.accounts = newAccount(t.world)
	composer := newComposer(r, t.world)
	l, natives, err := m.laboratory(t.world)
	if err != nil {
		return t, err
	}
	if t.profile, err = l.Profile(); err != nil {
		return t, err
	}
	var ends []string
	for range questions {
		if composer.newest+1 < len(t.world.tables) && r.IntN(questions/2+1) == 0 {
			composer.newest++
			if err := l.Load(t.world.tables[composer.newest]); err != nil {
				return t, err
			}
		}
		a := composer.next()
		end, err := t.put(ctx, l, natives, a)
		if err != nil {
			return t, err
		}
		ends = append(ends, end)
		if len(t.asked)%4 == 0 {
			t.check(r)
		}
	}
	t.check(r)
	if err := t.infer(r); err != nil {
		return t, err
	}
	if m.flip > 0 && number%uint64(m.flip) == 0 {
		return t, m.again(ctx, t, r, ends)
	}
	return t, nil
}

func (m *machine) laboratory(w *world) (*lab.Lab, lab.Natives, error) {
	natives := lab.Natives{}
	l := lab.New(lab.Config{Policy: m.rules, Sandbox: natives, Seed: history.Seed{7}, Off: w.off})
	return l, natives, l.Load(w.tables[0])
}

// put asks one question, and says how it ended: everything that is seen but numbers.
func (t *trial) put(ctx context.Context, l *lab.Lab, natives lab.Natives, a *ask) (string, error) {
	t.asked = append(t.asked, a)
	answer, plan, err := run(ctx, l, natives, a, len(t.asked), t.world)
	if err != nil {
		return "", err
	}
	t.runs++
	end := string(answer.Outcome)
	if answer.Release == nil {
		for _, reason := range answer.Reasons {
			t.reasons[reason.Code]++
		}
		return end, nil
	}
	t.released++
	seen := adversary.Seen{
		Snapshot: a.Snapshot, Plan: plan, Function: a.function(), Release: answer.Release, Least: t.profile.Threshold,
		RoundCount: t.profile.RoundCount, RoundSum: t.profile.RoundSum,
	}
	for _, row := range answer.Release.Rows {
		end += "|" + seen.Name(row)
	}
	t.accounts.add(seen)
	return end, nil
}

// run asks a laboratory. What is wrong with a question is an answer too.
func run(ctx context.Context, l *lab.Lab, natives lab.Natives, a *ask, number int, w *world) (*lab.Answer, *enclave.Plan, error) {
	module, err := natives.Module(a.Manifest, a.function(), uint64(number)) //nolint:gosec // not negative
	if err != nil {
		return nil, nil, err
	}
	answer, err := l.Run(ctx, a.Operator, module, nil)
	if err != nil {
		return nil, nil, err
	}
	if answer.Release == nil {
		return answer, nil, nil
	}
	now := time.Now()
	plan, err := admit.Planner{}.Plan(&enclave.Order{
		Run: enclave.Run{Submitted: now, Dataset: "world"}, Module: module, Dataset: w.tables[0].Dataset,
		Grant: enclave.Grant{
			State: enclave.GrantActive, Forms: []enclave.Form{enclave.Aggregate}, NotAfter: now.Add(time.Hour),
			Scopes: []enclave.Scope{{Dataset: "world", Columns: a.Manifest.Inputs[0].Columns}},
		},
	})
	return answer, plan, err
}

func (t *trial) find(kind string, value float64, about string, args ...any) {
	t.found = append(t.found, finding{kind, fmt.Sprintf(about, args...), value, len(t.asked)})
}

// check looks for what follows about few by linear algebra, and for sums that are dominated.
func (t *trial) check(r *rand.Rand) {
	k := int(t.profile.Threshold)
	for _, of := range []struct {
		kind  string
		words *adversary.Words
	}{{fewSums, t.accounts.sums()}, {fewPeople, t.accounts.counts()}} {
		word, _ := of.words.Search(r, 6, nil)
		if word == nil {
			continue
		}
		t.near.few = min(t.near.few, len(word.Owners)-k)
		if len(word.Owners) < k {
			t.find(of.kind, float64(len(word.Owners)), "about %d subjects: %v", len(word.Owners), t.names(word.Owners))
		}
	}
	if costs := t.accounts.costs(); t.summed() {
		costs.Search(r, 6, func(w *adversary.Word) { t.dominance(costs, w) })
	}
}

func (t *trial) names(owners []int) []string {
	var names []string
	for _, o := range owners {
		names = append(names, t.accounts.names[o])
	}
	slices.Sort(names)
	return names
}

// dominance judges a sum that follows as if it were a cell.
func (t *trial) dominance(words *adversary.Words, w *adversary.Word) {
	if w.Factors == nil || len(w.Owners) == 0 {
		return
	}
	for _, f := range w.Factors {
		if f != w.Factors[0] {
			return // weighted sums are nobody's cell
		}
	}
	totals := map[int]int64{}
	for version, owner := range t.accounts.owner {
		if class := words.ClassOf(version); class >= 0 && slices.Contains(w.Classes, class) {
			totals[owner] += t.accounts.versions[version][colCost]
		}
	}
	var list []int64
	sum := int64(0)
	for _, v := range totals {
		list = append(list, v)
		sum += v
	}
	if len(list) < 2 || sum == 0 {
		return
	}
	slices.Sort(list)
	slices.Reverse(list)
	if rest := sum - list[0] - list[1]; rest*100 < list[0]*t.profile.PPercent {
		t.find(estimated, float64(rest)/float64(list[0]), "without the two largest of %d subjects, %d is left of %d, and the largest has %d", len(list), rest, sum, list[0])
	}
	top := list[0]
	if t.profile.DominanceN != 1 {
		top += list[1]
	}
	share := float64(top) / float64(sum)
	t.near.sum = max(t.near.sum, share)
	if share*100 >= float64(t.profile.DominancePercent) {
		t.find(dominated, share, "the largest of %d subjects make up %.1f %% of a sum of %d", len(list), 100*share, sum)
	}
}

// summed reports whether costs were released at all.
func (t *trial) summed() bool {
	return slices.ContainsFunc(t.accounts.seen, func(s adversary.Seen) bool {
		return slices.Contains(s.Plan.Summed, colCost)
	})
}

// infer plays the adversary on some subjects, who are told apart.
func (t *trial) infer(r *rand.Rand) error {
	a := t.accounts
	if len(a.seen) == 0 {
		return nil
	}
	var some []string
	for range 6 {
		some = append(some, a.names[r.IntN(len(a.names))])
	}
	register := adversary.Know(t.world.prior, t.world.tables...)
	apart := func(name string) bool { return slices.Contains(some, name) }
	all := adversary.Build(register, a.seen, apart, "ill", "cost")
	if err := t.certain(all, some, alikeInMany); err != nil {
		return err
	}
	for i := range a.seen {
		if err := t.certain(adversary.Build(register, a.seen[i:i+1], apart, "ill"), some, alikeInOne); err != nil {
			return err
		}
	}
	var wanted []adversary.Wanted
	for _, name := range some {
		wanted = append(wanted, adversary.Wanted{Subject: name, Column: "ill"})
	}
	for i, b := range all.Beliefs(wanted) {
		if len(t.world.off) == 0 {
			t.near.share = max(t.near.share, b.Share)
		}
		if b.Share > 0.5 && len(t.world.off) == 0 {
			t.find(guessed, b.Share, "%.0f %% of the variance of %s's secret is told", 100*b.Share, some[i])
		}
	}
	return t.costs(all, some)
}

// certain looks for protected values that follow for sure.
func (t *trial) certain(s *adversary.System, some []string, kind string) error {
	illnesses := t.world.tables[0].Dataset.Columns[colIllness].Codes
	for _, name := range some {
		low, high, asked, err := s.Bounds(adversary.Wanted{Subject: name, Column: "ill"}, -1)
		if errors.Is(err, adversary.ErrTooLarge) {
			return nil
		}
		if err != nil {
			return err
		}
		if asked && high-low < 0.01 {
			t.find(kind, high-low, "%s's rows sum up to %.2f in column ill", name, low)
		}
		for code := range illnesses {
			low, _, asked, err := s.Bounds(adversary.Wanted{Subject: name, Column: "illness"}, int32(code))
			if errors.Is(err, adversary.ErrTooLarge) {
				return nil
			}
			if err != nil {
				return err
			}
			if asked && low > 0.99 {
				t.find(kind, low, "%s has illness %s", name, illnesses[code])
			}
		}
	}
	return nil
}

// costs looks for sums of a subject that are known within p %.
func (t *trial) costs(s *adversary.System, some []string) error {
	for _, name := range some {
		low, high, asked, err := s.Bounds(adversary.Wanted{Subject: name, Column: "cost"}, -1)
		if errors.Is(err, adversary.ErrTooLarge) || !asked {
			return nil
		}
		if err != nil {
			return err
		}
		if relative := (high - low) / max(high, 1); high > 0 {
			t.near.relative = min(t.near.relative, relative)
			if relative*100 < float64(t.profile.PPercent) {
				t.find(narrow, relative, "%s's cost is from %.0f to %.0f", name, low, high)
			}
		}
	}
	return nil
}

// again asks the same of a world in which one subject has other protected values.
func (m *machine) again(ctx context.Context, t *trial, r *rand.Rand, ends []string) error {
	victim := t.accounts.names[r.IntN(len(t.accounts.names))]
	other := &world{prior: t.world.prior, off: t.world.off}
	illnesses := int64(len(t.world.tables[0].Dataset.Columns[colIllness].Codes))
	for _, table := range t.world.tables {
		table = table.Clone()
		for _, row := range table.Rows {
			if row.Subject == victim {
				row.Values[colIllness], row.Values[colIll] = (row.Values[colIllness]+1)%illnesses, 1-row.Values[colIll]
			}
		}
		other.tables = append(other.tables, table)
	}
	l, natives, err := m.laboratory(other)
	if err != nil {
		return err
	}
	twin := &trial{world: other, accounts: newAccount(other), profile: t.profile, reasons: map[string]int{}}
	newest := 0
	for i, a := range t.asked {
		if a.Snapshot > newest {
			newest = a.Snapshot
			if err := l.Load(other.tables[newest]); err != nil {
				return err
			}
		}
		end, err := twin.put(ctx, l, natives, a)
		if err != nil {
			return err
		}
		if end != ends[i] {
			t.find(tells, 1, "question %d about %s ended %q or %q", i+1, victim, difference(ends[i], end), difference(end, ends[i]))
			return nil
		}
	}
	return nil
}

// difference is what of the first the second lacks.
func difference(a, b string) string {
	others := strings.Split(b, "|")
	return strings.ReplaceAll(strings.Join(slices.DeleteFunc(strings.Split(a, "|"), func(s string) bool { return slices.Contains(others, s) }), " "), "\x00", "/")
}
