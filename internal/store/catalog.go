package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

// Catalog is the store of the catalogue.
type Catalog struct{ store *Store }

var _ catalog.Store = (*Catalog)(nil)

// Catalog returns the store's datasets and snapshots.
func (s *Store) Catalog() *Catalog { return &Catalog{s} }

// Put adds a dataset, or replaces its description while nothing was loaded under it. The owner cannot change: DATASET_IN_USE.
func (c *Catalog) Put(ctx context.Context, entry catalog.Entry, act enclave.Act) error {
	body, err := encode(entry.Dataset)
	if err != nil {
		return err
	}
	d := entry.Dataset
	return c.store.act(ctx, act, func(q *sqlc.Queries, _ int64) error {
		_, err := q.GetDataset(ctx, d.Name)
		if errors.Is(err, sql.ErrNoRows) {
			return q.InsertDataset(ctx, sqlc.InsertDatasetParams{
				Name: d.Name, Owner: d.Owner, Digest: entry.Digest.String(), Body: body, Created: millis(entry.Created),
			})
		}
		if err != nil {
			return err
		}
		n, err := q.ReplaceDataset(ctx, sqlc.ReplaceDatasetParams{
			Name: d.Name, Owner: d.Owner, Digest: entry.Digest.String(), Body: body, Created: millis(entry.Created),
		})
		if err == nil && n != 1 {
			return enclave.Fail(enclave.State, "DATASET_IN_USE", "dataset", d.Name)
		}
		return err
	})
}

// Get finds a dataset by name, or fails with DATASET_NOT_FOUND.
func (c *Catalog) Get(ctx context.Context, name string) (catalog.Entry, error) {
	row, err := c.store.read().GetDataset(ctx, name)
	if err != nil {
		return catalog.Entry{}, missing("get a dataset", err, catalog.NotFound(name))
	}
	return datasetOf(row)
}

// List lists datasets by name.
func (c *Catalog) List(ctx context.Context, page enclave.Page) ([]catalog.Entry, string, error) {
	rows, err := c.store.read().ListDatasets(ctx, sqlc.ListDatasetsParams{Name: page.After, Limit: limit(page)})
	if err != nil {
		return nil, "", fault("list datasets", err)
	}
	return pageOf(rows, page, datasetOf, func(row sqlc.Dataset) string { return row.Name })
}

// AddSnapshot adds a loading of a dataset. One that was loaded before becomes the newest again. DATASET_CHANGED if the dataset no
// longer has the description that it was loaded under.
func (c *Catalog) AddSnapshot(ctx context.Context, s enclave.Snapshot, act enclave.Act) error {
	return c.store.act(ctx, act, func(q *sqlc.Queries, position int64) error {
		dataset, err := q.GetDataset(ctx, s.Dataset)
		if err != nil {
			return missing("get a dataset", err, catalog.NotFound(s.Dataset))
		}
		if dataset.Digest != s.Description.String() {
			return enclave.Fail(enclave.State, "DATASET_CHANGED", "dataset", s.Dataset)
		}
		return q.PutSnapshot(ctx, sqlc.PutSnapshotParams{
			Dataset: s.Dataset, Digest: s.Digest.String(), Description: s.Description.String(),
			RowCount: s.Rows, Subjects: s.Subjects, Loaded: millis(s.Loaded), Position: position,
		})
	})
}

// Snapshot finds a snapshot, or fails with SNAPSHOT_NOT_FOUND.
func (c *Catalog) Snapshot(ctx context.Context, dataset string, digest enclave.Digest) (enclave.Snapshot, error) {
	row, err := c.store.read().GetSnapshot(ctx, sqlc.GetSnapshotParams{Dataset: dataset, Digest: digest.String()})
	if err != nil {
		return enclave.Snapshot{}, missing("get a snapshot", err, enclave.Fail(enclave.NotFound, "SNAPSHOT_NOT_FOUND", "dataset", dataset))
	}
	return snapshotOf(row)
}

// Snapshots lists a dataset's snapshots, newest first.
func (c *Catalog) Snapshots(ctx context.Context, dataset string, page enclave.Page) ([]enclave.Snapshot, string, error) {
	from, err := before(page.After)
	if err != nil {
		return nil, "", err
	}
	rows, err := c.store.read().ListSnapshots(ctx, sqlc.ListSnapshotsParams{Dataset: dataset, Position: from, Limit: limit(page)})
	if err != nil {
		return nil, "", fault("list snapshots", err)
	}
	return pageOf(rows, page, snapshotOf, func(row sqlc.Snapshot) string { return positionToken(row.Position) })
}

func datasetOf(row sqlc.Dataset) (catalog.Entry, error) {
	var d enclave.Dataset
	if err := decode(part{row.Body, &d}); err != nil {
		return catalog.Entry{}, err
	}
	digest, err := digests(row.Digest)
	if err != nil {
		return catalog.Entry{}, err
	}
	return catalog.Entry{Dataset: &d, Digest: digest[0], Created: fromMillis(row.Created)}, nil
}

func snapshotOf(row sqlc.Snapshot) (enclave.Snapshot, error) {
	both, err := digests(row.Digest, row.Description)
	if err != nil {
		return enclave.Snapshot{}, err
	}
	return enclave.Snapshot{
		Dataset: row.Dataset, Digest: both[0], Description: both[1],
		Rows: row.RowCount, Subjects: row.Subjects, Loaded: fromMillis(row.Loaded),
	}, nil
}
