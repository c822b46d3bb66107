package cli

import (
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

const mib = 1 << 20

// The largest files that are read whole, in bytes.
const (
	maxDescription = 4 * mib
	maxReceipt     = 1 * mib
	maxKey         = 4 << 10
	maxResult      = 1 << 30
)

// read reads a file that the user named; "-" is standard input.
func (sh *shell) read(name string, limit int64) ([]byte, error) {
	from := sh.in
	if name != "-" {
		file, err := open(name)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // only read from
		from = file
	}
	raw, err := io.ReadAll(io.LimitReader(from, limit+1))
	if err != nil {
		return nil, fileError(name, err)
	}
	if int64(len(raw)) > limit {
		return nil, enclave.Fail(enclave.Limit, "CLI_FILE_TOO_LARGE", "file", name, "limit", strconv.FormatInt(limit, 10))
	}
	return raw, nil
}

// open opens a file that the user named; a directory is none.
func open(name string) (*os.File, error) {
	file, err := os.Open(name) //nolint:gosec // the user's own file
	if err != nil {
		return nil, fileError(name, err)
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, errors.Join(enclave.Fail(enclave.Invalid, "CLI_FILE_DIRECTORY", "file", name), file.Close())
	}
	return file, nil
}

// fileError says what is wrong with a file that the user named.
func fileError(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return enclave.Fail(enclave.Invalid, "CLI_FILE_MISSING", "file", name)
	case errors.Is(err, fs.ErrPermission):
		return enclave.Fail(enclave.Invalid, "CLI_FILE_DENIED", "file", name)
	}
	problem := err.Error()
	if inner, ok := errors.AsType[*os.PathError](err); ok {
		problem = inner.Err.Error()
	}
	return enclave.Fail(enclave.Invalid, "CLI_FILE", "file", name, "problem", problem)
}

// missing refuses a file that is there already, before work is done whose outcome would have no place.
func missing(name string) error {
	if _, err := os.Lstat(name); err == nil {
		return enclave.Fail(enclave.State, "CLI_FILE_EXISTS", "file", name)
	}
	return placed(name)
}

// noFolder refuses a folder where a file is asked for.
func noFolder(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return enclave.Fail(enclave.Invalid, "CLI_FILE_DIRECTORY", "file", name)
	}
	return nil
}

// placed refuses a file that no folder is there for, or that is a folder itself, likewise. One that is there is written anew.
func placed(name string) error {
	if err := noFolder(name); err != nil {
		return err
	}
	if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
		return enclave.Fail(enclave.Invalid, "CLI_FILE_MISSING", "file", filepath.Dir(name))
	}
	return nil
}

// write sends what content writes to a file, or to standard output if none is named. A file appears whole or not at all.
func (sh *shell) write(name string, content func(io.Writer) error) (err error) {
	if name == "" || name == "-" {
		return content(sh.out)
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return enclave.Fail(enclave.Invalid, "CLI_FILE_DIRECTORY", "file", name)
	} else if err == nil && !info.Mode().IsRegular() { // a pipe or a device is written to, not replaced
		f, err := os.OpenFile(name, os.O_WRONLY, 0) //nolint:gosec // the user names it
		if err != nil {
			return fileError(name, err)
		}
		return errors.Join(content(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return fileError(name, err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone already where the rename succeeded
	progress := &counter{Writer: f, sh: sh, next: step}
	if err := errors.Join(content(progress), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fileError(name, err)
	}
	sh.note("CLI_WROTE", "file", name)
	return nil
}

// step is after how many bytes a long transfer says how far it is.
const step = 64 * mib

// counter prints a line for every step of a long output.
type counter struct {
	io.Writer
	sh         *shell
	done, next int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	if c.done += int64(n); c.done >= c.next {
		c.next += step
		c.sh.note("CLI_PROGRESS_WRITTEN", "done", strconv.FormatInt(c.done/mib, 10))
	}
	return n, err
}

// until takes what is written until something has ended: the errors of a context stop what does not ask for it itself.
type until struct {
	io.Writer
	ended func() error
}

func (u until) Write(b []byte) (int, error) {
	if err := u.ended(); err != nil {
		return 0, err
	}
	return u.Writer.Write(b)
}

// writeCSV writes a table for spreadsheets.
func writeCSV(w io.Writer, header []string, rows [][]string) error {
	out := csv.NewWriter(w)
	return errors.Join(out.Write(header), out.WriteAll(rows))
}
