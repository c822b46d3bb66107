package main

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/sdk"
)

const (
	// busy is the longest that a server lives once it listens.
	busy = 1500 * time.Millisecond
	// early says which of the kills, one in so many, comes while the server starts.
	early = 6
	// streams is how many people of each operator ask at once.
	streams = 2
	// sample is how many runs are looked at again after a start.
	sample = 20
)

// kill is the whole story: a domain, operators who ask, so many kills, and what is left then.
func kill(ctx context.Context, dir string, kills int, seed uint64) (f figures, err error) {
	began, j := time.Now(), newJournal()
	firsts := 1 + kills/10
	start, err := firstStarts(ctx, filepath.Join(dir, "first"), firsts, throw(seed, 1), j)
	if err != nil {
		return f, err
	}
	d, s, err := open(ctx, filepath.Join(dir, "domain"))
	if err != nil {
		return f, err
	}
	asked, err := questions()
	if err != nil {
		return f, errors.Join(err, s.kill())
	}
	asking, enough := context.WithCancel(ctx)
	defer enough()
	var operating sync.WaitGroup
	asks := streams * len(operators())
	failed := make([]error, asks+len(jurors()))
	for i, org := range jurors() {
		r := &juror{domain: d, journal: j, org: org}
		operating.Go(func() { failed[asks+i] = r.work(asking) })
	}
	for i := range asks {
		o := &operator{domain: d, journal: j, org: operators()[i/streams], questions: asked, dice: throw(seed, uint64(100+i))}
		operating.Go(func() { failed[i] = o.work(asking) })
	}
	s, unready, err := d.killing(ctx, s, j, kills, start, throw(seed, 2))
	enough()
	operating.Wait()
	if err = errors.Join(append(failed, err)...); err != nil {
		return f, errors.Join(err, s.kill())
	}
	f.add("kills", kills)
	f.add("  while it started", unready)
	f.add("first starts that were killed", firsts)
	f.add("submissions it was killed over", j.unanswered)
	f.add("votes of people", j.votes)
	_, err = d.conclude(ctx, s, j, &f)
	f.add("seconds", int(time.Since(began).Seconds()))
	return f, err
}

// jurors are those of whom two decide on what is held.
func jurors() []string { return []string{panel, health} }

// killing kills the server so many times and starts it again. It returns the one that serves then, and how many were killed before they
// listened, which takes about as long as start.
func (d *domain) killing(ctx context.Context, s *server, j *journal, kills int, start time.Duration, dice *dice) (*server, int, error) {
	listens, unready := true, 0
	for n := 0; n < kills && (!listens || !j.broken()); n++ {
		if listens {
			err := d.live(ctx, j, dice.within(busy), throw(uint64(n), 3))
			if err != nil {
				return s, unready, err
			}
		} else {
			pause(ctx.Done(), dice.within(start))
			unready++
		}
		d.say("")
		if err := s.kill(); err != nil {
			j.violated("%v", err)
		}
		var err error
		if s, err = launch(d.dir); err != nil {
			return s, unready, err
		}
		if listens = n >= kills-1 || j.broken() || dice.below(early) > 0; !listens {
			continue
		}
		address, err := s.up(ctx)
		if err != nil {
			return s, unready, err
		}
		d.say(address)
	}
	return s, unready, nil
}

// live lets the server live for a while and looks meanwhile whether it stands by what it said.
func (d *domain) live(ctx context.Context, j *journal, while time.Duration, dice *dice) error {
	looking, enough := context.WithCancel(ctx)
	defer enough()
	checked := make(chan error, 1)
	go func() { checked <- j.check(looking, d, dice, sample) }()
	pause(ctx.Done(), while)
	enough()
	err := <-checked
	if ctx.Err() == nil && (passing(err) || errors.Is(err, context.Canceled)) {
		return nil
	}
	return err
}

// firstStarts kills servers on new directories before they are ready. Whatever they leave, the next start must make a domain of it that the
// authority can enter. It returns how long such a start takes that is left alone.
func firstStarts(ctx context.Context, dir string, count int, dice *dice, j *journal) (took time.Duration, err error) {
	for n := range count + 1 {
		d := &domain{dir: filepath.Join(dir, strconv.Itoa(n)), changed: make(chan struct{}), credentials: map[string]sdk.Credential{}}
		if n > 0 {
			s, err := launch(d.dir)
			if err != nil {
				return 0, err
			}
			pause(ctx.Done(), dice.within(took))
			if err := s.kill(); err != nil {
				return 0, err
			}
		}
		began := time.Now()
		s, err := launch(d.dir)
		if err != nil {
			return 0, err
		}
		address, err := s.up(ctx)
		if err != nil {
			j.violated("after a kill in the first start: %v", err)
			continue
		}
		if n == 0 {
			took = time.Since(began)
		}
		if err := d.enter(ctx, address); err != nil {
			j.violated("after a kill in the first start: %v", err)
		}
		if err := s.stop(); err != nil {
			j.violated("a server that was asked to stop: %v", err)
		}
	}
	return took, nil
}

// enter checks that the authority's credential opens the door.
func (d *domain) enter(ctx context.Context, address string) error {
	credential, err := sdk.ReadCredential(app.AuthorityCredential(d.dir))
	if err != nil {
		return err
	}
	client, err := sdk.Dial(ctx, credential, sdk.WithAddress(address))
	if err != nil {
		return err
	}
	return client.Close()
}
