package wasm_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

func uleb(v uint32) []byte { return binary.AppendUvarint(nil, uint64(v)) }

func section(id byte, contents string) []byte {
	return slices.Concat([]byte{id}, uleb(uint32(len(contents))), []byte(contents)) //nolint:gosec // a few bytes
}

// sections reads a module up to the first problem.
func sections(module []byte) (read []wasm.Section, err error) {
	whole, err := wasm.Open(module)
	for err == nil && whole.More() {
		var next wasm.Section
		if next, err = whole.Next(); err == nil && next.ID != wasm.Custom {
			err = whole.Follows(next.ID)
		}
		if err == nil {
			read = append(read, next)
		}
	}
	return read, err
}

func TestSections(t *testing.T) {
	var all []byte // once each, in order, with custom ones around
	for i := range len(wasm.Order) {
		all = append(all, section(wasm.Order[i], "x")...)
		all = append(all, section(wasm.Custom, "x")...)
	}
	for name, c := range map[string]struct {
		sections []byte
		want     int
		reason   string
	}{
		"none":                 {nil, 0, ""},
		"all":                  {all, 2 * len(wasm.Order), ""},
		"an empty one":         {section(wasm.Type, ""), 1, ""},
		"a length of 5 bytes":  {[]byte{wasm.Type, 0x81, 0x80, 0x80, 0x80, 0x00, 'x'}, 1, ""},
		"no length":            {[]byte{wasm.Type}, 0, "MODULE_MALFORMED"},
		"a length beyond":      {[]byte{wasm.Type, 2, 'x'}, 0, "MODULE_MALFORMED"},
		"a length far beyond":  {[]byte{wasm.Type, 0xff, 0xff, 0xff, 0xff, 0x0f, 'x'}, 0, "MODULE_MALFORMED"},
		"one twice":            {slices.Concat(section(wasm.Type, "x"), section(wasm.Type, "x")), 1, "MODULE_MALFORMED"},
		"out of order":         {slices.Concat(section(wasm.Memory, "x"), section(wasm.Type, "x")), 1, "MODULE_MALFORMED"},
		"count behind code":    {slices.Concat(section(wasm.Code, "x"), section(wasm.DataCount, "x")), 1, "MODULE_MALFORMED"},
		"one that is not":      {slices.Concat(section(wasm.Type, "x"), section(13, "x")), 1, "MODULE_UNSUPPORTED"},
		"one behind the last":  {slices.Concat(section(wasm.Data, "x"), section(wasm.Start, "x")), 1, "MODULE_MALFORMED"},
		"custom ones anywhere": {slices.Concat(section(0, "x"), section(wasm.Data, "x"), section(0, "x")), 3, ""},
	} {
		module := append([]byte(wasm.Header), c.sections...)
		read, err := sections(module)
		reason := ""
		if err != nil {
			reason = enclave.AsError(err).Reason
		}
		if len(read) != c.want || reason != c.reason {
			t.Errorf("%s: %d sections and %v, want %d and %q", name, len(read), err, c.want, c.reason)
		}
		again := []byte(wasm.Header)
		for _, s := range read {
			again = append(again, s.Whole...)
		}
		if !bytes.HasPrefix(module, again) || err == nil && len(again) != len(module) {
			t.Errorf("%s: %q, which is not as it stands there", name, again)
		}
	}
	for _, header := range []string{"", "\x00asm\x01\x00\x00", "\x00asm\x02\x00\x00\x00", "\x00asm\x0d\x00\x01\x00", "text and more"} {
		if _, err := wasm.Open([]byte(header)); err == nil || enclave.AsError(err).Reason != "MODULE_NOT_WASM" {
			t.Errorf("%q: %v", header, err)
		}
	}
}

// Sections are read the same when they are written again with the shortest lengths, and what is refused is refused again.
func FuzzSections(f *testing.F) {
	f.Add([]byte(wasm.Header))
	f.Add(slices.Concat([]byte(wasm.Header), section(wasm.Custom, "\x01ab"), section(wasm.Type, "\x00"), section(wasm.Code, "\x00")))
	f.Add(append([]byte(wasm.Header), wasm.Type, 0x81, 0x80, 0x80, 0x80, 0x00, 0))
	f.Add(append([]byte(wasm.Header), wasm.Data, 1, 0, wasm.Code, 1, 0))
	f.Fuzz(func(t *testing.T, module []byte) {
		read, err := sections(module)
		if err != nil && !slices.Contains([]string{"MODULE_NOT_WASM", "MODULE_MALFORMED", "MODULE_UNSUPPORTED"}, enclave.AsError(err).Reason) {
			t.Fatal(err)
		}
		again := []byte(wasm.Header)
		for _, s := range read {
			if s.Contents.At() != 0 || !bytes.HasSuffix(s.Whole, s.Contents.Rest()) {
				t.Fatalf("section %d begins at %d", s.ID, s.Contents.At())
			}
			again = append(append(append(again, s.ID), uleb(uint32(s.Contents.Left()))...), s.Contents.Rest()...) //nolint:gosec // below 4 GiB
		}
		second, refused := sections(again)
		if refused != nil || len(second) != len(read) {
			t.Fatalf("%d sections, written again %d and %v", len(read), len(second), refused)
		}
		for i := range second {
			if second[i].ID != read[i].ID || !bytes.Equal(second[i].Contents.Rest(), read[i].Contents.Rest()) {
				t.Fatalf("section %d is another", i)
			}
		}
	})
}
