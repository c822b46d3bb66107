package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// Source is a file of a source department: a *bytes.Reader, an *io.SectionReader, or FileSource of a spooled upload. It is read
// at any offset, from one goroutine at a time.
type Source interface {
	io.ReaderAt
	Size() int64
}

// FileSource is a Source of an open file, which the caller closes afterwards.
func FileSource(f *os.File) (Source, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, enclave.Internalf("size of the source file: %w", err)
	}
	return io.NewSectionReader(f, 0, info.Size()), nil
}

// Format is how a file is written.
type Format string

// The formats. Detect looks at the first bytes for Parquet and Arrow and takes everything else for CSV. CSV detects its encoding:
// UTF-8 if it has a byte order mark or its first text beyond ASCII is valid UTF-8, GB18030 (which covers GBK and GB2312) otherwise.
const (
	Detect     Format = ""
	CSV        Format = "csv"
	CSVUTF8    Format = "csv-utf-8"
	CSVGB18030 Format = "csv-gb18030"
	Parquet    Format = "parquet"
	Arrow      Format = "arrow" // IPC, as a file or as a stream
)

// Formats lists what a person may state; Detect stands for stating nothing.
func Formats() []Format { return []Format{Detect, CSV, CSVUTF8, CSVGB18030, Parquet, Arrow} }

// Limits of files. A larger table is loaded as several datasets.
const (
	MaxFileBytes = 64 << 30
	MaxRows      = 1 << 31
)

// origin is what the values of a file's column are, before the description says what they should be.
type origin uint8

const (
	originText origin = iota
	originInt
	originDecimal
	originFloat
	originDate
	originBool
	originOther // timestamps, lists, binary …: never loaded
)

// fits reports whether a column of the description may be read from values of this origin.
func (o origin) fits(t enclave.Type) bool {
	switch o {
	case originText:
		return true
	case originInt:
		return t != enclave.Date
	case originDecimal, originFloat:
		return t == enclave.Int || t == enclave.Decimal
	case originDate:
		return t == enclave.Date
	case originBool:
		return t == enclave.Code
	case originOther:
	}
	return false
}

// header is one column of a file.
type header struct {
	name   string
	origin origin
	found  string // the type as its format calls it, for the refusal
}

// table is an opened file. Its methods are called from one goroutine at a time; its parts are decoded by others.
type table interface {
	headers() []header
	// headLines is the number of lines above the first row, -1 if the format has no lines.
	headLines() int64
	// next reads the following rows, reusing old (nil at first), or returns io.EOF.
	next(old part) (part, error)
}

// part is some consecutive rows of a file, not yet decoded.
type part interface {
	// each visits the rows in order, the fields of each in the order of the headers; visit must not keep them. It returns how many rows
	// and lines the part has, or what is wrong with one.
	each(visit func(fields []field) *flaw) (rows, lines int, wrong *flaw)
	// release gives memory back that the garbage collector would not.
	release()
}

// openTable reads the head of a file.
func openTable(ctx context.Context, src Source, format Format) (t table, err error) {
	if src.Size() > MaxFileBytes {
		return nil, enclave.Fail(enclave.Limit, "FILE_TOO_LARGE", "limit", strconv.Itoa(MaxFileBytes>>30)+" GiB")
	}
	if format == Detect {
		if format, err = detect(src); err != nil {
			return nil, err
		}
	}
	err = guarded(format, func() error {
		switch format {
		case CSV, CSVUTF8, CSVGB18030:
			t, err = openCSV(src, format)
		case Parquet:
			t, err = openParquet(ctx, src)
		case Arrow:
			t, err = openArrow(src)
		case Detect:
		}
		return err
	})
	if err == nil && t == nil {
		return nil, enclave.Fail(enclave.Invalid, "FILE_FORMAT", "expected", fmt.Sprint(Formats()[1:]))
	}
	return t, err
}

// detect tells formats apart by their first bytes: Parquet "PAR1", Arrow file "ARROW1", Arrow stream 0xFFFFFFFF.
func detect(src Source) (Format, error) {
	var start [6]byte
	n, err := src.ReadAt(start[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", enclave.Internalf("read the source file: %w", err)
	}
	switch {
	case bytes.HasPrefix(start[:n], []byte("PAR1")):
		return Parquet, nil
	case bytes.HasPrefix(start[:n], []byte("ARROW1")), bytes.HasPrefix(start[:n], []byte{0xff, 0xff, 0xff, 0xff}):
		return Arrow, nil
	}
	return CSV, nil
}

// guarded runs code that meets a file's bytes. The libraries panic on some malformed files; that is a refusal like any other. What
// they say may quote the file, so it is only a cause.
func guarded(format Format, read func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = unreadable(format, fmt.Errorf("%v", fault))
		}
	}()
	return read()
}

func unreadable(format Format, cause error) error {
	if errors.Is(cause, errTooMuchMemory) {
		return enclave.Fail(enclave.Limit, "FILE_MEMORY", "limit", strconv.Itoa(maxDecoded>>30)+" GiB").Because(cause)
	}
	return enclave.Fail(enclave.Invalid, "FILE_UNREADABLE", "format", string(format)).Because(cause)
}
