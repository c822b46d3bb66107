package guest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// layout builds a window of four rows at address 4096: an int column, a code column and a key.
func layout() (descriptor, window []byte) {
	window = make([]byte, 320)
	for i, v := range []int64{1950, -1, 1 << 40, 0} {
		binary.LittleEndian.PutUint64(window[64+8*i:], uint64(v)) //nolint:gosec // the same 64 bits
	}
	for i, v := range []int32{7, 8, -9, 0} {
		binary.LittleEndian.PutUint32(window[192+4*i:], uint32(v)) //nolint:gosec // the same 32 bits
	}
	window[0], window[128] = 0b0111, 0b0101
	for i := 256; i < 272; i++ {
		window[i] = 0xff
	}
	for _, w := range []uint32{1, 4, 2, 1, 2, 4096, 4096 + 64, 32, 1, 4096 + 128, 4096 + 192, 16, 4096 + 256, 16} {
		descriptor = binary.LittleEndian.AppendUint32(descriptor, w)
	}
	return descriptor, window
}

func TestABatchIsAViewOfTheWindow(t *testing.T) {
	m := module{aggregate: func(p *Params) (Assign, error) {
		if p.Int64("as_of") != 2024 || p.Enum("unit") != "年" {
			t.Error("wrong parameters")
		}
		return func(b *Batch) error {
			if b.Rows() != 4 || !slices.Equal(b.Int64("born"), []int64{1950, -1, 1 << 40, 0}) || !slices.Equal(b.Code("district"), []int32{7, 8, -9, 0}) {
				t.Errorf("%d rows, %v, %v", b.Rows(), b.Int64("born"), b.Date("district"))
			}
			if v := b.Valid("district"); !v.At(0) || v.At(1) || !v.At(2) || v.At(3) {
				t.Errorf("validity %b", v)
			}
			if !slices.Equal(b.Key("band"), []int32{-1, -1, -1, -1}) {
				t.Errorf("a key begins as %v", b.Key("band"))
			}
			b.Key("band")[2] = 5
			return nil
		}, nil
	}}
	if err := m.start([]byte(`{"params":{"as_of":2024,"unit":"\u5e74"},"columns":["born","district"],"keys":["band"]}`)); err != nil {
		t.Fatal(err)
	}
	descriptor, window := layout()
	if len(descriptor) != m.descriptorBytes() {
		t.Fatalf("%d bytes, expected %d", len(descriptor), m.descriptorBytes())
	}
	if err := m.run(descriptor, window, 4096); err != nil {
		t.Fatal(err)
	}
	if got := binary.LittleEndian.Uint32(window[256+8:]); got != 5 {
		t.Fatalf("the key's third code is %d in the window", got)
	}
	// Every word of the descriptor matters, and what is not there is not read.
	for i := 0; i < len(descriptor); i += 4 {
		broken := slices.Clone(descriptor)
		binary.LittleEndian.PutUint32(broken[i:], 1<<31)
		if err := m.run(broken, window, 4096); !errors.Is(err, errDescriptor) {
			t.Errorf("word %d: %v", i/4, err)
		}
		if err := m.run(descriptor[:i], window, 4096); !errors.Is(err, errDescriptor) {
			t.Errorf("cut at word %d: %v", i/4, err)
		}
	}
}

func TestCallsOutOfOrderFail(t *testing.T) {
	var m module
	if err := m.start([]byte(`{}`)); !errors.Is(err, errNoSetup) {
		t.Errorf("no setup: %v", err)
	}
	if err := m.run(nil, nil, 0); !errors.Is(err, errNotReady) {
		t.Errorf("no parameters: %v", err)
	}
	m.aggregate = func(*Params) (Assign, error) { return nil, errNotReady }
	if err := m.start([]byte(`{}`)); !errors.Is(err, errNotReady) {
		t.Errorf("the author's own error: %v", err)
	}
	if err := m.start([]byte(`{`)); !errors.Is(err, errJSON) {
		t.Errorf("bad JSON: %v", err)
	}
}

