package darkroom.program_test

import data.darkroom.program

profile := {
	"name": "person", "bits_percent": 50, "parameter_percent": 5, "verbatim_percent": 20,
	"forms": ["aggregate", "program"],
}

# Every fact stands at its limit.
honest := {
	"version": 1, "form": "program", "operator": "acme", "scenario": "health", "dataset": "visits",
	"grade": 3, "subject_kind": "person", "crafted": true, "bytes": 4096,
	"leak": {
		"rows": 36, "values": 108, "records": 0, "identifiers": 0, "packed": 0, "injective": 0,
		"verbatim": 20, "bits": 500, "parameters": 50, "subjects": 1000,
	},
}

every_check := {"version", "form", "published", "records", "identifiers", "packed", "injective", "verbatim", "bits", "parameters"}

judged(patch) := verdict if {
	verdict := program.result with input as {"facts": object.union(honest, patch), "profile": profile}
}

codes(verdict) := {reason.code | some reason in verdict.reasons}

# denied_for holds if a patch of the honest facts is denied, for this reason alone, and only this check does not pass.
denied_for(patch, code, check) if {
	verdict := judged(patch)
	verdict.decision == "deny"
	codes(verdict) == {code}
	verdict.passed == every_check - {check}
}

test_an_honest_output_is_held if {
	judged({}) == {"decision": "hold", "reasons": {{"code": "OUTPUT_OF_PROGRAM", "args": {}}}, "passed": every_check}
}

test_an_output_far_from_every_limit_is_held if {
	judged({"leak": {"verbatim": 0, "bits": 0, "parameters": 0}}).decision == "hold"
}

test_another_version_is_denied if denied_for({"version": 2}, "FACTS_VERSION", "version")

test_an_aggregate_is_denied if denied_for({"form": "aggregate"}, "FORM_NOT_ALLOWED", "form")

test_a_form_that_the_profile_does_not_allow_is_denied if {
	verdict := program.result with input as {"facts": honest, "profile": object.union(profile, {"forms": ["aggregate"]})}
	verdict.decision == "deny"
	codes(verdict) == {"FORM_NOT_ALLOWED"}
}

test_an_empty_output_is_denied if denied_for({"leak": {"rows": 0}}, "OUTPUT_EMPTY", "published")

test_one_record_is_denied if denied_for({"leak": {"records": 1}}, "RECORDS_REPEATED", "records")

test_one_identifier_is_denied if denied_for({"leak": {"identifiers": 1}}, "IDENTIFIERS_FOUND", "identifiers")

test_one_packed_row_is_denied if denied_for({"leak": {"packed": 1}}, "ROWS_PACKED", "packed")

test_one_reversible_column_is_denied if denied_for({"leak": {"injective": 1}}, "COLUMN_REVERSIBLE", "injective")

test_one_percent_more_verbatim_is_denied if denied_for({"leak": {"verbatim": 21}}, "VALUES_VERBATIM", "verbatim")

test_one_bit_more_is_denied if denied_for({"leak": {"bits": 501}}, "TOO_MANY_BITS", "bits")

test_one_parameter_more_is_denied if denied_for({"leak": {"parameters": 51}}, "TOO_MANY_PARAMETERS", "parameters")

test_the_same_of_fewer_subjects_is_denied if {
	codes(judged({"leak": {"subjects": 999}})) == {"TOO_MANY_BITS", "TOO_MANY_PARAMETERS"}
}

# Reasons go to the operator: they hold the policy's numbers, never what was counted.
test_the_reasons_hold_no_fact if {
	leak := {"records": 9991, "identifiers": 9992, "packed": 9993, "injective": 9994, "verbatim": 9995, "bits": 999600, "parameters": 999700}
	args := {arg | some reason in judged({"leak": leak}).reasons; some arg in reason.args}
	args == {"20", "50", "5"}
}

test_a_missing_fact_is_denied if {
	every fact in {"version", "form", "leak"} {
		verdict := program.result with input as {"facts": object.remove(honest, [fact]), "profile": profile}
		verdict.decision == "deny"
	}
	every fact in object.keys(honest.leak) - {"values"} {
		facts := object.union(object.remove(honest, ["leak"]), {"leak": object.remove(honest.leak, [fact])})
		verdict := program.result with input as {"facts": facts, "profile": profile}
		verdict.decision == "deny"
	}
}

test_a_missing_number_is_denied if {
	every number in {"bits_percent", "parameter_percent", "verbatim_percent", "forms"} {
		verdict := program.result with input as {"facts": honest, "profile": object.remove(profile, [number])}
		verdict.decision == "deny"
	}
}

test_no_input_is_denied if {
	program.result.decision == "deny" with input as {}
	program.result.decision == "deny" with input as {"facts": {}, "profile": {}}
}
