package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Store keeps snapshots and subject directories below one directory of the file system, which this process alone may write. It is
// safe for concurrent use; files of one kind of subject are ingested one after another.
type Store struct {
	dir   string
	key   [32]byte
	log   *slog.Logger
	held  int                                   // bytes of rows that an ingest holds in memory
	kinds map[enclave.SubjectKind]chan struct{} // holding its one token is owning the directory of the kind
	atlas atlas
	known sync.Map // of digests of snapshots that were read, to what they rely on: a reliance
}

// reliance is how many subjects of the directory of a kind a snapshot relies on. It never changes.
type reliance struct {
	kind  enclave.SubjectKind
	known int64
}

var _ enclave.Loader = (*Store)(nil)

// The folders of a store.
const (
	snapshotsDir   = "snapshots"
	directoriesDir = "directories"
	stagingDir     = "staging"
)

// Open opens the store in dir, making it if need be, and removes what an interrupted ingest left. The key is the secret from which
// pseudonyms and the order of rows are derived: uniformly random, the same for the life of the store, and kept apart from it.
func Open(dir string, key [32]byte, log *slog.Logger) (*Store, error) {
	s := &Store{dir: dir, key: key, log: log, held: maxHeld, atlas: atlas{open: map[enclave.Digest]*mapped{}}, kinds: map[enclave.SubjectKind]chan struct{}{}}
	for _, kind := range []enclave.SubjectKind{enclave.Person, enclave.Organisation} {
		s.kinds[kind] = make(chan struct{}, 1)
	}
	if err := os.RemoveAll(s.path(stagingDir)); err != nil {
		return nil, enclave.Internalf("clear unfinished snapshots: %w", err)
	}
	for _, sub := range []string{snapshotsDir, directoriesDir, stagingDir} {
		if err := os.MkdirAll(s.path(sub), 0o700); err != nil {
			return nil, enclave.Internalf("make the store: %w", err)
		}
	}
	return s, syncDir(dir)
}

// Close gives up what is mapped of snapshots that nobody reads. The store MUST NOT be used after it.
func (s *Store) Close() error { return s.atlas.close() }

func (s *Store) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

// Ingest reads a file into a new snapshot of a dataset, or refuses it and leaves nothing behind. The same file under the same
// description is the same snapshot: loading it again returns the first one. Progress, if not nil, is called from this goroutine with
// the rows read so far. Refusals (kinds Invalid and Limit) name row, line and column, never a value; a cancelled context's error is
// returned as it is. When it returns without error the snapshot is durable.
func (s *Store) Ingest(
	ctx context.Context, dataset *enclave.Dataset, format Format, src Source, progress func(rows int64),
) (enclave.Snapshot, error) {
	if err := dataset.Validate(); err != nil {
		return enclave.Snapshot{}, err
	}
	owned := s.kinds[dataset.Subject.Kind]
	select {
	case owned <- struct{}{}:
		defer func() { <-owned }()
	case <-ctx.Done():
		return enclave.Snapshot{}, ctx.Err()
	}
	snapshot, err := s.ingest(ctx, dataset, format, src, progress)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return enclave.Snapshot{}, err
	}
	s.log.InfoContext(ctx, "snapshot loaded", slog.String("dataset", snapshot.Dataset), slog.String("digest", snapshot.Digest.String()))
	return snapshot, nil
}

