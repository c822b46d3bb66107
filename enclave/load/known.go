package load

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/darkroom-project/darkroom/enclave"
)

// Known says for each candidate whether it is the identifier of a subject of a kind, in any dataset. It tells nothing else, and neither
// keeps nor changes a candidate. It reads the kind's directory once; a file that is being ingested meanwhile adds subjects that it does
// not know yet. Errors are the context's own and internal ones.
func (s *Store) Known(ctx context.Context, kind enclave.SubjectKind, candidates [][]byte) ([]bool, error) {
	keys, err := s.derive(kind)
	if err != nil {
		return nil, err
	}
	hash := newHasher(keys.pseudonym)
	sought := make(map[pseudonym][]int, len(candidates))
	for i, candidate := range candidates {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if len(candidate) > maxIdentifierBytes {
			continue // no identifier
		}
		if id := normalise(bytes.Clone(candidate)); len(id) > 0 {
			p := hash.of(id)
			sought[p] = append(sought[p], i)
		}
	}
	known := make([]bool, len(candidates))
	f, err := os.Open(s.path(directoriesDir, string(kind)+".subjects"))
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil // nobody yet
	}
	if err != nil {
		return nil, enclave.Internalf("open the subject directory: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, enclave.Internalf("open the subject directory: %w", err)
	}
	entries, _, err := readDirectory(f, info.Size(), directoryHead(kind, hash.of(nil)))
	if err != nil {
		return nil, enclave.Internalf("subject directory of kind %s: %w", kind, err)
	}
	for i := range entries {
		for _, at := range sought[entries[i]] {
			known[at] = true
		}
	}
	return known, nil
}
