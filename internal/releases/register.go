// Package releases is the register of exact releases: it keeps their footprints, and an audit of each dataset's release history that
// every further table is tried against.
//
// A footprint says which row fell into which cell, and lies among the service's files, named by the decision that released it. The audit
// itself (enclave/history) lives in memory and is built again from the footprints after a restart, in the order of the history's
// versions.
package releases

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/history"
)

// Store lists the footprints of a dataset's releases, oldest first: the n-th is that of the release that made version n of the
// history, so there are as many as the version says. The zero digest stands for the release of a program's output, which says nothing of
// sums.
type Store interface {
	Footprints(ctx context.Context, dataset string) ([]enclave.Digest, error)
}

// Files keeps footprints by digest, durably before Put returns.
type Files interface {
	Put(content []byte) (enclave.Digest, error)
	Get(digest enclave.Digest) ([]byte, error)
}

// Register is the register of exact releases. It is safe for concurrent use; tables over the same dataset are audited one after the
// other.
type Register struct {
	store  Store
	files  Files
	loader enclave.Loader
	seed   history.Seed

	lock  sync.Mutex // guards books
	books map[string]*book
}

var _ enclave.Historian = (*Register)(nil)

// New makes the register. The seed is the secret of the audit's random choices, the same for the life of the domain.
func New(store Store, files Files, loader enclave.Loader, seed history.Seed) *Register {
	return &Register{store: store, files: files, loader: loader, seed: seed, books: map[string]*book{}}
}

// errMoved says that another release came first: the caller measures again, and nothing here is wrong.
var errMoved = enclave.Fail(enclave.State, "HISTORY_MOVED")

// errStale says that a book has rows of a snapshot that was asked about and not released, and that the question at hand is about another. An
// answer depends on the releases and the question alone, or a replay on another day would have another one: the book is begun anew.
var errStale = errors.New("the book has rows that are not of the history")

// book is the account of one dataset.
type book struct {
	queue    *enclave.Turns // of those who measure and record
	turn     chan struct{}  // holds one token: the right to read and write the rest
	version  int64          // of the history, as far as it is known here
	rows     *versions
	settled  int      // how many of the snapshots in rows, from the first, releases speak of; there is at most one more
	releases []placed // each once: the same table again tells nothing new
	known    map[enclave.Digest]bool
	audits   map[int64]*audits // by the number of subjects that is promised
}

// placed is a release that speaks of the history's rows.
type placed struct {
	*history.Release
	distinct bool     // it counts distinct subjects
	summed   []string // columns
	tells    []enclave.Telling
	blocks   *history.Release // whom it says protected values of, or sums of a yes or no; nil if it says none
}

// audits are those that a table has to pass: what follows about sums and counts of rows; for tables that publish some, about counts of
// distinct subjects; and for tables that say protected values, about whom they do. The last audits tables of which nobody sees a number, as
// if those said how many people each block has: then whether a block is answered for does not depend on anybody's protected value. How many of a block have
// a yes is as good as the sum of a yes or no over it, so tables of such sums stand beside them.
type audits struct {
	sums, subjects, blocks *history.Audit
}

func newAudits(subjects []uint32, threshold int, seed history.Seed) (a *audits, err error) {
	a = &audits{}
	if a.sums, err = history.New(history.Sums, subjects, threshold, seed); err != nil {
		return nil, err
	}
	if a.subjects, err = history.New(history.Subjects, subjects, threshold, seed); err != nil {
		return nil, err
	}
	a.blocks, err = history.New(history.Sums, subjects, threshold, seed)
	return a, err
}

// add takes up a release that was made.
func (a *audits) add(release placed) error {
	err := a.sums.Add(release.Release)
	if release.distinct {
		err = errors.Join(err, a.subjects.Add(release.Release))
	}
	if release.blocks != nil {
		err = errors.Join(err, a.blocks.Add(release.blocks))
	}
	return err
}

func (a *audits) grow(subjects []uint32) error {
	return errors.Join(a.sums.Grow(subjects), a.subjects.Grow(subjects), a.blocks.Grow(subjects))
}

