package admit

import (
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

// section is one section of a module.
type section struct {
	wasm.Section        // of a custom one, Contents begins after the name
	custom       string // the name
}

// split cuts a module into its sections. Those that are not custom are in the prescribed order, each at most once.
func split(module []byte) ([]section, error) {
	if len(module) > MaxModuleBytes {
		return nil, enclave.Fail(enclave.Limit, "MODULE_TOO_LARGE", "limit", strconv.Itoa(MaxModuleBytes))
	}
	whole, err := wasm.Open(module)
	if err != nil {
		return nil, err
	}
	var sections []section
	for customs := 0; whole.More(); {
		next, err := whole.Next()
		if err != nil {
			return nil, err
		}
		in := section{Section: next}
		if in.ID == wasm.Custom {
			customs += in.Contents.Left()
			if in.custom = name(&in.Contents); in.Contents.Err() != nil {
				return nil, in.Contents.Err()
			}
			if customs > MaxCustomBytes {
				return nil, tooMany("bytes of custom sections", MaxCustomBytes)
			}
		} else if err := whole.Follows(in.ID); err != nil {
			return nil, err
		}
		if sections = append(sections, in); len(sections) > MaxSections {
			return nil, tooMany("sections", MaxSections)
		}
	}
	return sections, nil
}

func tooMany(what string, limit int) error {
	return enclave.Fail(enclave.Limit, "MODULE_TOO_MANY", "what", what, "limit", strconv.Itoa(limit))
}

// capped reads the length of a list that may have so many items.
func capped(r *wasm.Reader, what string, limit int) int {
	n := int(r.Count())
	if n > limit {
		r.Fail(tooMany(what, limit))
		return 0
	}
	return n
}

// name reads the name of an import, an export, or a custom section.
func name(r *wasm.Reader) string {
	return r.Name(uint32(capped(r, "bytes in a name", MaxNameBytes))) //nolint:gosec // never negative
}
