package history

import (
	"context"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Kind is what the columns of an audit's matrix are.
type Kind int

// An audit watches one of these. Whoever publishes both needs two audits.
const (
	// Sums covers counts of rows and sums of any columns of the rows: each published cell is the sum of its rows.
	Sums Kind = iota
	// Subjects covers counts of distinct subjects, where margins are cells of their own and never sums of others.
	Subjects
)

// Audit keeps account of everything that the exact releases of one dataset determine together. Try answers whether a further table
// may join them; Accept and Add make it one of them. An Audit is not safe for concurrent use.
type Audit struct {
	kind     Kind
	k        int
	scale    scale
	seed     Seed
	people   people
	releases []*Release
	sizes    [][]int32 // of each release's cells, in distinct subjects
	version  uint64
}

// maxGroups is the largest k: a group's number has to fit beside each subject.
const maxGroups = 255

// New starts an audit of rows that belong to these subjects, one number for each row, and that promises that whatever follows from
// the releases is about at least k subjects, 2 to 255. Rows of one subject should stand side by side; that costs nothing but time
// and memory if they do not.
func New(kind Kind, subjects []uint32, k int, seed Seed) (*Audit, error) {
	if k < 2 || k > maxGroups {
		return nil, enclave.Internalf("history: %d subjects cannot be promised", k)
	}
	a := &Audit{kind: kind, k: k, scale: usual, seed: seed}
	return a, a.people.grow(subjects)
}

// Grow appends rows: those of a later snapshot that are new, or are new versions of earlier ones. A row that did not change MUST NOT
// come again: it keeps its place, and later releases speak of it there. Otherwise the difference of two snapshots would look safe.
func (a *Audit) Grow(subjects []uint32) error {
	if err := a.people.grow(subjects); err != nil {
		return err
	}
	a.version++
	return nil
}

// Version changes whenever the history does. A Result holds for one version only.
func (a *Audit) Version() uint64 { return a.version }

// Releases is how many releases the history has.
func (a *Audit) Releases() int { return len(a.releases) }

// Add records a release that was published already, as it was published, without judging it.
func (a *Audit) Add(release *Release) error {
	cells, err := release.check(a.people.rows)
	if err != nil {
		return err
	}
	a.append(release, release.weigh(&a.people, cells))
	return nil
}

// Accept makes the table of a result a release of the history. It fails with HISTORY_MOVED if the history is not the one that the
// table was judged against, and for refused tables.
func (a *Audit) Accept(r *Result) error {
	if r.audit != a || r.Version != a.version {
		return enclave.Fail(enclave.State, "HISTORY_MOVED")
	}
	if r.Refused {
		return enclave.Internalf("history: a refused table cannot be accepted")
	}
	a.append(r.release, r.sizes)
	return nil
}

func (a *Audit) append(release *Release, sizes []int32) {
	a.releases, a.sizes = append(a.releases, release), append(a.sizes, sizes)
	a.version++
}

// Try judges a table against the history. The history stays as it is. The result is the same for the same seed, version and table.
func (a *Audit) Try(ctx context.Context, release *Release) (*Result, error) {
	return a.judge(ctx, release, maxPasses)
}

// Look is Try as far as the first cells that have to go, which are named, or to the end. It is for who can take others away that cost less, now
// that these are missing, and comes again.
func (a *Audit) Look(ctx context.Context, release *Release) (*Result, error) {
	return a.judge(ctx, release, 1)
}

func (a *Audit) judge(ctx context.Context, release *Release, passes int) (*Result, error) {
	cells, err := release.check(a.people.rows)
	if err != nil {
		return nil, err
	}
	sizes := release.weigh(&a.people, cells)
	t := a.trial(append(slices.Clone(a.releases), release), append(slices.Clone(a.sizes), sizes), len(a.releases))
	if err := t.run(ctx, passes); err != nil {
		return nil, err
	}
	r := t.result
	r.audit, r.Version, r.sizes = a, a.version, sizes
	r.release = release.Without(r.cells())
	return r, nil
}

// trial prepares to judge the releases from the first new one.
func (a *Audit) trial(releases []*Release, sizes [][]int32, first int) *trial {
	random, all := a.seed.stream(a.version), arrange(&a.people, a.kind == Subjects, releases, sizes)
	return &trial{
		k: a.k, scale: a.scale, first: first, random: random, field: newField(random), all: all, now: &search{matrix: all}, result: &Result{},
	}
}
