package verify

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

const checkpointFile = "checkpoint"

// Report says what was checked of a copy.
type Report struct {
	Checkpoint          // of the copy
	Files      int      // how many files were checked, the checkpoint among them
	Unchecked  []string // files that say nothing about the log at this checkpoint: the service's own state, growth after the checkpoint
}

// Log checks a copy of a ledger's directory against its own signed checkpoint: every entry is hashed again up to the root, and every
// stored hash is compared with what the entries give. A changed, dropped, added or reordered entry, and one changed byte in any file
// that the report does not list as unchecked, is an error that names the file where it can.
//
// A copy that someone cut back to an older checkpoint of the same ledger is whole, and passes; [Contains] and [Extends] find
// that, given something newer that it should have.
func Log(fsys fs.FS, key string) (Report, error) {
	report, _, err := check(fsys, key, nil)
	return report, err
}

// Contains checks a receipt, a copy of the ledger as Log does, and that the copy holds the receipt's entry: the log of the receipt's
// checkpoint, computed again from the copy's entries, is the beginning of the copy. It fails with ReasonForked if the domain has
// signed two histories and with ReasonCopyOlder if the copy was made before the receipt.
func Contains(fsys fs.FS, key string, receipt *Receipt) (Statement, Report, error) {
	statement, err := receipt.Verify(key)
	if err != nil {
		return Statement{}, Report{}, err
	}
	report, err := Extends(fsys, key, []byte(receipt.Checkpoint))
	return statement, report, err
}

// Extends checks a copy as Log does, and that it begins with the whole log of another, older or equal, signed checkpoint.
func Extends(fsys fs.FS, key string, checkpoint []byte) (Report, error) {
	head, err := OpenCheckpoint(key, checkpoint)
	if err != nil {
		return Report{}, err
	}
	report, at, err := check(fsys, key, &head.Size)
	switch {
	case err != nil:
		return Report{}, err
	case head.Size > report.Size:
		return Report{}, fail(ReasonCopyOlder, fmt.Errorf("it has %d entries, the checkpoint %d", report.Size, head.Size))
	case at != head.Root:
		return Report{}, fail(ReasonForked, fmt.Errorf("another root at size %d", head.Size))
	}
	return report, nil
}

// check walks the whole log. It also returns the root at the size that probe asks for, if the log reaches it.
func check(fsys fs.FS, key string, probe *uint64) (Report, Hash, error) {
	signed, err := read(fsys, checkpointFile, MaxCheckpoint)
	if err != nil {
		return Report{}, Hash{}, err
	}
	head, err := OpenCheckpoint(key, signed)
	if err != nil {
		return Report{}, Hash{}, err
	}
	found, err := list(fsys)
	if err != nil {
		return Report{}, Hash{}, failFile(ReasonFileMalformed, ".", err)
	}
	w := &walk{fsys: fsys, size: head.Size, found: found, checked: map[string]bool{checkpointFile: true}, probe: probe}
	root, err := w.run()
	if err != nil {
		return Report{}, Hash{}, err
	}
	if root != head.Root {
		return Report{}, Hash{}, fail(ReasonEntriesChanged, errors.New("another root than the signed one"))
	}
	report := Report{Checkpoint: head, Files: len(w.checked)}
	for _, file := range found.files {
		if !w.checked[file] {
			report.Unchecked = append(report.Unchecked, file)
		}
	}
	return report, w.probed, nil
}

// walk hashes the entries in order and compares each tile with what they give as soon as it is complete.
type walk struct {
	fsys    fs.FS
	size    uint64
	found   *inventory
	checked map[string]bool

	levels [maxLevel + 1]tileBuffer // the tile that is being filled, of each level
	probe  *uint64
	probed Hash
}

// tileBuffer is a tile that is not complete yet.
type tileBuffer struct {
	index uint64
	bytes []byte
}

func (w *walk) run() (Hash, error) {
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree := factory.NewEmptyRange(0)
	var failed error
	visit := func(node compact.NodeID, hash []byte) {
		if failed == nil && node.Level%8 == 0 {
			failed = w.add(int(node.Level/8), hash)
		}
	}
	if err := w.look(tree); err != nil {
		return Hash{}, err
	}
	for index := uint64(0); index*tileWidth < w.size; index++ {
		bundle, err := w.bundle(tileID{level: entries, index: index}, min(tileWidth, w.size-index*tileWidth))
		if err != nil {
			return Hash{}, err
		}
		for ; len(bundle) > 0; bundle = bundle[bundleItem:] {
			if err := tree.Append(leafHash(bundle[2:bundleItem]), visit); err != nil {
				return Hash{}, failFile(ReasonEntriesChanged, "", err)
			}
			if failed != nil {
				return Hash{}, failed
			}
			if err := w.look(tree); err != nil {
				return Hash{}, err
			}
		}
	}
	for level := range w.levels {
		if err := w.compare(level); err != nil {
			return Hash{}, err
		}
	}
	return rootOf(tree)
}

