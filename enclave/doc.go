// Package enclave holds Darkroom's nouns, its error kinds, the ports of its rooms, and the path of a run from admission to release.
//
// It imports the standard library alone. The rooms beside it (admit, load, sandbox, aggregate, measure, treat, and policy) know
// only this package and never each other; internal/app wires them together.
package enclave
