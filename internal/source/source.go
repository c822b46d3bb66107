// Package source is the archive in which an operator hands in the source of a module: a tar file of regular files with one possible
// encoding, so that the same folder always has the same digest, and small enough to be read by a person.
//
// The first entry, darkroom.source.json, is the archive's own manifest: {"darkroom":1,"go":"go1.26.1"}. The others are the files of the
// folder, ascending by path. Every header is of the USTAR format with mode 0644 and no time, owner or device.
package source

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// Limits of an archive.
const (
	MaxBytes = 1 << 20 // of all files together
	MaxFiles = 500
	MaxPath  = 100 // bytes of a path: what a USTAR header holds in one field

	maxHead    = 1 << 10 // bytes of the archive's own manifest
	MaxEncoded = MaxBytes + maxHead + (MaxFiles+1)*2*512 + 2*512
)

// headFile is the name of the first entry.
const headFile = "darkroom.source.json"

// Archive is the source of a module.
type Archive struct {
	Go    string // version of Go that it was built with, as "go env GOVERSION" says it; "" if it has no Go code
	Files []File // ascending by path
}

// File is one file, at a path like "guest/guest.go".
type File struct {
	Path    string
	Content []byte
}

// head is the archive's own manifest.
type head struct {
	Darkroom int    `json:"darkroom"` // version of this format: 1
	Go       string `json:"go,omitempty"`
}

var (
	goPattern      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 .:+_-]{0,63}$`)
	segmentPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+@~-]*$`)
)

// Encode writes the archive. Its files must be ascending by path, as those of Pack and Parse are. Reasons of errors: as of Parse.
func (a *Archive) Encode() ([]byte, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	own, err := json.Marshal(head{Darkroom: 1, Go: a.Go})
	if err != nil {
		return nil, enclave.Internalf("encode the head of an archive: %w", err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err = put(w, headFile, own)
	for _, f := range a.Files {
		err = errors.Join(err, put(w, f.Path, f.Content))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, enclave.Internalf("write an archive: %w", err)
	}
	return out.Bytes(), nil
}

func put(w *tar.Writer, path string, content []byte) error {
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatUSTAR})
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// Parse reads an archive of any origin. Only the bytes that Encode would write are one. Reasons of errors: MODULE_SOURCE_TOO_LARGE,
// MODULE_SOURCE_TOO_MANY, MODULE_SOURCE_PATH, MODULE_SOURCE_LINK, MODULE_SOURCE_MALFORMED.
func Parse(raw []byte) (*Archive, error) {
	if len(raw) > MaxEncoded {
		return nil, tooLarge()
	}
	r := tar.NewReader(bytes.NewReader(raw))
	own, err := next(r, maxHead)
	if err != nil {
		return nil, err
	}
	if own == nil || own.Path != headFile {
		return nil, malformed("the first entry is not " + headFile)
	}
	var h head
	if err := json.Unmarshal(own.Content, &h); err != nil || h.Darkroom != 1 {
		return nil, malformed(headFile)
	}
	a := &Archive{Go: h.Go}
	for left := int64(MaxBytes); ; {
		f, err := next(r, left)
		if err != nil {
			return nil, err
		}
		if f == nil {
			break
		}
		if len(a.Files) == MaxFiles {
			return nil, tooMany()
		}
		left -= int64(len(f.Content))
		a.Files = append(a.Files, *f)
	}
	again, err := a.Encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, raw) {
		return nil, malformed("not as this format writes it")
	}
	return a, nil
}

// next reads one entry of at most limit bytes, nil at the end.
func next(r *tar.Reader, limit int64) (*File, error) {
	header, err := r.Next()
	if errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // there is none
	}
	switch {
	case err != nil:
		return nil, malformed("not a tar file")
	case header.Typeflag != tar.TypeReg:
		return nil, link(header.Name)
	case header.Size > limit:
		return nil, tooLarge()
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return nil, malformed("it ends early")
	}
	return &File{Path: header.Name, Content: content}, nil
}

// check refuses what no archive may hold. Two paths that differ in case alone would be one file on some machines.
func (a *Archive) check() error {
	if a.Go != "" && !goPattern.MatchString(a.Go) {
		return malformed("the version of Go")
	}
	if len(a.Files) > MaxFiles {
		return tooMany()
	}
	files, folders := map[string]bool{headFile: true}, map[string]bool{}
	total, last := 0, ""
	for _, f := range a.Files {
		folded := strings.ToLower(f.Path)
		if !validPath(f.Path) || files[folded] || folders[folded] {
			return enclave.Fail(enclave.Invalid, "MODULE_SOURCE_PATH", "path", printable(f.Path))
		}
		if f.Path <= last {
			return malformed("files out of order")
		}
		last, files[folded] = f.Path, true
		for i, c := range folded {
			if c != '/' {
				continue
			}
			if files[folded[:i]] {
				return enclave.Fail(enclave.Invalid, "MODULE_SOURCE_PATH", "path", f.Path)
			}
			folders[folded[:i]] = true
		}
		if total += len(f.Content); total > MaxBytes {
			return tooLarge()
		}
	}
	return nil
}

// Misleading lists the files whose text may not be what a person sees of it: what a terminal obeys, what turns the order of text or shows nothing
// (see [enclave.Visible]), and what is no text. That lines end as on Windows is no matter.
func (a *Archive) Misleading() []string {
	var all []string
	for _, f := range a.Files {
		if !enclave.Visible(strings.ReplaceAll(string(f.Content), "\r\n", "\n"), "\n\t") {
			all = append(all, f.Path)
		}
	}
	return all
}

// validPath allows relative paths of plain names, none hidden, none that leads out.
func validPath(path string) bool {
	if len(path) > MaxPath {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if !segmentPattern.MatchString(segment) || strings.HasSuffix(segment, ".") {
			return false
		}
	}
	return true
}

// printable is a path as an error may show it.
func printable(path string) string {
	path = strings.ToValidUTF8(path[:min(len(path), MaxPath)], "?")
	return strings.Trim(strconv.Quote(path), `"`)
}

func malformed(problem string) *enclave.Error {
	return enclave.Fail(enclave.Invalid, "MODULE_SOURCE_MALFORMED", "problem", problem)
}

func link(path string) *enclave.Error {
	return enclave.Fail(enclave.Invalid, "MODULE_SOURCE_LINK", "path", printable(path))
}

func tooLarge() *enclave.Error {
	return enclave.Fail(enclave.Limit, "MODULE_SOURCE_TOO_LARGE", "limit", strconv.Itoa(MaxBytes))
}

func tooMany() *enclave.Error {
	return enclave.Fail(enclave.Limit, "MODULE_SOURCE_TOO_MANY", "limit", strconv.Itoa(MaxFiles))
}
