package darkroom.release_test

import data.darkroom.release

profile := {
	"name": "person", "threshold": 10, "dominance_n": 2, "dominance_percent": 90, "p_percent": 10, "homogeneity_percent": 100,
	"round_count": 5, "round_sum": 1, "rank_percent": 5, "guess_percent": 85, "max_module_bytes": 1000, "max_data_bytes": 1000, "max_cells": 1000,
	"output_review": 1, "forms": ["aggregate"],
}

honest := {
	"version": 1, "form": "aggregate", "operator": "acme", "scenario": "health", "dataset": "visits",
	"grade": 3, "subject_kind": "person", "crafted": false,
	"cells": {"published": 7, "primary": 2, "complement": 1, "history": 0},
	"min_subjects": 10, "unsafe": {"threshold": 0, "dominance": 0, "p_percent": 0, "homogeneity": 0},
	"derivable": 0, "history": {"releases": 2, "clean": true, "refused": false, "rank": 50, "guess": 85, "estimable": 0, "alike": 0, "subjects": 1000},
	"round_count": 5, "round_sum": 1, "bytes": 4096,
}

every_check := {"version", "form", "exact", "automatic", "published", "threshold", "dominance", "p_percent", "homogeneity", "derivable", "history", "budget", "rounding"}

judged(patch) := verdict if {
	verdict := release.result with input as {"facts": object.union(honest, patch), "profile": profile}
}

codes(verdict) := {reason.code | some reason in verdict.reasons}

# denied_for holds if a patch of the honest facts is denied, for this reason alone, and only this check does not pass.
denied_for(patch, code, check) if {
	verdict := judged(patch)
	verdict.decision == "deny"
	codes(verdict) == {code}
	verdict.passed == every_check - {check}
}

test_an_honest_output_is_released if {
	judged({}) == {"decision": "release", "reasons": set(), "passed": every_check}
}

test_coarser_rounding_is_released if judged({"round_count": 10, "round_sum": 100}).decision == "release"

test_a_crafted_output_is_held if {
	verdict := judged({"crafted": true})
	verdict.decision == "hold"
	codes(verdict) == {"OUTPUT_CRAFTED"}
	verdict.passed == every_check - {"exact"}
}

# waiting is judged where all outputs wait for people.
waiting(patch) := verdict if {
	verdict := release.result with input as {"facts": object.union(honest, patch), "profile": object.union(profile, {"output_review": 2})}
}

test_every_output_is_held_where_all_wait if {
	verdict := waiting({})
	verdict.decision == "hold"
	codes(verdict) == {"OUTPUT_REVIEW"}
	verdict.passed == every_check - {"automatic"}
}

test_a_crafted_output_is_held_where_all_wait if {
	verdict := waiting({"crafted": true})
	verdict.decision == "hold"
	codes(verdict) == {"OUTPUT_CRAFTED", "OUTPUT_REVIEW"}
	verdict.passed == every_check - {"automatic", "exact"}
}

test_what_is_unsafe_is_denied_where_all_wait if {
	verdict := waiting({"derivable": 1})
	verdict.decision == "deny"
	codes(verdict) == {"DERIVABLE", "OUTPUT_REVIEW"}
}

test_nothing_is_released_where_it_is_unknown_what_waits if {
	verdict := release.result with input as {"facts": honest, "profile": object.remove(profile, ["output_review"])}
	verdict.decision == "deny"
	codes(verdict) == {"OUTPUT_REVIEW"}
}

test_another_version_is_denied if denied_for({"version": 2}, "FACTS_VERSION", "version")

test_another_form_is_denied if denied_for({"form": "program"}, "FORM_NOT_ALLOWED", "form")

test_a_program_is_not_judged_here if {
	forms := object.union(profile, {"forms": ["aggregate", "program"]})
	verdict := release.result with input as {"facts": object.union(honest, {"form": "program"}), "profile": forms}
	verdict.decision == "deny"
	codes(verdict) == {"FORM_NOT_ALLOWED"}
}

test_a_form_that_the_profile_does_not_allow_is_denied if {
	verdict := release.result with input as {"facts": honest, "profile": object.union(profile, {"forms": ["program"]})}
	verdict.decision == "deny"
	codes(verdict) == {"FORM_NOT_ALLOWED"}
}

test_an_empty_output_is_denied if {
	verdict := judged({"cells": {"published": 0}, "min_subjects": 0})
	verdict.decision == "deny"
	codes(verdict) == {"NOTHING_TO_PUBLISH"}
	"threshold" in verdict.passed
}

test_an_empty_output_that_earlier_releases_left_is_denied if {
	verdict := judged({"cells": {"published": 0, "history": 1}, "min_subjects": 0})
	verdict.decision == "deny"
	codes(verdict) == {"HISTORY_LEAVES_NOTHING"}
	"threshold" in verdict.passed
}

