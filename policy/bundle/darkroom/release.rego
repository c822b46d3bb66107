# Whether a treated table of an aggregate may leave (数据出域审核); program.rego judges the outputs of programs. The input is what trusted code measured about it, never what its module claims:
#
#	input.facts    the output's facts
#	input.profile  the numbers that apply
#
# An output is released only if every check holds, each named in `decision`; whatever is undefined does not hold. It is held for
# people if its module was shown protected columns, or the profile has all outputs wait, and everything else holds. Otherwise it is denied.
package darkroom.release

result := {
	"decision": decision,
	"passed": passed,
	"reasons": reasons,
}

default decision := "deny"

decision := "release" if {
	version
	form
	exact
	automatic
	published
	threshold
	dominance
	p_percent
	homogeneity
	derivable
	history
	budget
	rounding
}

decision := "hold" if {
	version
	form
	people
	published
	threshold
	dominance
	p_percent
	homogeneity
	derivable
	history
	budget
	rounding
}

version if input.facts.version == 1

form if {
	input.facts.form == "aggregate"
	input.facts.form in input.profile.forms
}

# Exact and crafted are opposites, and neither follows from the absence of the other.
exact if input.facts.crafted == false

# Whether the profile lets rules alone release what is exact (免人工审核).
automatic if input.profile.output_review == 1

# It is for people to release if its module was shown protected columns, or if everything is.
people if input.facts.crafted == true

people if input.profile.output_review == 2

published if input.facts.cells.published > 0

# What is published has at least the threshold of distinct subjects, by the least of them and by the count of those below.
threshold if {
	input.facts.min_subjects >= input.profile.threshold
	input.facts.unsafe.threshold == 0
}

# An empty output has no cell that could be too small.
threshold if {
	input.facts.cells.published == 0
	input.facts.unsafe.threshold == 0
}

dominance if input.facts.unsafe.dominance == 0

p_percent if input.facts.unsafe.p_percent == 0

# No cell tells a protected value of everybody in a group, or of as many as homogeneity_percent asks.
homogeneity if input.facts.unsafe.homogeneity == 0

derivable if input.facts.derivable == 0

# Together with all exact releases of the same data before it, too: whatever follows touches at least the threshold of subjects, and what almost
# follows is guessed right no more often than is tolerated, and estimated no more closely.
history if {
	input.facts.history.clean == true
	input.facts.history.refused == false
	input.facts.history.guess <= input.profile.guess_percent
	input.facts.history.estimable == 0
	input.facts.history.alike == 0 # nor is anybody known to have one value
}

# All releases together publish at most so many independent sums for each 100 subjects: beyond that, guessing gets too good.
budget if input.facts.history.rank * 100 <= input.profile.rank_percent * input.facts.history.subjects

# Numbers were rounded to a multiple of what the profile asks, so they are at least as coarse.
rounding if {
	input.facts.round_count >= input.profile.round_count
	input.facts.round_count % input.profile.round_count == 0
	input.facts.round_sum >= input.profile.round_sum
	input.facts.round_sum % input.profile.round_sum == 0
}

passed contains "version" if version

passed contains "form" if form

passed contains "exact" if exact

passed contains "automatic" if automatic

passed contains "published" if published

passed contains "threshold" if threshold

passed contains "dominance" if dominance

passed contains "p_percent" if p_percent

passed contains "homogeneity" if homogeneity

passed contains "derivable" if derivable

passed contains "history" if history

passed contains "budget" if budget

passed contains "rounding" if rounding

reasons contains {"code": "FACTS_VERSION", "args": {}} if not version

reasons contains {"code": "FORM_NOT_ALLOWED", "args": {"form": input.facts.form}} if not form

reasons contains {"code": "OUTPUT_CRAFTED", "args": {}} if not exact

reasons contains {"code": "OUTPUT_REVIEW", "args": {}} if not automatic

# Where cells went for earlier releases alone, these are why nothing is left, whatever took the others.
forbidden if {
	not published
	input.facts.cells.history > 0
}

reasons contains {"code": "HISTORY_LEAVES_NOTHING", "args": {"cells": format_int(input.facts.cells.history, 10), "dataset": input.facts.dataset}} if forbidden

reasons contains {"code": "NOTHING_TO_PUBLISH", "args": {}} if {
	not published
	not forbidden
}

reasons contains {"code": "CELL_TOO_SMALL", "args": {"threshold": format_int(input.profile.threshold, 10)}} if not threshold

reasons contains {"code": "DOMINANCE", "args": {}} if not dominance

reasons contains {"code": "P_PERCENT", "args": {}} if not p_percent

reasons contains {"code": "HOMOGENEITY", "args": {}} if not homogeneity

reasons contains {"code": "DERIVABLE", "args": {}} if not derivable

reasons contains {"code": "HISTORY", "args": {}} if not history

reasons contains {"code": "HISTORY_BUDGET", "args": {}} if not budget

reasons contains {"code": "ROUNDING_TOO_FINE", "args": {}} if not rounding
