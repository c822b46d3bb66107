package darkroom.access_test

import data.darkroom.access

roles := {"authority", "source", "operator", "reviewer", "auditor"}

every_method contains method if some method in access.everyone

every_method contains method if {
	some role in roles
	some methods in access.rights[role]
	some method in methods
}

# may asks for a caller of organisation "acme" and an object of an owner that concerns nobody else.
may(role, call, owner) if {
	access.allow with input as {
		"caller": {"role": role, "org": "acme", "name": "li"},
		"method": concat("", ["/darkroom.v1.", call]), "owner": owner, "parties": [],
	}
}

# only_for holds if exactly these roles may call, on an object of another organisation.
only_for(call, allowed) if {role | some role in roles; may(role, call, "rival")} == allowed

# own_for holds if exactly these roles may call, on an object of their own organisation.
own_for(call, allowed) if {role | some role in roles; may(role, call, "acme")} == allowed

test_without_a_credential_only_health_answers if {
	access.allow with input as {"method": "/grpc.health.v1.Health/Check", "owner": "", "parties": []}
	count(every_method) > 30
	every method in every_method | {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"} {
		not access.allow with input as {"method": method, "owner": "", "parties": []}
		not access.allow with input as {
			"caller": {"role": "", "org": "", "name": ""},
			"method": method, "owner": "", "parties": [],
		}
	}
}

test_an_incomplete_caller_is_nobody if {
	every caller in [
		{"role": "auditor", "org": "", "name": "li"}, {"role": "auditor", "org": "acme", "name": ""},
		{"role": "auditor", "org": "acme"}, {"role": "auditor"}, {"role": "root", "org": "acme", "name": "li"}, {}, "auditor",
	] {
		not access.allow with input as {
			"caller": caller, "method": "/darkroom.v1.IdentityService/WhoAmI", "owner": "", "parties": [],
		}
	}
}