test_an_empty_output_with_a_small_cell_is_denied if {
	verdict := judged({"cells": {"published": 0}, "min_subjects": 0, "unsafe": {"threshold": 1}})
	codes(verdict) == {"NOTHING_TO_PUBLISH", "CELL_TOO_SMALL"}
}

test_what_earlier_releases_took_of_more_is_no_fault if {
	verdict := judged({"cells": {"history": 1}})
	verdict.decision == "release"
	codes(verdict) == set()
}

test_nothing_published_is_denied if denied_for({"cells": {"published": 0}}, "NOTHING_TO_PUBLISH", "published")

test_one_subject_below_the_threshold_is_denied if denied_for({"min_subjects": 9}, "CELL_TOO_SMALL", "threshold")

test_a_cell_below_the_threshold_is_denied if denied_for({"unsafe": {"threshold": 1}}, "CELL_TOO_SMALL", "threshold")

test_a_dominated_cell_is_denied if denied_for({"unsafe": {"dominance": 1}}, "DOMINANCE", "dominance")

test_a_p_percent_cell_is_denied if denied_for({"unsafe": {"p_percent": 1}}, "P_PERCENT", "p_percent")

test_what_everybody_in_a_group_shares_is_denied if denied_for({"unsafe": {"homogeneity": 1}}, "HOMOGENEITY", "homogeneity")

test_a_derivable_cell_is_denied if denied_for({"derivable": 1}, "DERIVABLE", "derivable")

test_what_follows_with_earlier_releases_is_denied if denied_for({"history": {"clean": false}}, "HISTORY", "history")

test_a_table_that_cannot_be_repaired_is_denied if denied_for({"history": {"refused": true}}, "HISTORY", "history")

test_a_guess_that_is_too_good_is_denied if denied_for({"history": {"guess": 86}}, "HISTORY", "history")

test_a_value_that_all_releases_tell_somebody_to_have_is_denied if denied_for({"history": {"alike": 1}}, "HISTORY", "history")

test_an_amount_that_all_sums_let_estimate_is_denied if denied_for({"history": {"estimable": 1}}, "HISTORY", "history")

test_one_sum_beyond_the_budget_is_denied if denied_for({"history": {"rank": 51}}, "HISTORY_BUDGET", "budget")

test_no_account_of_the_history_is_denied if {
	verdict := release.result with input as {"facts": object.remove(honest, ["history"]), "profile": profile}
	verdict.decision == "deny"
	codes(verdict) == {"HISTORY", "HISTORY_BUDGET"}
}

test_finer_counts_are_denied if denied_for({"round_count": 1}, "ROUNDING_TOO_FINE", "rounding")

test_counts_without_rounding_are_denied if denied_for({"round_count": 0}, "ROUNDING_TOO_FINE", "rounding")

test_sums_without_rounding_are_denied if denied_for({"round_sum": 0}, "ROUNDING_TOO_FINE", "rounding")

test_counts_off_the_grid_are_denied if denied_for({"round_count": 7}, "ROUNDING_TOO_FINE", "rounding")

test_finer_sums_are_denied if {
	verdict := release.result with input as {"facts": honest, "profile": object.union(profile, {"round_sum": 10})}
	verdict.decision == "deny"
	codes(verdict) == {"ROUNDING_TOO_FINE"}
}

test_sums_off_the_grid_are_denied if {
	facts := object.union(honest, {"round_sum": 15})
	verdict := release.result with input as {"facts": facts, "profile": object.union(profile, {"round_sum": 10})}
	verdict.decision == "deny"
	codes(verdict) == {"ROUNDING_TOO_FINE"}
}

# A crafted output that is unsafe besides is not worth a person's time.
test_a_crafted_output_with_any_other_fault_is_denied if {
	faults := [
		{"version": 0}, {"form": "program"}, {"cells": {"published": 0}}, {"min_subjects": 9}, {"unsafe": {"threshold": 1}},
		{"unsafe": {"dominance": 1}}, {"unsafe": {"p_percent": 1}}, {"unsafe": {"homogeneity": 1}}, {"derivable": 1}, {"history": {"clean": false}}, {"history": {"rank": 51}}, {"round_count": 1}, {"round_sum": 0},
	]
	every fault in faults {
		judged(object.union({"crafted": true}, fault)).decision == "deny"
	}
}

test_a_missing_fact_is_denied if {
	every fact in object.keys(honest) - {"operator", "scenario", "dataset", "grade", "subject_kind", "bytes"} {
		verdict := release.result with input as {"facts": object.remove(honest, [fact]), "profile": profile}
		verdict.decision == "deny"
	}
}

test_a_missing_number_is_denied if {
	every number in {"threshold", "round_count", "round_sum", "forms"} {
		verdict := release.result with input as {"facts": honest, "profile": object.remove(profile, [number])}
		verdict.decision == "deny"
	}
}

test_no_input_is_denied if {
	release.result.decision == "deny" with input as {}
	release.result.decision == "deny" with input as {"facts": {}, "profile": {}}
}
