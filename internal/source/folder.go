package source

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// Pack reads a module's folder. Hidden files and folders, whose names begin with a point, are left out, and so are compiled modules (*.wasm);
// anything else that is neither a file nor a folder is MODULE_SOURCE_LINK. Other reasons of errors: MODULE_SOURCE_UNREADABLE, and those of Parse.
func Pack(dir, goVersion string) (*Archive, error) {
	unreadable := func(err error) error {
		return enclave.Fail(enclave.Invalid, "MODULE_SOURCE_UNREADABLE", "dir", dir).Because(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unreadable(err)
	}
	defer root.Close() //nolint:errcheck // only read from
	a := &Archive{Go: goVersion}
	total := int64(0)
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return unreadable(err)
		case name == ".":
			return nil
		case strings.HasPrefix(entry.Name(), ".") && entry.IsDir():
			return fs.SkipDir
		case strings.HasPrefix(entry.Name(), "."), path.Ext(name) == ".wasm", entry.IsDir():
			return nil
		case !entry.Type().IsRegular():
			return link(name)
		case len(a.Files) == MaxFiles:
			return tooMany()
		}
		info, err := entry.Info()
		if err != nil {
			return unreadable(err)
		}
		if total += info.Size(); total > MaxBytes {
			return tooLarge()
		}
		content, err := root.ReadFile(filepath.FromSlash(name))
		if err != nil {
			return unreadable(err)
		}
		a.Files = append(a.Files, File{Path: name, Content: content})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(a.Files, func(x, y File) int { return cmp.Compare(x.Path, y.Path) })
	return a, a.check()
}

// Unpack writes the files into a folder, which must be empty or not there. Nothing is written outside of it. Reasons of errors:
// MODULE_SOURCE_FOLDER_USED, MODULE_SOURCE_WRITE.
func (a *Archive) Unpack(dir string) error {
	if err := a.check(); err != nil {
		return err
	}
	problem := func(err error) error {
		return enclave.Fail(enclave.State, "MODULE_SOURCE_WRITE", "dir", dir).Because(err)
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return problem(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return problem(err)
	}
	defer root.Close() //nolint:errcheck // the files are closed by then
	if there, err := fs.ReadDir(root.FS(), "."); err != nil {
		return problem(err)
	} else if len(there) > 0 {
		return enclave.Fail(enclave.State, "MODULE_SOURCE_FOLDER_USED", "dir", dir)
	}
	for _, f := range a.Files {
		name := filepath.FromSlash(f.Path)
		err := root.MkdirAll(filepath.Dir(name), 0o750)
		if err == nil {
			err = writeNew(root, name, f.Content)
		}
		if err != nil {
			return problem(err)
		}
	}
	return nil
}

func writeNew(root *os.Root, name string, content []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
