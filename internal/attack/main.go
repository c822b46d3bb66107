// Command attack searches for a way to learn something about somebody. It makes small worlds, asks an enclave about them, with everything in
// place but a server, and composes each question from those before: keys that the enclave evaluates and keys of modules, sets of people that differ by one
// or two from others, partitions, groups of the least size around the same persons, margins, several measures, two operators, several snapshots. Then it
// looks at all that was released, as somebody would who knows which row is in which cell, and as an operator who does not know protected values.
//
//	go run ./internal/attack                       # ten minutes
//	go run ./internal/attack -for 1h -seed 7
//	go run ./internal/attack -trials 200
//	go run ./internal/attack -seed 7 -trial 1234   # one again, told in full
//	go run ./internal/attack -replay finding.json
//	go run ./internal/attack -off history          # what it finds where nothing keeps account of releases
//
// What it finds is written into a directory: the world, the questions and what follows from the answers, to be replayed. Of each kind of finding, the
// first few are. The exit status is 1 if a promise of SECURITY.md was broken; what is not promised is counted, so that one knows how far off it is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/policy"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := search(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	}
}

var errBroken = errors.New("a promise was broken")

func search(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("attack", flag.ContinueOnError)
	seed := flags.Uint64("seed", 1, "of everything that is drawn")
	trials := flags.Uint64("trials", 0, "how many worlds; 0 is no limit")
	one := flags.Int64("trial", -1, "only this one")
	limit := flags.Duration("for", 10*time.Minute, "how long")
	questions := flags.Int("questions", 24, "how many of each world")
	flip := flags.Int("flip", 10, "of so many worlds, one is asked again with another secret of one subject; 0 is none")
	keep := flags.String("out", "", "directory for findings; a new one by default")
	again := flags.String("replay", "", "file of a finding to be replayed")
	var off mechanisms
	flags.Var(&off, "off", "a mechanism to do without; may be given several times")
	if err := flags.Parse(args); err != nil {
		return err
	}
	rules, err := policy.Default()
	if err != nil {
		return err
	}
	m := &machine{rules: rules, flip: *flip, off: off}
	if *again != "" {
		return m.replay(ctx, *again, out)
	}
	if *keep == "" {
		if *keep, err = os.MkdirTemp("", "darkroom-attack-"); err != nil {
			return err
		}
	} else if err = os.MkdirAll(*keep, 0o700); err != nil {
		return err
	}
	total := &tally{kinds: map[string]int{}, reasons: map[string]int{}, few: math.MaxInt, relative: math.Inf(1), dir: *keep, out: out}
	began := time.Now()
	told := began
	for number := uint64(0); ctx.Err() == nil; number++ {
		if *one >= 0 {
			number = uint64(*one)
		}
		if *trials > 0 && number >= *trials || time.Since(began) > *limit {
			break
		}
		t, err := m.play(ctx, *seed, number, *questions)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("trial %d: %w", number, err)
		}
		if err := total.add(t); err != nil {
			return err
		}
		if *one >= 0 {
			t.tell(out)
			break
		}
		if time.Since(told) > time.Minute {
			told = time.Now()
			total.print(out, time.Since(began))
		}
	}
	total.print(out, time.Since(began))
	if total.broken > 0 {
		return errBroken
	}
	return nil
}

// mechanisms are those of a flag.
type mechanisms []lab.Mechanism

func (m *mechanisms) String() string { return fmt.Sprint(*m) }

// Set takes one more.
func (m *mechanisms) Set(name string) error {
	if !slices.Contains(lab.Mechanisms(), lab.Mechanism(name)) {
		return fmt.Errorf("there are %v", lab.Mechanisms())
	}
	*m = append(*m, lab.Mechanism(name))
	return nil
}

// tally is what all trials found.
type tally struct {
	trials, runs, released, broken int
	kinds, reasons                 map[string]int
	few                            int
	sum, relative, share           float64
	dir                            string
	out                            io.Writer
}

// firstFew of each kind are written down.
const firstFew = 5

func (c *tally) add(t *trial) error {
	c.trials, c.runs, c.released = c.trials+1, c.runs+t.runs, c.released+t.released
	c.few, c.sum = min(c.few, t.near.few), max(c.sum, t.near.sum)
	c.relative, c.share = min(c.relative, t.near.relative), max(c.share, t.near.share)
	for reason, n := range t.reasons {
		c.reasons[reason] += n
	}
	done := map[string]bool{}
	for _, f := range t.found {
		if done[f.Kind] {
			continue // once a trial
		}
		done[f.Kind] = true
		c.kinds[f.Kind]++
		if promised(f.Kind) {
			c.broken++
		}
		if c.kinds[f.Kind] > firstFew {
			continue
		}
		file := filepath.Join(c.dir, fmt.Sprintf("%d-%d-%d.json", t.seed, t.number, c.kinds[f.Kind]))
		fmt.Fprintf(c.out, "FOUND %s: %s (trial %d, after %d questions): %s\n", f.Kind, f.About, t.number, f.Step, file)
		if err := t.write(file, f); err != nil {
			return err
		}
	}
	return nil
}

func (c *tally) print(out io.Writer, took time.Duration) {
	fmt.Fprintf(out, "%s: %d worlds, %d runs, %d released, others not for %v\n", took.Round(time.Second), c.trials, c.runs, c.released, c.reasons)
	fmt.Fprintf(out, "  nearest: a sum about %+d subjects beyond the threshold; %.1f %% of a sum by its largest; a subject's cost within %.1f %%; %.0f %% of a secret's variance\n",
		c.few, 100*c.sum, 100*c.relative, 100*c.share)
	for _, kind := range slices.Sorted(maps.Keys(c.kinds)) {
		mark := "not promised"
		if promised(kind) {
			mark = "PROMISED"
		}
		fmt.Fprintf(out, "  %d worlds: %s (%s)\n", c.kinds[kind], kind, mark)
	}
}