// Keep writes a footprint among the files, for the decision that names it.
func (r *Register) Keep(footprint *enclave.Footprint) (enclave.Digest, error) {
	return r.files.Put(encode(footprint))
}

// Load reads a footprint that was kept.
func (r *Register) Load(digest enclave.Digest) (*enclave.Footprint, error) {
	raw, err := r.files.Get(digest)
	if err != nil {
		return nil, err
	}
	return decode(raw)
}

// Turns has tables over a dataset measured and recorded one after the other.
func (r *Register) Turns(dataset string) *enclave.Turns { return r.book(dataset).queue }

// Audit tries a footprint against all releases of the dataset before it. A table that has to lose cells is tried again by the caller,
// without them.
func (r *Register) Audit(
	ctx context.Context, dataset *enclave.Dataset, version int64, profile enclave.Profile, footprint *enclave.Footprint,
) (enclave.Audited, error) {
	b := r.book(dataset.Name)
	select {
	case <-b.turn:
	case <-ctx.Done():
		return enclave.Audited{}, context.Cause(ctx)
	}
	defer func() { b.turn <- struct{}{} }()
	release, err := r.enter(ctx, dataset, b, version, footprint)
	if err != nil {
		if !errors.Is(err, errMoved) {
			b.forget() // it may hold half of a snapshot
		}
		return enclave.Audited{}, err
	}
	a, err := b.auditsOf(profile.Threshold, r.seed)
	if err != nil {
		return enclave.Audited{}, err
	}
	answer, sums, err := a.try(ctx, release, footprint, enclave.HistoryFacts{Releases: version, Clean: true, Subjects: b.rows.people()})
	if err != nil || sums == nil {
		return answer, err
	}
	q := &question{r, dataset, b, &release, sums, &profile, &answer.Facts}
	named, err := q.ask(ctx)
	if err != nil {
		return enclave.Audited{}, err
	}
	if len(named) > 0 {
		answer.Suppress = footprint.Together(named, nil)
	}
	return answer, nil
}

func (r *Register) book(dataset string) *book {
	r.lock.Lock()
	defer r.lock.Unlock()
	b := r.books[dataset]
	if b == nil {
		b = &book{queue: enclave.NewTurns(1, time.Minute), turn: make(chan struct{}, 1)}
		b.forget()
		b.turn <- struct{}{}
		r.books[dataset] = b
	}
	return b
}

// forget begins the book anew; it is filled again from the store.
func (b *book) forget() {
	b.version, b.rows, b.settled, b.releases = 0, newVersions(), 0, nil
	b.known, b.audits = map[enclave.Digest]bool{}, map[int64]*audits{}
}

// fits reports whether the book, with a snapshot's rows, is what it would be if it were begun anew: rows of the releases' snapshots, in the
// order of the releases, and behind them those of the question.
func (b *book) fits(snapshot enclave.Digest, released bool) bool {
	at, more := slices.Index(b.rows.order, snapshot), len(b.rows.order) > b.settled
	switch {
	case at < 0:
		return !more
	case at < b.settled:
		return released || !more
	}
	return true
}

// enter brings the book up to a version and finds a footprint's place in it.
func (r *Register) enter(
	ctx context.Context, dataset *enclave.Dataset, b *book, version int64, footprint *enclave.Footprint,
) (release placed, err error) {
	for range 2 { // the second time with a book that was begun anew
		if err = r.catchUp(ctx, dataset, b, version); err == nil {
			release, err = r.place(ctx, dataset, b, footprint, false)
		}
		if !errors.Is(err, errStale) {
			break
		}
		b.forget()
	}
	return release, err
}

// catchUp takes up what was released since the last time.
func (r *Register) catchUp(ctx context.Context, dataset *enclave.Dataset, b *book, version int64) error {
	footprints, err := r.store.Footprints(ctx, dataset.Name)
	if err != nil {
		return err
	}
	if int64(len(footprints)) != version {
		return errMoved
	}
	for _, digest := range footprints[b.version:] {
		if digest.IsZero() || b.known[digest] {
			b.version++
			continue
		}
		footprint, err := r.Load(digest)
		if err != nil {
			return err
		}
		release, err := r.place(ctx, dataset, b, footprint, true)
		if err != nil {
			return err
		}
		for _, a := range b.audits {
			if err := a.add(release); err != nil {
				return err
			}
		}
		b.releases, b.known[digest] = append(b.releases, release), true
		b.version++
	}
	return nil
}

