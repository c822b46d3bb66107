package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/testdata/honest"
)

// played is a sequence with what became of it.
type played struct {
	sequence *honest.Sequence
	subjects int64 // of the largest snapshot
	tables   []table
}

// table is a table with what became of it.
type table struct {
	name     string
	snapshot int
	decision enclave.Decision // "" if it did not come to one
	reasons  []enclave.Reason
	cells    cells
	rank     int64 // of the history with it
	took     time.Duration
}

// cells counts the cells that have rows.
type cells struct {
	all, published int
	primary        int // lost to a rule that the cell breaks itself
	complement     int // lost since they would tell of others in the same table
	history        int // lost since they would tell something with the releases before, and what had to go with them
	alone          int // of these, those that would even if nothing else of the table were published
	refused        int // of those that would have been published, in tables that were not
}

// released reports whether the table was, without a human.
func (t *table) released() bool { return t.decision == enclave.Release }

// total adds the tables up.
func (p *played) total() (sum table) {
	sum.name, sum.decision = p.sequence.Name, enclave.Release
	for _, t := range p.tables {
		c := t.cells
		if !t.released() {
			sum.decision = ""
			sum.reasons = append(sum.reasons, t.reasons...)
			c.published, c.refused = 0, c.published
		}
		sum.cells.all += c.all
		sum.cells.published += c.published
		sum.cells.primary += c.primary
		sum.cells.complement += c.complement
		sum.cells.history += c.history
		sum.cells.alone += c.alone
		sum.cells.refused += c.refused
		sum.took += t.took
		sum.rank = max(sum.rank, t.rank)
	}
	return sum
}

func (p *played) released() (n int) {
	for i := range p.tables {
		if p.tables[i].released() {
			n++
		}
	}
	return n
}

// report prints what became of sequences, and of each table where detailed.
func report(out io.Writer, all []*played, detailed bool) error {
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	fmt.Fprintln(w, "sequence\tsubjects\ttables\treleased\tcells\tpublished\tprimary\tcomplement\thistory\talone\trefused\tlost %\trank\tseconds")
	for _, p := range all {
		sum := p.total()
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%s\n", sum.name, p.subjects, len(p.tables), p.released(), sum.line())
		for _, t := range p.tables {
			if detailed || !t.released() {
				fmt.Fprintf(w, "· %s/%d\t\t\t%s\t%s\n", t.name, t.snapshot+1, ended(&t), t.line())
			}
		}
	}
	return w.Flush()
}

func (t *table) line() string {
	c := &t.cells
	return fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.2f\t%d\t%.1f", c.all, c.published, c.primary, c.complement, c.history, c.alone, c.refused, 100*c.lost(), t.rank, t.took.Seconds())
}

// lost is the share of cells lost beyond the rules that they break themselves and what has to go with these: to other releases, to budgets
// and refusals.
func (c *cells) lost() float64 {
	return float64(c.history+c.refused) / float64(max(c.all, 1))
}

func ended(t *table) string {
	if t.released() {
		return "yes"
	}
	codes := make([]string, len(t.reasons))
	for i, r := range t.reasons {
		codes[i] = r.Code
	}
	return strings.Join(codes, " ")
}
