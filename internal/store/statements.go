package store

import (
	"context"
	"database/sql"
	"sync"

	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// statements keeps every query of the store prepared: SQLite takes longer to read most of them than to answer. They are as many as sqlc
// generated, and closed with the database. It is safe for concurrent use.
type statements struct {
	db *sql.DB

	mu    sync.Mutex // guards what follows
	known map[string]*sql.Stmt
}

func newStatements(db *sql.DB) *statements { return &statements{db: db, known: map[string]*sql.Stmt{}} }

func (s *statements) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.known[query]; known != nil {
		return known, nil
	}
	fresh, err := s.db.PrepareContext(ctx, query) //nolint:sqlclosecheck // kept until the database closes
	if err == nil {
		s.known[query] = fresh
	}
	return fresh, err
}

// prepared runs queries by their prepared statements, outside any transaction or in one.
type prepared struct {
	sqlc.DBTX // the database or a transaction
	*statements
	in func(context.Context, *sql.Stmt) *sql.Stmt // the statement there
}

func (s *statements) outside() prepared {
	return prepared{s.db, s, func(_ context.Context, statement *sql.Stmt) *sql.Stmt { return statement }}
}

func (s *statements) inside(tx *sql.Tx) prepared { return prepared{tx, s, tx.StmtContext} }

func (p prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	statement, err := p.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return p.in(ctx, statement).ExecContext(ctx, args...) //nolint:sqlclosecheck // as above, or closed with its transaction
}

func (p prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	statement, err := p.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return p.in(ctx, statement).QueryContext(ctx, args...) //nolint:sqlclosecheck // as above, or closed with its transaction
}

func (p prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	statement, err := p.prepared(ctx, query)
	if err != nil {
		return p.DBTX.QueryRowContext(ctx, query, args...) // which says why
	}
	return p.in(ctx, statement).QueryRowContext(ctx, args...) //nolint:sqlclosecheck // as above, or closed with its transaction
}