test_a_caller_without_a_name_has_no_rights if {
	every call in [
		{"role": "auditor", "method": "/darkroom.v1.RunService/GetRun"},
		{"role": "operator", "method": "/darkroom.v1.RunService/GetRun"},
		{"role": "operator", "method": "/darkroom.v1.RunService/ListRuns"},
		{"role": "source", "method": "/darkroom.v1.GrantService/GetGrant"},
		{"role": "source", "method": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"},
	] {
		request := {"method": call.method, "owner": "acme", "parties": ["acme"]}
		access.allow with input as object.union(request, {"caller": {"role": call.role, "org": "acme", "name": "li"}})
		not access.allow with input as object.union(request, {"caller": {"role": call.role, "org": "acme", "name": ""}})
		not access.allow with input as object.union(request, {"caller": {"role": call.role, "org": "acme"}})
	}
}

test_an_unknown_method_is_for_nobody if {
	every call in {"RunService/DropLedger", "RunService/", "", "RunService/GetRun/", "runservice/getrun"} {
		only_for(call, set())
		own_for(call, set())
	}
}

test_reflection_is_for_every_caller if {
	every role in roles {
		access.allow with input as {
			"caller": {"role": role, "org": "acme", "name": "li"},
			"method": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "owner": "", "parties": [],
		}
	}
}

test_health_is_no_prefix if {
	not access.allow with input as {"method": "/grpc.health.v1.Healthy/Check", "owner": "", "parties": []}
	not access.allow with input as {"method": "/x/grpc.health.v1.Health/Check", "owner": "", "parties": []}
	not access.allow with input as {"method": "grpc.health.v1.Health", "owner": "", "parties": []}
}

test_everyone_verifies if {
	every call in {
		"IdentityService/WhoAmI", "PolicyService/GetPolicy", "LedgerService/GetCheckpoint",
		"LedgerService/GetInclusionProof", "LedgerService/GetConsistencyProof",
	} {
		only_for(call, roles)
	}
}

test_the_authority_decides if {
	every call in {
		"GrantService/AssessGrant", "GrantService/SuspendGrant", "GrantService/ResumeGrant", "GrantService/RevokeGrant",
		"IdentityService/IssueIdentity", "DatasetService/CreateDataset", "RunService/CancelRun",
	} {
		only_for(call, {"authority"})
	}
}

test_authority_and_auditor_read_everything if {
	every call in {
		"GrantService/GetGrant", "ModuleService/GetModule", "LedgerService/GetEntry",
		"RunService/FetchResult", "ModuleService/ListModules", "GrantService/ListGrants",
	} {
		only_for(call, {"authority", "auditor"})
	}
}

test_the_authority_alone_changes_the_rules if {
	every call in {"PolicyService/ProposePolicy", "PolicyService/DecidePolicyChange", "PolicyService/DryRunPolicy"} {
		only_for(call, {"authority"})
		own_for(call, {"authority"})
	}
	only_for("PolicyService/ListPolicyChanges", {"authority", "auditor"})
}

test_operators_are_explained_their_own_runs if own_for("RunService/ExplainRun", {"authority", "auditor", "reviewer", "operator"})

# Whoever asked for a run learns nothing of it twice; whoever only reviews decides about the output and not about the enclave.
test_authority_and_auditor_replay_runs if {
	only_for("RunService/ReplayRun", {"authority", "auditor"})
	own_for("RunService/ReplayRun", {"authority", "auditor"})
}

test_reviewers_read_runs if {
	every call in {"RunService/GetRun", "RunService/WatchRun", "RunService/ListRuns", "RunService/GetReceipt", "RunService/ExplainRun"} {
		only_for(call, {"authority", "auditor", "reviewer"})
	}
}

test_operators_read_descriptions if {
	every call in {
		"DatasetService/GetDataset", "DatasetService/ListDatasets",
		"DatasetService/GetSnapshot", "DatasetService/ListSnapshots",
	} {
		only_for(call, {"authority", "auditor", "operator"})
		own_for(call, {"authority", "auditor", "operator", "source"})
	}
}

test_sources_keep_their_own_datasets if {
	own_for("DatasetService/CreateDataset", {"authority", "source"})
	own_for("DatasetService/LoadSnapshot", {"source"})
	only_for("DatasetService/LoadSnapshot", set())
}

test_operators_keep_their_own_runs if {
	own_for("RunService/SubmitRun", {"operator"})
	only_for("RunService/SubmitRun", set())
	own_for("RunService/CancelRun", {"authority", "operator"})
	own_for("RunService/FetchResult", {"authority", "auditor", "operator"})
	own_for("ModuleService/GetModule", {"authority", "auditor", "operator"})
	own_for("GrantService/GetGrant", {"authority", "auditor", "operator"})
	own_for("LedgerService/GetEntry", {"authority", "auditor", "operator", "source"})
	not may("operator", "RunService/SubmitRun", "")
	not may("operator", "LedgerService/GetEntry", "")
}

test_operators_begin_things if {
	every call in {"GrantService/ApplyGrant", "ModuleService/UploadModule"} {
		may("operator", call, "")
		own_for(call, {"operator"})
		only_for(call, set())
	}
}

test_lists_are_filtered_by_the_server if {
	every call in {"RunService/ListRuns", "ModuleService/ListModules", "GrantService/ListGrants"} {
		may("operator", call, "")
		not may("operator", call, "rival")
	}
	may("source", "DatasetService/ListDatasets", "")
	may("source", "GrantService/ListGrants", "")
}

test_a_source_confirms_grants_of_its_data if {
	every method in {"GetGrant", "ConfirmGrant"} {
		request := {
			"caller": {"role": "source", "org": "health", "name": "wu"},
			"method": concat("/", ["/darkroom.v1.GrantService", method]), "owner": "acme", "parties": ["tax", "health"],
		}
		access.allow with input as request
		not access.allow with input as object.union(request, {"parties": ["tax"]})
		not access.allow with input as object.union(request, {"owner": "health", "parties": []})
		not access.allow with input as object.remove(request, ["parties"])
	}
	not access.allow with input as {
		"caller": {"role": "source", "org": "health", "name": "wu"},
		"method": "/darkroom.v1.GrantService/RevokeGrant", "owner": "acme", "parties": ["health"],
	}
	only_for("GrantService/ConfirmGrant", set())
	own_for("GrantService/ConfirmGrant", set())
}

test_nobody_reviews_what_their_own_organisation_asked_for if {
	every call in {"ReviewService/ListReviews", "ReviewService/GetReview", "ReviewService/GetCase"} {
		only_for(call, {"authority", "auditor", "reviewer"})
	}
	only_for("ReviewService/CastVote", {"authority", "reviewer"})
	own_for("ReviewService/CastVote", set())
	own_for("ReviewService/GetCase", set())
	own_for("ReviewService/GetReview", {"operator"})
	own_for("ReviewService/ListReviews", {"operator"})
	not may("operator", "ReviewService/GetCase", "")
	not may("operator", "ReviewService/CastVote", "")
	not may("operator", "ReviewService/GetReview", "")
}

test_nobody_reviews_what_their_own_organisation_proposed if {
	every call in {"ApprovalService/ListProposals", "ApprovalService/GetProposal", "ApprovalService/FetchProposal"} {
		only_for(call, {"authority", "auditor", "reviewer"})
	}
	only_for("ApprovalService/VoteProposal", {"authority", "reviewer"})
	own_for("ApprovalService/VoteProposal", set())
	own_for("ApprovalService/FetchProposal", set())
	own_for("ApprovalService/GetProposal", {"operator"})
	own_for("ApprovalService/ListProposals", {"operator"})
}

test_operators_propose_modules_and_the_authority_withdraws if {
	own_for("ApprovalService/ProposeModule", {"operator"})
	only_for("ApprovalService/ProposeModule", set())
	only_for("ApprovalService/WithdrawApproval", {"authority"})
}

test_operators_answer_their_own_questions if {
	own_for("ReviewService/AnswerQuestion", {"operator"})
	only_for("ReviewService/AnswerQuestion", set())
}

test_a_source_reviews_what_others_ask_of_its_data if {
	every method in access.reviewing {
		request := {
			"caller": {"role": "source", "org": "health", "name": "wu"},
			"method": method, "owner": "acme", "parties": ["tax", "health"],
		}
		access.allow with input as request
		not access.allow with input as object.union(request, {"parties": ["tax"]})
		not access.allow with input as object.union(request, {"owner": "health"})
		not access.allow with input as object.remove(request, ["parties"])
		not access.allow with input as object.remove(request, ["owner"])
	}
}

# Somebody who asked and reviews under one certificate each is still of the organisation that asked.
test_a_source_that_concerns_the_review_has_no_other_role_in_it if {
	every role in {"operator", "auditor"} {
		not access.allow with input as {
			"caller": {"role": role, "org": "health", "name": "wu"},
			"method": "/darkroom.v1.ReviewService/CastVote", "owner": "acme", "parties": ["health"],
		}
	}
}

test_auditors_change_nothing if {
	every method in access.rights.auditor.any {
		regex.match("/(Get|List|Watch|Fetch|Replay|Explain)[A-Za-z]+$", method)
	}
}
