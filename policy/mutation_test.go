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

// flips are what a comparison may become by a slip of the pen: its opposite, and the other side of its boundary.
func flips(operator string) []*ast.Builtin {
	return map[string][]*ast.Builtin{
		ast.GreaterThanEq.Name: {ast.LessThan, ast.GreaterThan}, ast.LessThanEq.Name: {ast.GreaterThan, ast.LessThan},
		ast.GreaterThan.Name: {ast.LessThanEq, ast.GreaterThanEq}, ast.LessThan.Name: {ast.GreaterThanEq, ast.LessThanEq},
		ast.Equal.Name: {ast.NotEqual}, ast.NotEqual.Name: {ast.Equal},
	}[operator]
}

// flipped are all copies of a module in which one comparison of one rule is another, or one membership or condition is negated.
func flipped(module *ast.Module) map[string]*ast.Module {
	all := map[string]*ast.Module{}
	each := func(module *ast.Module, visit func(at int, e *ast.Expr)) {
		at := 0
		ast.WalkExprs(module, func(e *ast.Expr) bool {
			visit(at, e)
			at++
			return false
		})
	}
	each(module, func(at int, original *ast.Expr) {
		change := func(what string, apply func(e *ast.Expr)) {
			mutant := module.Copy()
			each(mutant, func(other int, e *ast.Expr) {
				if other == at {
					apply(e)
				}
			})
			all[fmt.Sprintf("%s: %s %s", original.Location, original, what)] = mutant
		}
		if original.Negated {
			change("without its not", func(e *ast.Expr) { e.Negated = false })
		}
		if !original.IsCall() {
			return
		}
		for _, flip := range flips(original.Operator().String()) {
			change("with "+flip.Infix, func(e *ast.Expr) { e.SetOperator(ast.NewTerm(flip.Ref())) })
		}
		if original.Operator().String() == ast.Member.Name {
			change("negated", func(e *ast.Expr) { e.Negated = !e.Negated })
		}
	})
	return all
}

// TestRegoTestsNoticeEveryComparison flips each comparison of each rule in turn, and expects that the bundle's own tests fail.
func TestRegoTestsNoticeEveryComparison(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred runs of the rules' tests")
	}
	for point, least := range map[string]int{"access": 10, "admission": 20, "grant": 10, "release": 20, "program": 20} {
		b := readDefault(t)
		rules, tests := "darkroom/"+point+".rego", "darkroom/"+point+"_test.rego"
		all := flipped(b.modules[rules])
		if len(all) < least {
			t.Errorf("%s: only %d comparisons found", point, len(all))
		}
		for name, mutant := range all {
			changed := &bundle{data: b.data, modules: map[string]*ast.Module{rules: mutant, tests: b.modules[tests]}}
			if failingTests(t, changed) == 0 {
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
