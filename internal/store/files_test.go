package store_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/store"
)

func files(t *testing.T) (*store.Files, string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "results")
	f, err := store.OpenFiles(folder)
	ok(t, err)
	t.Cleanup(func() { ok(t, f.Close()) })
	return f, folder
}

func TestFilesKeepBytesByDigest(t *testing.T) {
	t.Parallel()
	f, folder := files(t)
	digest := must(f.Put([]byte("content")))
	equal(t, "digest", digest, enclave.DigestOf([]byte("content")))
	equal(t, "again", must(f.Put([]byte("content"))), digest)
	equal(t, "content", string(must(f.Get(digest))), "content")
	equal(t, "files", len(must(os.ReadDir(folder))), 1)
	_, err := f.Get(enclave.DigestOf([]byte("else")))
	wants(t, err, enclave.NotFound, "FILE_NOT_FOUND")

	ok(t, os.WriteFile(filepath.Join(folder, digest.String()), []byte("Content"), 0o600))
	_, err = f.Get(digest)
	wants(t, err, enclave.Internal, "INTERNAL")
	must(f.Put([]byte("content")))
	equal(t, "mended", string(must(f.Get(digest))), "content")
}

func TestFilesSweep(t *testing.T) {
	t.Parallel()
	f, folder := files(t)
	kept, orphan := must(f.Put([]byte("kept"))), must(f.Put([]byte("orphan")))
	for _, name := range []string{".new-half", "README"} {
		ok(t, os.WriteFile(filepath.Join(folder, name), []byte("half"), 0o600))
	}
	ok(t, f.Sweep(time.Hour, func(enclave.Digest) (bool, error) { return false, nil }))
	equal(t, "left: what was put within the hour may be named yet", len(must(os.ReadDir(folder))), 4)
	ok(t, f.Sweep(0, func(d enclave.Digest) (bool, error) { return d == kept, nil }))
	_, err := f.Get(orphan)
	wants(t, err, enclave.NotFound, "FILE_NOT_FOUND")
	equal(t, "kept", string(must(f.Get(kept))), "kept")
	equal(t, "left: the named one, and what is not ours", len(must(os.ReadDir(folder))), 2)
	if err := f.Sweep(0, func(enclave.Digest) (bool, error) { return false, os.ErrInvalid }); err == nil {
		t.Error("a store that cannot answer let a file be removed")
	}
}

// TestFilesSweepBesidePut removes what nobody put lately; bytes that are put again are new again.
func TestFilesSweepBesidePut(t *testing.T) {
	t.Parallel()
	f, folder := files(t)
	old, again := must(f.Put([]byte("old"))), must(f.Put([]byte("again")))
	yesterday := time.Now().Add(-24 * time.Hour)
	for _, digest := range []enclave.Digest{old, again} {
		ok(t, os.Chtimes(filepath.Join(folder, digest.String()), yesterday, yesterday))
	}
	must(f.Put([]byte("again")))
	ok(t, f.Sweep(time.Hour, func(enclave.Digest) (bool, error) { return false, nil }))
	_, err := f.Get(old)
	wants(t, err, enclave.NotFound, "FILE_NOT_FOUND")
	equal(t, "put again", string(must(f.Get(again))), "again")
}

func TestFilesLeaveNothingHalfWritten(t *testing.T) {
	t.Parallel()
	f, folder := files(t)
	// A folder in the place of the file makes the last step fail.
	blocked := enclave.DigestOf([]byte("blocked"))
	ok(t, os.MkdirAll(filepath.Join(folder, blocked.String(), "x"), 0o700))
	if _, err := f.Put([]byte("blocked")); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("got %v", err)
	}
	equal(t, "entries", len(must(os.ReadDir(folder))), 1)
}
