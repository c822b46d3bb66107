package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/sdk"
)

const (
	// patience is how long a server with a fault has for a run; what has not ended by then must after the next start.
	patience = 5 * time.Second
	// stopping is how long such a server has to stop.
	stopping = 30 * time.Second
)

// fail plays the same scene again and again, on a copy of the same directory, and each time lets another write of the server fail: before it
// takes effect, and after. Then the server starts again, without a fault, and everything is checked as after a kill. Count is how many
// of the writes, evenly chosen; all if it is larger.
func fail(ctx context.Context, dir string, count int) (f figures, err error) {
	template, s, err := open(ctx, filepath.Join(dir, "template"))
	if err != nil {
		return f, err
	}
	if err := s.stop(); err != nil {
		return f, err
	}
	first, err := template.scene(ctx, filepath.Join(dir, "counted"), fault{})
	if err != nil {
		return f, err
	}
	if first.writes == 0 || len(first.violations) > 0 || first.acknowledged != len(scene()) {
		return f, fmt.Errorf("without a fault: %d writes, %d of %d runs, %v", first.writes, first.acknowledged, len(scene()), first.violations)
	}
	count = min(count, first.writes)
	faults := make(chan fault)
	scenes, failed := make([][]played, runtime.NumCPU()), make([]error, runtime.NumCPU())
	var group sync.WaitGroup
	for i := range scenes {
		group.Go(func() {
			for at := range faults {
				p, err := template.scene(ctx, filepath.Join(dir, strings.ReplaceAll(at.String(), " ", "-")), at)
				scenes[i], failed[i] = append(scenes[i], p), errors.Join(failed[i], err)
			}
		})
	}
	for n := range count {
		for _, after := range []bool{false, true} {
			faults <- fault{1 + n*first.writes/count, after}
		}
	}
	close(faults)
	group.Wait()
	f.add("writes of the scene", first.writes)
	f.sum(slices.Concat(scenes...))
	return f, errors.Join(failed...)
}

// played is what became of a scene.
type played struct {
	writes       int
	what         string // kind of the write that failed, and of which part; "" if it did not come to it
	down         bool   // the server did not start, or did not live to the end
	acknowledged int
	late         int // runs that ended only after the next start
	violations   []string
}

// sum adds the figures of all scenes.
func (f *figures) sum(all []played) {
	var total played
	kinds, met, down := map[string]int{}, 0, 0
	for _, p := range all {
		total.acknowledged, total.late = total.acknowledged+p.acknowledged, total.late+p.late
		if p.what != "" {
			kinds[p.what]++
			met++
		}
		if p.down {
			down++
		}
		f.violations = append(f.violations, p.violations...)
	}
	f.add("scenes in which a write failed", met)
	for _, what := range slices.Sorted(maps.Keys(kinds)) {
		f.add("  "+what, kinds[what])
	}
	f.add("  that ended the server", down)
	f.add("runs acknowledged", total.acknowledged)
	f.add("  that ended after the next start", total.late)
}

// scene is what is asked, in order.
func scene() []string {
	return []string{"by-district", "too-few", "shown", "traps", "endless", "by-guest"}
}

// scene plays on a copy of the template's directory, which is removed unless something was wrong.
func (d *domain) scene(ctx context.Context, dir string, at fault) (p played, err error) {
	if err := copyDir(dir, d.dir); err != nil {
		return p, err
	}
	copied := &domain{dir: dir, credentials: d.credentials, grants: d.grants, modules: d.modules, changed: make(chan struct{})}
	j := newJournal()
	j.faulty = at.number > 0
	s, err := launch(dir, at.env())
	if err != nil {
		return p, err
	}
	address, err := s.up(ctx)
	if err == nil {
		copied.say(address)
		err = copied.play(ctx, j)
		copied.say("")
	}
	p.down = err != nil
	if err := s.stopWithin(stopping); err != nil {
		p.down = true
	}
	if err := p.read(tally(dir)); err != nil {
		return p, err
	}
	if s, err = launch(dir); err != nil {
		return p, err
	}
	if address, err = s.up(ctx); err != nil {
		p.violations = append(p.violations, fmt.Sprintf("fault %v: %v", at, err))
		return p, nil
	}
	copied.say(address)
	var f figures
	if _, err := copied.conclude(ctx, s, j, &f); err != nil {
		return p, fmt.Errorf("fault %v: %w", at, err)
	}
	for _, v := range f.violations {
		p.violations = append(p.violations, fmt.Sprintf("fault %v (%s): %s", at, p.what, v))
	}
	for _, t := range j.all() {
		p.acknowledged++
		if t.endLife > t.life {
			p.late++
		}
	}
	if len(p.violations) > 0 {
		return p, nil
	}
	return p, errors.Join(os.RemoveAll(dir), os.Remove(logFile(dir)), os.Remove(tally(dir)))
}

// copyDir copies a directory with its permissions, which os.CopyFS widens: a server refuses compiled code that others could have written.
func copyDir(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return fs.WalkDir(os.DirFS(from), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return os.Chmod(filepath.Join(to, name), info.Mode().Perm())
	})
}

// play asks one thing after the other. Errors are what a fault is for: it fails only if the server is gone.
func (d *domain) play(ctx context.Context, j *journal) error {
	org := operators()[0]
	client, err := d.client(ctx, org)
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost
	asked, err := questions()
	if err != nil {
		return err
	}
	for _, name := range scene() {
		at := slices.IndexFunc(asked, func(q question) bool { return q.name == name })
		if err := d.ask(ctx, j, client, &asked[at]); passing(err) && !errors.Is(err, context.DeadlineExceeded) {
			if _, err := client.WhoAmI(ctx); err != nil {
				return err
			}
		}
		if head, err := client.Checkpoint(ctx); err == nil {
			j.head(head)
		}
	}
	return nil
}

// ask submits a run, cancels it if it would never end, and looks at it until its outcome or until it has taken too long.
func (d *domain) ask(ctx context.Context, j *journal, client *sdk.Client, q *question) error {
	org := operators()[0]
	run, err := client.Submit(ctx, sdk.Order{Grant: d.grants[org][q.dataset()], Module: d.modules[org][q.name]})
	if err != nil {
		return err
	}
	t := &taken{id: run.ID, operator: org, question: q}
	j.take(t)
	if q.name == "endless" {
		j.cancels(t)
		if _, err := client.Cancel(ctx, t.id); err != nil {
			return err
		}
	}
	ctx, enough := context.WithTimeout(ctx, patience)
	defer enough()
	return j.follow(ctx, client, t, 0)
}

// read reads what the tracer said.
func (p *played) read(file string) error {
	raw, err := os.ReadFile(file) //nolint:gosec // beside the helper's own directory
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if fields[0] == "writes" {
			_, err = fmt.Sscan(fields[1], &p.writes)
		} else if len(fields) == 5 {
			part, _, _ := strings.Cut(fields[4], "/")
			p.what = fields[3] + " in " + part
		}
	}
	return err
}