// look notes the root if the tree has the size that is asked for.
func (w *walk) look(tree *compact.Range) error {
	if w.probe == nil || tree.End() != *w.probe {
		return nil
	}
	root, err := rootOf(tree)
	w.probed = root
	return err
}

func rootOf(tree *compact.Range) (Hash, error) {
	if tree.End() == 0 {
		return Hash(rfc6962.DefaultHasher.EmptyRoot()), nil
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		return Hash{}, fail(ReasonEntriesChanged, err)
	}
	return Hash(root), nil
}

// bundle reads the entries of a bundle that has count of them at this size, with their lengths.
func (w *walk) bundle(id tileID, count uint64) ([]byte, error) {
	size := int(count) * bundleItem //nolint:gosec // G115: count is at most 256
	file := id.path(0)
	if count < tileWidth {
		file = w.partial(id, int(count))
	}
	raw, err := read(w.fsys, file, tileWidth*bundleItem)
	if err != nil {
		return nil, err
	}
	if len(raw) < size || len(raw)%bundleItem != 0 {
		return nil, failFile(ReasonFileMalformed, file, fmt.Errorf("%d bytes for %d entries", len(raw), count))
	}
	for at := 0; at < size; at += bundleItem {
		if raw[at] != 0 || raw[at+1] != entrySize {
			return nil, failFile(ReasonFileMalformed, file, fmt.Errorf("an entry is not of %d bytes", entrySize))
		}
	}
	return raw[:size], w.match(id, raw[:size])
}

// add puts a hash into the tile of a level that is being filled.
func (w *walk) add(level int, hash []byte) error {
	tile := &w.levels[level]
	tile.bytes = append(tile.bytes, hash...)
	if len(tile.bytes) < tileWidth*tileItem {
		return nil
	}
	return w.compare(level)
}

// compare compares the tile that was filled with its files and begins the next.
func (w *walk) compare(level int) error {
	tile := &w.levels[level]
	if len(tile.bytes) == 0 {
		return nil
	}
	err := w.match(tileID{level: level, index: tile.index}, tile.bytes)
	tile.index++
	tile.bytes = tile.bytes[:0]
	return err
}

// match compares every file of a tile with what it must hold. One of them must be there: the full file, or for a tile that is partial
// at this size the partial one or, if the log has grown since, the full one. Partial files of smaller sizes may be left from then.
// What a file holds beyond this size is growth, and not looked at.
func (w *walk) match(id tileID, want []byte) error {
	count := len(want) / id.item()
	widths := w.found.partials[id]
	needed := id.path(0)
	if count < tileWidth {
		needed = w.partial(id, count)
	}
	if err := w.matchFile(needed, want); err != nil {
		return err
	}
	for _, width := range widths {
		if file := id.path(width); width <= count && file != needed {
			if err := w.matchFile(file, want[:width*id.item()]); err != nil {
				return err
			}
		}
	}
	return nil
}

// partial is the file that holds a tile of count items: its own, or the full one that took its place.
func (w *walk) partial(id tileID, count int) string {
	if slices.Contains(w.found.partials[id], count) {
		return id.path(count)
	}
	if _, err := fs.Stat(w.fsys, id.path(0)); err == nil {
		return id.path(0)
	}
	return id.path(count)
}

// matchFile compares a file with what it must begin with. Only a full file may go on after that.
func (w *walk) matchFile(file string, want []byte) error {
	id, width, _ := parseTile(file)
	got, err := read(w.fsys, file, tileWidth*id.item())
	if err != nil {
		return err
	}
	w.checked[file] = true
	full := width == 0 && len(got) == tileWidth*id.item()
	if len(got) != len(want) && !full {
		return failFile(ReasonFileMalformed, file, fmt.Errorf("%d bytes, not %d", len(got), len(want)))
	}
	if !bytes.HasPrefix(got, want) {
		return failFile(ReasonFileChanged, file, nil)
	}
	return nil
}
