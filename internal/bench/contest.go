package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// contest is the questions asked of every contestant in turns.
type contest struct {
	rows            int64
	threads, repeat int
	out             io.Writer
	contestants     []*contestant
	sides           []*side
}

// contestant is a side in one of its ways.
type contestant struct {
	side *side
	name string
	how  string
	// Of the question at hand:
	text         string // what is sent as the task's way: how, or DuckDB's fastest SQL
	first        *result
	all, alone   []*result
	peak         int64
	formulations int
}

func (c *contest) add(s *side, name, how string) {
	c.contestants = append(c.contestants, &contestant{side: s, name: name, how: how})
	if !slices.Contains(c.sides, s) {
		c.sides = append(c.sides, s)
	}
}

func (c *contest) stop() error {
	var all error
	for _, s := range c.sides {
		all = errors.Join(all, s.stop())
	}
	return all
}

// run asks the questions that are named.
func (c *contest) run(names string) error {
	for _, q := range questions() {
		if !strings.Contains(names, q.name) {
			continue
		}
		for _, who := range c.contestants {
			if err := c.choose(&q, who); err != nil {
				return err
			}
		}
		for range c.repeat {
			for _, who := range c.contestants {
				if err := c.turn(&q, who); err != nil {
					return err
				}
			}
		}
		c.print(&q)
	}
	fmt.Fprint(c.out, legend)
	return nil
}

// choose asks a contestant once to warm it up, while its memory is watched, and DuckDB in each of its formulations, for the fastest.
func (c *contest) choose(q *question, who *contestant) error {
	who.all, who.alone, who.peak, who.text, who.formulations = nil, nil, 0, who.how, 0
	texts := []string{who.how}
	if isDuck(who) {
		texts = nil
		for _, sql := range q.sql {
			texts = append(texts, strings.ReplaceAll(sql, "$table", who.how))
		}
	}
	least := 0.0
	for _, text := range texts {
		most := watch(who.side.cmd.Process.Pid, time.Millisecond)
		r, err := who.side.ask(task{Question: q.name, How: text, Threads: c.threads, Tidy: true})
		who.peak = max(who.peak, most())
		if err != nil {
			return err
		}
		if err := c.same(q, who, r); err != nil {
			return err
		}
		if least == 0 || r.Wall < least {
			least, who.text, who.first = r.Wall, text, r
		}
	}
	who.formulations = len(texts)
	if c.threads > 1 && !isDuck(who) {
		_, err := who.side.ask(task{Question: q.name, How: who.text, Threads: 1})
		return err
	}
	return nil
}

// turn asks a contestant on all threads and, but for DuckDB, on one.
func (c *contest) turn(q *question, who *contestant) error {
	threads := []int{c.threads}
	if c.threads > 1 && !isDuck(who) {
		threads = append(threads, 1)
	}
	for _, n := range threads {
		r, err := who.side.ask(task{Question: q.name, How: who.text, Threads: n})
		if err != nil {
			return err
		}
		if err := c.same(q, who, r); err != nil {
			return err
		}
		if n == c.threads {
			who.all = append(who.all, r)
		} else {
			who.alone = append(who.alone, r)
		}
	}
	return nil
}

// same compares an answer with the first contestant's, cell by cell. A benchmark of different results would say nothing.
func (c *contest) same(q *question, who *contestant, r *result) error {
	if who.how == readOnly {
		return nil
	}
	if q.told == nil {
		q.told = r.Lines
	}
	if len(r.Lines) == 0 || !slices.Equal(q.told, r.Lines) {
		return fmt.Errorf("question %s: %s answers otherwise: %d lines, first %.60q against %.60q", q.name, who.name, len(r.Lines),
			strings.Join(r.Lines, " "), strings.Join(q.told, " "))
	}
	return nil
}

// goLoop is the name of the contestant without machinery.
const goLoop = "Go loop"

func isDuck(who *contestant) bool { return strings.HasPrefix(who.how, "visits") }

func wall(r *result) float64 { return r.Wall }
func used(r *result) float64 { return r.CPU }

// print prints a question's table. Ratios are of speeds: above 1, the contestant is faster than the peer.
func (c *contest) print(q *question) {
	fmt.Fprintf(c.out, "(%s) %s: %d lines, the same from all\n", q.name, q.title, len(q.told))
	t := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "\tms\tM rows/s\tCPU ms")
	var peers []*contestant
	for _, who := range c.contestants {
		if isDuck(who) || who.name == goLoop {
			peers = append(peers, who)
			fmt.Fprintf(t, "\t× %s", who.name)
		}
	}
	fmt.Fprint(t, "\t1 → n\tMiB\t\n")
	for _, who := range c.contestants {
		took := median(who.all, wall)
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f", who.name, took*1e3, float64(c.rows)/took/1e6, median(who.all, used)*1e3)
		for _, peer := range peers {
			fmt.Fprintf(t, "\t%.2f (%.2f)", median(peer.all, wall)/took, median(peer.all, used)/median(who.all, used))
		}
		scaling := ""
		if len(who.alone) > 0 {
			scaling = fmt.Sprintf("%.2f", median(who.alone, wall)/took)
		}
		fmt.Fprintf(t, "\t%s\t%.0f\t\n", scaling, float64(who.peak)/(1<<20))
	}
	t.Flush() //nolint:errcheck,gosec // lines for a person
	fmt.Fprint(c.out, "The first time, in ms:")
	for _, who := range c.contestants {
		fmt.Fprintf(c.out, " %s %.1f;", who.name, wall(who.first)*1e3)
	}
	fmt.Fprintln(c.out)
	for _, who := range c.contestants {
		if who.how == readOnly {
			fmt.Fprintf(c.out, "Memory gave %.1f GB/s: a row has %d bytes in those arrays.\n", float64(c.rows)*float64(q.bytes)/median(who.all, wall)/1e9, q.bytes)
		}
	}
	fmt.Fprintln(c.out)
}

const legend = `× peer: how many times faster than the peer, by time and, in parentheses, by CPU time of all threads.
1 → n: one thread's time over all threads'. MiB: most anonymous memory of the process; of Go loop and DuckDB it holds their rows.
Darkroom: open the snapshot (verified before), execute, measure; modules admitted and compiled before. It reads column files, in the
page cache, and always computes all facts: rows, distinct subjects, sum, extremes, the two largest subject totals, each row's cell.
A guest's function is tabulated over the catalogue's domain the first time, which stands below the table, and kept; guests see no rows, so no
batch is replayed (0 %).
DuckDB: its own table in memory, in the order in which visits came and once more ordered by subject; parsing and planning included. It computes
what the question names alone: (a) and (b) the sums. Of (c)'s formulations the fastest. Go loop: plain arrays by subject, that question alone.
Reading alone: the same arrays are added up and nothing is done with them; it is how fast memory gives them.
`
