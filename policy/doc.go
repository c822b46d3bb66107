// Package policy is the authority's rules: a bundle of Rego files with their numbers, evaluated by OPA, that answers at four decision
// points.
//
//	darkroom.access     who may call what             [Engine.Access]
//	darkroom.admission  what a module may ask for     [Engine.Admission]
//	darkroom.grant      what may be applied for       [Engine.Grant]
//	darkroom.release    which tables may leave        [Engine.Release]
//	darkroom.program    which outputs people may see  [Engine.Release], of the form program
//
// Everything fails closed. A rule says yes only by naming every check that passed, and this package knows the list: an answer that
// is undefined, empty, mistyped, incomplete, contradictory, late or an error is a denial with the reason POLICY_FAULT. Rules
// reach neither network nor clock nor randomness nor environment, so a revision gives the same answer to the same input for ever.
//
// A bundle is loaded whole or not at all: its rules must compile under OPA's strict mode, its numbers must be complete and within
// floors that no bundle can lower, and it must refuse a set of built-in canaries.
package policy
