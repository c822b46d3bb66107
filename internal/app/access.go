package app

import (
	"context"
	"strings"
	"sync"

	"github.com/darkroom-project/darkroom/internal/rpc"
	"github.com/darkroom-project/darkroom/policy"
)

// maxAllowed is how many answers are remembered; then they are asked anew.
const maxAllowed = 4096

// access asks the rules in force about a call. A revision is a function of the question alone, without time, chance or state, so what it
// allowed it allows again and is not asked twice. Anything else is: an answer that was no may have been a fault. It is safe for concurrent use.
type access struct {
	rules func() *policy.Engine

	mu      sync.Mutex
	allowed map[string]bool
}

func newAccess(rules func() *policy.Engine) *access {
	return &access{rules: rules, allowed: map[string]bool{}}
}

func (a *access) Access(ctx context.Context, q rpc.AccessRequest) (bool, error) {
	rules := a.rules()
	question := strings.Join(append([]string{rules.Revision().String(), string(q.Caller.Role), q.Caller.Org, q.Caller.Name, q.Method, q.Owner}, q.Parties...), "\x00")
	a.mu.Lock()
	ok := a.allowed[question]
	a.mu.Unlock()
	if ok {
		return true, nil
	}
	ok, err := rules.Access(ctx, policy.AccessInput{Caller: q.Caller, Method: q.Method, Owner: q.Owner, Parties: q.Parties})
	if err == nil && ok {
		a.mu.Lock()
		if len(a.allowed) >= maxAllowed {
			clear(a.allowed)
		}
		a.allowed[question] = true
		a.mu.Unlock()
	}
	return ok, err
}
