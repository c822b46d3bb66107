package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// write sends what content writes to a file, or to standard output if none is named. The file appears whole or not at all.
func (sh *shell) write(name string, content func(io.Writer) error) (err error) {
	if name == "" || name == "-" {
		return content(sh.out)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return fileError(name, err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone already where the rename succeeded
	if err := errors.Join(content(f), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fileError(name, err)
	}
	sh.note("CLI_WROTE", "file", name)
	return nil
}
