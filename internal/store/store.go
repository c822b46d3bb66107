package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"net/url"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

//go:embed migrations/*.sql
var migrations embed.FS

// connections is how many reads run beside each other; writes take turns.
const connections = 8

// Sealed is an act's record and the commitment to it that the ledger takes up.
type Sealed struct {
	ID         string
	Body       string
	Salt       [32]byte
	Commitment [32]byte
}

// Seal turns an act into its record. It MUST be safe for concurrent use.
type Seal func(act enclave.Act) (Sealed, error)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	db      *sql.DB
	known   *statements
	seal    Seal
	writer  chan struct{} // holds one token: the right to write
	written chan struct{} // see Written
	wrap    func(sqlc.DBTX) sqlc.DBTX
}

// Open opens the SQLite database in a file, which it creates and migrates as needed. The caller MUST Close it.
func Open(ctx context.Context, path string, seal Seal) (*Store, error) {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
	}}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, enclave.Internalf("open the store: %w", err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(enclave.Internalf("migrate the store: %w", err), db.Close())
	}
	s := &Store{db: db, known: newStatements(db), seal: seal, writer: make(chan struct{}, 1), written: make(chan struct{}, 1)}
	s.writer <- struct{}{}
	return s, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// Close waits for running statements and closes the database.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return enclave.Internalf("close the store: %w", err)
	}
	return nil
}

// Written receives after a transaction that wrote an entry; several may share one signal. The ledger's pump waits on it.
func (s *Store) Written() <-chan struct{} { return s.written }

// read is the queries outside any transaction.
func (s *Store) read() *sqlc.Queries { return sqlc.New(s.known.outside()) }

// act runs change in one transaction with the entry of an act, whose position it is given.
func (s *Store) act(ctx context.Context, act enclave.Act, change func(q *sqlc.Queries, position int64) error) error {
	return s.acts(ctx, []enclave.Act{act}, change)
}

// acts is act for a change that is several acts; the position is that of the last.
func (s *Store) acts(ctx context.Context, acts []enclave.Act, change func(q *sqlc.Queries, position int64) error) error {
	all := make([]Sealed, len(acts))
	for i, act := range acts {
		var err error
		if all[i], err = s.seal(act); err != nil {
			return err
		}
	}
	err := s.write(ctx, func(q *sqlc.Queries) error {
		position, err := q.LastPosition(ctx)
		if err != nil {
			return err
		}
		for i := range all {
			position++
			if err := insertEntry(ctx, q, position, &all[i]); err != nil {
				return err
			}
		}
		return change(q, position)
	})
	if err != nil {
		return err
	}
	select {
	case s.written <- struct{}{}:
	default:
	}
	return nil
}

// write runs change in one transaction, alone. An *enclave.Error of change is returned as it is; any error rolls back.
func (s *Store) write(ctx context.Context, change func(q *sqlc.Queries) error) (err error) {
	select {
	case <-s.writer:
	case <-ctx.Done():
		return enclave.Internalf("wait to write: %w", context.Cause(ctx))
	}
	defer func() { s.writer <- struct{}{} }()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return enclave.Internalf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			// After a failed commit or a cancelled context the transaction is over already.
			if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
				err = errors.Join(err, undo)
			}
		}
	}()
	var queries sqlc.DBTX = s.known.inside(tx)
	if s.wrap != nil {
		queries = s.wrap(queries)
	}
	if err := change(sqlc.New(queries)); err != nil {
		return fault("write", err)
	}
	if err := tx.Commit(); err != nil {
		return enclave.Internalf("commit: %w", err)
	}
	return nil
}

// fault leaves our own errors alone and makes everything else internal.
func fault(what string, err error) error {
	if own, ok := errors.AsType[*enclave.Error](err); ok {
		return own
	}
	return enclave.Internalf("store: %s: %w", what, err)
}

// missing is absent where a query found no row, and a fault otherwise.
func missing(what string, err error, absent *enclave.Error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return absent
	}
	return fault(what, err)
}
