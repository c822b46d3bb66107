package sandbox

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// four is a table with a column of each kind and at most three rows.
func four() table {
	return tableOf(&enclave.ManifestOutput{Rows: 3, Columns: []enclave.ManifestColumn{
		{Type: enclave.KindInt}, {Type: enclave.KindDecimal}, {Type: enclave.KindEnum}, {Type: enclave.KindText},
	}})
}

func TestTableIsTheGoldenOne(t *testing.T) {
	if got, want := four().descriptor(), golden(t, "table-blank.hex"); !bytes.Equal(got, want) || len(got) != int(four().descriptorBytes()) {
		t.Fatalf("got\n%swant\n%s", hex.Dump(got), hex.Dump(want))
	}
	got, err := four().take(golden(t, "table-memory.hex"), golden(t, "table-filled.hex"))
	if err != nil {
		t.Fatal(err)
	}
	all, outer := []bool{true, true, true}, []bool{true, false, true}
	want := &enclave.Returned{Rows: 3, Columns: []enclave.ReturnedColumn{
		{Valid: all, Ints: []int64{-1, 0, 5}},
		{Valid: outer, Floats: []float64{0.5, 0, -2.5}},
		{Valid: []bool{false, true, true}, Ints: []int64{0, -1, 7}},
		{Valid: outer, Texts: []string{"好", "", ""}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
}

// Each word that a guest writes is checked: changed, the table is refused or still the golden one where the word says nothing.
func TestEveryWordOfATableIsChecked(t *testing.T) {
	memory, filled := golden(t, "table-memory.hex"), golden(t, "table-filled.hex")
	want, err := four().take(memory, filled)
	if err != nil {
		t.Fatal(err)
	}
	silent := []int{0, 1, 3, 6, 7, 8, 11, 12, 13, 16, 17, 18} // the host's own, and what is of texts alone
	for i := range len(filled) / 4 {
		for _, word := range []uint32{1 << 31, ^uint32(0), ^uint32(7), uint32(len(memory))} { //nolint:gosec // a few bytes
			changed := slices.Clone(filled)
			binary.LittleEndian.PutUint32(changed[4*i:], word)
			got, err := four().take(memory, changed)
			if broken := breach(""); err != nil && !errors.As(err, &broken) {
				t.Errorf("word %d: %v", i, err)
			}
			if slices.Contains(silent, i) != (err == nil) || err == nil && !reflect.DeepEqual(got, want) {
				t.Errorf("word %d, %#x: %+v, %v", i, word, got, err)
			}
		}
	}
	for i := range memory { // cut short, something lies outside
		if _, err := four().take(memory[:i], filled); err == nil {
			t.Errorf("a memory of %d bytes is enough", i)
		}
	}
}

func TestATableOfNoRowsHasNoAddresses(t *testing.T) {
	filled := four().descriptor()
	for i := 3; i < len(filled)/4; i++ {
		binary.LittleEndian.PutUint32(filled[4*i:], ^uint32(0))
	}
	got, err := four().take(nil, filled)
	if err != nil || got.Rows != 0 || len(got.Columns) != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
}

// A guest cannot make the host copy one piece of its memory for each of many columns.
func TestTheSameMemoryOverAndOver(t *testing.T) {
	declared := &enclave.ManifestOutput{Rows: 1}
	filled := []byte{}
	words := []uint32{1, 0, 1}
	for range 3 {
		declared.Columns = append(declared.Columns, enclave.ManifestColumn{Type: enclave.KindText})
		words = append(words, typeText, 0, 16, 8, 3<<20)
	}
	filled = append(filled, littleEndian(words)...)
	memory := make([]byte, 4<<20)
	binary.LittleEndian.PutUint32(memory[12:], 3<<20)
	if _, err := tableOf(declared).take(memory, filled); err == nil {
		t.Error("9 MiB out of 4 were copied")
	}
	declared.Columns = declared.Columns[:2]
	if _, err := tableOf(declared).take(memory, filled); err != nil {
		t.Error(err)
	}
}

// FuzzTable: any memory and any descriptor give a breach, or a table of the declared shape that is within the memory's means.
func FuzzTable(f *testing.F) {
	f.Add(golden(f, "table-memory.hex"), golden(f, "table-filled.hex"))
	f.Fuzz(func(t *testing.T, memory, filled []byte) {
		table := four()
		filled = append(filled, table.descriptor()...)[:table.descriptorBytes()]
		got, err := table.take(memory, filled)
		if broken := breach(""); err != nil {
			if !errors.As(err, &broken) {
				t.Fatal(err)
			}
			return
		}
		if got.Rows > 3 || len(got.Columns) != 4 {
			t.Fatalf("%d rows, %d columns", got.Rows, len(got.Columns))
		}
		for i, c := range got.Columns {
			if len(c.Valid) != got.Rows || max(len(c.Ints), len(c.Floats), len(c.Texts)) != got.Rows {
				t.Fatalf("column %d: %+v", i, c)
			}
			text := 0
			for row, s := range c.Texts {
				text += len(s)
				if !c.Valid[row] && s != "" {
					t.Fatal("an empty value was read")
				}
			}
			if text > len(memory) {
				t.Fatal("more text than memory")
			}
		}
	})
}
