package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

// caseFile is a case with its JSON read.
type caseFile struct {
	sdk.Case
	manifest enclave.Manifest
	facts    enclave.Facts
	profile  enclave.Profile
}

// showCase prints a case in the order in which a reviewer thinks: who asks, what the module says, what was measured of it and where, how it
// looks, what left before, what others said; and the command to vote with.
func (sh *shell) showCase(shown sdk.Case) error {
	c := caseFile{Case: shown}
	for _, part := range []struct {
		raw  json.RawMessage
		into any
	}{{shown.Manifest, &c.manifest}, {shown.Facts, &c.facts}, {shown.Profile, &c.profile}} {
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return err
		}
	}
	seen := c.Seen.Output + ":" + strconv.FormatInt(c.Seen.History, 10)
	sh.reviewState(c.Review)
	sh.fields([2]string{"CLI_HEAD_SEEN", seen}, [2]string{"CLI_HEAD_DECIDERS", strconv.Itoa(c.profile.Deciders())})
	sh.asks(&c)
	sh.says(&c)
	sh.section("CLI_REVIEW_WHY")
	for _, reason := range c.Reasons {
		fmt.Fprintf(sh.out, "  %s: %s\n", reason.Code, term.Line(reason.In(string(sh.lang))))
	}
	sh.table("CLI_REVIEW_FACTS", []string{"CLI_HEAD_FACT", "CLI_HEAD_MEASURED", "CLI_HEAD_ALLOWED"}, sh.factRows(&c))
	sh.places(&c)
	sh.preview(&c)
	sh.similar(&c)
	sh.exchange(c.Review)
	if waits := c.State == sdk.ReviewOpen || c.State == sdk.ReviewDiffer; !waits || hasVoted(c.Review) {
		sh.after(c.Review)
		return nil
	}
	sh.note("CLI_REVIEW_VOTE_NEXT", "command", fmt.Sprintf(`darkroom review vote runs/%s release --seen %s --public "…"`, c.Run, seen))
	return nil
}

// asks is who wants this out, and what for.
func (sh *shell) asks(c *caseFile) {
	sh.section("CLI_REVIEW_ASKS")
	fields := [][2]string{
		{"CLI_HEAD_OPERATOR", c.Operator},
		{"CLI_HEAD_SCENARIO", c.Scenario},
		{"CLI_HEAD_PURPOSE", c.Purpose},
		{"CLI_HEAD_DATASET", sh.text("CLI_REVIEW_DATASET", "dataset", c.Dataset, "source", c.Source)},
		{"CLI_HEAD_GRANT", "grants/" + c.Grant},
		{"CLI_HEAD_MODULE", "modules/" + c.Module},
	}
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		fields = append(fields, [2]string{"CLI_HEAD_PARAM", name + "=" + c.Params[name]})
	}
	sh.fields(append(fields, [2]string{"CLI_HEAD_HELD", second(c.Held)})...)
}

// says is the module in its author's words: claims, which nobody has checked.
func (sh *shell) says(c *caseFile) {
	m := &c.manifest
	sh.section("CLI_REVIEW_SAYS")
	fields := [][2]string{{"CLI_HEAD_NAME", m.Name + " " + m.Version}, {"CLI_HEAD_TITLE", m.Title}}
	for _, in := range m.Inputs {
		fields = append(fields, [2]string{"CLI_HEAD_SCOPE", strings.Join(in.Columns, ", ")}, [2]string{"CLI_HEAD_SHOWN", strings.Join(in.Show, ", ")})
	}
	for _, k := range m.Keys {
		from := sh.text("CLI_REVIEW_KEY_MODULE")
		if k.Of != nil {
			from = k.Of.Column
		}
		fields = append(fields, [2]string{"CLI_HEAD_KEY", k.Name + ": " + from})
	}
	for _, measure := range m.Measures {
		fields = append(fields, [2]string{"CLI_HEAD_MEASURE", strings.TrimSpace(measure.Name + ": " + string(measure.Op) + " " + measure.Of)})
	}
	if m.Output == nil {
		sh.fields(fields...)
		return
	}
	sh.fields(append(fields, [2]string{"CLI_HEAD_ABOUT", m.Output.About}, [2]string{"CLI_HEAD_BEHIND", m.Output.Behind})...)
	var rows [][]string
	for i := range m.Output.Columns {
		column := &m.Output.Columns[i]
		rows = append(rows, []string{column.Name, domainOf(column), column.About})
	}
	sh.table("", []string{"CLI_HEAD_COLUMN", "CLI_HEAD_VALUES", "CLI_HEAD_ABOUT"}, rows)
}

