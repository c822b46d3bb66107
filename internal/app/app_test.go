package app

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

// ended is a context that has ended: Serve with it starts, drains and closes.
func ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func open(t *testing.T, dir string) (*App, error) {
	t.Helper()
	return Open(t.Context(), dir, Config{Listen: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
}

func TestAnEnclaveServesOnceAndClosesAll(t *testing.T) {
	dir := t.TempDir()
	first, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, dir); !errors.Is(err, enclave.Fail(enclave.State, "DATA_DIR_LOCKED")) {
		t.Errorf("a second enclave in the directory: %v", err)
	}
	if err := first.Serve(ended(t)); err != nil {
		t.Errorf("the first call: %v", err)
	}
	if err := first.Serve(t.Context()); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("the second call: %v", err)
	}
	again, err := open(t, dir) // nothing stayed open
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Serve(ended(t)); err != nil {
		t.Error(err)
	}
}

// A folder of other things is no place for a new enclave, and stays as it is; one that is an enclave may hold them, and a configuration is its own.
func TestADirectoryOfOthers(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "main.go")
	if err := errors.Join(os.WriteFile(foreign, nil, 0o600), os.Mkdir(filepath.Join(dir, "keys"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, dir); !errors.Is(err, enclave.Fail(enclave.Invalid, "DATA_DIR_FOREIGN")) {
		t.Errorf("among sources: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("it left %v, %v", entries, err)
	}
	if err := errors.Join(os.Remove(foreign), os.WriteFile(filepath.Join(dir, configFile), []byte("listen: 127.0.0.1:0\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		opened, err := open(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := opened.Serve(ended(t)); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(foreign, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// What others may enter is refused, whichever of the secret directories it is, and so is a link in its place; the log is public.
func TestSecretDirectoriesArePrivate(t *testing.T) {
	dir := t.TempDir()
	first, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Serve(ended(t)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o750, 0o701} {
		var refused []string
		for _, entry := range entries {
			path := filepath.Join(dir, entry.Name())
			if !entry.IsDir() {
				continue
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			opened, err := open(t, dir)
			if errors.Is(err, enclave.Fail(enclave.Invalid, "DATA_DIR_OPEN", "dir", path)) {
				refused = append(refused, entry.Name())
			} else if err != nil {
				t.Fatal(err)
			} else if err := opened.Serve(ended(t)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o700); err != nil { //nolint:gosec // a directory
				t.Fatal(err)
			}
		}
		if want := []string{"credentials", "files", "keys", "snapshots", "spool", "state"}; !slices.Equal(refused, want) {
			t.Errorf("with mode %o %v are refused, want %v", mode, refused, want)
		}
	}
	keys, elsewhere := filepath.Join(dir, "keys"), filepath.Join(t.TempDir(), "keys")
	if err := errors.Join(os.Rename(keys, elsewhere), os.Symlink(elsewhere, keys)); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, dir); !errors.Is(err, enclave.Fail(enclave.Invalid, "DATA_DIR_OPEN", "dir", keys)) {
		t.Errorf("a link in place of the keys: %v", err)
	}
}

// What a start leaves that was killed while it wrote the first credential is no credential, and in nobody's way.
func TestAFirstStartThatWasKilled(t *testing.T) {
	dir := t.TempDir()
	path := AuthorityCredential(dir)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path+".new", []byte("{"), 0o600)); err != nil {
		t.Fatal(err)
	}
	opened, err := open(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Serve(ended(t)); err != nil {
		t.Error(err)
	}
	if _, err := sdk.ReadCredential(path); err != nil {
		t.Error(err)
	}
	if left, err := filepath.Glob(path + "?*"); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestOneThatFailsToCloseKeepsNoOtherOpen(t *testing.T) {
	var order []string
	var a App
	broken := errors.New("broken")
	for _, name := range []string{"first", "second", "third"} {
		a.closers = append(a.closers, func(ctx context.Context) error {
			order = append(order, name)
			if name == "second" {
				return errors.Join(broken, ctx.Err())
			}
			return ctx.Err()
		})
	}
	err := a.close(context.WithoutCancel(ended(t)))
	if !errors.Is(err, broken) || errors.Is(err, context.Canceled) || !slices.Equal(order, []string{"third", "second", "first"}) {
		t.Errorf("closed %v, %v", order, err)
	}
	if err := a.close(t.Context()); err != nil || len(order) != 3 {
		t.Errorf("closed again: %v, %v", order, err)
	}
}

func TestConfigIsBounded(t *testing.T) {
	if c, err := (Config{}).filled(); err != nil || c.RunMinutes != 30 {
		t.Errorf("%+v, %v", c, err)
	}
	for _, minutes := range []int{-1, 1441} {
		if _, err := (Config{RunMinutes: minutes}).filled(); !errors.Is(err, enclave.Fail(enclave.Invalid, "CONFIG_FIELD")) {
			t.Errorf("%d minutes: %v", minutes, err)
		}
	}
}