// place says of the history's rows what a footprint says of its snapshot's, that of a release or of a question.
func (r *Register) place(ctx context.Context, dataset *enclave.Dataset, b *book, footprint *enclave.Footprint, released bool) (placed, error) {
	if !b.fits(footprint.Snapshot, released) {
		return placed{}, errStale
	}
	added, err := b.rows.link(ctx, dataset, footprint.Snapshot, r.loader)
	if err != nil {
		return placed{}, err
	}
	if len(added) > 0 {
		for _, a := range b.audits {
			if err := a.grow(added); err != nil {
				return placed{}, err
			}
		}
	}
	if released {
		b.settled = max(b.settled, 1+slices.Index(b.rows.order, footprint.Snapshot))
	}
	cells, err := b.rows.place(footprint)
	release := placed{Release: &history.Release{Cells: cells, Published: footprint.Over}, distinct: footprint.Distinct, summed: footprint.Summed, tells: footprint.Tells}
	if footprint.Blocks != nil {
		release.blocks = &history.Release{Cells: cells, Published: footprint.Blocks}
	} else if slices.ContainsFunc(footprint.Summed, func(name string) bool { return yesOrNo(dataset, name) }) {
		release.blocks = release.Release
	}
	return release, err
}

// yesOrNo reports whether a column of that name has two values.
func yesOrNo(dataset *enclave.Dataset, name string) bool {
	c := dataset.Column(name)
	return c >= 0 && dataset.Columns[c].YesOrNo()
}

// auditsOf are the audits that promise so many subjects. Scenarios with another threshold have others over the same releases.
func (b *book) auditsOf(threshold int64, seed history.Seed) (*audits, error) {
	if a := b.audits[threshold]; a != nil {
		return a, nil
	}
	a, err := newAudits(b.rows.subjects, int(threshold), seed)
	if err != nil {
		return nil, err
	}
	for _, release := range b.releases {
		if err := a.add(release); err != nil {
			return nil, err
		}
	}
	b.audits[threshold] = a
	return a, nil
}

// try asks the audits, that of blocks first. What one of them wants suppressed goes before the next is asked; where nothing that could go would help,
// nothing does. Where all let the table through, sums is the result of that of sums. Facts are what is known before.
func (a *audits) try(
	ctx context.Context, release placed, footprint *enclave.Footprint, facts enclave.HistoryFacts,
) (answer enclave.Audited, sums *history.Result, err error) {
	answer.Facts = facts
	for _, asked := range []struct {
		audit *history.Audit
		table *history.Release // nil if it is no question
	}{{a.blocks, release.blocks}, {a.sums, release.Release}, {a.subjects, release.counted()}} {
		if asked.table == nil {
			continue
		}
		result, err := asked.audit.Look(ctx, asked.table)
		if err != nil {
			return enclave.Audited{}, nil, err
		}
		answer.Facts.Clean = answer.Facts.Clean && result.Clean
		if asked.audit == a.sums {
			sums = result
		}
		ofBlocks := asked.audit == a.blocks
		if !ofBlocks {
			answer.Facts.Rank = max(answer.Facts.Rank, int64(result.Rank))
		}
		if answer.Facts.Refused = result.Refused; result.Refused {
			return answer, nil, nil
		}
		var named []int32
		for _, s := range result.Suppressed {
			named = append(named, s.Cell)
		}
		switch {
		case len(named) == 0:
			continue
		case ofBlocks && footprint.Blocks != nil:
			answer.Suppress = footprint.Together(nil, named)
		default:
			answer.Suppress = footprint.Together(named, nil)
		}
		return answer, nil, nil
	}
	return answer, sums, nil
}

// counted is the release as far as it counts distinct subjects, nil if it does not.
func (p *placed) counted() *history.Release {
	if p.distinct {
		return p.Release
	}
	return nil
}
