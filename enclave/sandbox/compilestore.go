package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

// codeStore keeps what compilers made, and knows what it keeps:
//
//	wazero-VERSION-ARCH-OS/KEY   machine code, in the place and under the name by which wazero looks for it
//	known/ID                     a marker: "KEY SHA256\n" of that file
//	scratch-*/                   where a child is at work
//
// The ID says for which module and by which compiler, so that another version of wazero, another processor or another configuration
// finds nothing. Code whose digest is not that of its marker is not there either: wazero's own check covers less than it uses.
//
// This is machine code that will be run, with everything that the service may do: who can write to the directory owns the service. So it
// belongs to the service's user alone, which openStore checks. The markers tell damage from code, not friend from foe.
type codeStore struct{ dir string }

const (
	markers       = "known"
	scratchPrefix = "scratch-"
	// storeBytes is how much code is kept; what was used least recently goes first. Compiling it again costs a child.
	storeBytes = 8 << 30
	// scratchAge is how old a scratch directory may be; children end long before.
	scratchAge = 24 * time.Hour
)

func openStore(dir string) (*codeStore, error) {
	if dir == "" {
		return nil, enclave.Internalf("a compiler needs a directory for its code")
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, markers), 0o700)
	}
	if err != nil {
		return nil, enclave.Internalf("make the directory of compiled code: %w", err)
	}
	for _, part := range []string{dir, filepath.Join(dir, markers)} {
		info, err := os.Lstat(part)
		if err != nil {
			return nil, enclave.Internalf("the directory of compiled code: %w", err)
		}
		if !info.IsDir() || !private(info) {
			return nil, enclave.Fail(enclave.Invalid, "CODE_DIR_OPEN", "dir", part)
		}
	}
	return &codeStore{dir}, nil
}

// fingerprint names the compiler that this process has: where, and under which name, it leaves the code of the smallest module there is.
// That depends on wazero's version, the processor's features, and the configuration.
func (s *codeStore) fingerprint(ctx context.Context) (string, error) {
	scratch, err := s.scratch()
	if err != nil {
		return "", err
	}
	var code string
	if err = compileInto(ctx, scratch, []byte(wasm.Header)); err == nil {
		code, err = onlyCode(scratch)
	}
	if err = errors.Join(err, os.RemoveAll(scratch)); err != nil {
		return "", enclave.Internalf("try the compiler: %w", err)
	}
	return code, nil
}

func (s *codeStore) scratch() (string, error) {
	scratch, err := os.MkdirTemp(s.dir, scratchPrefix)
	if err != nil {
		return "", enclave.Internalf("make a place to compile in: %w", err)
	}
	return scratch, nil
}

// onlyCode is the one file below a directory that a module was compiled into, relative to it.
func onlyCode(dir string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "wazero-*", "*"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("a compiler left %d files", len(found))
	}
	return filepath.Rel(dir, found[0])
}

// marker is where a module's code by one compiler is.
type marker struct {
	id       string
	compiler string // directory of the code
}

func markerOf(fingerprint string, wasm []byte) marker {
	h := sha256.New()
	fmt.Fprintf(h, "darkroom.code.v1\n%s\n%s", fingerprint, enclave.DigestOf(wasm)) // a hash takes everything
	return marker{hex.EncodeToString(h.Sum(nil)), filepath.Dir(fingerprint)}
}

// has reports whether the code is there as it was made, and counts as a use of it.
func (s *codeStore) has(m marker) bool {
	path := filepath.Join(s.dir, markers, m.id)
	text, err := os.ReadFile(path) //nolint:gosec // a name made of a digest
	if err != nil {
		return false
	}
	key, digest, _ := strings.Cut(strings.TrimSuffix(string(text), "\n"), " ")
	if raw, err := hex.DecodeString(key); err != nil || len(raw) != sha256.Size {
		return false
	}
	code := filepath.Join(s.dir, m.compiler, key)
	if actual, err := fileDigest(code); err != nil || actual != digest {
		return false
	}
	now := time.Now()
	_ = errors.Join(os.Chtimes(path, now, now), os.Chtimes(code, now, now)) // at worst it seems unused
	return true
}

func fileDigest(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // in the service's own directory
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it is only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// adopt takes over what a child left in its scratch directory, and marks it. What a crash leaves between the two steps is found unmarked,
// and made again.
func (s *codeStore) adopt(scratch string, m marker) error {
	made, err := onlyCode(scratch)
	if err == nil && filepath.Dir(made) != m.compiler {
		err = fmt.Errorf("the child is %s, this process %s", filepath.Dir(made), m.compiler)
	}
	var digest string
	if err == nil {
		digest, err = fileDigest(filepath.Join(scratch, made))
	}
	if err == nil {
		err = os.MkdirAll(filepath.Join(s.dir, m.compiler), 0o700)
	}
	if err == nil {
		err = os.Rename(filepath.Join(scratch, made), filepath.Join(s.dir, made))
	}
	marked := filepath.Join(scratch, m.id)
	if err == nil {
		err = os.WriteFile(marked, []byte(filepath.Base(made)+" "+digest+"\n"), 0o600)
	}
	if err == nil {
		err = os.Rename(marked, filepath.Join(s.dir, markers, m.id))
	}
	if err == nil {
		err = s.tidy(storeBytes)
	}
	if err != nil {
		return enclave.Internalf("keep compiled code: %w", err)
	}
	return nil
}

// forget removes the code of a module that will not be run.
func (s *codeStore) forget(m marker) error {
	path := filepath.Join(s.dir, markers, m.id)
	text, err := os.ReadFile(path) //nolint:gosec // a name made of a digest
	if err != nil {
		return nil //nolint:nilerr // nothing is there
	}
	key, _, _ := strings.Cut(string(text), " ")
	return errors.Join(os.Remove(path), os.Remove(filepath.Join(s.dir, m.compiler, filepath.Base(key))))
}

// tidy deletes code, the least recently used first, until at most so many bytes are left, and what crashes left long ago.
func (s *codeStore) tidy(most int64) error {
	for _, scratch := range s.list(scratchPrefix + "*") {
		if time.Since(scratch.ModTime()) > scratchAge {
			if err := os.RemoveAll(scratch.path); err != nil {
				return err
			}
		}
	}
	files := append(s.list("wazero-*", "*"), s.list(markers, "*")...)
	slices.SortFunc(files, func(a, b stored) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		most -= f.Size()
	}
	for ; most < 0 && len(files) > 0; files = files[1:] {
		if err := os.Remove(files[0].path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		most += files[0].Size()
	}
	return nil
}

// stored is one file of the store, or a directory.
type stored struct {
	path string
	fs.FileInfo
}

// list finds what is there, while others may be taking it away.
func (s *codeStore) list(pattern ...string) []stored {
	paths, _ := filepath.Glob(filepath.Join(append([]string{s.dir}, pattern...)...)) // the patterns are well formed
	var found []stored
	for _, path := range paths {
		if info, err := os.Lstat(path); err == nil {
			found = append(found, stored{path, info})
		}
	}
	return found
}
