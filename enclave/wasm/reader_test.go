package wasm_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

// problem is what a reader met, and where in the module.
func problem(t *testing.T, err error) (text string, offset int) {
	t.Helper()
	e := enclave.AsError(err)
	if e.Reason != "MODULE_MALFORMED" || e.Kind != enclave.Invalid {
		t.Fatalf("refused with %v", err)
	}
	offset, err = strconv.Atoi(e.Args["offset"])
	if err != nil {
		t.Fatal(err)
	}
	return e.Args["problem"], offset
}

func TestGoldenNumbers(t *testing.T) {
	text, err := os.ReadFile("testdata/leb128.txt")
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]int{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		before, want := line, ""
		for _, mark := range []string{"=", "!"} {
			if left, right, found := strings.Cut(line, mark); found {
				before, want = left, mark+right
			}
		}
		kind, written, _ := strings.Cut(strings.TrimSpace(before), " ")
		raw, err := hex.DecodeString(strings.ReplaceAll(written, " ", ""))
		if err != nil || want == "" {
			t.Fatalf("%s: %v", line, err)
		}
		tested[kind]++
		r := wasm.NewReader(raw)
		got := "= "
		switch kind {
		case "u32":
			v := r.U32()
			got += strconv.Itoa(r.At()) + " " + strconv.FormatUint(uint64(v), 10)
		case "s32", "s64":
			r.SkipSigned(map[string]int{"s32": 5, "s64": 10}[kind], "too long")
			got += strconv.Itoa(r.At())
		}
		if r.Err() != nil {
			text, offset := problem(t, r.Err())
			got = "! " + strconv.Itoa(offset) + " " + text
		}
		if got != want {
			t.Errorf("%s: got %q", line, got)
		}
	}
	if tested["u32"] < 10 || tested["s32"] < 5 || tested["s64"] < 2 {
		t.Errorf("tested no more than %v", tested)
	}
}

// Each reads what is there, and nothing behind it.
func TestReader(t *testing.T) {
	const most = ^uint32(0)
	for name, c := range map[string]struct {
		bytes string
		read  func(r *wasm.Reader) string
		want  string
		left  int
	}{
		"a byte":              {"ab", func(r *wasm.Reader) string { return string(r.Byte()) }, "a", 1},
		"no byte":             {"", func(r *wasm.Reader) string { return string(r.Byte()) }, "unexpected end", 0},
		"bytes":               {"abc", func(r *wasm.Reader) string { return string(r.Take(2)) }, "ab", 1},
		"all bytes":           {"abc", func(r *wasm.Reader) string { return string(r.Take(3)) }, "abc", 0},
		"one byte too many":   {"abc", func(r *wasm.Reader) string { return string(r.Take(4)) }, "a length beyond the end", 3},
		"far too many bytes":  {"abc", func(r *wasm.Reader) string { return string(r.Take(most)) }, "a length beyond the end", 3},
		"a list":              {"\x02ab", func(r *wasm.Reader) string { return strconv.Itoa(int(r.Count())) }, "2", 2},
		"a list too long":     {"\x03ab", func(r *wasm.Reader) string { return strconv.Itoa(int(r.Count())) }, "a list longer than its section", 2},
		"a list far too long": {"\xff\xff\xff\xff\x0fab", func(r *wasm.Reader) string { return strconv.Itoa(int(r.Count())) }, "a list longer than its section", 2},
		"a name":              {"暗房", func(r *wasm.Reader) string { return r.Name(6) }, "暗房", 0},
		"a name cut":          {"暗房", func(r *wasm.Reader) string { return r.Name(5) }, "a name that is not UTF-8", 1},
		"a name too long":     {"暗房", func(r *wasm.Reader) string { return r.Name(7) }, "a length beyond the end", 6},
		"a part":              {"abc", func(r *wasm.Reader) string { p := r.Part(2); return string(p.Rest()) }, "ab", 1},
		"a part too long":     {"abc", func(r *wasm.Reader) string { p := r.Part(4); return string(p.Rest()) }, "a length beyond the end", 3},
	} {
		r := wasm.NewReader(append([]byte(c.bytes), "and what is behind"...)[:len(c.bytes)])
		got := c.read(&r)
		if r.Err() != nil {
			if got, _ = problem(t, r.Err()); r.Byte() != 0 || r.U32() != 0 || r.Count() != 0 || r.Name(1) != "" || r.Take(1) != nil {
				t.Errorf("%s: read on", name)
			}
		}
		if got != c.want || r.Left() != c.left || r.At() != len(c.bytes)-c.left {
			t.Errorf("%s: %q, %d bytes left, want %q, %d", name, got, r.Left(), c.want, c.left)
		}
	}
}

// A part knows where in the module it is, and the first problem is the one that stays.
func TestPlaceOfAProblem(t *testing.T) {
	r := wasm.NewReader([]byte("abcdefgh"))
	r.Take(2)
	outer := r.Part(5)
	outer.Byte()
	inner := outer.Part(3)
	inner.Byte()
	inner.Malformed("first")
	inner.Malformed("second")
	inner.Fail(enclave.Fail(enclave.Limit, "MODULE_TOO_MANY"))
	if text, offset := problem(t, inner.Err()); text != "first" || offset != 4 {
		t.Errorf("%q at %d", text, offset)
	}
	if r.Err() != nil || outer.Err() != nil {
		t.Errorf("%v, %v", r.Err(), outer.Err())
	}
}

