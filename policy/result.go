package policy

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Limits of answers.
const (
	maxReasons = 1000
	maxText    = 500
)

var codePattern = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,63}$`)

// answer is what a judging decision point returned, with its types checked.
type answer struct {
	decision enclave.Decision
	passed   []string
	reasons  []enclave.Reason
}

// checks are those that a decision point must report as passed for each decision that lets something through: all of them and no others for a
// release; for a hold all of its own, and not all that would be a release. Without a list, the point never gives that decision.
type checks struct{ release, hold []string }

// judgement turns a raw answer into a decision, or says why it cannot be believed.
func (c *checks) judgement(raw any) (enclave.Judgement, error) {
	a, err := parseAnswer(raw)
	if err != nil {
		return enclave.Judgement{}, err
	}
	passed := map[string]bool{}
	for _, name := range a.passed {
		if !slices.Contains(c.release, name) && !slices.Contains(c.hold, name) || passed[name] {
			return enclave.Judgement{}, fmt.Errorf("passed names the check %q, which is unknown or there twice", name)
		}
		passed[name] = true
	}
	switch a.decision {
	case enclave.Release:
		if !every(c.release, passed) || len(a.reasons) != 0 {
			return enclave.Judgement{}, fmt.Errorf("released with %d of %d checks and %d reasons", len(passed), len(c.release), len(a.reasons))
		}
	case enclave.Hold:
		if len(c.hold) == 0 || !all(c.hold, passed) || every(c.release, passed) || len(a.reasons) == 0 {
			return enclave.Judgement{}, fmt.Errorf("held with %d of %d checks and %d reasons", len(passed), len(c.hold), len(a.reasons))
		}
	case enclave.Deny:
		if len(a.reasons) == 0 {
			return enclave.Judgement{}, fmt.Errorf("denied without a reason")
		}
	default:
		return enclave.Judgement{}, fmt.Errorf("unknown decision")
	}
	return enclave.Judgement{Decision: a.decision, Reasons: a.reasons, Passed: slices.Sorted(maps.Keys(passed))}, nil
}

// every reports whether exactly the required checks passed. Nothing passes where none is required.
func every(required []string, passed map[string]bool) bool {
	return len(required) > 0 && len(passed) == len(required) && all(required, passed)
}

// all reports whether the required checks passed, with others or not.
func all(required []string, passed map[string]bool) bool {
	return !slices.ContainsFunc(required, func(name string) bool { return !passed[name] })
}

// parseAnswer checks every type. The JSON package is too lenient for this: it ignores case and takes null for anything.
func parseAnswer(raw any) (answer, error) {
	var a answer
	fields, err := exactly(raw, "decision", "passed", "reasons")
	if err != nil {
		return a, err
	}
	decision, ok := fields["decision"].(string)
	if !ok {
		return a, fmt.Errorf("decision is %T, not text", fields["decision"])
	}
	a.decision = enclave.Decision(decision)
	passed, ok := fields["passed"].([]any)
	if !ok {
		return a, fmt.Errorf("passed is %T, not a list", fields["passed"])
	}
	for _, item := range passed {
		name, ok := item.(string)
		if !ok {
			return a, fmt.Errorf("passed holds a %T, not text", item)
		}
		a.passed = append(a.passed, name)
	}
	reasons, ok := fields["reasons"].([]any)
	if !ok || len(reasons) > maxReasons {
		return a, fmt.Errorf("reasons is %T, not a list of at most %d", fields["reasons"], maxReasons)
	}
	for _, item := range reasons {
		reason, err := parseReason(item)
		if err != nil {
			return a, err
		}
		a.reasons = append(a.reasons, reason)
	}
	return a, nil
}

func parseReason(raw any) (enclave.Reason, error) {
	var r enclave.Reason
	fields, err := exactly(raw, "args", "code")
	if err != nil {
		return r, fmt.Errorf("a reason: %w", err)
	}
	code, ok := fields["code"].(string)
	if !ok || !codePattern.MatchString(code) {
		return r, fmt.Errorf("a reason's code is not text in UPPER_SNAKE")
	}
	r.Code = code
	args, ok := fields["args"].(map[string]any)
	if !ok {
		return r, fmt.Errorf("the args of %s are %T, not an object", code, fields["args"])
	}
	for name, value := range args {
		text, ok := value.(string)
		if !ok || len(text) > maxText {
			return r, fmt.Errorf("argument %q of %s is %T, not a short text", name, code, value)
		}
		if r.Args == nil {
			r.Args = map[string]string{}
		}
		r.Args[name] = text
	}
	return r, nil
}

// exactly returns the fields of an object that has these names, sorted, and no other.
func exactly(raw any, names ...string) (map[string]any, error) {
	fields, ok := raw.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the answer is %T, not an object", raw)
	}
	if found := slices.Sorted(maps.Keys(fields)); !slices.Equal(found, names) {
		return nil, fmt.Errorf("the fields are %q, not %q", found, names)
	}
	return fields, nil
}

var (
	errNotBoolean = errors.New("the answer is neither true nor false")
	errProfile    = errors.New("the profile handed in is not within the floors")
)
