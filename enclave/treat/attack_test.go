package treat_test

import (
	"math/big"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/measure"
)

// The attacker of these tests works with fractions, over all cells (not only atoms), and knows the microdata's truth about who is in
// which cell. It shares nothing with the code under test.

// relations are all equations between cells: margin − Σ inner = 0, as dense rows over the table's cells.
func relations(table *enclave.Table) [][]int64 {
	var all [][]int64
	for m := range table.Cells {
		for finer, set := range table.Plan.Sets {
			margin := &table.Cells[m]
			if finer == margin.Set || len(set) <= len(table.Plan.Sets[margin.Set]) {
				continue
			}
			within := true
			for _, k := range table.Plan.Sets[margin.Set] {
				within = within && slices.Contains(set, k)
			}
			if !within {
				continue
			}
			equation := make([]int64, len(table.Cells))
			equation[m] = -1
			for c := range table.Cells {
				if table.Cells[c].Set != finer {
					continue
				}
				agrees := true
				for k, code := range margin.Codes {
					agrees = agrees && (code == enclave.Total || code == table.Cells[c].Codes[k])
				}
				if agrees {
					equation[c] = 1
				}
			}
			all = append(all, equation)
		}
	}
	return all
}

// nullSpace is a basis of the changes of the unknowns that no relation would notice.
func nullSpace(equations [][]int64, unknowns []int) [][]*big.Rat {
	var matrix [][]*big.Rat
	for _, e := range equations {
		line := make([]*big.Rat, len(unknowns))
		for i, c := range unknowns {
			line[i] = big.NewRat(e[c], 1)
		}
		matrix = append(matrix, line)
	}
	var pivots []int
	for column := 0; column < len(unknowns) && len(pivots) < len(matrix); column++ {
		at := slices.IndexFunc(matrix[len(pivots):], func(l []*big.Rat) bool { return l[column].Sign() != 0 })
		if at < 0 {
			continue
		}
		top := len(pivots)
		matrix[top], matrix[top+at] = matrix[top+at], matrix[top]
		inverse := new(big.Rat).Inv(matrix[top][column])
		for _, v := range matrix[top] {
			v.Mul(v, inverse)
		}
		for i, line := range matrix {
			if factor := new(big.Rat).Set(line[column]); i != top && factor.Sign() != 0 {
				for j := range line {
					line[j].Sub(line[j], new(big.Rat).Mul(factor, matrix[top][j]))
				}
			}
		}
		pivots = append(pivots, column)
	}
	var basis [][]*big.Rat
	for free := range unknowns {
		if slices.Contains(pivots, free) {
			continue
		}
		vector := make([]*big.Rat, len(unknowns))
		for i := range vector {
			vector[i] = new(big.Rat)
		}
		vector[free].SetInt64(1)
		for i, p := range pivots {
			vector[p].Neg(matrix[i][free])
		}
		basis = append(basis, vector)
	}
	return basis
}

// hidden are the suppressed cells.
func hidden(out *enclave.Treated) (cells []int) {
	for i, f := range out.Fates {
		if f != enclave.Published {
			cells = append(cells, i)
		}
	}
	return cells
}

// follows reports whether the sum of some unknowns, by position, is the same whatever the unknowns are.
func follows(basis [][]*big.Rat, positions []int) bool {
	return !slices.ContainsFunc(basis, func(v []*big.Rat) bool {
		sum := new(big.Rat)
		for _, i := range positions {
			sum.Add(sum, v[i])
		}
		return sum.Sign() != 0
	})
}

// attack reports what the published cells of an output give away.
type attack struct {
	cells  []int   // suppressed cells that follow exactly
	groups [][]int // sets of suppressed atoms with too few subjects whose sum follows
	lines  [][]int // suppressed cells of a line with a published margin that are unsafe together, by their true facts
}

