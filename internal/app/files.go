package app

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/policy"
)

// layout is where things lie under the data directory. All of it but the public log belongs to the service's user alone.
type layout struct{ root string }

func (l layout) keys() string      { return filepath.Join(l.root, "keys") }
func (l layout) state() string     { return filepath.Join(l.root, "state") }
func (l layout) files() string     { return filepath.Join(l.root, "files") }
func (l layout) snapshots() string { return filepath.Join(l.root, "snapshots") }
func (l layout) ledger() string    { return filepath.Join(l.root, "ledger") }
func (l layout) cache() string     { return filepath.Join(l.root, "cache") }
func (l layout) spool() string     { return filepath.Join(l.root, "spool") }

func (l layout) database() string { return filepath.Join(l.state(), "darkroom.db") }

// private are the directories that nobody else may enter.
func (l layout) private() []string {
	return []string{l.keys(), l.state(), l.files(), l.snapshots(), l.spool(), filepath.Dir(AuthorityCredential(l.root))}
}

// AuthorityCredential is where serve writes the first credential, with which all others are issued.
func AuthorityCredential(dir string) string {
	return filepath.Join(dir, "credentials", "authority.json")
}

// PolicyKey is where serve writes the key that the authority signs bundles of rules with. The enclave never reads it again, and keeps the other
// half alone: the authority takes it away with its credential.
func PolicyKey(dir string) string { return filepath.Join(dir, "credentials", "policy.pem") }

// PublicKey is where serve writes the domain's public key, the only thing that verifying a receipt needs.
func PublicKey(dir string) string { return filepath.Join(dir, "domain.pub") }

// Ledger is the directory of the public log.
func Ledger(dir string) string { return layout{dir}.ledger() }

// create makes what is not there yet, and refuses what others may enter: who copied the directory may have widened it. Compiled code the sandbox
// looks after itself.
func (l layout) create() error {
	if err := l.ours(); err != nil {
		return err
	}
	for _, dir := range append(l.private(), l.ledger(), l.cache()) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return enclave.Fail(enclave.Invalid, "DATA_DIR_UNUSABLE", "problem", err.Error())
		}
	}
	for _, dir := range l.private() {
		info, err := os.Lstat(dir)
		if err != nil {
			return enclave.Fail(enclave.Invalid, "DATA_DIR_UNUSABLE", "problem", err.Error())
		}
		if !info.IsDir() || !private(info) {
			return enclave.Fail(enclave.Invalid, "DATA_DIR_OPEN", "dir", dir)
		}
	}
	return nil
}

// ours refuses a directory that holds anything but what an enclave keeps in it, unless it is an enclave already: a first start in the wrong place
// would spread its keys among somebody's files. What a start leaves that was stopped early is an enclave's.
func (l layout) ours() error {
	if _, err := os.Stat(l.database()); err == nil {
		return nil
	}
	entries, err := os.ReadDir(l.root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return enclave.Fail(enclave.Invalid, "DATA_DIR_UNUSABLE", "problem", err.Error())
	}
	known := []string{configFile, "lock", "lost+found"} // the last is there where a disk of its own is mounted
	for _, path := range append(l.private(), l.ledger(), l.cache(), PublicKey(l.root)) {
		known = append(known, filepath.Base(path))
	}
	for _, entry := range entries {
		if !slices.Contains(known, entry.Name()) {
			return enclave.Fail(enclave.Invalid, "DATA_DIR_FOREIGN", "dir", l.root, "entry", entry.Name())
		}
	}
	return nil
}

// private reports whether nobody but the service's user may use a file.
func private(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}

// lock keeps a second server out of the same directory. The lock goes with the file's closing, and so with the process.
func (l layout) lock() (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(l.root, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, enclave.Fail(enclave.Invalid, "DATA_DIR_UNUSABLE", "problem", err.Error())
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(enclave.Fail(enclave.State, "DATA_DIR_LOCKED", "dir", l.root), f.Close())
	}
	return f, nil
}

// secret reads a key of 32 bytes, making it on first start.
func (l layout) secret(name string) (key [32]byte, err error) {
	raw, err := l.keyFile(name, func() ([]byte, error) {
		fresh := make([]byte, len(key))
		_, err := rand.Read(fresh)
		return fresh, err
	})
	if err != nil {
		return key, err
	}
	if copy(key[:], raw) != len(key) || len(raw) != len(key) {
		return key, enclave.Internalf("key file %s has %d bytes, expected %d", name, len(raw), len(key))
	}
	return key, nil
}

// keyFile reads a key file, or writes what create returns, durably, before anything is done with it.
func (l layout) keyFile(name string, create func() ([]byte, error)) ([]byte, error) {
	path := filepath.Join(l.keys(), name)
	raw, err := os.ReadFile(path) //nolint:gosec // a fixed name in the service's own directory
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return raw, err
	}
	if raw, err = create(); err != nil {
		return nil, err
	}
	return raw, writeDurably(path, raw, 0o600)
}

// policyKey reads the key that bundles are verified with, making both halves on first start.
func (l layout) policyKey() ([]byte, error) {
	return l.keyFile("policy.pub", func() ([]byte, error) {
		private, public, err := policy.GenerateKey()
		if err != nil {
			return nil, err
		}
		return public, writeDurably(PolicyKey(l.root), private, 0o600)
	})
}

// writeDurably writes a whole file or none of it.
func writeDurably(path string, content []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone already where the rename succeeded
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
