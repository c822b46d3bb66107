package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/sdk"
)

const (
	// mostMemory is what a server with two cores may take in MiB, however many runs wait: what waits is a row of the store.
	mostMemory = 384
	// callers is how many submissions of an operator are under way at once.
	callers = 16
)

// rush submits many runs at once to a server with two cores: nearly all of one operator, then some of a second, at last a few of a third,
// which must not wait for the others' to end. None may fail.
func rush(ctx context.Context, dir string, count int) (f figures, err error) {
	j := newJournal()
	d, s, err := open(ctx, filepath.Join(dir, "storm"), "GOMAXPROCS=2")
	if err != nil {
		return f, err
	}
	asked, err := questions()
	if err != nil {
		return f, errors.Join(err, s.kill())
	}
	asked = slices.DeleteFunc(asked, func(q question) bool { return q.outcome != sdk.RunReleased })
	began := time.Now()
	few := max(2, count/20)
	for i, runs := range []int{count - 4*few, 3 * few, few} {
		if err := d.submit(ctx, j, operators()[i], asked, runs); err != nil {
			return f, errors.Join(err, s.kill())
		}
	}
	f.add("runs submitted at once", count)
	f.add("  in milliseconds", time.Since(began).Milliseconds())
	ledger, err := d.conclude(ctx, s, j, &f)
	if err != nil {
		return f, err
	}
	if peak := s.peak(); peak > mostMemory && !raced {
		f.violations = append(f.violations, fmt.Sprintf("it took %d MiB", peak))
	}
	f.order(j, ledger)
	return f, nil
}

// submit submits runs of an operator, many at a time.
func (d *domain) submit(ctx context.Context, j *journal, org string, asked []question, runs int) error {
	client, err := d.client(ctx, org)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	next := make(chan *question)
	failed := make([]error, callers)
	var group sync.WaitGroup
	for i := range failed {
		group.Go(func() {
			for q := range next {
				run, err := client.Submit(ctx, sdk.Order{Grant: d.grants[org][q.dataset()], Module: d.modules[org][q.name]})
				if err != nil {
					failed[i] = errors.Join(failed[i], err)
					continue
				}
				j.take(&taken{id: run.ID, operator: org, question: q})
			}
		})
	}
	for i := range runs {
		next <- &asked[i%len(asked)]
	}
	close(next)
	group.Wait()
	return errors.Join(failed...)
}

// order says by the ledger, not by a clock, how long the operators' runs waited: how many of the largest operator's ended between a run's
// submission and its end. Operators take turns, so a run waits for about as many as there are of its own before it, and for those that are at
// work.
func (f *figures) order(j *journal, ledger *account) {
	var large []uint64 // where runs of the largest operator ended
	for _, t := range j.all() {
		if t.operator == operators()[0] {
			large = append(large, slices.Max(ledger.places[t.id]))
		}
	}
	slices.Sort(large)
	for _, operator := range operators() {
		most, runs := 0, 0
		for _, t := range j.all() {
			if t.operator != operator {
				continue
			}
			from, _ := slices.BinarySearch(large, slices.Min(ledger.places[t.id]))
			to, _ := slices.BinarySearch(large, slices.Max(ledger.places[t.id]))
			most, runs = max(most, to-from), runs+1
		}
		f.add("runs of "+operator, runs)
		f.add("  at most waited for, of the largest's", most)
		if operator == operators()[2] && most > 2*runs+8 {
			f.violations = append(f.violations, "the smallest operator's runs waited for the largest's")
		}
	}
}
