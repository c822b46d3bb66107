# Whether a module may run on a dataset (模型查验). The input is what its manifest asks for and what was measured about its bytes:
#
#	input.facts    the admission facts
#	input.profile  the numbers that apply
#
# It may run ("release") only if every check holds, each named in `decision`. A module that is shown protected columns may run: its
# output will not be released without a person.
package darkroom.admission

result := {
	"decision": decision,
	"passed": passed,
	"reasons": reasons,
}

default decision := "deny"

decision := "release" if {
	version
	form
	sharing
	identifiers
	module_bytes
	data_bytes
	max_cells
	key_space
	shown
	reviewed
}

version if input.facts.version == 1

form if input.facts.form in input.profile.forms

sharing if input.facts.sharing in {"unconditional", "conditional"}

# The classes that a module may use in some way. Identifiers are in none.
usable := {"quasi", "sensitive", "measure", "open"}

identifiers if {
	count(input.facts.columns) > 0
	every use in input.facts.columns {
		use.class in usable
	}
}

module_bytes if input.facts.module.bytes <= input.profile.max_module_bytes

data_bytes if input.facts.module.data_bytes <= input.profile.max_data_bytes

max_cells if {
	input.facts.cells >= 1
	input.facts.cells <= input.profile.max_cells
}

# A key space as wide as the data could give every subject a cell of its own: at most subjects ÷ threshold cells, or one.
key_space if input.facts.cells == 1

key_space if input.facts.cells * input.profile.threshold <= input.facts.subjects

# What a guest may be shown: every class up to a number, or nothing of the column. What is of no usable class is refused as such.
sight := {"open": 1, "quasi": 1, "measure": 2, "sensitive": 3}

shown if {
	every use in input.facts.columns {
		seen(use)
	}
}

seen(use) if use.shown == false

seen(use) if not use.class in usable

seen(use) if sight[use.class] <= input.profile.shown

# Which modules run only once two people approved them for this dataset: those that see rows, or all that have code.
reviewed if {
	input.profile.module_review == 1
	input.facts.form == "aggregate"
	every use in input.facts.columns {
		unseen(use)
	}
}

reviewed if {
	input.profile.module_review == 2
	input.facts.form == "aggregate"
	input.facts.has_code == false
}

reviewed if input.facts.approved == true

# A guest that is shown no protected column is not shown rows, only what the catalogue allows.
unseen(use) if use.shown == false

unseen(use) if use.class in {"open", "quasi"}

passed contains "version" if version

passed contains "form" if form

passed contains "sharing" if sharing

passed contains "identifiers" if identifiers

passed contains "module_bytes" if module_bytes

passed contains "data_bytes" if data_bytes

passed contains "max_cells" if max_cells

passed contains "key_space" if key_space

passed contains "shown" if shown

passed contains "reviewed" if reviewed

reasons contains {"code": "FACTS_VERSION", "args": {}} if not version

reasons contains {"code": "FORM_NOT_ALLOWED", "args": {"form": input.facts.form}} if not form

reasons contains {"code": "SHARING_BARRED", "args": {"dataset": input.facts.dataset}} if not sharing

# The facts do not name the key; it is the column's.
reasons contains {"code": "GROUP_BY_IDENTITY", "args": {"key": use.column, "column": use.column}} if {
	some use in input.facts.columns
	not use.class in usable
	use.key == true
}

reasons contains {"code": "INPUT_IDENTIFIER", "args": {"column": use.column}} if {
	some use in input.facts.columns
	not use.class in usable
	not use.key == true
}

reasons contains {
	"code": "MODULE_OVER_PROFILE",
	"args": {"limit": format_int(input.profile.max_module_bytes, 10)},
} if {
	not module_bytes
}

reasons contains {
	"code": "MODULE_DATA_OVER_PROFILE",
	"args": {"limit": format_int(input.profile.max_data_bytes, 10)},
} if {
	not data_bytes
}

reasons contains {"code": "COLUMN_HIDDEN", "args": {"column": use.column, "class": use.class}} if {
	some use in input.facts.columns
	not seen(use)
}

# A key by identity spans too much as well, but that is not what to change.
reasons contains {
	"code": "KEYSPACE_OVER_PROFILE",
	"args": {"limit": format_int(input.profile.max_cells, 10)},
} if {
	identifiers
	not max_cells
}

# How many subjects there are is data, so the reason does not say what would fit.
reasons contains {"code": "KEYSPACE_TOO_LARGE_FOR_DATA", "args": {}} if {
	identifiers
	not key_space
}

reasons contains {"code": "MODULE_NOT_APPROVED", "args": {"dataset": input.facts.dataset}} if not reviewed
