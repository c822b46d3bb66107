package rpc

import (
	"google.golang.org/protobuf/proto"

	"github.com/darkroom-project/darkroom/enclave"
)

const (
	defaultPage = 100
	maxPage     = 8 << 20 // bytes of a page: it ends with the part that passes this
	maxScanned  = 10_000  // objects looked at for one page
)

// The sizes of the parts in which a page is gathered, so that no page is much larger than maxPage: descriptions and manifests may have
// 4 MiB each.
const (
	heavyPart = 8
	lightPart = 100
)

// paged is a request for a page.
type paged interface {
	GetPageSize() int32
	GetPageToken() string
}

// gather makes a page of the objects that show lets through. A page may be shorter than asked for, even empty, while there is a next
// one.
func gather[T any, M proto.Message](
	request paged, part int, list func(enclave.Page) ([]T, string, error), show func(T) (seen M, ok bool, err error),
) ([]M, string, error) {
	size, after := int(request.GetPageSize()), request.GetPageToken()
	if size == 0 {
		size = defaultPage
	}
	var out []M
	for bytes, scanned := 0, 0; ; {
		items, next, err := list(enclave.Page{Size: min(part, size-len(out)), After: after})
		if err != nil {
			return nil, "", err
		}
		for _, item := range items {
			seen, ok, err := show(item)
			if err != nil {
				return nil, "", err
			}
			if ok {
				out = append(out, seen)
				bytes += proto.Size(seen)
			}
		}
		after, scanned = next, scanned+len(items)
		if after == "" || len(out) >= size || bytes > maxPage || scanned >= maxScanned || len(items) == 0 {
			return out, after, nil
		}
	}
}
