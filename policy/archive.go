package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// MaxArchive is the most bytes of a bundle as a file.
const MaxArchive = 2 << 20

// ParseArchive reads a bundle's tarball, as OPA's own tool builds it, into its files by path, its signature among them. It is the only reader
// that a tarball meets: what is verified, compiled and kept are these files. Errors are POLICY_BUNDLE_INVALID.
func ParseArchive(raw []byte) ([]File, error) {
	const place = "tarball"
	if len(raw) > MaxArchive {
		return nil, invalid(place, "a bundle's file has at most 2 MiB")
	}
	zipped, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, invalid(place, "not compressed with gzip")
	}
	var files []File
	var total int64
	entries := tar.NewReader(zipped)
	for {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, invalid(place, "damaged")
		}
		if entry.Typeflag == tar.TypeDir {
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(entry.Name, "./"), "/")
		switch {
		case entry.Typeflag != tar.TypeReg:
			return nil, invalid(name, "not a regular file")
		case name == "" || name != path.Clean(name) || strings.HasPrefix(name, "..") || strings.ContainsAny(name, "\\\x00"):
			return nil, invalid(place, "a file's path is not a plain one")
		case len(files) == maxFiles || entry.Size < 0 || entry.Size > maxBundleBytes-total:
			return nil, invalid(name, "a bundle has at most 1000 files and 8 MiB")
		}
		text, err := io.ReadAll(io.LimitReader(entries, entry.Size+1))
		if err != nil || int64(len(text)) != entry.Size {
			return nil, invalid(name, "damaged")
		}
		total += entry.Size
		files = append(files, File{Path: name, Text: string(text)})
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(zipped, maxBundleBytes)); err != nil { // what follows the last file, and the sum over all
		return nil, invalid(place, "damaged")
	}
	sortFiles(files)
	for i := 1; i < len(files); i++ {
		if files[i].Path == files[i-1].Path {
			return nil, invalid(files[i].Path, "there twice")
		}
	}
	return files, nil
}

// EncodeArchive writes files as a bundle's tarball, which OPA's own tool reads too. The same files are the same bytes.
func EncodeArchive(files []File) ([]byte, error) {
	files = slices.Clone(files)
	sortFiles(files)
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	entries := tar.NewWriter(zipped)
	for _, f := range files {
		header := &tar.Header{Name: "/" + f.Path, Mode: 0o600, Size: int64(len(f.Text)), Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		err := entries.WriteHeader(header)
		if err == nil {
			_, err = entries.Write([]byte(f.Text))
		}
		if err != nil {
			return nil, enclave.Internalf("write a bundle: %w", err)
		}
	}
	if err := errors.Join(entries.Close(), zipped.Close()); err != nil {
		return nil, enclave.Internalf("write a bundle: %w", err)
	}
	return out.Bytes(), nil
}

func sortFiles(files []File) {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
}
