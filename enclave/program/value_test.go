package program_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/program"
)

func TestRound(t *testing.T) {
	for _, c := range []struct {
		v      float64
		places int
		want   int64
	}{
		{0.285, 2, 28}, // 0.284999999999999975575093458246556110680103302001953125
		{1.005, 2, 100},
		{1.015, 2, 101},
		{0.145, 2, 14},
		{10.075, 2, 1007},
		{0.125, 2, 13}, // exactly a half
		{-0.125, 2, -13},
		{0.5, 0, 1},
		{-0.5, 0, -1},
		{1.5, 0, 2},
		{2.5, 0, 3},
		{math.Nextafter(0.5, 0), 0, 0},
		{math.Nextafter(2.5, 0), 0, 2},
		{math.Copysign(0, -1), 4, 0},
		{-1e-300, 9, 0},
		{math.SmallestNonzeroFloat64, 9, 0},
		{5e-10, 9, 1}, // a little more than a half
		{4.9999e-10, 9, 0},
		{1_000_000_000, 9, 1_000_000_000_000_000_000},
		{-1_000_000_000, 9, -1_000_000_000_000_000_000},
		{math.Nextafter(1<<31, 0), 9, 2_147_483_647_999_999_762}, // 2^31 - 2^-22
	} {
		if got, ok := program.Round(c.v, c.places); got != c.want || !ok {
			t.Errorf("%v with %d places: %d, want %d", c.v, c.places, got, c.want)
		}
	}
	for _, v := range []float64{1 << 31, -1 << 31, 1e300, -1e300, math.MaxFloat64, math.Inf(1), math.Inf(-1)} {
		if _, ok := program.Round(v, 0); ok {
			t.Errorf("%v was rounded", v)
		}
	}
}

// exactly is the test's own statement: rational arithmetic.
func exactly(v float64, places int) int64 {
	scaled := new(big.Rat).SetFloat64(v)
	scaled.Mul(scaled, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)))
	half := big.NewRat(1, 2)
	if scaled.Sign() < 0 {
		half.Neg(half)
	}
	scaled.Add(scaled, half)
	return new(big.Int).Quo(scaled.Num(), scaled.Denom()).Int64() // toward zero
}

func FuzzRound(f *testing.F) {
	f.Add(uint64(0x3fe0000000000000), 0)
	f.Add(uint64(0x3fd23d70a3d70a3d), 2)
	f.Fuzz(func(t *testing.T, bits uint64, places int) {
		v := math.Float64frombits(bits)
		places = int(uint(places) % 10)
		if math.IsNaN(v) {
			return
		}
		got, ok := program.Round(v, places)
		if ok != (math.Abs(v) < 1<<31) || ok && got != exactly(v, places) {
			t.Fatalf("%v with %d places: %d, %v", v, places, got, ok)
		}
	})
}

func TestRoundIsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // seeded test data
	tries := 100_000
	if testing.Short() {
		tries = 10_000
	}
	for range tries {
		places := random.IntN(10)
		// As often as not on or beside a half.
		v := (random.Float64() - 0.5) * math.Pow(2, float64(random.IntN(80)-48))
		if random.IntN(2) == 0 {
			v = (float64(random.IntN(2_000_001)-1_000_000) + 0.5) / math.Pow(10, float64(places))
			v = math.Nextafter(v, v+float64(random.IntN(3)-1))
		}
		if got, _ := program.Round(v, places); got != exactly(v, places) {
			t.Fatalf("%v with %d places: %d, want %d", v, places, got, exactly(v, places))
		}
	}
}

