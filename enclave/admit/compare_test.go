package admit

import (
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave/wasm"
)

func TestCompare(t *testing.T) {
	custom := func(name, content string) []byte {
		body := binary.AppendUvarint(nil, uint64(len(name)))
		body = append(body, name+content...)
		return append(binary.AppendUvarint([]byte{wasm.Custom}, uint64(len(body))), body...)
	}
	memory := func(pages byte) []byte { return []byte{wasm.Memory, 3, 1, 0, pages} }
	module := func(sections ...[]byte) []byte { return slices.Concat(append([][]byte{header}, sections...)...) }
	base := module(memory(1), custom("a", "xyz"), custom("b", "1"))
	for name, c := range map[string]struct {
		got  []byte
		want []Difference
	}{
		"the same":        {base, nil},
		"another byte":    {module(memory(2), custom("a", "xyz"), custom("b", "1")), []Difference{{"memory", 5, 5, 4}}},
		"a longer one":    {module(memory(1), custom("a", "xyz!"), custom("b", "1")), []Difference{{`custom "a"`, 7, 8, 1}}},
		"one that lacks":  {module(memory(1), custom("b", "1")), []Difference{{`custom "a"`, 7, 0, 0}}},
		"one more":        {module(memory(1), custom("a", "xyz"), custom("b", "1"), custom("b", "2")), []Difference{{`custom "b"`, 0, 5, 0}}},
		"in another turn": {module(memory(1), custom("b", "1"), custom("a", "xyz")), []Difference{{"order of sections", len(base), len(base), 0}}},
	} {
		got, err := Compare(base, c.got)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := Compare(base, []byte("no")); err == nil {
		t.Error("something else than a module")
	}
	if _, err := Compare(nil, base); err == nil {
		t.Error("nothing")
	}
}
