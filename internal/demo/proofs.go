package demo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// receipt verifies the honest run's receipt with the domain's public key and a copy of the ledger, and nothing else.
func (s *story) receipt(ctx context.Context) error {
	raw, err := s.Clients[sdk.Operator].Receipt(ctx, s.honest.run.ID)
	if err != nil {
		return err
	}
	key, err := s.Key()
	if err != nil {
		return err
	}
	receipt, err := verify.ParseReceipt(raw)
	if err != nil {
		return err
	}
	statement, err := receipt.Verify(key)
	if err != nil {
		return err
	}
	s.ok("DEMO_RECEIPT_OK", "index", strconv.FormatUint(statement.Index, 10), "verb", statement.Act.Verb, "object", statement.Act.Object,
		"policy", statement.Act.Detail["policy"][:16]+"…")
	if err := statement.VerifyResult(s.honest.bytes); err != nil {
		return err
	}
	s.ok("DEMO_RECEIPT_RESULT")
	return s.withCopy(func(folder string) error {
		_, report, err := verify.Contains(os.DirFS(folder), key, receipt)
		if err != nil {
			return err
		}
		s.ok("DEMO_RECEIPT_LEDGER", "size", strconv.FormatUint(report.Size, 10))
		return nil
	})
}

// tamper flips one bit of the ledger's entries in a copy, which verification must notice.
func (s *story) tamper(context.Context) error {
	key, err := s.Key()
	if err != nil {
		return err
	}
	return s.withCopy(func(folder string) error {
		if err := flipOneBit(folder); err != nil {
			return err
		}
		_, err := verify.Log(os.DirFS(folder), key)
		broken, ok := errors.AsType[*verify.Error](err)
		if !ok {
			return errors.New("the changed ledger was taken for genuine")
		}
		s.ok("DEMO_TAMPER_OK", "text", s.words(broken))
		return nil
	})
}

// withCopy hands a copy of the ledger's directory to use, and removes it afterwards.
func (s *story) withCopy(use func(folder string) error) (err error) {
	folder, err := os.MkdirTemp("", "darkroom-ledger-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := copyLedger(folder, app.Ledger(s.dir)); err != nil {
		return err
	}
	return use(folder)
}

// copyLedger copies a ledger that is being written to: the checkpoint first, then the tiles that it covers. Files that are still in the
// making have passing names, and may be gone when their turn comes.
func copyLedger(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		within, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, within)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		raw, err := os.ReadFile(path) //nolint:gosec // the enclave's own directory
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(target, raw, 0o600) //nolint:gosec // into the folder made just now
	})
}

// flipOneBit changes the first file of entries.
func flipOneBit(folder string) error {
	changed := errors.New("changed") // ends the walk
	err := filepath.WalkDir(filepath.Join(folder, "tile", "entries"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		raw, err := os.ReadFile(path) //nolint:gosec // a copy that this process made
		if err != nil {
			return err
		}
		raw[len(raw)/2] ^= 1
		if err := os.WriteFile(path, raw, 0o600); err != nil { //nolint:gosec // likewise
			return err
		}
		return changed
	})
	if !errors.Is(err, changed) {
		return errors.Join(errors.New("the ledger's copy has no entries"), err)
	}
	return nil
}
