package releases

import (
	"encoding/hex"
	"flag"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

var update = flag.Bool("update", false, "write the golden footprint anew")

func example() *enclave.Footprint {
	return &enclave.Footprint{
		Snapshot: enclave.DigestOf([]byte("snapshot")),
		Distinct: true,
		Summed:   []string{"cost", "收入"},
		Places:   enclave.PlacesOf([]int32{0, 0, 2, enclave.NoCell, 1}),
		Over:     [][]int32{{0, 3}, nil, {2, 4}},
	}
}

// protected is the example with protected values in it.
func protected() *enclave.Footprint {
	f := example()
	f.Blocks = [][]int32{{0}, {0, 1}, nil}
	f.Tells = []enclave.Telling{{
		Column: "病", Starts: []int64{0, 1, 2}, Class: []int32{0, 1, 0}, Empty: 2, Block: []int32{0, 0, 1},
		Sets: []enclave.TellingSet{
			{Block: []int32{0, 1}, Class: []int32{0, 1, 2}, Cells: []enclave.TellingCell{{Block: 0, Class: 0, Cell: 0}, {Block: 1, Class: 2, Cell: 2}}},
			{Block: []int32{0, 0}, Class: []int32{0, 1, 2}, Cells: []enclave.TellingCell{{Block: 0, Class: 1, Cell: 4}}},
		},
	}}
	return f
}

// The format is read back after every restart: it must not change unnoticed.
func TestGoldenFootprint(t *testing.T) {
	for path, footprint := range map[string]*enclave.Footprint{"testdata/footprint.hex": example(), "testdata/blocks.hex": protected()} {
		text := hex.EncodeToString(encode(footprint))
		if *update {
			if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path) //nolint:gosec // one of the two names above
		if err != nil || strings.TrimSpace(string(golden)) != text {
			t.Fatalf("the format of %s changed (%v): %s", path, err, text)
		}
	}
}

func TestFootprintsComeBack(t *testing.T) {
	for _, cells := range []int32{0, 1, 254, 255, 65_534, 65_535, 70_000} {
		f := &enclave.Footprint{Snapshot: enclave.DigestOf(nil), Places: enclave.PlacesOf([]int32{enclave.NoCell}), Over: make([][]int32, cells)}
		if cells > 0 {
			f.Places = enclave.PlacesOf([]int32{enclave.NoCell, cells - 1, 0})
			f.Over[cells-1] = []int32{1 << 23, 0}
			f.Blocks = make([][]int32, cells)
			f.Blocks[0] = []int32{7}
		}
		back, err := decode(encode(f))
		if err != nil || !reflect.DeepEqual(f, back) {
			t.Fatalf("%d cells: %v", cells, err)
		}
	}
}

func TestBrokenFootprintsAreRefused(t *testing.T) {
	whole := encode(protected())
	for n := range whole {
		if _, err := decode(whole[:n]); err == nil {
			t.Fatalf("the first %d bytes were taken for a footprint", n)
		}
	}
	if _, err := decode(append(whole, 0)); err == nil {
		t.Fatal("a byte too many was let by")
	}
	for at, value := range map[int]byte{0: 'X', 5: 2, 6: 2, 7: 1, headSize - 4: 3, headSize: 4, headSize - 16: 200} {
		broken := append([]byte(nil), whole...)
		broken[at] = value
		if _, err := decode(broken); err == nil {
			t.Fatalf("byte %d of %d was let by", at, value)
		}
	}
}

// What the audit would look up must be there.
func TestTellingsThatDoNotFitAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*enclave.Telling){
		"no class":                func(t *enclave.Telling) { t.Starts, t.Class = nil, nil },
		"an interval without one": func(t *enclave.Telling) { t.Class = t.Class[:2] },
		"intervals out of order":  func(t *enclave.Telling) { t.Starts = []int64{2, 1, 0} },
		"a cell without a block":  func(t *enclave.Telling) { t.Block = t.Block[:2] },
		"a block of no set's":     func(t *enclave.Telling) { t.Block = []int32{0, 0, 2} },
		"a class of no set's":     func(t *enclave.Telling) { t.Class = []int32{0, 1, 3} },
		"an empty class likewise": func(t *enclave.Telling) { t.Empty = 3 },
		"a cell of no class":      func(t *enclave.Telling) { t.Sets[1].Cells[0].Class = 3 },
	} {
		f := protected()
		spoil(&f.Tells[0])
		if _, err := decode(encode(f)); err == nil {
			t.Errorf("%s was let by", name)
		}
	}
}

func FuzzFootprint(f *testing.F) {
	f.Add(encode(example()))
	f.Add(encode(protected()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if footprint, err := decode(raw); err == nil {
			again, err := decode(encode(footprint))
			if err != nil || !reflect.DeepEqual(footprint, again) {
				t.Fatal("what was read is not what is written")
			}
		}
	})
}
