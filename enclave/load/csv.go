package load

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"

	"github.com/darkroom-project/darkroom/enclave"
)

// Sizes of reading CSV.
const (
	csvPartBytes   = 1 << 20 // a part, unless one row is longer
	maxRecordBytes = 4 << 20
	encodingSample = 64 << 10
	maxFileColumns = 4 * enclave.MaxColumns
)

const byteOrderMark = "\ufeff"

// csvFile cuts a CSV file into parts at ends of rows; only quotes matter for that, so it is quick and one goroutine does it.
// The dialect is RFC 4180, with the delimiter taken from the header line, LF or CRLF, and blank lines skipped.
type csvFile struct {
	in        io.Reader // UTF-8
	names     []header
	delimiter byte
	head      int64  // lines up to the header line
	rest      []byte // read, and not yet handed out
	ended     bool
}

func openCSV(src Source, format Format) (*csvFile, error) {
	in := io.Reader(io.NewSectionReader(src, 0, src.Size()))
	if format == CSV {
		detected, err := detectEncoding(src)
		if err != nil {
			return nil, err
		}
		format = detected
	}
	if format == CSVGB18030 {
		in = transform.NewReader(in, simplifiedchinese.GB18030.NewDecoder())
	}
	f := &csvFile{in: in}
	first, err := f.cut(nil)
	if errors.Is(err, io.EOF) {
		return nil, enclave.Fail(enclave.Invalid, "FILE_EMPTY")
	}
	if err != nil {
		return nil, err
	}
	first = bytes.TrimPrefix(first, []byte(byteOrderMark))
	f.delimiter = detectDelimiter(first)
	p := &csvPart{data: first, delimiter: f.delimiter}
	fields, wrong := p.record(nil)
	for wrong == nil && fields == nil && p.at < len(first) {
		fields, wrong = p.record(nil) // blank lines above the header
	}
	if wrong != nil {
		return nil, wrong.located(0, 0)
	}
	for i := range fields {
		name := string(fields[i].text)
		if !utf8.ValidString(name) || strings.ContainsRune(name, utf8.RuneError) {
			return nil, enclave.Fail(enclave.Invalid, "FILE_ENCODING", "row", "0", "line", "1")
		}
		f.names = append(f.names, header{name: name, found: "text"})
	}
	if len(f.names) > maxFileColumns {
		return nil, enclave.Fail(enclave.Limit, "FILE_TOO_WIDE", "limit", strconv.Itoa(maxFileColumns))
	}
	f.head = int64(p.line)
	f.rest = append(first[p.at:len(first):len(first)], f.rest...)
	return f, nil
}

// detectEncoding looks for the first bytes beyond ASCII.
func detectEncoding(src Source) (Format, error) {
	buffer := make([]byte, encodingSample)
	for at := int64(0); at < src.Size(); {
		n, err := src.ReadAt(buffer, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", enclave.Internalf("read the source file: %w", err)
		}
		if at == 0 && bytes.HasPrefix(buffer[:n], []byte(byteOrderMark)) {
			return CSVUTF8, nil
		}
		i := slices.IndexFunc(buffer[:n], func(c byte) bool { return c >= utf8.RuneSelf })
		if i < 0 {
			if n == 0 {
				break
			}
			at += int64(n)
			continue
		}
		if i > 0 && n == len(buffer) {
			at += int64(i) // so that the sample starts there
			n, err = src.ReadAt(buffer, at)
			if err != nil && !errors.Is(err, io.EOF) {
				return "", enclave.Internalf("read the source file: %w", err)
			}
			i = 0
		}
		sample := buffer[i:n]
		for cut := 0; cut < utf8.UTFMax && cut < len(sample); cut++ { // the sample may end inside a character
			if utf8.Valid(sample[:len(sample)-cut]) {
				return CSVUTF8, nil
			}
		}
		return CSVGB18030, nil
	}
	return CSVUTF8, nil
}

// detectDelimiter is the candidate that stands most often in the header line, outside quotes.
func detectDelimiter(data []byte) byte {
	var counts [256]int
	quoted, text := false, false
	for _, c := range data {
		if c == '"' {
			quoted = !quoted
		}
		if !quoted {
			if c == '\n' && text {
				break
			}
			counts[c]++
			text = text || c > ' '
		}
	}
	best := byte(',')
	for _, c := range []byte{';', '\t'} {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

func (f *csvFile) headers() []header { return f.names }

func (f *csvFile) headLines() int64 { return f.head }

func (f *csvFile) next(old part) (part, error) {
	p, ok := old.(*csvPart)
	if !ok {
		p = &csvPart{delimiter: f.delimiter, columns: len(f.names)}
	}
	data, err := f.cut(p.data[:0])
	if err != nil {
		return nil, err
	}
	p.data, p.at, p.line = data, 0, 0
	return p, nil
}

// cut reads whole rows into buffer.
func (f *csvFile) cut(buffer []byte) ([]byte, error) {
	buffer = append(buffer, f.rest...)
	f.rest = f.rest[:0]
	for size := csvPartBytes; ; size *= 2 {
		if len(buffer) < size && !f.ended {
			have := len(buffer)
			buffer = append(buffer, make([]byte, size-have)...)
			n, err := io.ReadFull(f.in, buffer[have:])
			buffer = buffer[:have+n]
			f.ended = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
			if err != nil && !f.ended {
				return nil, enclave.Internalf("read the source file: %w", err)
			}
		}
		if f.ended {
			if len(buffer) == 0 {
				return nil, io.EOF
			}
			return buffer, nil
		}
		if end := lastRowEnd(buffer); end > 0 {
			f.rest = append(f.rest, buffer[end:]...)
			return buffer[:end], nil
		}
		if len(buffer) > maxRecordBytes {
			return nil, enclave.Fail(enclave.Limit, "FILE_ROW_TOO_LONG", "limit", strconv.Itoa(maxRecordBytes>>20)+" MiB")
		}
	}
}

// lastRowEnd is the place after the last line end that is not inside quotes, 0 if there is none.
func lastRowEnd(data []byte) int {
	quotes := bytes.Count(data, []byte{'"'})
	if quotes == 0 {
		return bytes.LastIndexByte(data, '\n') + 1
	}
	for i, c := range slices.Backward(data) {
		switch {
		case c == '"':
			quotes--
		case c == '\n' && quotes%2 == 0:
			return i + 1
		}
	}
	return 0
}
