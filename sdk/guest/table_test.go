package guest

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// memory gives out addresses, and finds arrays again.
type memory map[uint32][]byte

func (m memory) address(b []byte) uint32 {
	at := uint32(4096 * (len(m) + 1)) //nolint:gosec // a few
	m[at] = b
	return at
}

// describe is a table's descriptor as the host writes it.
func describe(kinds ...uint32) []byte {
	words := []uint32{1, uint32(len(kinds)), 0} //nolint:gosec // a few
	for _, kind := range kinds {
		words = append(words, kind, 0, 0, 0, 0)
	}
	var out []byte
	for _, w := range words {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	return out
}

// started is a program with output columns n, x, e and t.
func started(t *testing.T, finish func(out *Table) error) *module {
	t.Helper()
	m := &module{program: func(*Params) (Steps, error) { return Steps{Finish: finish}, nil }}
	if err := m.start([]byte(`{"params":{},"columns":[],"keys":[],"output":["n","x","e","t"]}`)); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestATableIsLaidOutAsTheHostReadsIt(t *testing.T) {
	m := started(t, func(out *Table) error {
		for i, s := range []string{"好", "", "xyz"} {
			out.Int64("n").Append(int64(i) - 1)
			out.Decimal("x").Append(float64(i) / 2)
			out.Text("t").Append(s)
		}
		out.Enum("e").Append(7)
		out.Enum("e").Empty()
		out.Enum("e").Append(9)
		return nil
	})
	at, descriptor := memory{}, describe(typeInt64, typeFloat64, typeInt32, typeText)
	if err := m.finish(descriptor, at.address); err != nil {
		t.Fatal(err)
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(descriptor[4*i:]) }
	column := func(i int) (valid, data, offsets []byte, bytes uint32) {
		return at[word(4+5*i)], at[word(5+5*i)], at[word(6+5*i)], word(7 + 5*i)
	}
	if word(2) != 3 {
		t.Errorf("%d rows", word(2))
	}
	for i, want := range []struct {
		valid         byte
		data, offsets string
	}{
		{7, "\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00", ""},
		{7, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe0\x3f\x00\x00\x00\x00\x00\x00\xf0\x3f", ""},
		{5, "\x07\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00", ""},
		{7, "好xyz", "\x00\x00\x00\x00\x03\x00\x00\x00\x03\x00\x00\x00\x06\x00\x00\x00"},
	} {
		valid, data, offsets, size := column(i)
		if string(valid) != string(want.valid) || string(data) != want.data || string(offsets) != want.offsets || want.offsets != "" && int(size) != len(data) {
			t.Errorf("column %d: %v, %q, %q, %d", i, valid, data, offsets, size)
		}
	}
	if len(m.kept) != len(at) {
		t.Errorf("%d arrays kept of %d", len(m.kept), len(at))
	}
}

func TestAnEmptyTable(t *testing.T) {
	at, descriptor := memory{}, describe(typeInt64, typeFloat64, typeInt32, typeText)
	if err := started(t, nil).finish(descriptor, at.address); err != nil || binary.LittleEndian.Uint32(descriptor[8:]) != 0 {
		t.Fatal(err)
	}
}

func TestATableThatCannotBe(t *testing.T) {
	kinds := []uint32{typeInt64, typeFloat64, typeInt32, typeText}
	failing := errors.New("enough")
	for name, c := range map[string]struct {
		finish func(out *Table) error
		kinds  []uint32
		says   string
	}{
		"different lengths":    {func(out *Table) error { out.Int64("n").Append(1); return nil }, kinds, "n and x have different numbers"},
		"the author's own":     {func(*Table) error { return failing }, kinds, "enough"},
		"another descriptor":   {nil, kinds[:3], errDescriptor.Error()},
		"no such column":       {func(out *Table) error { out.Int64("z").Empty(); return nil }, kinds, "no output column z"},
		"column of other type": {func(out *Table) error { out.Int64("x").Empty(); return nil }, kinds, "column x is of another type"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if said, _ := recover().(string); said != "" && !strings.Contains(said, c.says) {
					t.Errorf("panicked with %q", said)
				}
			}()
			m := started(t, c.finish)
			if err := m.finish(describe(c.kinds...), memory{}.address); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	var m module
	if err := m.finish(nil, nil); !errors.Is(err, errNotReady) {
		t.Error(err)
	}
	aggregate := module{aggregate: func(*Params) (Assign, error) { return nil, nil }}
	if err := errors.Join(aggregate.start([]byte(`{}`)), aggregate.finish(describe(), nil)); !errors.Is(err, errNotReady) {
		t.Error(err)
	}
}

func TestProgramRegisters(t *testing.T) {
	defer Aggregate(nil)
	seen := 0
	Program(func(p *Params) (Steps, error) {
		return Steps{Batch: func(b *Batch) error { seen += b.Rows(); return nil }}, nil
	})
	if err := registered.start([]byte(`{"columns":["born","district"],"keys":["band"]}`)); err != nil {
		t.Fatal(err)
	}
	descriptor, window := layout()
	for range 2 {
		if err := registered.run(descriptor, window, 4096); err != nil {
			t.Fatal(err)
		}
	}
	if seen != 8 {
		t.Errorf("%d rows seen", seen)
	}
}

func TestTryProgram(t *testing.T) {
	setup := func(p *Params) (Steps, error) {
		var costs []int64
		return Steps{
			Batch: func(b *Batch) error {
				for i, c := range b.Int64("cost") {
					if b.Valid("cost").At(i) {
						costs = append(costs, c)
					}
				}
				return nil
			},
			Finish: func(out *Table) error {
				out.Int64("most").Append(slices.Max(costs))
				out.Decimal("least").Append(math.NaN())
				out.Text("note").Empty()
				return nil
			},
		}, nil
	}
	rows := func(costs ...int64) Rows {
		return Rows{Wide: map[string][]int64{"cost": costs}, Missing: map[string][]int{"cost": {0}}}
	}
	table, err := TryProgram(setup, nil, rows(9, 2), rows(8, 3))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := table.Int64("most").At(0); v != 3 || !ok || table.Decimal("least").Len() != 1 {
		t.Errorf("most %d", v)
	}
	if _, ok := table.Text("note").At(0); ok {
		t.Error("an empty value is valid")
	}
}
