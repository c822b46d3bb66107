# Whether people may be asked to release the output of a program (数据出域审核). The input is what trusted code measured about it against
# the rows that its module could read, never what its module claims:
#
#	input.facts    the output's facts; those of a program are in leak
#	input.profile  the numbers that apply
#
# Nobody but people can know what such an output means, so it is held for two reviewers if every check holds, each named in `decision`;
# whatever is undefined does not hold. Otherwise it is denied. It is never released by a rule.
package darkroom.program

result := {
	"decision": decision,
	"passed": passed,
	"reasons": reasons,
}

default decision := "deny"

decision := "hold" if {
	version
	form
	published
	records
	identifiers
	packed
	injective
	verbatim
	bits
	parameters
}

version if input.facts.version == 1

form if {
	input.facts.form == "program"
	input.facts.form in input.profile.forms
}

published if input.facts.leak.rows > 0

records if input.facts.leak.records == 0

identifiers if input.facts.leak.identifiers == 0

packed if input.facts.leak.packed == 0

injective if input.facts.leak.injective == 0

verbatim if input.facts.leak.verbatim <= input.profile.verbatim_percent

# What the output can carry, whatever it means, stays small beside the number of subjects: an output that could hold a row of each of
# them may hold it in an encoding that no check knows.
bits if input.facts.leak.bits * 100 <= input.profile.bits_percent * input.facts.leak.subjects

# A model with a parameter for every few subjects can remember them.
parameters if input.facts.leak.parameters * 100 <= input.profile.parameter_percent * input.facts.leak.subjects

passed contains "version" if version

passed contains "form" if form

passed contains "published" if published

passed contains "records" if records

passed contains "identifiers" if identifiers

passed contains "packed" if packed

passed contains "injective" if injective

passed contains "verbatim" if verbatim

passed contains "bits" if bits

passed contains "parameters" if parameters

# What a held output is held for.
reasons contains {"code": "OUTPUT_OF_PROGRAM", "args": {}} if decision == "hold"

reasons contains {"code": "FACTS_VERSION", "args": {}} if not version

reasons contains {"code": "FORM_NOT_ALLOWED", "args": {"form": input.facts.form}} if not form

reasons contains {"code": "OUTPUT_EMPTY", "args": {}} if not published

reasons contains {"code": "RECORDS_REPEATED", "args": {}} if not records

reasons contains {"code": "IDENTIFIERS_FOUND", "args": {}} if not identifiers

reasons contains {"code": "ROWS_PACKED", "args": {}} if not packed

reasons contains {"code": "COLUMN_REVERSIBLE", "args": {}} if not injective

reasons contains {
	"code": "VALUES_VERBATIM",
	"args": {"limit": format_int(input.profile.verbatim_percent, 10)},
} if {
	not verbatim
}

# How many subjects there are is data, so the reasons say what is allowed for 100 of them, not what would fit.
reasons contains {
	"code": "TOO_MANY_BITS",
	"args": {"limit": format_int(input.profile.bits_percent, 10)},
} if {
	not bits
}

reasons contains {
	"code": "TOO_MANY_PARAMETERS",
	"args": {"limit": format_int(input.profile.parameter_percent, 10)},
} if {
	not parameters
}
