package policy

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/darkroom-project/darkroom/enclave"
)

// Limits of a bundle's own tests.
const (
	testLimit = 5 * time.Second  // of one
	trialTime = 60 * time.Second // of all
)

// Tested says how a bundle's own tests went.
type Tested struct {
	Passed int
	Failed []string // package and name, sorted; those that were skipped or did not end among them
}

// Test runs the bundle's own tests, with OPA's own runner and the built-ins that rules have.
func (e *Engine) Test(ctx context.Context) (Tested, error) {
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	store := inmem.NewFromObject(e.bundle.data)
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return Tested{}, enclave.Internalf("test a bundle: %w", err)
	}
	defer store.Abort(ctx, txn)
	modules := map[string]*ast.Module{}
	for name, m := range e.bundle.modules {
		modules[name] = m.Copy()
	}
	results, err := tester.NewRunner().SetCompiler(newCompiler()).SetStore(store).SetModules(modules).SetTimeout(testLimit).
		SetDefaultRegoVersion(ast.RegoV1).RaiseBuiltinErrors(true).RunTests(ctx, txn)
	if err != nil {
		return Tested{}, invalid("tests", err.Error())
	}
	tested, failed := Tested{}, map[string]bool{}
	for r := range results {
		if r.Pass() {
			tested.Passed++
		} else {
			failed[strings.TrimPrefix(r.Package, "data.")+"."+r.Name] = true
		}
	}
	tested.Failed = slices.Sorted(maps.Keys(failed))
	return tested, ctx.Err()
}

// Activate is what a bundle must come through before it may be in force: it is loaded (see [LoadFiles]), and its own tests are run; it must have
// some, and none may fail: POLICY_BUNDLE_UNTESTED, POLICY_BUNDLE_TEST.
func Activate(ctx context.Context, files []File, options ...Option) (*Engine, Tested, error) {
	e, err := LoadFiles(files, options...) //nolint:contextcheck // compiling rules is not interrupted
	if err != nil {
		return nil, Tested{}, err
	}
	tested, err := e.Test(ctx)
	switch {
	case err != nil:
		return nil, tested, err
	case len(tested.Failed) > 0:
		return nil, tested, enclave.Fail(enclave.Invalid, "POLICY_BUNDLE_TEST", "test", strings.Join(tested.Failed[:min(len(tested.Failed), 5)], ", "))
	case tested.Passed == 0:
		return nil, tested, enclave.Fail(enclave.Invalid, "POLICY_BUNDLE_UNTESTED")
	}
	return e, tested, nil
}
