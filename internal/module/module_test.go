package module_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/module"
	"github.com/darkroom-project/darkroom/internal/store"
)

var (
	acme   = enclave.Caller{Role: enclave.Operator, Org: "acme", Name: "li"}
	globex = enclave.Caller{Role: enclave.Operator, Org: "globex", Name: "sun"}
)

// check takes bytes that begin with "ok"; "code" in them means that there is code.
func check(wasm []byte) (*enclave.Module, error) {
	if !strings.HasPrefix(string(wasm), "ok") {
		return nil, enclave.Fail(enclave.Invalid, "MODULE_NOT_WASM")
	}
	return &enclave.Module{
		Digest: enclave.DigestOf(wasm), Bytes: wasm, HasCode: strings.Contains(string(wasm), "code"),
		Manifest: &enclave.Manifest{Name: "cost", Version: "1"},
	}, nil
}

func compile(_ context.Context, org string, m *enclave.Module) error {
	if org == "" {
		return enclave.Internalf("whose module is it?")
	}
	switch {
	case !m.HasCode:
		return enclave.Internalf("nothing to compile")
	case strings.Contains(string(m.Bytes), "bomb"):
		return enclave.Fail(enclave.Refused, "MODULE_MEMORY")
	case strings.Contains(string(m.Bytes), "fault"):
		return enclave.Internalf("the compiler is gone")
	}
	return nil
}

func newRegister(t *testing.T) (*module.Register, *store.Store, string) {
	t.Helper()
	folder := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(folder, "db"), func(act enclave.Act) (store.Sealed, error) {
		body, err := json.Marshal(act)
		return store.Sealed{ID: act.ID, Body: string(body)}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := store.OpenFiles(filepath.Join(folder, "modules"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := files.Close(); err != nil {
			t.Error(err)
		}
	})
	return module.New(s.Modules(), files, s.Acts(), check, compile, time.Now, 3), s, filepath.Join(folder, "modules")
}

func acts(t *testing.T, s *store.Store) int {
	t.Helper()
	pending, err := s.Acts().Pending(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(pending)
}

func TestModulesAreEachOrganisationsOwn(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	r, s, folder := newRegister(t)
	first, err := r.Upload(ctx, acme, []byte("ok code"))
	if err != nil || first.Owner != "acme" || first.Size != 7 || !first.HasCode || first.Manifest.Name != "cost" {
		t.Fatalf("uploaded %+v, %v", first, err)
	}
	if _, err := r.Get(ctx, "globex", first.Digest); enclave.AsError(err).Reason != "MODULE_NOT_FOUND" {
		t.Errorf("another sees it: %v", err)
	}
	if _, err := r.Manifest(ctx, "globex", first.Digest); enclave.KindOf(err) != enclave.NotFound {
		t.Errorf("another sees its manifest: %v", err)
	}
	if _, err := r.Upload(ctx, acme, []byte("ok code")); err != nil || acts(t, s) != 1 {
		t.Errorf("again: %v, %d acts", err, acts(t, s))
	}
	if other, err := r.Upload(ctx, globex, []byte("ok code")); err != nil || other.Owner != "globex" || acts(t, s) != 2 {
		t.Errorf("another's: %+v, %v", other, err)
	}
	m, err := r.Module(ctx, first.Digest)
	if err != nil || string(m.Bytes) != "ok code" || m.Digest != first.Digest {
		t.Fatalf("module %+v, %v", m, err)
	}
	if err := os.WriteFile(filepath.Join(folder, first.Digest.String()), []byte("ok xxxx"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Module(ctx, first.Digest); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("changed bytes: %v", err)
	}
	if _, err := r.Module(ctx, enclave.DigestOf([]byte("x"))); enclave.KindOf(err) != enclave.NotFound {
		t.Errorf("unknown: %v", err)
	}
	if list, _, err := r.List(ctx, "acme", enclave.Page{Size: 9}); err != nil || len(list) != 1 {
		t.Errorf("list %v, %v", list, err)
	}
}

func TestRefusalsAreRecorded(t *testing.T) {
	t.Parallel()
	r, s, folder := newRegister(t)
	for i, test := range []struct {
		bytes, want string
		acts        int
	}{
		{"garbage", "MODULE_NOT_WASM", 1},
		{"ok code bomb", "MODULE_MEMORY", 2},
		{"ok code fault", "INTERNAL", 2}, // says nothing about the module
	} {
		_, err := r.Upload(t.Context(), acme, []byte(test.bytes))
		if enclave.AsError(err) == nil || enclave.AsError(err).Reason != test.want || acts(t, s) != test.acts {
			t.Errorf("%d: got %v and %d acts", i, err, acts(t, s))
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("refused bytes were kept: %v, %v", left, err)
	}
	if _, err := r.Upload(t.Context(), acme, []byte("ok, a manifest alone")); err != nil {
		t.Errorf("without code: %v", err)
	}
}

func TestModulesAreLimited(t *testing.T) {
	t.Parallel()
	r, s, folder := newRegister(t)
	for _, b := range []string{"ok 1", "ok 2", "ok 3", "ok 3"} {
		if _, err := r.Upload(t.Context(), acme, []byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range []string{"ok 4", "garbage"} {
		if _, err := r.Upload(t.Context(), acme, []byte(b)); !errors.Is(err, enclave.Fail(enclave.Limit, "MODULE_QUOTA")) {
			t.Errorf("%s: %v", b, err)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 3 || acts(t, s) != 3 {
		t.Errorf("%d files, %d acts, %v", len(left), acts(t, s), err)
	}
	if _, err := r.Upload(t.Context(), acme, []byte("ok 1")); err != nil {
		t.Errorf("one that is there: %v", err)
	}
	if _, err := r.Upload(t.Context(), globex, []byte("ok 4")); err != nil {
		t.Errorf("another's: %v", err)
	}
}

func TestConcurrentUploadsAreOne(t *testing.T) {
	t.Parallel()
	r, s, _ := newRegister(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if entry, err := r.Upload(t.Context(), acme, []byte("ok code")); err != nil || entry.Owner != "acme" {
				t.Errorf("%+v, %v", entry, err)
			}
		})
	}
	group.Wait()
	if n := acts(t, s); n != 1 {
		t.Errorf("%d acts", n)
	}
}
