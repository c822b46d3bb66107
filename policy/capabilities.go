package policy

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// capabilities are what rules may use: pure functions of their arguments, by name. What is not listed does not compile: network, clock,
// randomness, runtime, environment, tracing and printing, and whatever a later OPA adds.
func capabilities() *ast.Capabilities {
	pure := []string{
		// comparing and assigning
		"eq", "assign", "equal", "neq", "lt", "lte", "gt", "gte", "internal.member_2", "internal.member_3",
		// numbers
		"plus", "minus", "mul", "div", "rem", "abs", "ceil", "floor", "round", "numbers.range", "to_number", "format_int",
		// collections
		"and", "or", "intersection", "union", "count", "sum", "product", "max", "min", "sort",
		"array.concat", "array.flatten", "array.reverse", "array.slice",
		"object.filter", "object.get", "object.keys", "object.remove", "object.subset", "object.union", "object.union_n",
		// text
		"concat", "contains", "endswith", "indexof", "lower", "regex.match", "replace", "split", "sprintf", "startswith",
		"substring", "trim", "trim_left", "trim_prefix", "trim_right", "trim_space", "trim_suffix", "upper",
		// types
		"is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string", "type_name",
	}
	caps := ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(ast.RegoV1))
	caps.Builtins = slices.DeleteFunc(caps.Builtins, func(b *ast.Builtin) bool { return !slices.Contains(pure, b.Name) })
	caps.AllowNet = []string{}
	return caps
}