func (s *Store) ingest(
	ctx context.Context, dataset *enclave.Dataset, format Format, src Source, progress func(rows int64),
) (snapshot enclave.Snapshot, err error) {
	t, err := openTable(ctx, src, format)
	if err != nil {
		return enclave.Snapshot{}, err
	}
	l, err := newLayout(dataset, t.headers())
	if err != nil {
		return enclave.Snapshot{}, err
	}
	keys, err := s.derive(dataset.Subject.Kind)
	if err != nil {
		return enclave.Snapshot{}, err
	}
	d, err := s.directory(dataset.Subject.Kind, keys)
	if err != nil {
		return enclave.Snapshot{}, err
	}
	c, err := newCollection(l, d, keys.order, t.headLines(), s.held)
	if err != nil {
		return enclave.Snapshot{}, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	err = decodeAll(ctx, t, l, keys.pseudonym, format, func(b *block) error {
		err := c.take(b, s.path(stagingDir))
		if err == nil && progress != nil {
			progress(c.rows)
		}
		return err
	})
	if err != nil {
		return enclave.Snapshot{}, err
	}
	if c.rows == 0 {
		return enclave.Snapshot{}, enclave.Fail(enclave.Invalid, "FILE_EMPTY")
	}
	return s.commit(ctx, c)
}

// commit writes the snapshot beside the others and gives it its name last.
func (s *Store) commit(ctx context.Context, c *collection) (enclave.Snapshot, error) {
	staging, err := os.MkdirTemp(s.path(stagingDir), "snapshot-")
	if err != nil {
		return enclave.Snapshot{}, enclave.Internalf("stage a snapshot: %w", err)
	}
	defer os.RemoveAll(staging) //nolint:errcheck // nothing is there once it has its name; else Open clears it
	files, subjects, err := c.writeColumns(ctx, staging)
	if err != nil {
		return enclave.Snapshot{}, err
	}
	dataset := c.layout.dataset
	description, err := dataset.Digest()
	if err != nil {
		return enclave.Snapshot{}, err
	}
	inside := content{
		Version: contentVersion, Dataset: dataset.Name, Description: description, Kind: dataset.Subject.Kind,
		Rows: c.rows, Subjects: subjects, Files: files,
	}
	digest, err := enclave.DigestJSON(inside)
	if err != nil {
		return enclave.Snapshot{}, err
	}
	if earlier, err := s.record(digest); err == nil {
		return earlier.Snapshot, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return enclave.Snapshot{}, err
	}
	r := record{
		Darkroom: snapshotVersion, Content: inside, Known: int64(len(c.directory.entries)),
		Snapshot: enclave.Snapshot{
			Dataset: dataset.Name, Digest: digest, Description: description, Rows: c.rows, Subjects: subjects,
			Loaded: time.Now().UTC().Truncate(time.Millisecond),
		},
	}
	if err := c.directory.commit(); err != nil {
		return enclave.Snapshot{}, err
	}
	return r.Snapshot, s.name(staging, &r)
}

// name makes a staged snapshot visible and durable.
func (s *Store) name(staging string, r *record) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return enclave.Internalf("write snapshot.json: %w", err)
	}
	if err := writeDurably(filepath.Join(staging, snapshotFile), raw); err != nil {
		return err
	}
	if err := os.Rename(staging, s.path(snapshotsDir, r.Snapshot.Digest.String())); err != nil {
		return enclave.Internalf("name the snapshot: %w", err)
	}
	return syncDir(s.path(snapshotsDir))
}

// record reads the snapshot.json of a digest; fs.ErrNotExist if there is no such snapshot.
func (s *Store) record(digest enclave.Digest) (*record, error) {
	path := s.path(snapshotsDir, digest.String(), snapshotFile)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSnapshotBytes {
		return nil, enclave.Internalf("snapshot.json of %s is too large", digest)
	}
	raw, err := os.ReadFile(path) //nolint:gosec // G304: the path is the store's own
	if err != nil {
		return nil, enclave.Internalf("read snapshot.json of %s: %w", digest, err)
	}
	r, err := parseRecord(bytes.TrimSpace(raw), digest)
	if err != nil {
		return nil, enclave.Internalf("snapshot.json of %s: %w", digest, err)
	}
	return r, nil
}

// kindKeys are the keys of one kind of subject.
type kindKeys struct {
	pseudonym []byte
	order     *shuffler
}

func (s *Store) derive(kind enclave.SubjectKind) (*kindKeys, error) {
	hash, err := derive(s.key, "pseudonym", kind)
	if err != nil {
		return nil, err
	}
	place, err := derive(s.key, "order", kind)
	if err != nil {
		return nil, err
	}
	order, err := newShuffler(place)
	return &kindKeys{pseudonym: hash, order: order}, err
}

// directory opens the subject directory of a kind and checks that it has every subject that a snapshot relies on: numbers must
// never be given out twice.
func (s *Store) directory(kind enclave.SubjectKind, keys *kindKeys) (*directory, error) {
	d, err := openDirectory(s.path(directoriesDir, string(kind)+".subjects"), kind, newHasher(keys.pseudonym).of(nil))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(s.path(snapshotsDir))
	if err != nil {
		return nil, enclave.Internalf("list snapshots: %w", err)
	}
	for _, entry := range entries {
		digest, err := enclave.ParseDigest(entry.Name())
		if err != nil {
			continue // not a snapshot
		}
		r, err := s.relies(digest)
		if err != nil {
			return nil, enclave.Internalf("snapshot %s: %w", digest, err)
		}
		if r.kind == kind && r.known > int64(d.durable) {
			return nil, enclave.Internalf("the subject directory of kind %s lost entries: %s of %s are left",
				kind, strconv.Itoa(d.durable), strconv.FormatInt(r.known, 10))
		}
	}
	return d, nil
}

// relies is what a snapshot relies on, read once: each ingest asks it of every snapshot that there is.
func (s *Store) relies(digest enclave.Digest) (reliance, error) {
	if before, is := s.known.Load(digest); is {
		return before.(reliance), nil //nolint:errcheck,forcetypeassert // nothing else is there
	}
	r, err := s.record(digest)
	if err != nil {
		return reliance{}, err
	}
	now := reliance{kind: r.Content.Kind, known: r.Known}
	s.known.Store(digest, now)
	return now, nil
}
