package ledger

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// LeastInterval is the shortest checkpoint interval that the storage allows.
const LeastInterval = 100 * time.Millisecond

const (
	// batchAge is how long an entry waits for company before it is written.
	batchAge = time.Millisecond
	// batchSize is one bundle of entries, the most that is written at once.
	batchSize = 256
)

// Config says where a log is and who signs it.
type Config struct {
	Dir        string // of the log's files; made if it is missing
	PrivateKey string // signer key, see GenerateKey; its name is the log's origin
	// CheckpointInterval is the least time between two signed checkpoints; 0 means LeastInterval.
	CheckpointInterval time.Duration
}

// Log is an open ledger. It is safe for concurrent use.
type Log struct {
	key      string
	log      *slog.Logger
	add      tessera.AddFn
	reader   tessera.LogReader
	shutdown func(context.Context) error
	cancel   context.CancelFunc
	ended    <-chan struct{} // closed when the background work was told to end
	unlock   func() error
	watch    *watcher

	mu      sync.Mutex     // guards closed, and appends against its change
	closed  bool           // no appends any more
	appends sync.WaitGroup // appends under way, and their goroutines
}

// Open opens the log in a directory or makes a new one. It refuses a directory that another process holds (LEDGER_IN_USE), a log that
// another key signed (LEDGER_OTHER_KEY) and one whose files do not continue its own checkpoint (LEDGER_DAMAGED). The latter looks at
// the right edge of the tree alone, so that opening stays quick; [verify.Log] checks everything. Close MUST be called.
func Open(ctx context.Context, config Config, log *slog.Logger) (*Log, error) {
	if config.CheckpointInterval == 0 {
		config.CheckpointInterval = LeastInterval
	}
	if config.CheckpointInterval < LeastInterval {
		return nil, enclave.Fail(enclave.Invalid, "LEDGER_INTERVAL", "least", LeastInterval.String())
	}
	key, err := PublicKey(config.PrivateKey)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(config.PrivateKey)
	if err != nil {
		return nil, badKey(err)
	}
	dir, err := enter(config.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // read only
	unlock, err := lock(dir)
	if err != nil {
		return nil, err
	}
	l := &Log{key: key, log: log, unlock: unlock}
	if err := l.open(ctx, dir, config, signer); err != nil {
		if l.cancel != nil {
			l.cancel()
		}
		return nil, errors.Join(err, unlock())
	}
	log.InfoContext(ctx, "the ledger is open", slog.String("key", l.key))
	return l, nil
}

func (l *Log) open(ctx context.Context, dir *os.Root, config Config, signer note.Signer) error {
	head, err := publishedIn(dir, l.key)
	if err != nil {
		return err
	}
	if err := inspect(ctx, dir, head); err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: config.Dir})
	if err != nil {
		return enclave.Internalf("ledger storage: %w", err)
	}
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithCheckpointInterval(config.CheckpointInterval).
		WithCheckpointRepublishInterval(0). // it carries no time, so signing it again says nothing
		WithBatching(batchSize, batchAge)
	// The log outlives the call that opened it: its background work ends with Close, not with ctx.
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel, l.ended = cancel, background.Done()
	appender, shutdown, reader, err := tessera.NewAppender(background, driver, options)
	if err != nil {
		return enclave.Internalf("open the ledger: %w", err)
	}
	l.add, l.shutdown, l.reader = appender.Add, shutdown, reader
	l.watch = startWatcher(background, l.size)
	return nil
}

// Key is the verifier key that the domain publishes.
func (l *Log) Key() string { return l.key }

// Checkpoint is the newest signed checkpoint.
func (l *Log) Checkpoint(ctx context.Context) ([]byte, error) {
	signed, err := l.reader.ReadCheckpoint(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	return signed, nil
}

// head is the newest checkpoint, opened. Tessera replaces the file by a rename, so it is never half written.
func (l *Log) head(ctx context.Context) (verify.Checkpoint, []byte, error) {
	signed, err := l.Checkpoint(ctx)
	if err != nil {
		return verify.Checkpoint{}, nil, err
	}
	head, err := verify.OpenCheckpoint(l.key, signed)
	if err != nil {
		return verify.Checkpoint{}, nil, enclave.Internalf("the ledger's own checkpoint: %w", err)
	}
	return head, signed, nil
}

// size is the number of entries that the newest checkpoint covers; 0 while there is none.
func (l *Log) size(ctx context.Context) (uint64, error) {
	head, _, err := l.head(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return head.Size, err
}

// Close ends the log in order: no more appends, those under way finish, a checkpoint covers them, waiters are sent away. If ctx ends
// first, because the disk hangs, what is left is signed when the log is opened again. A second call does nothing.
func (l *Log) Close(ctx context.Context) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()

	finished := make(chan struct{})
	go func() {
		l.appends.Wait()
		close(finished)
	}()
	var err error
	select {
	case <-finished:
		err = l.shutdown(ctx)
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.cancel()
	l.watch.stop()
	if err != nil {
		err = enclave.Internalf("close the ledger: %w", err)
	}
	return errors.Join(err, l.unlock())
}

// unavailable is the failure to write or read the log, which passes or needs an administrator.
func unavailable(cause error) *enclave.Error {
	return enclave.Fail(enclave.Unavailable, "LEDGER_UNAVAILABLE").Because(cause)
}