func (w *world) attack(out *enclave.Treated, p *enclave.Profile) attack {
	var found attack
	unknowns, atoms := hidden(out), []int(nil)
	for i, c := range unknowns {
		if out.Table.Cells[c].Set == 0 {
			atoms = append(atoms, i)
		}
	}
	equations := relations(out.Table)
	basis := nullSpace(equations, unknowns)
	for i, c := range unknowns {
		if follows(basis, []int{i}) {
			found.cells = append(found.cells, c)
		}
	}
	for chosen := 1; len(atoms) <= 12 && chosen < 1<<len(atoms); chosen++ {
		var group []int
		var cells []*enclave.Cell
		for bit, i := range atoms {
			if chosen>>bit&1 == 1 {
				group = append(group, i)
				cells = append(cells, &out.Table.Cells[unknowns[i]])
			}
		}
		if !follows(basis, group) {
			continue
		}
		if subjects, _ := w.together(cells); subjects < p.Threshold {
			found.groups = append(found.groups, group)
		}
	}
	for _, e := range equations {
		m := slices.Index(e, -1)
		if out.Fates[m] != enclave.Published {
			continue
		}
		var cells []*enclave.Cell
		var at []int
		for c := range e {
			if e[c] == 1 && out.Fates[c] != enclave.Published {
				cells, at = append(cells, &out.Table.Cells[c]), append(at, c)
			}
		}
		if len(cells) == 0 {
			continue
		}
		if subjects, facts := w.together(cells); p.RisksOf(subjects, []enclave.SumFacts{facts}) != 0 {
			found.lines = append(found.lines, at)
		}
	}
	return found
}

// Nothing unsafe follows from an output, over many random tables; and measurement, which shares no code, says the same. Treatment alone
// leaves no cell and no dominated line, and where everybody is in one cell no line with few people. With the audit there is no group of
// few people whatever.
func TestNothingUnsafeFollows(t *testing.T) {
	lost, audited, kept, loose := 0, 0, 0, 0
	for seed := range uint64(400) {
		repeat := seed%2 == 1
		w := random(seed, repeat)
		profile := strict
		profile.DominanceN, profile.Threshold = 1+int(seed/2%2), []int64{3, 10, 5}[seed%3]
		out := treated(t, w.table(), profile)
		checkIdempotent(t, out, profile)
		after := auditedTable(t, w, profile)
		if after.refused {
			t.Fatalf("seed %d: refused", seed)
		}
		if found := w.attack(after.Treated, &profile); len(found.cells) > 0 || len(found.lines) > 0 || len(found.groups) > 0 {
			t.Fatalf("seed %d: cells %v, groups %v, lines %v follow after the audit", seed, found.cells, found.groups, found.lines)
		}
		if after.turns > 1 { // else it is the same output
			alone := profile
			if repeat {
				alone.Threshold = 0
			}
			if found := w.attack(out, &alone); len(found.cells) > 0 || len(found.lines) > 0 {
				t.Fatalf("seed %d: cells %v, lines %v follow", seed, found.cells, found.lines)
			}
		}
		for _, o := range []*enclave.Treated{out, after.Treated} {
			if facts := measuredAfresh(t, o, profile); facts.Derivable != 0 || facts.Unsafe != (enclave.RiskCounts{}) {
				t.Fatalf("seed %d: measured afresh: %+v", seed, facts)
			}
		}
		lost += int(after.first.Complement)
		audited += after.lost
		kept += int(after.first.Published) - after.lost
		loose += min(after.turns-1, 1)
	}
	t.Logf("%d cells published, %d lost as complements, %d by the audit in %d tables", kept, lost, audited, loose)
}

// checkIdempotent treats the output's own suppressions as given: nothing more may be suppressed.
func checkIdempotent(t *testing.T, out *enclave.Treated, p enclave.Profile) {
	t.Helper()
	again := measure.Measurer{}.Measure(out.Table, p)
	for i, f := range out.Fates {
		if f == enclave.Complement {
			again.Risks[i] |= enclave.RiskThreshold
		}
	}
	second, err := treater.Treat(t.Context(), again, p)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(second.Fates, enclave.Complement) || !slices.Equal(second.Bytes, out.Bytes) {
		t.Fatal("treating an output again suppressed more")
	}
}

// The attack itself must be able to succeed: without complements it does, and where people repeat, without the audit.
func TestTheAttackFindsWhatIsThere(t *testing.T) {
	found, groups := 0, 0
	for seed := range uint64(50) {
		w := random(seed, false)
		table := w.table()
		out := &enclave.Treated{Table: table, Fates: make([]enclave.Fate, len(table.Cells))}
		for i, r := range (measure.Measurer{}).Measure(table, strict).Risks {
			if r != 0 {
				out.Fates[i] = enclave.Primary
			}
		}
		result := w.attack(out, &strict)
		facts := measuredAfresh(t, out, strict)
		if (len(result.cells) > 0) != (facts.Derivable > 0) && len(result.lines) == 0 {
			t.Errorf("seed %d: the attack found %v, measurement %d", seed, result.cells, facts.Derivable)
		}
		found += len(result.cells)
		again := random(seed, true)
		groups += len(again.attack(treated(t, again.table(), counts), &counts).groups)
	}
	if found == 0 || groups == 0 {
		t.Fatalf("%d cells, %d groups", found, groups)
	}
}
