package policy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// mutants are all copies of a module in which one condition of one rule is gone.
func mutants(module *ast.Module) map[string]*ast.Module {
	all := map[string]*ast.Module{}
	for r, rule := range module.Rules {
		if rule.Default {
			continue
		}
		for c := range rule.Body {
			mutant := module.Copy()
			body := slices.Delete(slices.Clone(mutant.Rules[r].Body), c, c+1)
			if len(body) == 0 {
				if rule.Body[c].Equal(ast.NewExpr(ast.BooleanTerm(true))) {
					continue // a rule without conditions
				}
				body = ast.NewBody(ast.NewExpr(ast.BooleanTerm(true)))
			}
			for i := range body {
				body[i].Index = i
			}
			mutant.Rules[r].Body = body
			all[fmt.Sprintf("%s without %s", rule.Location, rule.Body[c])] = mutant
		}
	}
	return all
}

// TestRegoTestsNoticeEveryCondition drops each condition of each rule in turn and expects that the bundle's own tests fail: whoever edits a
// rule and loses one hears of it.
func TestRegoTestsNoticeEveryCondition(t *testing.T) {
	for _, point := range []string{"access", "admission", "grant", "release", "program"} {
		b := readDefault(t)
		rules, tests := "darkroom/"+point+".rego", "darkroom/"+point+"_test.rego"
		all := mutants(b.modules[rules])
		if len(all) < 15 {
			t.Fatalf("%s: only %d conditions found", point, len(all))
		}
		for name, mutant := range all {
			changed := &bundle{data: b.data, modules: map[string]*ast.Module{rules: mutant, tests: b.modules[tests]}}
			if failed := failingTests(t, changed); failed == 0 {
				t.Errorf("nothing notices %s", name)
			}
		}
	}
}

// failingTests counts the failing tests; a mutant that does not compile has been noticed too.
func failingTests(t *testing.T, b *bundle) int {
	t.Helper()
	modules := map[string]*ast.Module{}
	for name, m := range b.modules {
		modules[name] = m.Copy()
	}
	compiler := newCompiler()
	if compiler.Compile(modules); compiler.Failed() {
		return 1
	}
	_, failed := runRegoTests(t, b, nil)
	return len(failed)
}

// TestCanariesNoticeEveryDecision drops each condition of each decision and expects that the bundle is refused: the checks that
// passed no longer are those that this package requires.
func TestCanariesNoticeEveryDecision(t *testing.T) {
	for _, point := range []string{"admission", "grant", "release", "program"} {
		b := readDefault(t)
		rules := "darkroom/" + point + ".rego"
		original := b.modules[rules]
		tried := 0
		for r, rule := range original.Rules {
			if rule.Head.Name != "decision" || rule.Default {
				continue
			}
			for c := range rule.Body {
				mutant := original.Copy()
				mutant.Rules[r].Body = slices.Delete(slices.Clone(mutant.Rules[r].Body), c, c+1)
				for i := range mutant.Rules[r].Body {
					mutant.Rules[r].Body[i].Index = i
				}
				tried++
				e, err := compile(&bundle{data: b.data, modules: map[string]*ast.Module{rules: mutant}})
				if err != nil {
					t.Fatal(err)
				}
				if canariesOf(t, e, point) == 0 {
					t.Errorf("no canary notices %s without %s", rule.Location, rule.Body[c])
				}
			}
		}
		if tried < 7 {
			t.Fatalf("%s: only %d conditions tried", point, tried)
		}
	}
}

// canariesOf counts the canaries of a decision point that fail.
func canariesOf(t *testing.T, e *Engine, point string) (failed int) {
	t.Helper()
	p := profile(t, e, visits())
	canaries := map[string][]canary{
		"admission": admissionCanaries(p), "grant": grantCanaries(), "release": releaseCanaries(p), "program": programCanaries(p),
	}[point]
	for _, c := range canaries {
		if c.trip(t.Context(), e) != "" {
			failed++
		}
	}
	return failed
}
