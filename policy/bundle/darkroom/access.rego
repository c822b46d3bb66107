# Who may call what. The input:
#
#	input.caller   role, org and name of the client certificate; absent without one
#	input.method   full name of the gRPC method
#	input.owner    organisation that owns the object that the call addresses, "" if there is none
#	input.parties  other organisations that the object concerns: of a grant, the source departments of its datasets; of a review
#	               or a proposal, the source department of its dataset
#
# A role's rights are of four reaches. Whatever stands in none of them is not allowed.
#
#	any    objects of every organisation
#	own    objects of the caller's organisation
#	new    no object yet, or a list: the server keeps to the caller's organisation
#	party  objects that concern the caller's organisation
#
# Whoever has a right to review by the first or the last of these has none over what their own organisation asked for.
package darkroom.access

default allow := false

allow if service in {"grpc.health.v1.Health"}

allow if {
	authenticated
	service in {"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}
}

allow if {
	authenticated
	input.method in everyone
}

allow if {
	authenticated
	input.method in rights[input.caller.role].any
	impartial
}

allow if {
	authenticated
	input.method in rights[input.caller.role].own
	input.owner == input.caller.org
}

allow if {
	authenticated
	input.method in rights[input.caller.role].new
	input.owner in {"", input.caller.org}
}

allow if {
	authenticated
	input.method in rights[input.caller.role].party
	input.caller.org in input.parties
	impartial
}

impartial if not input.method in reviewing

impartial if input.owner != input.caller.org

authenticated if {
	input.caller.role in object.keys(rights)
	input.caller.org != ""
	input.caller.name != ""
}

service := name if {
	[_, name, _] = split(input.method, "/")
}

everyone := {
	"/darkroom.v1.IdentityService/WhoAmI",
	"/darkroom.v1.LedgerService/GetCheckpoint",
	"/darkroom.v1.LedgerService/GetConsistencyProof",
	"/darkroom.v1.LedgerService/GetInclusionProof",
	"/darkroom.v1.PolicyService/GetPolicy",
}

# What reads, for the roles that see everything.
reading := {
	"/darkroom.v1.ApprovalService/FetchProposal",
	"/darkroom.v1.ApprovalService/GetProposal",
	"/darkroom.v1.ApprovalService/ListProposals",
	"/darkroom.v1.DatasetService/GetDataset",
	"/darkroom.v1.DatasetService/GetReleases",
	"/darkroom.v1.DatasetService/GetSnapshot",
	"/darkroom.v1.DatasetService/ListDatasets",
	"/darkroom.v1.DatasetService/ListSnapshots",
	"/darkroom.v1.GrantService/GetGrant",
	"/darkroom.v1.GrantService/ListGrants",
	"/darkroom.v1.LedgerService/GetEntry",
	"/darkroom.v1.ModuleService/GetModule",
	"/darkroom.v1.ModuleService/ListModules",
	"/darkroom.v1.PolicyService/ListPolicyChanges",
	"/darkroom.v1.ReviewService/GetCase",
	"/darkroom.v1.ReviewService/GetReview",
	"/darkroom.v1.ReviewService/ListReviews",
	"/darkroom.v1.RunService/ExplainRun",
	"/darkroom.v1.RunService/FetchResult",
	"/darkroom.v1.RunService/GetReceipt",
	"/darkroom.v1.RunService/GetReport",
	"/darkroom.v1.RunService/GetRun",
	"/darkroom.v1.RunService/ListRuns",
	"/darkroom.v1.RunService/ReplayRun",
	"/darkroom.v1.RunService/WatchRun",
}

# What people decide held outputs and proposed modules with: looking at them, and voting.
reviewing := {
	"/darkroom.v1.ApprovalService/FetchProposal",
	"/darkroom.v1.ApprovalService/GetProposal",
	"/darkroom.v1.ApprovalService/ListProposals",
	"/darkroom.v1.ApprovalService/VoteProposal",
	"/darkroom.v1.ReviewService/CastVote",
	"/darkroom.v1.ReviewService/GetCase",
	"/darkroom.v1.ReviewService/GetReview",
	"/darkroom.v1.ReviewService/ListReviews",
}

# What the authority does beside reading: it submits no runs and loads no data.
deciding := {
	"/darkroom.v1.ApprovalService/VoteProposal",
	"/darkroom.v1.ApprovalService/WithdrawApproval",
	"/darkroom.v1.DatasetService/CreateDataset",
	"/darkroom.v1.GrantService/AssessGrant",
	"/darkroom.v1.GrantService/ResumeGrant",
	"/darkroom.v1.GrantService/RevokeGrant",
	"/darkroom.v1.GrantService/SuspendGrant",
	"/darkroom.v1.IdentityService/IssueIdentity",
	"/darkroom.v1.PolicyService/DecidePolicyChange",
	"/darkroom.v1.PolicyService/DryRunPolicy",
	"/darkroom.v1.PolicyService/ProposePolicy",
	"/darkroom.v1.ReviewService/CastVote",
	"/darkroom.v1.RunService/CancelRun",
}

rights := {
	"authority": {"any": union({reading, deciding})},
	"source": {
		"own": {
			"/darkroom.v1.DatasetService/CreateDataset",
			"/darkroom.v1.DatasetService/GetDataset",
			"/darkroom.v1.DatasetService/GetReleases",
			"/darkroom.v1.DatasetService/GetSnapshot",
			"/darkroom.v1.DatasetService/ListSnapshots",
			"/darkroom.v1.DatasetService/LoadSnapshot",
			"/darkroom.v1.LedgerService/GetEntry",
		},
		"new": {
			"/darkroom.v1.DatasetService/ListDatasets",
			"/darkroom.v1.GrantService/ListGrants",
		},
		"party": union({reviewing, {
			"/darkroom.v1.GrantService/ConfirmGrant",
			"/darkroom.v1.GrantService/GetGrant",
		}}),
	},
	"operator": {
		"any": {
			"/darkroom.v1.DatasetService/GetDataset",
			"/darkroom.v1.DatasetService/GetSnapshot",
			"/darkroom.v1.DatasetService/ListDatasets",
			"/darkroom.v1.DatasetService/ListSnapshots",
		},
		"own": {
			"/darkroom.v1.ApprovalService/GetProposal",
			"/darkroom.v1.GrantService/GetGrant",
			"/darkroom.v1.LedgerService/GetEntry",
			"/darkroom.v1.ModuleService/GetModule",
			"/darkroom.v1.ReviewService/AnswerQuestion",
			"/darkroom.v1.ReviewService/GetReview",
			"/darkroom.v1.RunService/CancelRun",
			"/darkroom.v1.RunService/ExplainRun",
			"/darkroom.v1.RunService/FetchResult",
			"/darkroom.v1.RunService/GetReceipt",
			"/darkroom.v1.RunService/GetReport",
			"/darkroom.v1.RunService/GetRun",
			"/darkroom.v1.RunService/SubmitRun",
			"/darkroom.v1.RunService/WatchRun",
		},
		"new": {
			"/darkroom.v1.ApprovalService/ListProposals",
			"/darkroom.v1.ApprovalService/ProposeModule",
			"/darkroom.v1.GrantService/ApplyGrant",
			"/darkroom.v1.GrantService/ListGrants",
			"/darkroom.v1.ModuleService/ListModules",
			"/darkroom.v1.ModuleService/UploadModule",
			"/darkroom.v1.ReviewService/ListReviews",
			"/darkroom.v1.RunService/ListRuns",
		},
	},
	"reviewer": {"any": union({reviewing, {
		"/darkroom.v1.RunService/ExplainRun",
		"/darkroom.v1.RunService/GetReceipt",
		"/darkroom.v1.RunService/GetRun",
		"/darkroom.v1.RunService/ListRuns",
		"/darkroom.v1.RunService/WatchRun",
	}})},
	"auditor": {"any": reading},
}
