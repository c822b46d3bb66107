package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// The layout is that of C2SP tlog-tiles: tile/entries/<n> holds 256 entries, each behind its length in two bytes, big endian;
// tile/<level>/<n> holds 256 hashes of level 8·level of the tree. The last of each level may be partial: <n>.p/<width>.
const (
	tileWidth  = 256
	entrySize  = 32            // a commitment
	bundleItem = 2 + entrySize // with its length
	tileItem   = len(Hash{})
	maxLevel   = 7 // 256⁸ entries are all that a uint64 counts
)

// entries stands for the level of entry bundles.
const entries = -1

// tileID names one tile, or one bundle if level is entries.
type tileID struct {
	level int
	index uint64
}

// path is the file of a tile; width is 0 for a full one.
func (t tileID) path(width int) string {
	level := "entries"
	if t.level != entries {
		level = strconv.Itoa(t.level)
	}
	name := fmt.Sprintf("%03d", t.index%1000)
	for rest := t.index / 1000; rest > 0; rest /= 1000 {
		name = fmt.Sprintf("x%03d/%s", rest%1000, name)
	}
	if width > 0 {
		name += ".p/" + strconv.Itoa(width)
	}
	return "tile/" + level + "/" + name
}

// item is the size of one of the tile's items in bytes.
func (t tileID) item() int {
	if t.level == entries {
		return bundleItem
	}
	return tileItem
}

// parseTile reads a path back; it accepts exactly what path writes.
func parseTile(file string) (id tileID, width int, ok bool) {
	level, name, ok := strings.Cut(strings.TrimPrefix(file, "tile/"), "/")
	if !ok {
		return tileID{}, 0, false
	}
	id.level = entries
	if level != "entries" {
		number, err := strconv.Atoi(level)
		if err != nil || number < 0 || number > maxLevel {
			return tileID{}, 0, false
		}
		id.level = number
	}
	name, partial, isPartial := strings.Cut(name, ".p/")
	if isPartial {
		number, err := strconv.Atoi(partial)
		if err != nil || number < 1 || number >= tileWidth {
			return tileID{}, 0, false
		}
		width = number
	}
	digits := strings.NewReplacer("x", "", "/", "").Replace(name)
	number, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return tileID{}, 0, false
	}
	id.index = number
	return id, width, id.path(width) == file
}

// inventory lists what lies in a copy: the partial tiles, which may be more than one of a tile, and every file.
type inventory struct {
	partials map[tileID][]int
	files    []string
}

// list walks a copy once. Files other than the checkpoint that are not tiles have no meaning; they are among the files all the same.
func list(fsys fs.FS) (*inventory, error) {
	found := &inventory{partials: map[tileID][]int{}}
	err := fs.WalkDir(fsys, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return nil
		}
		found.files = append(found.files, file)
		if id, width, ok := parseTile(file); ok && width > 0 {
			found.partials[id] = append(found.partials[id], width)
		}
		return nil
	})
	return found, err
}

// read reads a file of at most limit bytes.
func read(fsys fs.FS, file string, limit int) ([]byte, error) {
	opened, err := fsys.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, failFile(ReasonFileMissing, file, nil)
	}
	if err != nil {
		return nil, failFile(ReasonFileMalformed, file, err)
	}
	raw, err := io.ReadAll(io.LimitReader(opened, int64(limit)+1))
	if err = errors.Join(err, opened.Close()); err != nil {
		return nil, failFile(ReasonFileMalformed, file, err)
	}
	if len(raw) > limit {
		return nil, failFile(ReasonFileMalformed, file, fmt.Errorf("larger than %d bytes", limit))
	}
	return raw, nil
}
