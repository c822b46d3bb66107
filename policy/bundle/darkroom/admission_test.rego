package darkroom.admission_test

import data.darkroom.admission

profile := {
	"name": "person", "threshold": 10, "dominance_n": 2, "dominance_percent": 90, "p_percent": 10,
	"round_count": 5, "round_sum": 1, "max_module_bytes": 1000, "max_data_bytes": 500, "max_cells": 100,
	"shown": 3, "module_review": 1, "row_runs": 100, "forms": ["aggregate"],
}

honest := {
	"version": 1, "form": "aggregate", "operator": "acme", "scenario": "health", "dataset": "visits",
	"grade": 3, "subject_kind": "person", "sharing": "conditional",
	"module": {"bytes": 1000, "data_bytes": 500, "functions": 3, "imports": 0, "memory_pages": 1},
	"columns": [
		{"column": "district", "class": "quasi", "shown": true, "key": false, "summed": false},
		{"column": "icd10", "class": "sensitive", "shown": false, "key": true, "summed": false},
		{"column": "cost", "class": "measure", "shown": false, "key": false, "summed": true},
	],
	"cells": 100, "subjects": 1000, "has_code": true, "approved": false,
}

every_check := {
	"version", "form", "sharing", "identifiers", "module_bytes", "data_bytes", "max_cells", "key_space", "shown", "reviewed",
}

judged(patch) := verdict if {
	verdict := admission.result with input as {"facts": object.union(honest, patch), "profile": profile}
}

codes(verdict) := {reason.code | some reason in verdict.reasons}

denied_for(patch, code, check) if {
	verdict := judged(patch)
	verdict.decision == "deny"
	codes(verdict) == {code}
	verdict.passed == every_check - {check}
}

# used asks for one column, of a module that people approved.
used(class, shown, key) := {
	"approved": true,
	"columns": [{"column": "id", "class": class, "shown": shown, "key": key, "summed": false}],
}

test_an_honest_module_may_run if judged({}) == {"decision": "release", "reasons": set(), "passed": every_check}

test_an_open_dataset_may_be_used if judged({"sharing": "unconditional"}).decision == "release"

test_a_crafted_use_may_run if judged(used("sensitive", true, false)).decision == "release"

test_one_cell_is_always_allowed if judged({"cells": 1, "subjects": 0}).decision == "release"

test_another_version_is_denied if denied_for({"version": 2}, "FACTS_VERSION", "version")

test_another_form_is_denied if denied_for({"form": "program", "approved": true}, "FORM_NOT_ALLOWED", "form")

test_barred_data_is_denied if denied_for({"sharing": "barred"}, "SHARING_BARRED", "sharing")

test_unmarked_data_is_denied if denied_for({"sharing": ""}, "SHARING_BARRED", "sharing")

test_an_identifier_as_key_is_denied if {
	denied_for(used("identifier", false, true), "GROUP_BY_IDENTITY", "identifiers")
}

test_an_identifier_shown_is_denied if {
	denied_for(used("identifier", true, false), "INPUT_IDENTIFIER", "identifiers")
}

test_an_identifier_as_input_is_denied if {
	denied_for(used("identifier", false, false), "INPUT_IDENTIFIER", "identifiers")
}

# A key by identity has many values, but that is not what its author has to change.
test_a_key_by_identity_is_the_only_reason if {
	verdict := judged(object.union(used("identifier", false, true), {"cells": 1000000, "subjects": 10}))
	verdict.decision == "deny"
	codes(verdict) == {"GROUP_BY_IDENTITY"}
}

test_a_module_that_uses_nothing_is_denied if judged({"columns": []}).decision == "deny"

test_an_unknown_class_is_denied if denied_for(used("secret", false, false), "INPUT_IDENTIFIER", "identifiers")

test_the_reason_names_the_column if {
	some reason in judged(used("identifier", false, true)).reasons
	reason.args == {"key": "id", "column": "id"}
}

test_a_large_module_is_denied if denied_for({"module": {"bytes": 1001}}, "MODULE_OVER_PROFILE", "module_bytes")

test_much_data_is_denied if denied_for({"module": {"data_bytes": 501}}, "MODULE_DATA_OVER_PROFILE", "data_bytes")

test_many_cells_are_denied if {
	denied_for({"cells": 101, "subjects": 1000000}, "KEYSPACE_OVER_PROFILE", "max_cells")
}

test_no_cells_are_denied if denied_for({"cells": 0}, "KEYSPACE_OVER_PROFILE", "max_cells")

test_more_cells_than_the_data_bears_are_denied if {
	denied_for({"subjects": 999}, "KEYSPACE_TOO_LARGE_FOR_DATA", "key_space")
}

