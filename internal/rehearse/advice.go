package rehearse

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/measure"
)

// advice says what of a table was left out and what would mend it, for the module's author: each rule with what it met, the values that
// unsafe cells have in common, and what each key costs. Whatif computes the table of the same plan with other grouping sets.
func (d *diary) advice(ctx context.Context, whatif func(context.Context, *enclave.Plan) (*enclave.Table, error)) ([]enclave.Reason, error) {
	if d.treated == nil || d.profile == nil {
		return nil, nil
	}
	a := adviser{table: d.treated.Table, profile: d.profile, all: strconv.Itoa(len(d.treated.Fates))}
	for i, fate := range d.treated.Fates {
		switch fate {
		case enclave.Published:
		case enclave.Primary, enclave.Forbidden:
			a.unsafe = append(a.unsafe, i)
		case enclave.Complement:
			a.complements++
		}
	}
	a.rules(d.risks)
	if len(a.unsafe) > 0 {
		a.values()
		if err := a.keys(ctx, whatif); err != nil {
			return nil, err
		}
	}
	return a.said, nil
}

// keySpace says of a run that was refused for the number of its cells where they come from.
func keySpace(order *enclave.Order, refusal error) []enclave.Reason {
	e := enclave.AsError(refusal)
	if !slices.ContainsFunc(e.Reasons(), func(r enclave.Reason) bool { return strings.HasPrefix(r.Code, "KEYSPACE_") }) {
		return nil
	}
	planner := admit.Planner{}
	facts, err := planner.Facts(order)
	if err != nil {
		return nil
	}
	profile, err := order.Policy.Profile(order.Dataset, order.Grant.Scenario)
	if err != nil {
		return nil
	}
	sizes := "" // unknown, of a key space that no plan is made for
	if plan, err := planner.Plan(order); err == nil {
		var each []string
		for i := range plan.Keys {
			each = append(each, plan.Keys[i].Name+" "+strconv.Itoa(len(plan.Keys[i].Labels)))
		}
		sizes = " (" + strings.Join(each, " × ") + ")"
	}
	return enclave.Fail(enclave.Limit, "ADVICE_KEYSPACE", "cells", strconv.FormatInt(facts.Cells, 10), "sizes", sizes,
		"needed", strconv.FormatInt(facts.Cells*profile.Threshold, 10), "threshold", strconv.FormatInt(profile.Threshold, 10),
		"subjects", strconv.FormatInt(order.Snapshot.Subjects, 10), "counted", strconv.FormatInt(facts.Subjects, 10)).Reasons()
}

// approval is the reason why the module would be refused on the data until people approve it, if it would.
func approval(ctx context.Context, order *enclave.Order) ([]enclave.Reason, error) {
	unapproved := *order
	unapproved.Approved = false
	facts, err := admit.Planner{}.Facts(&unapproved)
	if err != nil {
		return nil, err
	}
	profile, err := order.Policy.Profile(order.Dataset, order.Grant.Scenario)
	if err != nil {
		return nil, err
	}
	judgement, err := order.Policy.Admission(ctx, facts, profile)
	return judgement.Reasons, err
}

type adviser struct {
	table       *enclave.Table
	profile     *enclave.Profile
	unsafe      []int // positions of the cells that were left out for a risk
	complements int
	all         string
	said        []enclave.Reason
}

func (a *adviser) say(advice *enclave.Error) { a.said = append(a.said, advice.Reasons()...) }

