package cli

import (
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// fact is what a fact of a program's output is called, in words.
func (sh *shell) fact(name string) string {
	if code := "CLI_FACT_" + strings.ToUpper(name); enclave.Known(code) {
		return sh.text(code)
	}
	return name
}

// factRows are the facts of an output with the profile's limits beside them. A limit that the measurement does not keep is marked, though
// such an output is not held but denied.
func (sh *shell) factRows(c *caseFile) [][]string {
	if c.facts.Form == enclave.Program {
		return sh.programFacts(c)
	}
	f, p := &c.facts, &c.profile
	none := func(code string, n int64) []string { return sh.limited(code, n, 0, "") }
	least := func(code string, n, limit int64) []string {
		return []string{sh.text(code), number(n), "≥ " + number(limit) + mark(n < limit)}
	}
	rows := [][]string{
		least("CLI_FACT_PUBLISHED", f.Cells.Published, 1),
		{sh.text("CLI_FACT_SUPPRESSED"), number(f.Cells.LeftOut()), ""},
		{sh.text("CLI_FACT_FORBIDDEN"), number(f.Cells.History), ""},
	}
	if f.Cells.Published > 0 {
		rows = append(rows, least("CLI_FACT_MIN_SUBJECTS", f.MinSubjects, p.Threshold))
	}
	rows = append(rows,
		none("CLI_FACT_THRESHOLD", f.Unsafe.Threshold),
		none("CLI_FACT_DOMINANCE", f.Unsafe.Dominance),
		none("CLI_FACT_P_PERCENT", f.Unsafe.PPercent),
		none("CLI_FACT_HOMOGENEITY", f.Unsafe.Homogeneity),
		none("CLI_FACT_DERIVABLE", f.Derivable),
		[]string{sh.text("CLI_FACT_HISTORY"), sh.yes(f.History.Clean), sh.yes(true) + mark(!f.History.Clean)},
	)
	if p.GuessPercent < 100 {
		rows = append(rows, sh.limited("CLI_FACT_GUESS", f.History.Guess, p.GuessPercent, " %"))
	}
	return append(rows,
		none("CLI_FACT_ESTIMABLE", f.History.Estimable),
		none("CLI_FACT_ALIKE", f.History.Alike),
		sh.limited("CLI_FACT_RANK", f.History.Rank, share(f.History.Subjects, p.RankPercent), ""),
		least("CLI_FACT_ROUND_COUNT", f.RoundCount, p.RoundCount),
		least("CLI_FACT_ROUND_SUM", f.RoundSum, p.RoundSum),
	)
}

func (sh *shell) programFacts(c *caseFile) [][]string {
	f, p := &c.facts.Leak, &c.profile
	rows := [][]string{
		{sh.text("CLI_FACT_ROWS"), number(f.Rows), ""},
		{sh.text("CLI_FACT_VALUES"), number(f.Values), ""},
		sh.limited("CLI_FACT_RECORDS", f.Records, 0, ""),
		sh.limited("CLI_FACT_IDENTIFIERS", f.Identifiers, 0, ""),
		sh.limited("CLI_FACT_PACKED", f.Packed, 0, ""),
		sh.limited("CLI_FACT_INJECTIVE", f.Injective, 0, ""),
		sh.limited("CLI_FACT_VERBATIM", f.Verbatim, p.VerbatimPercent, " %"),
		sh.limited("CLI_FACT_BITS", f.Bits, share(f.Subjects, p.BitsPercent), ""),
	}
	if f.Parameters > 0 {
		rows = append(rows, sh.limited("CLI_FACT_PARAMETERS", f.Parameters, share(f.Subjects, p.ParameterPercent), ""))
	}
	return append(rows, []string{sh.text("CLI_FACT_SUBJECTS"), number(f.Subjects), ""})
}

// limited is a fact that may be at most so much.
func (sh *shell) limited(code string, n, limit int64, unit string) []string {
	allowed := "≤ " + number(limit) + unit
	if limit == 0 {
		allowed = "0"
	}
	return []string{sh.text(code), number(n) + unit, allowed + mark(n > limit)}
}

func (sh *shell) yes(is bool) string {
	if is {
		return sh.text("CLI_YES")
	}
	return sh.text("CLI_NO")
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func mark(broken bool) string {
	if broken {
		return "  !"
	}
	return ""
}

// share is how much a limit for each 100 subjects allows.
func share(subjects, percent int64) int64 { return subjects * percent / 100 }
