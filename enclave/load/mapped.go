package load

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"slices"
	"sync"

	"github.com/darkroom-project/darkroom/enclave"
)

// maxIdle is how many snapshots stay in the address space though nobody reads them. They take no memory that is not there for the asking: the
// pages are those of the system's cache.
const maxIdle = 16

// atlas is the snapshots whose files are in the address space, so that a run neither copies what it reads nor waits for pages that a run before
// had. A file is verified when it is mapped, and what is mapped then is that very file, whatever takes its name. It is safe for concurrent
// use.
type atlas struct {
	mu   sync.Mutex
	open map[enclave.Digest]*mapped
	idle []*mapped // not in use, the one longest so first
}

// mapped is the column files of one snapshot.
type mapped struct {
	digest  enclave.Digest
	columns []*column // as the description's files, subjects first
	users   int
}

// take finds a snapshot or maps it. The caller MUST give it back.
func (a *atlas) take(digest enclave.Digest, mapAll func() (*mapped, error)) (*mapped, error) {
	if m := a.enter(digest, nil); m != nil {
		return m, nil
	}
	fresh, err := mapAll()
	if err != nil {
		return nil, errors.Join(err, fresh.close())
	}
	m := a.enter(digest, fresh)
	if m != fresh { // somebody else was first
		return m, fresh.close()
	}
	return m, nil
}

// enter takes what is there of a digest, or what is to be from now on.
func (a *atlas) enter(digest enclave.Digest, fresh *mapped) *mapped {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := a.open[digest]
	if m == nil {
		if fresh == nil {
			return nil
		}
		m = fresh
		a.open[digest] = m
	}
	if m.users == 0 {
		a.idle = slices.DeleteFunc(a.idle, func(other *mapped) bool { return other == m })
	}
	m.users++
	return m
}

// give returns a snapshot, and gives up those that were idle for longest.
func (a *atlas) give(m *mapped) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m.users--; m.users > 0 {
		return nil
	}
	a.idle = append(a.idle, m)
	return a.trim(maxIdle)
}

// close gives up all snapshots that nobody reads.
func (a *atlas) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trim(0)
}

func (a *atlas) trim(most int) error {
	var all error
	for len(a.idle) > most {
		delete(a.open, a.idle[0].digest)
		all = errors.Join(all, a.idle[0].close())
		a.idle = a.idle[1:]
	}
	return all
}

func (m *mapped) close() error {
	var all error
	for _, c := range m.columns {
		all = errors.Join(all, unmapFile(c.bytes))
	}
	return all
}

// mapSnapshot maps and verifies every file of a snapshot. What it returns MUST be closed, with an error too.
func (s *Store) mapSnapshot(ctx context.Context, r *record, specs []columnSpec) (*mapped, error) {
	m := &mapped{digest: r.Snapshot.Digest}
	for i, spec := range specs {
		bytes, err := mapWhole(s.path(snapshotsDir, m.digest.String(), spec.file))
		if err != nil {
			return m, enclave.Internalf("open a file of snapshot %s: %w", m.digest, err)
		}
		c := &column{bytes: bytes, shape: spec.shape, rows: r.Content.Rows}
		m.columns = append(m.columns, c)
		if err := guardedRead(func() error { return c.verify(ctx, r.Content.Files[i]) }); err != nil {
			return m, err
		}
	}
	return m, nil
}

func mapWhole(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // G304: the path is the store's own
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read from; what is mapped stays
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return mapFile(f, info.Size())
}

// verify compares a whole file with its entry, and its header with what is expected.
func (c *column) verify(ctx context.Context, entry fileEntry) error {
	if err := c.check(); err != nil {
		return enclave.Internalf("%s: %w", entry.Name, err)
	}
	sum := sha256.New()
	const step = 8 << 20
	for rest := c.bytes; len(rest) > 0; rest = rest[min(step, len(rest)):] {
		if err := ctx.Err(); err != nil {
			return err
		}
		sum.Write(rest[:min(step, len(rest))])
	}
	if enclave.Digest(sum.Sum(nil)) != entry.Digest {
		return enclave.Internalf("file %s is not what was loaded", entry.Name)
	}
	return nil
}
