package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
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
	t.Parallel()
	for _, point := range []string{"access", "admission", "grant", "release", "program"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && point != "grant" {
				t.Skip("some hundred runs of the rules' tests")
			}
			everyMutantIsNoticed(t, point, 15, mutants)
		})
	}
}

// everyMutantIsNoticed makes all mutants of the rules of a decision point, which must be so many at least, and has the bundle's own tests
// notice each.
func everyMutantIsNoticed(t *testing.T, point string, least int, mutate func(*ast.Module) map[string]*ast.Module) {
	t.Helper()
	b := readDefault(t)
	rules, tests := "darkroom/"+point+".rego", "darkroom/"+point+"_test.rego"
	if whole := (&bundle{data: b.data, modules: map[string]*ast.Module{rules: b.modules[rules], tests: b.modules[tests]}}); notices(t, whole) {
		t.Fatalf("%s: the tests fail without any change", point)
	}
	all := mutate(b.modules[rules])
	if len(all) < least {
		t.Fatalf("%s: only %d mutants", point, len(all))
	}
	for name, mutant := range all {
		changed := &bundle{data: b.data, modules: map[string]*ast.Module{rules: mutant, tests: b.modules[tests]}}
		if !notices(t, changed) {
			t.Errorf("nothing notices %s", name)
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
	t.Parallel()
	for point, least := range map[string]int{"access": 10, "admission": 20, "grant": 10, "release": 20, "program": 20} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			everyMutantIsNoticed(t, point, least, flipped)
		})
	}
}

// notices reports whether a bundle's own tests notice that it is not as it should be: one fails, after which no more are run, or it does not
// compile.
func notices(t *testing.T, b *bundle) bool {
	t.Helper()
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	store := inmem.NewFromObject(b.data)
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Abort(ctx, txn)
	modules := map[string]*ast.Module{}
	for name, m := range b.modules {
		modules[name] = m.Copy()
	}
	results, err := tester.NewRunner().SetCompiler(newCompiler()).SetStore(store).SetModules(modules).
		SetDefaultRegoVersion(ast.RegoV1).RaiseBuiltinErrors(true).RunTests(ctx, txn)
	if _, broken := errors.AsType[ast.Errors](err); broken {
		return true
	}
	if err != nil {
		t.Fatal(err)
	}
	failed := false
	for r := range results { // to the end, or the runner would wait
		if !r.Pass() {
			failed = true
			enough()
		}
	}
	return failed
}

// TestCanariesNoticeEveryDecision drops each condition of each decision and expects that the bundle is refused: the checks that
// passed no longer are those that this package requires.
func TestCanariesNoticeEveryDecision(t *testing.T) {
	if testing.Short() {
		t.Skip("some dozen bundles, one after the other")
	}
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