func TestAsksForWhatIsNotThere(t *testing.T) {
	for name, ask := range map[string]func(p *Params, b *Batch){
		"no parameter p of type int64": func(p *Params, _ *Batch) { p.Int64("p") },
		"no parameter n of type enum":  func(p *Params, _ *Batch) { p.Enum("n") },
		"column z is not shown":        func(_ *Params, b *Batch) { b.Int64("z") },
		"column c is a date or a code": func(_ *Params, b *Batch) { b.Int64("c") },
		"column w is a number":         func(_ *Params, b *Batch) { b.Code("w") },
		"no key k":                     func(_ *Params, b *Batch) { b.Key("k") },
	} {
		func() {
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, name) {
					t.Errorf("got %q, want %q", said, name)
				}
			}()
			setup := func(p *Params) (Assign, error) { return func(b *Batch) error { ask(p, b); return nil }, nil }
			in := Rows{Wide: map[string][]int64{"w": {1}}, Narrow: map[string][]int32{"c": {1}}}
			if _, err := Try(setup, map[string]any{"n": int64(1)}, in); err != nil {
				t.Error(err)
			}
		}()
	}
}

// TestAggregateRegisters is what an author's init function relies on.
func TestAggregateRegisters(t *testing.T) {
	defer Aggregate(nil)
	Aggregate(func(*Params) (Assign, error) { return func(*Batch) error { return nil }, nil })
	if err := registered.start([]byte(`{}`)); err != nil || registered.steps.Batch == nil {
		t.Fatalf("%v", err)
	}
}

// FuzzJSON compares with encoding/json, for documents of the host's kind: whole numbers, no true, false or null.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"params":{"as_of":2024,"unit":"a\"b\\c\u5e74\ud83d\ude00\ud800"},"columns":["a","b"],"keys":[]}`,
		` { } `, `[[[1,-2,0]]]`, `"\n\t\/"`, `01`, `-`, `{"a":1,"a":2}`, `[1,]`, `9223372036854775808`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseJSON(raw)
		if err != nil {
			return
		}
		dec := json.NewDecoder(strings.NewReader(string(raw)))
		dec.UseNumber()
		var want any
		if err := dec.Decode(&want); err != nil {
			t.Fatalf("encoding/json refuses it: %v", err)
		}
		if want = whole(t, want); !reflect.DeepEqual(got, want) {
			t.Fatalf("got %#v, want %#v", got, want)
		}
	})
}

// TestHostDocumentsParse is the other direction: what the host writes is understood.
func TestHostDocumentsParse(t *testing.T) {
	in := map[string]any{
		"params":  map[string]any{"as_of": int64(-1 << 63), "label": "<年>\u2028\"\\"},
		"columns": []any{"a", "b_2"}, "keys": []any{},
	}
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := parseJSON(raw); err != nil || !reflect.DeepEqual(got, any(in)) {
		t.Fatalf("%#v, %v", got, err)
	}
}

func whole(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			t.Fatalf("a number that is not whole was read: %s", v)
		}
		return n
	case []any:
		for i := range v {
			v[i] = whole(t, v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = whole(t, v[name])
		}
	}
	return v
}

// Nothing is allocated for a batch: the collector has nothing to do while rows go by.
func TestABatchAllocatesNothing(t *testing.T) {
	seen := 0
	m := module{aggregate: func(*Params) (Assign, error) {
		return func(b *Batch) error {
			born, district, band := b.Int64("born"), b.Code("district"), b.Key("band")
			for i := range b.Valid("born", "district").Rows() {
				band[i] = int32(born[i]&7) + district[i]&7
			}
			for range b.Valid("district", "born").Rows() {
				seen++
			}
			return nil
		}, nil
	}}
	if err := m.start([]byte(`{"params":{},"columns":["born","district"],"keys":["band"]}`)); err != nil {
		t.Fatal(err)
	}
	descriptor, window := layout()
	if allocated := testing.AllocsPerRun(100, func() {
		if err := m.run(descriptor, window, 4096); err != nil {
			t.Fatal(err)
		}
	}); allocated != 0 || seen != 2*101 {
		t.Errorf("%v allocations a batch, %d rows seen", allocated, seen)
	}
}

func TestRowsOfABitmap(t *testing.T) {
	for _, bytes := range []int{0, 1, 7, 8, 9, 16, 8192} {
		m, want := make(Bitmap, bytes), []int(nil)
		for i := 0; i < 8*bytes; i += 1 + i%11 {
			m[i>>3] |= 1 << (i & 7)
			want = append(want, i)
		}
		if got := slices.Collect(m.Rows()); !slices.Equal(got, want) {
			t.Errorf("%d bytes: %v, want %v", bytes, got, want)
		}
		for i := range m.Rows() {
			if i != want[0] {
				t.Errorf("%d bytes begin with %d", bytes, i)
			}
			break
		}
	}
	for i := range (Bitmap{0xff, 0x0f}).Rows() {
		if i > 11 {
			t.Errorf("row %d", i)
		}
	}
}
