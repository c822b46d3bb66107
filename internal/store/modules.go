package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/module"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Modules is the store of the register of modules.
type Modules struct{ store *Store }

var _ module.Store = (*Modules)(nil)

// Modules returns the store's modules.
func (s *Store) Modules() *Modules { return &Modules{s} }

// Insert adds an organisation's module. MODULE_EXISTS if it has it already; then nothing is written.
func (m *Modules) Insert(ctx context.Context, entry module.Entry, act enclave.Act) error {
	manifest, err := encode(entry.Manifest)
	if err != nil {
		return err
	}
	return m.store.act(ctx, act, func(q *sqlc.Queries, position int64) error {
		_, err := q.GetModule(ctx, sqlc.GetModuleParams{Owner: entry.Owner, Digest: entry.Digest.String()})
		if err == nil {
			return enclave.Fail(enclave.State, "MODULE_EXISTS", "module", entry.Digest.String())
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		return q.InsertModule(ctx, sqlc.InsertModuleParams{
			Owner: entry.Owner, Digest: entry.Digest.String(), Manifest: manifest, HasCode: flag(entry.HasCode),
			Size: entry.Size, Created: millis(entry.Created), Position: position,
		})
	})
}

// Get finds an organisation's module, or anyone's for "", or fails with MODULE_NOT_FOUND.
func (m *Modules) Get(ctx context.Context, owner string, digest enclave.Digest) (module.Entry, error) {
	var row sqlc.Module
	var err error
	if owner == "" {
		row, err = m.store.read().GetModuleOfAny(ctx, digest.String())
	} else {
		row, err = m.store.read().GetModule(ctx, sqlc.GetModuleParams{Owner: owner, Digest: digest.String()})
	}
	if err != nil {
		return module.Entry{}, missing("get a module", err, module.NotFound(digest))
	}
	return moduleOf(row)
}

// Count is how many modules an organisation has.
func (m *Modules) Count(ctx context.Context, owner string) (int64, error) {
	n, err := m.store.read().CountModulesOf(ctx, owner)
	if err != nil {
		return 0, fault("count modules", err)
	}
	return n, nil
}

// List lists an organisation's modules, or all for "", newest first.
func (m *Modules) List(ctx context.Context, owner string, page enclave.Page) ([]module.Entry, string, error) {
	from, err := before(page.After)
	if err != nil {
		return nil, "", err
	}
	var rows []sqlc.Module
	if owner == "" {
		rows, err = m.store.read().ListModules(ctx, sqlc.ListModulesParams{Position: from, Limit: limit(page)})
	} else {
		rows, err = m.store.read().ListModulesOf(ctx, sqlc.ListModulesOfParams{Owner: owner, Position: from, Limit: limit(page)})
	}
	if err != nil {
		return nil, "", fault("list modules", err)
	}
	return pageOf(rows, page, moduleOf, func(row sqlc.Module) string { return positionToken(row.Position) })
}

func moduleOf(row sqlc.Module) (module.Entry, error) {
	entry := module.Entry{Owner: row.Owner, HasCode: row.HasCode != 0, Size: row.Size, Created: fromMillis(row.Created)}
	digest, err := digests(row.Digest)
	if err != nil {
		return module.Entry{}, err
	}
	entry.Digest = digest[0]
	return entry, decode(part{row.Manifest, &entry.Manifest})
}