# seeing are the same numbers where guests may be shown so much.
seeing(level, class, shown) := verdict if {
	numbers := object.union(profile, {"shown": level, "module_review": 1})
	facts := object.union(honest, {"approved": true, "columns": showing(class, shown)})
	verdict := admission.result with input as {"facts": facts, "profile": numbers}
}

hidden(verdict, class) if {
	verdict.decision == "deny"
	verdict.reasons == {{"code": "COLUMN_HIDDEN", "args": {"column": "x", "class": class}}}
	verdict.passed == every_check - {"shown"}
}

test_guests_see_no_more_than_they_may if {
	hidden(seeing(1, "measure", true), "measure")
	hidden(seeing(1, "sensitive", true), "sensitive")
	hidden(seeing(2, "sensitive", true), "sensitive")
	hidden(seeing(1, "sensitive", null), "sensitive")
	seeing(2, "measure", true).decision == "release"
	seeing(3, "sensitive", true).decision == "release"
	every level in [1, 2, 3] {
		seeing(level, "sensitive", false).decision == "release"
		seeing(level, "quasi", true).decision == "release"
		seeing(level, "open", true).decision == "release"
	}
	seeing(0, "open", true).decision == "deny"
}

# A reason must not say how many subjects there are.
test_the_number_of_subjects_stays_inside if {
	verdict := judged({"subjects": 997})
	every reason in verdict.reasons {
		reason.args == {}
	}
}

# reviewing are the same numbers where modules must be approved.
reviewing(level) := object.union(profile, {"module_review": level, "forms": ["aggregate", "program"]})

asked(level, patch) := verdict if {
	verdict := admission.result with input as {"facts": object.union(honest, patch), "profile": reviewing(level)}
}

unapproved(verdict) if {
	verdict.decision == "deny"
	verdict.reasons == {{"code": "MODULE_NOT_APPROVED", "args": {"dataset": "visits"}}}
	verdict.passed == every_check - {"reviewed"}
}

test_programs_need_approval if {
	unapproved(asked(1, {"form": "program"}))
	unapproved(asked(1, {"form": "program", "has_code": false}))
	asked(1, {}).decision == "release"
	asked(1, {"form": "program", "approved": true}).decision == "release"
}

# showing are the honest module's columns with one that its guest is shown besides.
showing(class, shown) := array.concat(honest.columns, [{"column": "x", "class": class, "shown": shown, "key": false, "summed": false}])

test_what_sees_protected_columns_needs_approval if {
	every class in {"sensitive", "measure"} {
		unapproved(asked(1, {"columns": showing(class, true)}))
		unapproved(asked(1, {"columns": showing(class, null)}))
		asked(1, {"columns": showing(class, true), "approved": true}).decision == "release"
		asked(1, {"columns": showing(class, false)}).decision == "release"
	}
	every class in {"open", "quasi"} {
		asked(1, {"columns": showing(class, true)}).decision == "release"
	}
}

test_all_code_needs_approval if {
	unapproved(asked(2, {}))
	unapproved(asked(2, {"form": "program"}))
	unapproved(asked(2, {"form": "program", "has_code": false}))
	asked(2, {"has_code": false}).decision == "release"
	asked(2, {"approved": true}).decision == "release"
	asked(2, {"form": "program", "approved": true}).decision == "release"
}

test_another_review_needs_approval if {
	unapproved(asked(0, {"has_code": false}))
	unapproved(asked(3, {"has_code": false}))
	unapproved(asked("0", {"has_code": false}))
	asked(3, {"approved": true}).decision == "release"
}

test_approved_is_true_alone if {
	every answer in {"true", 1, null, []} {
		unapproved(asked(2, {"approved": answer}))
	}
}

test_what_is_not_known_to_have_no_code_needs_approval if {
	verdict := admission.result with input as {"facts": object.remove(honest, ["has_code", "approved"]), "profile": reviewing(2)}
	unapproved(verdict)
}

test_a_missing_fact_is_denied if {
	needed := {"version", "form", "sharing", "module", "columns", "cells", "subjects"}
	every fact in needed {
		verdict := admission.result with input as {"facts": object.remove(honest, [fact]), "profile": profile}
		verdict.decision == "deny"
	}
}

test_a_missing_number_is_denied if {
	every number in {"threshold", "max_module_bytes", "max_data_bytes", "max_cells", "shown", "module_review", "forms"} {
		verdict := admission.result with input as {"facts": honest, "profile": object.remove(profile, [number])}
		verdict.decision == "deny"
	}
}

test_no_input_is_denied if {
	admission.result.decision == "deny" with input as {}
	admission.result.decision == "deny" with input as {"facts": {}, "profile": {}}
}
