package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/darkroom-project/darkroom/enclave"
)

// evaluationLimit is how long one decision may take; the default bundle's take well under a millisecond.
const evaluationLimit = 2 * time.Second

// Engine is one revision of the rules, compiled. It never changes and is safe for concurrent use. It implements [enclave.Policy].
type Engine struct {
	bundle   *bundle
	profiles profiles
	log      *slog.Logger
	limit    time.Duration
	standIn  bool // see StandIn

	access, admission, grant, release, program rego.PreparedEvalQuery
}

var _ enclave.Policy = (*Engine)(nil)

// Option adjusts an Engine.
type Option func(*Engine)

// WithLogger says where faults of the rules are told, with their cause; the callers only ever learn POLICY_FAULT. Without it
// nothing is logged.
func WithLogger(log *slog.Logger) Option { return func(e *Engine) { e.log = log } }

// Default is the engine of the bundle that is built in.
func Default(options ...Option) (*Engine, error) {
	first, err := defaultEngine()
	if err != nil {
		return nil, err
	}
	e := *first
	for _, option := range options {
		option(&e)
	}
	return &e, nil
}

// defaultEngine is compiled and tried once in a process: it never changes.
var defaultEngine = sync.OnceValues(func() (*Engine, error) {
	sub, err := fs.Sub(embedded, "bundle")
	if err != nil {
		return nil, enclave.Internalf("embedded bundle: %w", err)
	}
	return Load(sub)
})

// Load reads, checks and compiles a bundle, and tries it on the canaries. An error of kind Invalid with the reason POLICY_BUNDLE_INVALID
// names the place in the bundle and the problem, POLICY_BUNDLE_CANARY what the rules would have let through. It reads fsys during
// the call alone.
func Load(fsys fs.FS, options ...Option) (*Engine, error) {
	files, err := ReadFiles(fsys)
	if err != nil {
		return nil, err
	}
	return LoadFiles(files, options...)
}

// LoadFiles is Load for files that are at hand, as [Engine.Describe] lists them.
func LoadFiles(files []File, options ...Option) (*Engine, error) {
	b, err := newBundle(files)
	if err != nil {
		return nil, err
	}
	e, err := compile(b)
	if err != nil {
		return nil, err
	}
	for _, option := range options {
		option(e)
	}
	return e, e.tryCanaries(context.Background())
}

// compile makes the engine of a bundle without trying it.
func compile(b *bundle) (*Engine, error) {
	e := &Engine{bundle: b, log: slog.New(slog.DiscardHandler), limit: evaluationLimit}
	if err := e.readNumbers(); err != nil {
		return nil, err
	}
	compiler := newCompiler()
	if compiler.Compile(b.modules); compiler.Failed() {
		return nil, invalid("rules", compiler.Errors.Error())
	}
	store := inmem.NewFromObject(b.data)
	for query, prepared := range map[string]*rego.PreparedEvalQuery{
		"data.darkroom.access.allow":     &e.access,
		"data.darkroom.admission.result": &e.admission,
		"data.darkroom.grant.result":     &e.grant,
		"data.darkroom.release.result":   &e.release,
		"data.darkroom.program.result":   &e.program,
	} {
		var err error
		*prepared, err = rego.New(
			rego.Query(query), rego.Compiler(compiler), rego.Store(store), rego.StrictBuiltinErrors(true),
		).PrepareForEval(context.Background())
		if err != nil {
			return nil, invalid(query, err.Error())
		}
	}
	return e, nil
}

// newCompiler takes print statements for what they are, calls of a built-in that rules do not have, rather than erasing them.
func newCompiler() *ast.Compiler {
	return ast.NewCompiler().WithCapabilities(capabilities()).WithStrict(true).WithDefaultRegoVersion(ast.RegoV1).
		WithEnablePrintStatements(true)
}

// readNumbers validates the bundle's data, which measure, treat and the rules take their numbers from.
func (e *Engine) readNumbers() error {
	raw, err := json.Marshal(e.bundle.data)
	if err != nil {
		return enclave.Internalf("bundle data: %w", err)
	}
	data, err := object("data", raw, []string{"profiles", "grants"}, false)
	if err != nil {
		return err
	}
	if e.profiles, err = parseProfiles(data["profiles"]); err != nil {
		return err
	}
	grants, err := object("grants", data["grants"], []string{"max_term_days"}, true)
	if err != nil {
		return err
	}
	_, err = integer("grants.max_term_days", grants["max_term_days"], 1, maxTermDays)
	return err
}

// maxTermDays is the longest term that any published rule allows, five years.
const maxTermDays = 1827

// Revision is the SHA-256 over the bundle's files.
func (e *Engine) Revision() enclave.Digest { return e.bundle.revision }

// Profile chooses the numbers for a dataset and a scenario: those of the dataset's kind of subject, made stricter by what the bundle
// states for its grade and for the scenario. Where several apply, the strictest is taken field by field: the larger threshold,
// dominance_n, p_percent and rounding; the smaller dominance_percent, homogeneity_percent and limits; the forms that all of them allow. It fails with
// POLICY_FAULT for a kind or grade that no dataset can have.
func (e *Engine) Profile(dataset *enclave.Dataset, scenario string) (enclave.Profile, error) {
	p, ok := e.profiles.choose(dataset.Subject.Kind, dataset.Grade, scenario)
	if !ok {
		return enclave.Profile{}, enclave.Fail(enclave.Refused, faultCode)
	}
	return p, nil
}

// faultCode is the reason of whatever the rules did not clearly answer.
const faultCode = "POLICY_FAULT"

// decide asks a decision point. An error says why its answer cannot be believed.
func (e *Engine) decide(ctx context.Context, point *rego.PreparedEvalQuery, required *checks, input any) (enclave.Judgement, error) {
	if e.standIn {
		return enclave.Judgement{}, errStandIn
	}
	raw, err := e.ask(ctx, point, input)
	if err != nil {
		return enclave.Judgement{}, err
	}
	judgement, err := required.judgement(raw)
	judgement.Revision = e.bundle.revision
	return judgement, err
}

// closed is a decision for the world outside: whatever went wrong is a denial. Its only error is that of a cancelled context.
func (e *Engine) closed(ctx context.Context, judgement enclave.Judgement, err error) (enclave.Judgement, error) {
	if cause := context.Cause(ctx); cause != nil {
		return enclave.Judgement{}, enclave.Fail(enclave.Canceled, "POLICY_CANCELED").Because(cause)
	}
	if err == nil {
		return judgement, nil
	}
	e.log.ErrorContext(ctx, "the policy did not answer", slog.Any("error", err), slog.String("revision", e.bundle.revision.String()))
	return enclave.Judgement{
		Decision: enclave.Deny, Reasons: []enclave.Reason{{Code: faultCode}}, Revision: e.bundle.revision,
	}, nil
}

// ask evaluates a query that has one value, within the limit.
func (e *Engine) ask(ctx context.Context, point *rego.PreparedEvalQuery, input any) (value any, err error) {
	// A built-in that panics on odd input must deny, not take the enclave down.
	defer func() {
		if r := recover(); r != nil {
			value, err = nil, fmt.Errorf("panic: %v", r)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, e.limit)
	defer cancel()
	parsed, err := documentOf(input)
	if err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	results, err := point.Eval(ctx, rego.EvalParsedInput(parsed))
	if err != nil {
		return nil, err
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return nil, fmt.Errorf("undefined")
	}
	return results[0].Expressions[0].Value, nil
}
