package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/darkroom-project/darkroom/enclave"
)

// ExplainRelease says of a decision about an output, rule by rule, what each saw: which of them held is known from the decision, and the rest is
// read from the rules themselves, so that nothing is explained that the rules do not say.
func (e *Engine) ExplainRelease(facts enclave.Facts, profile enclave.Profile, passed []string) []enclave.RuleAccount {
	if facts.Form == enclave.Program {
		return e.explain("program", programChecks(), judged[enclave.Facts]{facts, profile}, passed)
	}
	return e.explain("release", releaseChecks(), judged[enclave.Facts]{facts, profile}, passed)
}

// ExplainAdmission does the same of a decision about a module.
func (e *Engine) ExplainAdmission(facts enclave.AdmissionFacts, profile enclave.Profile, passed []string) []enclave.RuleAccount {
	return e.explain("admission", admissionChecks(), judged[enclave.AdmissionFacts]{facts, profile}, passed)
}

func (e *Engine) explain(point string, required *checks, input any, passed []string) []enclave.RuleAccount {
	raw, err := json.Marshal(input)
	if err != nil {
		return nil // facts are numbers and texts, which always encode
	}
	var document map[string]any
	if err := util.UnmarshalJSON(raw, &document); err != nil {
		return nil
	}
	rules := e.rulesOf(point)
	names := required.release
	if len(required.hold) > len(names) {
		names = required.hold
	}
	var accounts []enclave.RuleAccount
	for _, name := range names {
		account := enclave.RuleAccount{
			Rule: name, Held: slices.Contains(passed, name), Facts: map[string]string{}, Numbers: map[string]string{},
		}
		var texts []string
		for _, rule := range rules[name] {
			if account.Place == "" {
				account.Place = fmt.Sprintf("%s:%d", rule.Location.File, rule.Location.Row)
			}
			texts = append(texts, string(rule.Location.Text))
		}
		account.Text = strings.Join(texts, "\n\n")
		for path := range seen(rules, name, map[string]bool{}) {
			value, there := at(document, strings.Split(path, "."))
			if !there {
				continue
			}
			if number, isNumber := strings.CutPrefix(path, "profile."); isNumber {
				account.Numbers[number] = value
			} else {
				account.Facts[strings.TrimPrefix(path, "facts.")] = value
			}
		}
		accounts = append(accounts, account)
	}
	return accounts
}

// rulesOf are the rules of a decision point by name, without defaults and tests.
func (e *Engine) rulesOf(point string) map[string][]*ast.Rule {
	rules := map[string][]*ast.Rule{}
	want := ast.MustParseRef("data.darkroom." + point)
	for _, name := range slices.Sorted(maps.Keys(e.bundle.modules)) {
		module := e.bundle.modules[name]
		if !module.Package.Path.Equal(want) {
			continue
		}
		for _, rule := range module.Rules {
			if !rule.Default {
				head := string(rule.Head.Name)
				rules[head] = append(rules[head], rule)
			}
		}
	}
	return rules
}

// seen are the paths of the input that a rule reads, also through other rules that it calls.
func seen(rules map[string][]*ast.Rule, name string, visited map[string]bool) map[string]bool {
	paths := map[string]bool{}
	if visited[name] {
		return paths
	}
	visited[name] = true
	for _, rule := range rules[name] {
		ast.WalkTerms(rule, func(term *ast.Term) bool {
			switch value := term.Value.(type) {
			case ast.Ref:
				if path := inputPath(value); path != "" {
					paths[path] = true
				} else if head, ok := value[0].Value.(ast.Var); ok {
					maps.Copy(paths, seen(rules, string(head), visited))
				}
			case ast.Var:
				maps.Copy(paths, seen(rules, string(value), visited))
			}
			return false
		})
	}
	return paths
}

// inputPath is "facts.unsafe.threshold" of input.facts.unsafe.threshold: as far as it is constant.
func inputPath(ref ast.Ref) string {
	if !ref[0].Equal(ast.InputRootDocument) {
		return ""
	}
	var steps []string
	for _, term := range ref[1:] {
		step, ok := term.Value.(ast.String)
		if !ok {
			break
		}
		steps = append(steps, string(step))
	}
	if len(steps) < 2 {
		return ""
	}
	return strings.Join(steps, ".")
}

// at is what stands at a path of a document, as JSON.
func at(document any, steps []string) (string, bool) {
	for _, step := range steps {
		object, ok := document.(map[string]any)
		if !ok {
			return "", false
		}
		if document, ok = object[step]; !ok {
			return "", false
		}
	}
	raw, err := json.Marshal(document)
	return string(raw), err == nil
}
