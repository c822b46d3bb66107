# Whether an application for a grant may go on to assessment (无场景不授权, 最小必要). The input is the application with what the
# catalogue says of its datasets:
#
#	input.facts     the application
#	input.profiles  dataset → the numbers that would apply to it
#	data.grants     max_term_days
#
# It goes on ("release") only if every check holds, each named in `decision`. People assess and confirm it afterwards.
package darkroom.grant

result := {
	"decision": decision,
	"passed": passed,
	"reasons": reasons,
}

default decision := "deny"

decision := "release" if {
	version
	scenario
	columns
	sharing
	identifiers
	term
	forms
}

version if input.facts.version == 1

scenario if regex.match(`^[a-z][a-z0-9-]{0,62}$`, input.facts.scenario)

columns if {
	count(input.facts.scopes) > 0
	every scope in input.facts.scopes {
		count(scope.columns) > 0
	}
}

sharing if {
	every scope in input.facts.scopes {
		scope.sharing in {"unconditional", "conditional"}
	}
}

# The classes that may be granted. Identifiers, and columns that the catalogue does not have, are in none.
grantable := {"quasi", "sensitive", "measure", "open"}

identifiers if {
	every scope in input.facts.scopes {
		every column in scope.columns {
			column.class in grantable
		}
	}
}

term if {
	input.facts.term_days >= 1
	input.facts.term_days <= data.grants.max_term_days
}

forms if {
	count(input.facts.forms) > 0
	every scope in input.facts.scopes {
		every form in input.facts.forms {
			form in input.profiles[scope.dataset].forms
		}
	}
}

passed contains "version" if version

passed contains "scenario" if scenario

passed contains "columns" if columns

passed contains "sharing" if sharing

passed contains "identifiers" if identifiers

passed contains "term" if term

passed contains "forms" if forms

reasons contains {"code": "FACTS_VERSION", "args": {}} if not version

reasons contains {"code": "APPLICATION_NO_SCENARIO", "args": {}} if not scenario

reasons contains {"code": "APPLICATION_NO_COLUMNS", "args": {}} if not columns

reasons contains {"code": "SHARING_BARRED", "args": {"dataset": scope.dataset}} if {
	some scope in input.facts.scopes
	not scope.sharing in {"unconditional", "conditional"}
}

reasons contains {
	"code": "APPLICATION_IDENTIFIER",
	"args": {"dataset": scope.dataset, "column": column.column},
} if {
	some scope in input.facts.scopes
	some column in scope.columns
	not column.class in grantable
}

reasons contains {
	"code": "APPLICATION_TERM",
	"args": {"limit": format_int(data.grants.max_term_days, 10)},
} if {
	not term
}

reasons contains {"code": "APPLICATION_FORMS", "args": {}} if not forms
