package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/store"
)

var (
	authority = enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "chen"}
	health    = enclave.Caller{Role: enclave.SourceOrg, Org: "health", Name: "wang"}
	tax       = enclave.Caller{Role: enclave.SourceOrg, Org: "tax", Name: "zhao"}
	now       = time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	errFile   = errors.New("not a file")
)

// ingester makes a snapshot of a path's name; meanwhile happens while it reads. Acts are what was recorded.
type ingester struct {
	meanwhile func()
	acts      []enclave.Act
}

func (i *ingester) Ingest(_ context.Context, d *enclave.Dataset, format, path string, progress func(int64)) (enclave.Snapshot, error) {
	if path == "bad" {
		return enclave.Snapshot{}, errFile
	}
	description, err := d.Digest()
	progress(1)
	if i.meanwhile != nil {
		i.meanwhile()
	}
	return enclave.Snapshot{Dataset: d.Name, Digest: enclave.DigestOf([]byte(format + path)), Description: description, Rows: 3, Subjects: 2}, err
}

func newRegister(t *testing.T) (*catalog.Register, *ingester, *store.Store) {
	t.Helper()
	i := &ingester{}
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "db"), func(act enclave.Act) (store.Sealed, error) {
		i.acts = append(i.acts, act)
		body, err := json.Marshal(act)
		return store.Sealed{ID: act.ID, Body: string(body)}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return catalog.New(s.Catalog(), i, func() time.Time { return now }), i, s
}

func visits() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "visits", Owner: "health", Grade: 2, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{{Name: "id", Type: enclave.Text, Class: enclave.Identifier}},
	}
}

func reason(t *testing.T, err error, want string) {
	t.Helper()
	if e := enclave.AsError(err); e == nil || e.Reason != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestDescriptionsAreFixedByData(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r, i, s := newRegister(t)
	bad := visits()
	bad.Grade = 5
	_, err := r.Create(ctx, authority, bad)
	reason(t, err, "DATASET_INVALID")
	_, err = r.Create(ctx, tax, visits())
	reason(t, err, "DATASET_OWNER")
	first, err := r.Create(ctx, health, visits())
	if err != nil || first.Digest.IsZero() || !first.Created.Equal(now) {
		t.Fatalf("created %+v, %v", first, err)
	}
	_, err = r.Newest(ctx, "visits")
	reason(t, err, "DATASET_EMPTY")
	corrected := visits()
	corrected.Title, corrected.Grade = "门诊", 1
	if _, err := r.Create(ctx, authority, corrected); err != nil {
		t.Fatal(err)
	}
	if was, is := i.acts[0].Detail, i.acts[1].Detail; was["grade"] != "2" || is["grade"] != "1" || is["sharing"] != "conditional" || was["description"] == is["description"] {
		t.Errorf("the ledger says of a lower grade %v, then %v", was, is)
	}
	moved := visits()
	moved.Owner = "tax"
	_, err = r.Create(ctx, authority, moved)
	reason(t, err, "DATASET_IN_USE")
	snapshot, err := r.Load(ctx, health, "visits", "csv", "file")
	if err != nil || !snapshot.Loaded.Equal(now) {
		t.Fatalf("loaded %+v, %v", snapshot, err)
	}
	_, err = r.Create(ctx, authority, visits())
	reason(t, err, "DATASET_IN_USE")
	if again, err := r.Create(ctx, authority, corrected); err != nil || again.Dataset.Title != "门诊" {
		t.Errorf("the same description again: %+v, %v", again, err)
	}
	for _, find := range []func() (enclave.Snapshot, error){
		func() (enclave.Snapshot, error) { return r.Newest(ctx, "visits") },
		func() (enclave.Snapshot, error) { return r.Snapshot(ctx, "visits", snapshot.Digest) },
	} {
		if got, err := find(); err != nil || got != snapshot {
			t.Errorf("found %+v, %v, want %+v", got, err, snapshot)
		}
	}
	if d, err := r.Dataset(ctx, "visits"); err != nil || d.Title != "门诊" {
		t.Errorf("dataset %+v, %v", d, err)
	}
	pending, err := s.Acts().Pending(ctx, 10)
	if err != nil || len(pending) != 3 {
		t.Errorf("%d acts for three changes, %v", len(pending), err)
	}
}

func TestLoadsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r, i, _ := newRegister(t)
	if _, err := r.Create(ctx, health, visits()); err != nil {
		t.Fatal(err)
	}
	_, err := r.Load(ctx, health, "visits", "xlsx", "file")
	reason(t, err, "DATASET_FORMAT")
	_, err = r.Load(ctx, health, "nothing", "csv", "file")
	reason(t, err, "DATASET_NOT_FOUND")
	_, err = r.Load(ctx, tax, "visits", "csv", "file")
	reason(t, err, "DATASET_NOT_FOUND")
	if _, err = r.Load(ctx, health, "visits", "csv", "bad"); !errors.Is(err, errFile) {
		t.Errorf("got %v", err)
	}
	corrected := visits()
	corrected.Title = strings.Repeat("x", 3)
	i.meanwhile = func() {
		if _, err := r.Create(ctx, health, corrected); err != nil {
			t.Error(err)
		}
	}
	_, err = r.Load(ctx, health, "visits", "csv", "file")
	reason(t, err, "DATASET_CHANGED")
	_, _, err = r.Snapshots(ctx, "nothing", enclave.Page{Size: 1})
	reason(t, err, "DATASET_NOT_FOUND")
	if list, _, err := r.Snapshots(ctx, "visits", enclave.Page{Size: 1}); err != nil || len(list) != 0 {
		t.Errorf("snapshots %v, %v", list, err)
	}
	if list, _, err := r.List(ctx, enclave.Page{Size: 5}); err != nil || len(list) != 1 {
		t.Errorf("datasets %v, %v", list, err)
	}
}