func TestReadable(t *testing.T) {
	for text, want := range map[string]bool{
		"":                            true,
		"mean cost, 平均费用\n¥ 12.50 é":  true,
		"ideographic\u3000space":      true,
		strings.Repeat("好", 13):       true,
		strings.Repeat("好", 13) + "a": false, // 40 bytes
		"\xff":                        false,
		"\xed\xa0\x80":                false, // half of a surrogate pair
		"\xc0\x80":                    false, // overlong
		"a\x00":                       false,
		"a\tb":                        false,
		"a\rb":                        false,
		"a\x7f":                       false,
		"a\u0085b":                    false, // next line
		"a\u200bb":                    false, // zero-width space
		"a\u202eb":                    false, // right-to-left override
		"a\u2028b":                    false, // line separator
		"a\ufe0f":                     false, // variation selector
		"a\U000e0101":                 false, // another, from those that can carry bytes
		"a\U000e0061":                 false, // tag
		"a\u3164":                     false, // Hangul filler: a letter that is not seen
		"a\u034f":                     false, // combining grapheme joiner
		"a\ue000":                     false, // private
		"a\ufdd0":                     false, // never a character
		"a\ufffe":                     false,
	} {
		if got := program.Readable(text, 39); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// planFor declares a column of each kind.
func planFor() *enclave.Plan {
	return &enclave.Plan{Manifest: &enclave.Manifest{Output: &enclave.ManifestOutput{Rows: 10, Columns: []enclave.ManifestColumn{
		{Name: "label", Type: enclave.KindEnum, Values: []string{"z", "a"}},
		{Name: "note", Type: enclave.KindText, Bytes: 4},
		{Name: "n", Type: enclave.KindInt, Min: -3, Max: 3},
		{Name: "d", Type: enclave.KindDecimal, Min: 0, Max: 1, Decimals: 1},
	}}}}
}

func table(rows int, columns ...enclave.ReturnedColumn) *enclave.Returned {
	for i := range columns {
		if columns[i].Valid == nil {
			columns[i].Valid = slices.Repeat([]bool{true}, rows)
		}
	}
	return &enclave.Returned{Rows: rows, Columns: columns}
}

func TestAProductIsTheOneOfItsKind(t *testing.T) {
	nan := math.Float64frombits(0x7ff8_dead_beef_cafe)
	got, err := program.ProductOf(planFor(), table(5,
		enclave.ReturnedColumn{Ints: []int64{1, 0, 1, 0, 0}, Valid: []bool{true, true, true, true, false}},
		enclave.ReturnedColumn{Texts: []string{"b", "好", "b", "", ""}, Valid: []bool{true, true, true, true, false}},
		enclave.ReturnedColumn{Ints: []int64{3, 0, -3, 0, 0}},
		enclave.ReturnedColumn{Floats: []float64{1.04, nan, math.Copysign(0, -1), -0.04, 0.05}},
	))
	if err != nil {
		t.Fatal(err)
	}
	want := []enclave.ProductColumn{
		{Numbers: []int64{0, 0, 0, 1, 1}, Valid: []bool{false, true, true, true, true}},
		{Texts: []string{"", "", "好", "b", "b"}, Valid: []bool{false, false, true, true, true}},
		{Numbers: []int64{0, 0, 0, -3, 3}, Valid: []bool{true, true, true, true, true}},
		{Numbers: []int64{1, 0, 0, 0, 10}, Valid: []bool{true, true, false, true, true}},
	}
	if got.Rows != 5 || !reflect.DeepEqual(got.Columns, want) || !slices.Equal(got.Emitted, []int32{4, 3, 1, 2, 0}) {
		t.Fatalf("got %+v, emitted %v\nwant %+v", got.Columns, got.Emitted, want)
	}
}

func TestWhatIsNotDeclaredFails(t *testing.T) {
	good := func() *enclave.Returned {
		return table(1, enclave.ReturnedColumn{Ints: []int64{1}}, enclave.ReturnedColumn{Texts: []string{"abcd"}},
			enclave.ReturnedColumn{Ints: []int64{-3}}, enclave.ReturnedColumn{Floats: []float64{1.0499}})
	}
	if _, err := program.ProductOf(planFor(), good()); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(c []enclave.ReturnedColumn){
		"position behind the list": func(c []enclave.ReturnedColumn) { c[0].Ints[0] = 2 },
		"position below zero":      func(c []enclave.ReturnedColumn) { c[0].Ints[0] = -1 },
		"too long":                 func(c []enclave.ReturnedColumn) { c[1].Texts[0] = "abcde" },
		"not UTF-8":                func(c []enclave.ReturnedColumn) { c[1].Texts[0] = "\xff" },
		"below min":                func(c []enclave.ReturnedColumn) { c[2].Ints[0] = -4 },
		"above max":                func(c []enclave.ReturnedColumn) { c[2].Ints[0] = math.MaxInt64 },
		"rounds to above max":      func(c []enclave.ReturnedColumn) { c[3].Floats[0] = 1.05 },
		"rounds to below min":      func(c []enclave.ReturnedColumn) { c[3].Floats[0] = -0.0501 },
		"infinite":                 func(c []enclave.ReturnedColumn) { c[3].Floats[0] = math.Inf(-1) },
		"huge":                     func(c []enclave.ReturnedColumn) { c[3].Floats[0] = 1e300 },
	} {
		bad := good()
		spoil(bad.Columns)
		if e := enclave.AsError(second(program.ProductOf(planFor(), bad))); e == nil || e.Reason != "PROGRAM_OUTPUT" {
			t.Errorf("%s: %v", name, e)
		}
		for i := range bad.Columns {
			bad.Columns[i].Valid[0] = false // what is not there is not looked at
		}
		if _, err := program.ProductOf(planFor(), bad); err != nil {
			t.Errorf("%s, in place of an empty value: %v", name, err)
		}
	}
	if _, err := program.ProductOf(planFor(), table(0)); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("another number of columns: %v", err)
	}
}

func second(_ *enclave.Product, err error) error { return err }

// A few bytes of a guest become a long label: what all of them take together is bounded before anything is made of them.
func TestLabelsDoNotExpandWithoutBound(t *testing.T) {
	const rows, label = 1 << 16, 200
	returned := func(columns int) (*enclave.Plan, *enclave.Returned) {
		output, table := &enclave.ManifestOutput{Rows: rows}, &enclave.Returned{Rows: rows}
		for range columns {
			output.Columns = append(output.Columns, enclave.ManifestColumn{Name: "e", Type: enclave.KindEnum, Values: []string{strings.Repeat("x", label)}})
			table.Columns = append(table.Columns, enclave.ReturnedColumn{Ints: make([]int64, rows), Valid: slices.Repeat([]bool{true}, rows)})
		}
		return &enclave.Plan{Manifest: &enclave.Manifest{Form: enclave.Program, Output: output}}, table
	}
	const fit = (64 << 20) / (rows * (label + 4))
	if _, err := program.ProductOf(returned(fit)); err != nil {
		t.Error(err)
	}
	if _, err := program.ProductOf(returned(fit + 1)); enclave.AsError(err).Reason != "PROGRAM_OUTPUT" {
		t.Errorf("%d columns: %v", fit+1, err)
	}
}

// However the guest orders its rows, the product is the same, and Emitted says where each row was.
func TestOrderSaysNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // seeded test data
	const rows = 200
	labels, notes, numbers, decimals := make([]int64, rows), make([]string, rows), make([]int64, rows), make([]float64, rows)
	valid := make([][]bool, 4)
	for c := range valid {
		valid[c] = make([]bool, rows)
	}
	for i := range rows {
		labels[i], notes[i], numbers[i], decimals[i] = random.Int64N(2), []string{"", "a", "b"}[random.IntN(3)], random.Int64N(7)-3, random.Float64()
		for c := range valid {
			valid[c][i] = random.IntN(3) > 0
		}
	}
	var first *enclave.Product
	for range 20 {
		at := random.Perm(rows)
		product, err := program.ProductOf(planFor(), table(rows,
			enclave.ReturnedColumn{Ints: pick(labels, at), Valid: pick(valid[0], at)}, enclave.ReturnedColumn{Texts: pick(notes, at), Valid: pick(valid[1], at)},
			enclave.ReturnedColumn{Ints: pick(numbers, at), Valid: pick(valid[2], at)}, enclave.ReturnedColumn{Floats: pick(decimals, at), Valid: pick(valid[3], at)},
		))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = product
		}
		if !reflect.DeepEqual(product.Columns, first.Columns) {
			t.Fatal("another order, another product")
		}
		for row, emitted := range product.Emitted {
			if original := at[emitted]; valid[2][original] && product.Columns[2].Numbers[row] != numbers[original] {
				t.Fatalf("row %d was not emitted at %d", row, emitted)
			}
		}
	}
}

func pick[T any](values []T, at []int) []T {
	out := make([]T, len(at))
	for i, a := range at {
		out[i] = values[a]
	}
	return out
}