// rules says for each rule what it met.
func (a *adviser) rules(risks []enclave.Risk) {
	having := func(risk enclave.Risk) (cells []int, alone int) {
		for _, i := range a.unsafe {
			if risks[i]&risk != 0 {
				cells = append(cells, i)
			}
			if risks[i]&risk == risks[i] {
				alone++
			}
		}
		return cells, alone
	}
	if small, _ := having(enclave.RiskThreshold); len(small) > 0 {
		least := slices.MinFunc(small, func(i, j int) int { return cmp.Compare(a.table.Cells[i].Subjects, a.table.Cells[j].Subjects) })
		a.say(enclave.Fail(enclave.Limit, "ADVICE_THRESHOLD", "cells", strconv.Itoa(len(small)), "all", a.all, "threshold", strconv.FormatInt(a.profile.Threshold, 10),
			"cell", strings.Join(labels(a.table.Plan, &a.table.Cells[least]), " / "), "least", strconv.FormatInt(a.table.Cells[least].Subjects, 10)))
	}
	sums := enclave.RiskDominance | enclave.RiskPPercent
	if large, alone := having(sums); len(large) > 0 {
		a.say(enclave.Fail(enclave.Limit, "ADVICE_DOMINANCE", "cells", strconv.Itoa(len(large)), "all", a.all, "columns", a.columns(large),
			"n", strconv.Itoa(a.profile.DominanceN), "share", strconv.FormatInt(a.profile.DominancePercent, 10), "p", strconv.FormatInt(a.profile.PPercent, 10)))
		if alone > 0 {
			a.say(enclave.Fail(enclave.Limit, "ADVICE_SUM", "cells", strconv.Itoa(alone), "columns", a.columns(large)))
		}
	}
	if alike, _ := having(enclave.RiskHomogeneity); len(alike) > 0 {
		a.say(enclave.Fail(enclave.Limit, "ADVICE_HOMOGENEITY", "cells", strconv.Itoa(len(alike)), "all", a.all))
	}
	if derived, _ := having(enclave.RiskHistory); len(derived) > 0 {
		a.say(enclave.Fail(enclave.Limit, "ADVICE_HISTORY", "cells", strconv.Itoa(len(derived)), "all", a.all))
	}
	if a.complements > 0 {
		a.say(enclave.Fail(enclave.Limit, "ADVICE_COMPLEMENT", "cells", strconv.Itoa(a.complements), "all", a.all))
	}
}

// columns are those whose sums the unsafe cells are dominated in.
func (a *adviser) columns(cells []int) string {
	plan := a.table.Plan
	var names []string
	for j, column := range plan.Summed {
		if slices.ContainsFunc(cells, func(i int) bool {
			cell := &a.table.Cells[i]
			return a.profile.RisksOf(cell.Subjects, cell.Sums[j:j+1])&(enclave.RiskDominance|enclave.RiskPPercent) != 0
		}) {
			names = append(names, plan.Dataset.Columns[column].Name)
		}
	}
	return strings.Join(names, ", ")
}

// values says which value of a key half of the unsafe cells or more have in common: that one is to be merged with another.
func (a *adviser) values() {
	plan := a.table.Plan
	for k := range plan.Keys {
		counts := map[int32]int{}
		for _, i := range a.unsafe {
			if code := a.table.Cells[i].Codes[k]; code != enclave.Total {
				counts[code]++
			}
		}
		for _, code := range slices.Sorted(maps.Keys(counts)) {
			if n := counts[code]; n > 1 && 2*n >= len(a.unsafe) && len(plan.Keys[k].Labels) > 1 {
				a.say(enclave.Fail(enclave.Limit, "ADVICE_VALUE", "cells", strconv.Itoa(n), "unsafe", strconv.Itoa(len(a.unsafe)), "key", plan.Keys[k].Name, "value", plan.Keys[k].Labels[code]))
			}
		}
	}
}

// keys says how many cells of the table would be unsafe without each key.
func (a *adviser) keys(ctx context.Context, whatif func(context.Context, *enclave.Plan) (*enclave.Table, error)) error {
	plan := *a.table.Plan
	if len(plan.Keys) < 2 {
		return nil
	}
	plan.Sets = plan.Sets[:1:1]
	for k := range plan.Keys {
		plan.Sets = append(plan.Sets, slices.DeleteFunc(slices.Clone(plan.Sets[0]), func(other int) bool { return other == k }))
	}
	table, err := whatif(ctx, &plan)
	if err != nil {
		return err
	}
	risks := measure.Measurer{}.Measure(table, *a.profile).Risks
	cells, unsafe := make([]int, len(plan.Sets)), make([]int, len(plan.Sets))
	for i := range table.Cells {
		set := table.Cells[i].Set
		cells[set]++
		if risks[i] != 0 {
			unsafe[set]++
		}
	}
	for k := range plan.Keys {
		if unsafe[k+1] < unsafe[0] {
			a.say(enclave.Fail(enclave.Limit, "ADVICE_KEY", "key", plan.Keys[k].Name, "cells", strconv.Itoa(cells[k+1]), "unsafe", strconv.Itoa(unsafe[k+1]),
				"before", strconv.Itoa(unsafe[0]), "all", strconv.Itoa(cells[0])))
		}
	}
	return nil
}