// What a reader returns cannot be made to reach what is behind it.
func TestSlicesEndWhereTheyEnd(t *testing.T) {
	whole := []byte("abcdef")
	r := wasm.NewReader(whole[:4])
	for _, got := range [][]byte{r.Take(2), r.Since(0), r.Rest()} {
		if _ = append(got, 'x'); string(whole) != "abcdef" {
			t.Fatalf("%q was written over", whole)
		}
	}
}

// Numbers and names are read the same when they are written again as short as they can be, and nothing that is read depends on what stands
// behind the bytes. What a script says is read of data, one thing after another.
func FuzzReader(f *testing.F) {
	for _, script := range []string{"", "\x00", "\x01\x01\x01", "\x02\x03", "\x04\x05", "\x05\x04\x01", "\x06\x01", "\x06\x06\x06"} {
		for _, data := range []string{"", "\x03abc", "\x82\x80\x80\x80\x00ab", "\xff\xff\xff\xff\x0f", "\x80\x80\x80\x80\x80\x00", "\x81\x00\x82\x00\x83\x00\x84\x00", "\x06暗房\xff"} {
			f.Add([]byte(script), []byte(data))
		}
	}
	f.Fuzz(func(t *testing.T, script, data []byte) {
		behind := func(b byte) []byte { return append(bytes.Clone(data), bytes.Repeat([]byte{b}, 16)...)[:len(data)] }
		first := follow(t, script, behind(0))
		if second := follow(t, script, behind(0xff)); !first.equal(&second) {
			t.Fatalf("what is behind was read: %+v, %+v", first, second)
		}
		again := follow(t, script, first.shortest)
		shorter := len(data) - len(first.shortest)
		if shorter < 0 || again.offset+shorter != first.offset && first.problem != "" {
			t.Errorf("%d bytes shorter; the problem was at %d and is at %d", shorter, first.offset, again.offset)
		}
		if again.offset = first.offset; !first.equal(&again) {
			t.Errorf("%+v, written again: %+v", first, again)
		}
	})
}

// reading is what was read of some bytes.
type reading struct {
	values   string
	shortest []byte // the same, as short as it can be written, and behind it what was not read
	problem  string
	offset   int
}

func (r *reading) equal(other *reading) bool {
	return r.values == other.values && bytes.Equal(r.shortest, other.shortest) && r.problem == other.problem && r.offset == other.offset
}

// follow reads what a script says, up to the first problem.
func follow(t *testing.T, script, data []byte) (got reading) {
	t.Helper()
	r := wasm.NewReader(data)
	for _, step := range script {
		from := r.At()
		value, written := read(&r, step)
		if r.Err() != nil {
			got.problem, got.offset = problem(t, r.Err())
			if got.offset < from || got.offset > len(data) {
				t.Fatalf("a problem at %d of %d bytes, in what begins at %d", got.offset, len(data), from)
			}
			got.shortest = append(got.shortest, data[from:]...)
			break
		}
		if r.At() < from || r.At()+r.Left() != len(data) {
			t.Fatalf("at %d with %d left of %d bytes", r.At(), r.Left(), len(data))
		}
		got.values += value + "\n"
		got.shortest = append(got.shortest, written...)
	}
	if r.Err() == nil {
		got.shortest = append(got.shortest, r.Rest()...)
	}
	return got
}

// read reads one thing, and writes it again.
func read(r *wasm.Reader, step byte) (value string, written []byte) {
	from := r.At()
	switch step % 7 {
	case 0:
		b := r.Byte()
		return strconv.Itoa(int(b)), []byte{b}
	case 1:
		v := r.U32()
		return strconv.FormatUint(uint64(v), 10), uleb(v)
	case 2:
		r.SkipSigned(5+5*int(step&1), "too long")
		return "", r.Since(from)
	case 3:
		taken := r.Take(uint32(step))
		return string(taken), taken
	case 4: // a list of numbers
		n := r.Count()
		value, written = "list", uleb(n)
		for range n {
			if r.Err() != nil {
				break
			}
			v := r.U32()
			value, written = value+" "+strconv.FormatUint(uint64(v), 10), append(written, uleb(v)...)
		}
		return value, written
	case 5:
		name := r.Name(r.Count())
		return name, append(uleb(uint32(len(name))), name...) //nolint:gosec // no longer than the data
	default: // a part of bytes with a number in front, all of it numbers
		part := r.Part(r.U32())
		for part.Left() > 0 && part.Err() == nil {
			v := part.U32()
			value, written = value+" "+strconv.FormatUint(uint64(v), 10), append(written, uleb(v)...)
		}
		if part.Err() != nil {
			r.Fail(part.Err())
		}
		return value, append(uleb(uint32(len(written))), written...) //nolint:gosec // no longer than the data
	}
}
