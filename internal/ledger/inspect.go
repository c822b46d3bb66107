package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/client"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// stateDir is where tessera keeps what is private to the log; our lock lies beside its own.
const stateDir = ".state"

// enter opens the log's directory and makes it if it is missing.
func enter(name string) (*os.Root, error) {
	if err := os.MkdirAll(filepath.Join(name, stateDir), 0o755); err != nil { //nolint:gosec // G301: the log is public by design
		return nil, enclave.Internalf("make the ledger's directory: %w", err)
	}
	dir, err := os.OpenRoot(name)
	if err != nil {
		return nil, enclave.Internalf("open the ledger's directory: %w", err)
	}
	return dir, nil
}

// lock makes this process the only one that has the log. The system frees the lock when the process ends, however it ends.
func lock(dir *os.Root) (unlock func() error, err error) {
	file, err := dir.OpenFile(stateDir+"/owner.lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, enclave.Internalf("lock the ledger: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file.Close, nil
	}
	closing := file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, enclave.Fail(enclave.State, "LEDGER_IN_USE")
	}
	return nil, enclave.Internalf("lock the ledger: %w", errors.Join(err, closing))
}

// publishedIn opens the checkpoint that a directory holds before anything is written to it. A new directory has none: its head is zero.
func publishedIn(dir *os.Root, key string) (verify.Checkpoint, error) {
	signed, err := dir.ReadFile(layout.CheckpointPath)
	if errors.Is(err, fs.ErrNotExist) {
		return verify.Checkpoint{}, nil
	}
	if err != nil {
		return verify.Checkpoint{}, enclave.Internalf("read the ledger's checkpoint: %w", err)
	}
	head, err := verify.OpenCheckpoint(key, signed)
	switch {
	case errors.Is(err, &verify.Error{Reason: verify.ReasonSignature}):
		return verify.Checkpoint{}, enclave.Fail(enclave.State, "LEDGER_OTHER_KEY").Because(err)
	case err != nil:
		return verify.Checkpoint{}, damaged(err)
	}
	return head, nil
}

func damaged(cause error) error { return enclave.Fail(enclave.State, "LEDGER_DAMAGED").Because(cause) }

// treeState is what tessera's POSIX storage keeps of the tree that is on disk, signed or not yet.
type treeState struct {
	Size uint64 `json:"size"`
	Root []byte `json:"root"`
}

// inspect checks, before the storage is opened and may sign anything, that the tree on disk hashes to what the storage says of it and
// continues the checkpoint that was signed last. Then it removes what a crash may have left beyond the tree.
func inspect(ctx context.Context, dir *os.Root, head verify.Checkpoint) error {
	raw, err := dir.ReadFile(stateDir + "/treeState")
	if errors.Is(err, fs.ErrNotExist) && head.Size == 0 {
		return nil // a new directory
	}
	if err != nil {
		return damaged(err)
	}
	var tree treeState
	if err := json.Unmarshal(raw, &tree); err != nil {
		return damaged(err)
	}
	if tree.Size > 0 {
		root, err := rootAt(ctx, dir, tree.Size)
		if err != nil {
			return damaged(err)
		}
		if !bytes.Equal(root, tree.Root) {
			return damaged(errors.New("the tiles give another root than the storage's own"))
		}
	}
	if err := continues(ctx, dir, head, tree); err != nil {
		return damaged(err)
	}
	return sweep(dir, tree.Size)
}

// continues checks that the tree begins with the log of the checkpoint.
func continues(ctx context.Context, dir *os.Root, head verify.Checkpoint, tree treeState) error {
	if tree.Size < head.Size {
		return fmt.Errorf("%d entries, but %d are signed", tree.Size, head.Size)
	}
	if head.Size == 0 {
		return nil
	}
	builder, err := client.NewProofBuilder(ctx, tree.Size, tilesOf(dir))
	if err != nil {
		return err
	}
	nodes, err := builder.ConsistencyProof(ctx, head.Size, tree.Size)
	if err != nil {
		return err
	}
	return proof.VerifyConsistency(rfc6962.DefaultHasher, head.Size, tree.Size, nodes, head.Root[:], tree.Root)
}

// rootAt computes the root of a size from the stored tiles of the tree's right edge.
func rootAt(ctx context.Context, dir *os.Root, size uint64) ([]byte, error) {
	nodes, err := client.FetchRangeNodes(ctx, size, tilesOf(dir))
	if err != nil {
		return nil, err
	}
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree, err := factory.NewRange(0, size, nodes)
	if err != nil {
		return nil, err
	}
	return tree.GetRootHash(nil)
}

// tilesOf reads tiles from a directory; the full tile stands in for a partial one that was cleared away.
func tilesOf(dir *os.Root) client.TileFetcherFunc {
	return func(_ context.Context, level, index uint64, partial uint8) ([]byte, error) {
		raw, err := dir.ReadFile(layout.TilePath(level, index, partial))
		if errors.Is(err, fs.ErrNotExist) && partial > 0 {
			raw, err = dir.ReadFile(layout.TilePath(level, index, 0))
		}
		return raw, err
	}
}

// sweep removes the files that a crash left between writing entries and making them part of the tree. Nothing refers to them and the
// next append would overwrite some; but those that remained could differ from what the log holds then, and an auditor's copy must not
// have files that look changed. They lie at the right edge: one write is at most one bundle, so in the last tile of each level and
// the one after it.
func sweep(dir *os.Root, size uint64) error {
	if err := sweepEdge(dir, layout.EntriesPath, size); err != nil {
		return err
	}
	for level := range uint64(8) {
		tiles := func(index uint64, partial uint8) string { return layout.TilePath(level, index, partial) }
		if err := sweepEdge(dir, tiles, size>>(level*layout.TileHeight)); err != nil {
			return err
		}
	}
	return nil
}

// sweepEdge does one level, which has count items.
func sweepEdge(dir *os.Root, path func(uint64, uint8) string, count uint64) error {
	last, width := count/layout.TileWidth, count%layout.TileWidth
	for _, tile := range []uint64{last, last + 1} {
		full := path(tile, 0)
		if err := dir.Remove(full); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return enclave.Internalf("sweep the ledger: %w", err)
		}
		partials, err := fs.ReadDir(dir.FS(), full+".p")
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return enclave.Internalf("sweep the ledger: %w", err)
		}
		for _, file := range partials {
			number, err := strconv.ParseUint(file.Name(), 10, 64)
			if tile == last && err == nil && number <= width {
				continue
			}
			if err := dir.Remove(full + ".p/" + file.Name()); err != nil {
				return enclave.Internalf("sweep the ledger: %w", err)
			}
		}
	}
	return nil
}
