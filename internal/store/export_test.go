package store

import (
	"database/sql"

	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// SetWrap lets tests stand between transactions and the database.
func (s *Store) SetWrap(wrap func(sqlc.DBTX) sqlc.DBTX) { s.wrap = wrap }

// DB lets tests look at tables.
func (s *Store) DB() *sql.DB { return s.db }
