package darkroom.grant_test

import data.darkroom.grant

honest := {
	"version": 1, "operator": "acme", "scenario": "health-insurance", "forms": ["aggregate"], "term_days": 365,
	"scopes": [{
		"dataset": "visits", "grade": 3, "subject_kind": "person", "sharing": "conditional",
		"columns": [{"column": "district", "class": "quasi"}, {"column": "cost", "class": "measure"}],
	}],
}

every_check := {"version", "scenario", "columns", "sharing", "identifiers", "term", "forms"}

judged(patch) := verdict if {
	facts := object.union(honest, patch)
	verdict := grant.result with input as {"facts": facts, "profiles": {"visits": {"forms": ["aggregate"]}}}
		with data.grants.max_term_days as 1096
}

# scoped is the honest application with a patched scope.
scoped(patch) := {"scopes": [object.union(honest.scopes[0], patch)]}

codes(verdict) := {reason.code | some reason in verdict.reasons}

denied_for(patch, code, check) if {
	verdict := judged(patch)
	verdict.decision == "deny"
	codes(verdict) == {code}
	verdict.passed == every_check - {check}
}

test_an_honest_application_goes_on if {
	judged({}) == {"decision": "release", "reasons": set(), "passed": every_check}
}

test_three_years_are_allowed if judged({"term_days": 1096}).decision == "release"

test_another_version_is_denied if denied_for({"version": 2}, "FACTS_VERSION", "version")

test_no_scenario_is_denied if denied_for({"scenario": ""}, "APPLICATION_NO_SCENARIO", "scenario")

test_a_scenario_that_is_no_name_is_denied if {
	denied_for({"scenario": "anything at all"}, "APPLICATION_NO_SCENARIO", "scenario")
}

test_no_columns_are_denied if denied_for(scoped({"columns": []}), "APPLICATION_NO_COLUMNS", "columns")

test_no_datasets_are_denied if denied_for({"scopes": []}, "APPLICATION_NO_COLUMNS", "columns")

test_barred_data_is_denied if denied_for(scoped({"sharing": "barred"}), "SHARING_BARRED", "sharing")

test_unmarked_data_is_denied if denied_for(scoped({"sharing": ""}), "SHARING_BARRED", "sharing")

test_an_identifier_is_denied if {
	patch := scoped({"columns": [{"column": "id", "class": "identifier"}]})
	denied_for(patch, "APPLICATION_IDENTIFIER", "identifiers")
	some reason in judged(patch).reasons
	reason.args == {"dataset": "visits", "column": "id"}
}

test_an_unknown_column_is_denied if {
	denied_for(scoped({"columns": [{"column": "ghost", "class": ""}]}), "APPLICATION_IDENTIFIER", "identifiers")
}

test_one_day_is_allowed if judged({"term_days": 1}).decision == "release"

test_too_long_a_term_is_denied if denied_for({"term_days": 1097}, "APPLICATION_TERM", "term")

test_no_term_is_denied if denied_for({"term_days": 0}, "APPLICATION_TERM", "term")

test_no_form_is_denied if denied_for({"forms": []}, "APPLICATION_FORMS", "forms")

test_another_form_is_denied if denied_for({"forms": ["aggregate", "program"]}, "APPLICATION_FORMS", "forms")

# One bad dataset spoils the application, wherever it stands.
test_a_second_dataset_is_judged_too if {
	barred := object.union(honest.scopes[0], {"sharing": "barred"})
	judged({"scopes": [honest.scopes[0], barred]}).decision == "deny"
	judged({"scopes": [barred, honest.scopes[0]]}).decision == "deny"
}

test_a_dataset_without_a_profile_is_denied if judged(scoped({"dataset": "other"})).decision == "deny"

test_a_missing_fact_is_denied if {
	every fact in {"version", "scenario", "forms", "term_days", "scopes"} {
		verdict := grant.result with input as {
			"facts": object.remove(honest, [fact]),
			"profiles": {"visits": {"forms": ["aggregate"]}},
		}
		verdict.decision == "deny"
	}
}

test_no_input_is_denied if grant.result.decision == "deny" with input as {}
