package admit

import (
	"bytes"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave/wasm"
)

// Difference is one section in which two modules are not the same.
type Difference struct {
	Section   string // "code", "data", "custom darkroom.manifest"
	Want, Got int    // bytes of the section, its header included; 0 if it is not there
	At        int    // where the first byte differs, from the section's beginning
}

// Compare says in which sections two modules differ, in the order of the first; none if they are the same byte for byte. Sections of
// one name are compared in their order. Errors are those of [Check] about the order of sections.
func Compare(want, got []byte) ([]Difference, error) {
	first, err := split(want)
	if err != nil {
		return nil, err
	}
	second, err := split(got)
	if err != nil {
		return nil, err
	}
	left := map[string][][]byte{}
	for i := range second {
		left[second[i].title()] = append(left[second[i].title()], second[i].Whole)
	}
	var all []Difference
	add := func(title string, want, got []byte) {
		if bytes.Equal(want, got) {
			return
		}
		at := 0
		for at < min(len(want), len(got)) && want[at] == got[at] {
			at++
		}
		all = append(all, Difference{Section: title, Want: len(want), Got: len(got), At: at})
	}
	for i := range first {
		title := first[i].title()
		var other []byte
		if rest := left[title]; len(rest) > 0 {
			other, left[title] = rest[0], rest[1:]
		}
		add(title, first[i].Whole, other)
	}
	for i := range second { // what is in the second alone
		title := second[i].title()
		if rest := left[title]; len(rest) > 0 {
			add(title, nil, rest[0])
			left[title] = rest[1:]
		}
	}
	if len(all) == 0 && !bytes.Equal(want, got) {
		all = append(all, Difference{Section: "order of sections", Want: len(want), Got: len(got)})
	}
	return all, nil
}

// title is the section's name for people.
func (s *section) title() string {
	if s.ID == wasm.Custom {
		return "custom " + strconv.Quote(s.custom)
	}
	names := [...]string{
		wasm.Type: "type", wasm.Import: "import", wasm.Function: "function", wasm.Table: "table", wasm.Memory: "memory",
		wasm.Global: "global", wasm.Export: "export", wasm.Start: "start", wasm.Element: "element", wasm.Code: "code",
		wasm.Data: "data", wasm.DataCount: "data count",
	}
	return names[s.ID]
}