// domainOf is what values a column declares.
func domainOf(c *enclave.ManifestColumn) string {
	switch c.Type {
	case enclave.KindInt, enclave.KindDecimal:
		places := ""
		if c.Decimals > 0 {
			places = "." + strings.Repeat("0", c.Decimals)
		}
		return fmt.Sprintf("%d%s … %d%s", c.Min, places, c.Max, places)
	case enclave.KindEnum:
		const some = 5
		if len(c.Values) > some {
			return fmt.Sprintf("%s, … (%d)", strings.Join(c.Values[:some], ", "), len(c.Values))
		}
		return strings.Join(c.Values, ", ")
	case enclave.KindText:
		return fmt.Sprintf("%s ≤ %d B", c.Type, c.Bytes)
	}
	return string(c.Type)
}

// maxListed is how many places and how many earlier releases are printed.
const maxListed = 20

// places are where facts were found; rows are counted from 1, as the preview counts them.
func (sh *shell) places(c *caseFile) {
	var rows [][]string
	for _, p := range c.Places[:min(len(c.Places), maxListed)] {
		row, column := sh.text("CLI_REVIEW_WHOLE"), sh.text("CLI_REVIEW_WHOLE")
		if p.Row >= 0 {
			row = strconv.Itoa(p.Row + 1)
		}
		if p.Column >= 0 {
			column = strconv.Itoa(p.Column + 1)
		}
		if o := c.manifest.Output; o != nil && p.Column >= 0 && p.Column < len(o.Columns) {
			column = o.Columns[p.Column].Name
		}
		rows = append(rows, []string{sh.fact(p.Fact), row, column})
	}
	sh.table("CLI_REVIEW_PLACES", []string{"CLI_HEAD_FACT", "CLI_HEAD_ROW", "CLI_HEAD_COLUMN"}, rows)
	sh.more(len(c.Places) - maxListed)
}

// masked stands for a value that is not shown.
const masked = "▒▒▒"

func (sh *shell) preview(c *caseFile) {
	if len(c.Preview.Columns) == 0 {
		sh.section("CLI_REVIEW_NO_PREVIEW")
		return
	}
	sh.section("CLI_REVIEW_PREVIEW", "shown", strconv.Itoa(len(c.Preview.Rows)), "total", strconv.FormatInt(c.Preview.Total, 10))
	var rows [][]string
	hidden := false
	for i, cells := range c.Preview.Rows {
		row := []string{strconv.Itoa(i + 1)}
		for _, cell := range cells {
			hidden = hidden || cell.Masked
			switch {
			case cell.Masked:
				row = append(row, masked)
			case cell.Text == "":
				row = append(row, "·")
			default:
				row = append(row, cell.Text)
			}
		}
		rows = append(rows, row)
	}
	term.Table(term.Indent(sh.out, "  "), append([]string{"#"}, c.Preview.Columns...), rows)
	if hidden {
		sh.say("CLI_REVIEW_MASKED", "masked", masked, "escape", `\u{…}`)
	}
}

func (sh *shell) similar(c *caseFile) {
	var rows [][]string
	for _, s := range c.Similar[:min(len(c.Similar), maxListed)] {
		by, module := sh.text("CLI_REVIEW_BY_POLICY"), s.Module[:min(len(s.Module), shortDigest)]
		if s.ByPeople {
			by = sh.text("CLI_REVIEW_BY_PEOPLE")
		}
		if s.Module == c.Module {
			module = sh.text("CLI_REVIEW_SAME_MODULE")
		}
		rows = append(rows, []string{"runs/" + s.Run, s.Operator, s.Scenario, module, second(s.Released), by})
	}
	sh.table("CLI_REVIEW_SIMILAR", []string{
		"CLI_HEAD_NAME", "CLI_HEAD_OPERATOR", "CLI_HEAD_SCENARIO", "CLI_HEAD_MODULE", "CLI_HEAD_TIME", "CLI_HEAD_RELEASED_BY",
	}, rows)
	sh.more(len(c.Similar) - maxListed)
}

// shortDigest is how many digits of a digest tell modules apart for the eye.
const shortDigest = 12

func (sh *shell) more(n int) {
	if n > 0 {
		sh.say("CLI_REVIEW_MORE", "more", strconv.Itoa(n))
	}
}

// section begins a part of what is shown.
func (sh *shell) section(title string, args ...string) {
	fmt.Fprintln(sh.out)
	sh.say(title, args...)
}

// table prints a table under a title, both only if there are rows.
func (sh *shell) table(title string, heads []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	if title != "" {
		sh.section(title)
	}
	header := make([]string, len(heads))
	for i, head := range heads {
		header[i] = sh.text(head)
	}
	term.Table(term.Indent(sh.out, "  "), header, rows)
}
