// Package catalog is the register of datasets and their snapshots (目录).
//
// A description may be corrected until data was loaded under it; from then on it is fixed, so that every grant, run and receipt that
// names the dataset means the same thing.
package catalog

import (
	"context"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Entry is a catalogued dataset.
type Entry struct {
	Dataset *enclave.Dataset
	Digest  enclave.Digest // of the description
	Created time.Time      // when this description was catalogued
}

// Store keeps datasets and snapshots. A change and its act MUST be one transaction. It MUST be safe for concurrent use.
type Store interface {
	// Put adds a dataset, or replaces the description of one that has no snapshot and the same owner; else DATASET_IN_USE.
	Put(ctx context.Context, entry Entry, act enclave.Act) error
	// Get fails with DATASET_NOT_FOUND (see NotFound).
	Get(ctx context.Context, name string) (Entry, error)
	// List sorts by name. The string is After of the next page, "" at the end.
	List(ctx context.Context, page enclave.Page) ([]Entry, string, error)
	// AddSnapshot fails with DATASET_CHANGED if the dataset's description is no longer the snapshot's. A snapshot that is there
	// already becomes the newest.
	AddSnapshot(ctx context.Context, snapshot enclave.Snapshot, act enclave.Act) error
	// Snapshot fails with SNAPSHOT_NOT_FOUND.
	Snapshot(ctx context.Context, dataset string, digest enclave.Digest) (enclave.Snapshot, error)
	// Snapshots sorts newest first.
	Snapshots(ctx context.Context, dataset string, page enclave.Page) ([]enclave.Snapshot, string, error)
}

// Ingester turns a file into a snapshot of a dataset. Progress hears of the rows read so far. If it fails it MUST leave nothing behind.
type Ingester interface {
	Ingest(ctx context.Context, dataset *enclave.Dataset, format, path string, progress func(int64)) (enclave.Snapshot, error)
}

// Register is the catalogue. It is safe for concurrent use.
type Register struct {
	store    Store
	ingester Ingester
	now      func() time.Time
}

// New makes the catalogue.
func New(store Store, ingester Ingester, now func() time.Time) *Register {
	return &Register{store: store, ingester: ingester, now: now}
}

// NotFound is the error for a dataset that is missing or not for this caller.
func NotFound(name string) *enclave.Error {
	return enclave.Fail(enclave.NotFound, "DATASET_NOT_FOUND", "dataset", name)
}

// Create catalogues a dataset or corrects its description. The same description again changes nothing. A source department may do so
// for its own datasets only (DATASET_OWNER). DATASET_IN_USE if the name is another owner's, or data was loaded under it.
func (r *Register) Create(ctx context.Context, caller enclave.Caller, d *enclave.Dataset) (Entry, error) {
	if err := d.Validate(); err != nil {
		return Entry{}, err
	}
	if !maintains(caller, d) {
		return Entry{}, enclave.Fail(enclave.Refused, "DATASET_OWNER", "owner", d.Owner)
	}
	digest, err := d.Digest()
	if err != nil {
		return Entry{}, err
	}
	if there, err := r.store.Get(ctx, d.Name); err == nil && there.Digest == digest {
		return there, nil
	}
	now := r.now()
	act := enclave.NewAct(now, caller, "dataset.create", "datasets/"+d.Name, "owner", d.Owner, "description", digest.String(),
		"grade", strconv.Itoa(d.Grade), "sharing", string(d.Sharing))
	entry := Entry{Dataset: d, Digest: digest, Created: act.Time}
	if err := r.store.Put(ctx, entry, act); err != nil {
		return Entry{}, err
	}
	return entry, nil
}

// Get returns a dataset, or DATASET_NOT_FOUND.
func (r *Register) Get(ctx context.Context, name string) (Entry, error) {
	return r.store.Get(ctx, name)
}

// Dataset returns a dataset's description, or DATASET_NOT_FOUND.
func (r *Register) Dataset(ctx context.Context, name string) (*enclave.Dataset, error) {
	entry, err := r.store.Get(ctx, name)
	return entry.Dataset, err
}

// List lists datasets by name. The string is After of the next page, "" at the end.
func (r *Register) List(ctx context.Context, page enclave.Page) ([]Entry, string, error) {
	return r.store.List(ctx, page)
}

// Load makes a snapshot of a dataset from a file in the format csv, parquet or arrow (else DATASET_FORMAT). A source department may
// load its own datasets only; another's look missing. DATASET_CHANGED if the description was corrected meanwhile.
func (r *Register) Load(ctx context.Context, caller enclave.Caller, dataset, format, path string) (enclave.Snapshot, error) {
	switch format {
	case "csv", "parquet", "arrow":
	default:
		return enclave.Snapshot{}, enclave.Fail(enclave.Invalid, "DATASET_FORMAT")
	}
	entry, err := r.store.Get(ctx, dataset)
	if err != nil {
		return enclave.Snapshot{}, err
	}
	if !maintains(caller, entry.Dataset) {
		return enclave.Snapshot{}, NotFound(dataset)
	}
	snapshot, err := r.ingester.Ingest(ctx, entry.Dataset, format, path, func(int64) {})
	if err != nil {
		return enclave.Snapshot{}, err
	}
	act := enclave.NewAct(r.now(), caller, "dataset.load", "datasets/"+dataset+"/snapshots/"+snapshot.Digest.String(),
		"description", snapshot.Description.String(), "format", format,
		"rows", strconv.FormatInt(snapshot.Rows, 10), "subjects", strconv.FormatInt(snapshot.Subjects, 10))
	snapshot.Loaded = act.Time
	if err := r.store.AddSnapshot(ctx, snapshot, act); err != nil {
		return enclave.Snapshot{}, err
	}
	return snapshot, nil
}

// maintains reports whether a caller may describe and load a dataset: the authority any, a source department its own. Which roles may
// call at all is for the access policy.
func maintains(caller enclave.Caller, d *enclave.Dataset) bool {
	return caller.Role != enclave.SourceOrg || caller.Org == d.Owner
}

// Snapshot returns one loading of a dataset, or SNAPSHOT_NOT_FOUND.
func (r *Register) Snapshot(ctx context.Context, dataset string, digest enclave.Digest) (enclave.Snapshot, error) {
	return r.store.Snapshot(ctx, dataset, digest)
}

// Snapshots lists the loadings of a dataset, newest first; DATASET_NOT_FOUND if there is no such dataset.
func (r *Register) Snapshots(ctx context.Context, dataset string, page enclave.Page) ([]enclave.Snapshot, string, error) {
	if _, err := r.store.Get(ctx, dataset); err != nil {
		return nil, "", err
	}
	return r.store.Snapshots(ctx, dataset, page)
}

// Newest returns the last loading of a dataset, DATASET_NOT_FOUND, or DATASET_EMPTY if nothing was loaded yet.
func (r *Register) Newest(ctx context.Context, dataset string) (enclave.Snapshot, error) {
	list, _, err := r.Snapshots(ctx, dataset, enclave.Page{Size: 1})
	if err != nil {
		return enclave.Snapshot{}, err
	}
	if len(list) == 0 {
		return enclave.Snapshot{}, enclave.Fail(enclave.State, "DATASET_EMPTY", "dataset", dataset)
	}
	return list[0], nil
}
