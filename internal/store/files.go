package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Files keeps immutable bytes under their digest, each in one file of a folder. Put a file before the transaction that names it: a
// crash in between leaves a file that nothing names, which Sweep removes. It is safe for concurrent use.
type Files struct {
	root *os.Root
	lock sync.RWMutex // of Sweep against those who put what it would remove
}

// temporary is the prefix of a file that is being written.
const temporary = ".new-"

// OpenFiles opens a folder, which it creates as needed. The caller MUST Close it.
func OpenFiles(folder string) (*Files, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, enclave.Internalf("create a folder: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, enclave.Internalf("open a folder: %w", err)
	}
	return &Files{root: root}, nil
}

// Close releases the folder.
func (f *Files) Close() error { return f.root.Close() }

// Put writes bytes durably and returns their digest. Bytes that are there already are not written again.
func (f *Files) Put(content []byte) (enclave.Digest, error) {
	f.lock.RLock()
	defer f.lock.RUnlock()
	digest := enclave.DigestOf(content)
	if _, err := f.Get(digest); err == nil {
		// Its time says when it was put last.
		if now := time.Now(); f.root.Chtimes(digest.String(), now, now) != nil {
			return enclave.Digest{}, enclave.Internalf("set the time of file %s", digest)
		}
	} else {
		name := temporary + enclave.NewID()
		err := f.write(name, content)
		if err == nil {
			err = f.root.Rename(name, digest.String())
		}
		if err != nil {
			return enclave.Digest{}, enclave.Internalf("write a file: %w", errors.Join(err, ignoreAbsent(f.root.Remove(name))))
		}
	}
	// Also for bytes that were there: whoever put them may not have come to this yet.
	if err := f.syncFolder(); err != nil {
		return enclave.Digest{}, enclave.Internalf("sync a folder: %w", err)
	}
	return digest, nil
}

func (f *Files) write(name string, content []byte) (err error) {
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Write(content); err != nil {
		return err
	}
	return file.Sync()
}

// syncFolder makes a rename durable.
func (f *Files) syncFolder() error {
	folder, err := f.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Get reads the bytes of a digest and verifies them. FILE_NOT_FOUND if there are none; bytes that changed on disk are an internal
// fault.
func (f *Files) Get(digest enclave.Digest) ([]byte, error) {
	content, err := f.root.ReadFile(digest.String())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, enclave.Fail(enclave.NotFound, "FILE_NOT_FOUND")
	}
	if err != nil {
		return nil, enclave.Internalf("read a file: %w", err)
	}
	if enclave.DigestOf(content) != digest {
		return nil, enclave.Internalf("file %s changed on disk", digest)
	}
	return content, nil
}

// Sweep removes what nothing names, half-written files too, but for what was put within the last while: the transaction that names that may still come.
// With 0 there is no such while, and it MUST run before any Put.
func (f *Files) Sweep(within time.Duration, named func(enclave.Digest) (bool, error)) error {
	entries, err := fs.ReadDir(f.root.FS(), ".")
	if err != nil {
		return enclave.Internalf("list a folder: %w", err)
	}
	for _, entry := range entries {
		if digest, err := enclave.ParseDigest(entry.Name()); err == nil {
			keep, err := named(digest)
			if err != nil {
				return err
			}
			if keep {
				continue
			}
		} else if !strings.HasPrefix(entry.Name(), temporary) {
			continue // not ours
		}
		if err := f.remove(entry.Name(), within); err != nil {
			return enclave.Internalf("remove a file: %w", err)
		}
	}
	return nil
}

// remove removes a file, unless it was put within the last while. Nobody puts it meanwhile: whoever comes later writes it again.
func (f *Files) remove(name string, within time.Duration) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	info, err := f.root.Lstat(name)
	if err != nil {
		return ignoreAbsent(err)
	}
	if within > 0 && time.Since(info.ModTime()) < within {
		return nil
	}
	return ignoreAbsent(f.root.Remove(name))
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
