package sandbox_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// goGuest is built once for all tests of the package.
var goGuest = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a directory of the test
	return guests.BuildGo(context.Background(), dir, "ageband-go")
})

// honest are the two guests that compute the same; in short mode one, since Go's takes long to compile.
func honest(tb testing.TB) map[string][]byte {
	tb.Helper()
	inC, err := os.ReadFile("../../internal/scaffold/guests/ageband.wasm")
	if err != nil {
		tb.Fatal(err)
	}
	all := map[string][]byte{"c": inC}
	if testing.Short() {
		return all
	}
	if all["go"], err = goGuest(); err != nil {
		tb.Fatal(err)
	}
	return all
}

func year(_, row int) int64 { return int64(1915 + row*7%115) }

// band is the test's own statement of what the guests should say of a birth year in 2024.
func band(born int64) int32 {
	switch age := 2024 - born; {
	case age < 0:
		return -1
	case age <= 17:
		return 0
	case age <= 44:
		return 1
	case age <= 64:
		return 2
	}
	return 3
}

func TestHonestGuestsAgree(t *testing.T) {
	s := open(t, sandbox.Config{CacheDir: compiled})
	plan := planOf(0)
	for lang, wasm := range honest(t) {
		for _, rows := range []int{0, 1, 1000, enclave.BatchRows} {
			batch := batchOf(plan, rows, year)
			for row := 3; row < rows; row += 10 { // empty values
				batch.Columns[0].Valid[row/8] &^= 1 << (row % 8)
				batch.Columns[0].Wide[row] = 0
			}
			codes, err := assign(t, s, wasm, plan, batch)
			if err != nil {
				t.Fatalf("%s: %v", lang, err)
			}
			for row, got := range codes {
				want := band(year(0, row))
				if row%10 == 3 {
					want = -1
				}
				if got != want {
					t.Fatalf("%s, %d rows: row %d is in band %d, want %d", lang, rows, row, got, want)
				}
			}
		}
	}
}

// The same rows give the same codes, in the same order or another.
func TestTheSameRowsGiveTheSameCodes(t *testing.T) {
	s := open(t, sandbox.Config{CacheDir: compiled})
	plan := planOf(0)
	for lang, wasm := range honest(t) {
		forward, err := assign(t, s, wasm, plan, batchOf(plan, 5000, year))
		if err != nil {
			t.Fatal(err)
		}
		again, err := assign(t, s, wasm, plan, batchOf(plan, 5000, year))
		if err != nil {
			t.Fatal(err)
		}
		backward, err := assign(t, s, wasm, plan, batchOf(plan, 5000, func(c, row int) int64 { return year(c, 4999-row) }))
		if err != nil {
			t.Fatal(err)
		}
		for row := range forward {
			if forward[row] != again[row] || forward[row] != backward[4999-row] {
				t.Fatalf("%s: row %d: %d, %d, %d", lang, row, forward[row], again[row], backward[4999-row])
			}
		}
	}
}

// A Go guest that is not given what it asks for says so where output is shown, and fails as a trap.
func TestGuestOutputIsForSyntheticDataAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("Go's guest takes long to compile, and this one runs alone")
	}
	s := rehearse(t, sandbox.Config{CacheDir: compiled})
	plan := planOf(1) // birth_year is not shown
	_, err := assign(t, s, honest(t)["go"], plan, batchOf(plan, 10, year))
	if got := enclave.AsError(err); got == nil || got.Reason != "MODULE_TRAP" {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(s.Said(), "birth_year is not shown") {
		t.Fatalf("the guest said %q", s.Said())
	}
}

func TestCompileRefusesWhatCannotRun(t *testing.T) {
	s := open(t, sandbox.Config{MemoryPages: 16})
	ok, err := os.ReadFile("../../internal/scaffold/guests/ageband.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Compile(t.Context(), "", moduleOf(ok)); err != nil {
		t.Fatal(err)
	}
	if err := s.Compile(t.Context(), "", &enclave.Module{}); err != nil {
		t.Fatalf("a module without code: %v", err)
	}
	wrongType := []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x26\x01\x16wasi_snapshot_preview1\x0bsched_yield\x00\x00")
	for name, c := range map[string]struct {
		wasm   []byte
		reason string
	}{
		"empty":           {nil, "MODULE_NOT_WASM"},
		"text":            {[]byte("not a module, only some text"), "MODULE_NOT_WASM"},
		"cut short":       {ok[:len(ok)-20], "MODULE_MALFORMED"},
		"unknown import":  {[]byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x07\x01\x01a\x01b\x00\x00"), "MODULE_INVALID"},
		"import type":     {wrongType, "MODULE_INVALID"},
		"no memory":       {[]byte("\x00asm\x01\x00\x00\x00"), "MODULE_INVALID"},
		"too much memory": {guests.Wild(17, 0, 0).Wasm, "MODULE_MEMORY"},
	} {
		err := s.Compile(t.Context(), "", moduleOf(c.wasm))
		if got := enclave.AsError(err); got == nil || got.Reason != c.reason {
			t.Errorf("%s: got %v, want %s", name, err, c.reason)
		}
	}
}

func TestReasonsHaveTextsInBothLanguages(t *testing.T) {
	for _, code := range []string{"MODULE_INVALID", "MODULE_FUEL", "MODULE_STOPPED", "MODULE_MEMORY", "MODULE_TRAP", "MODULE_CONTRACT"} {
		if !enclave.Known(code) {
			t.Error(code)
		}
	}
}

// Modules come and go; compiled code in use survives, and what was closed is compiled again.
func TestManyModulesThroughASmallCache(t *testing.T) {
	s := open(t, sandbox.Config{Modules: 1, CacheDir: t.TempDir()})
	plan := planOf(0)
	batch := batchOf(plan, 10, year)
	held, err := s.Open(t.Context(), moduleOf(guests.Named("moves").Wasm), plan)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, name := range []string{"keeps-state", "wild-codes", "moves"} {
			if _, err := assign(t, s, guests.Named(name).Wasm, plan, batch); err != nil {
				t.Fatal(err)
			}
		}
	}
	codes := [][]int32{make([]int32, 10)}
	if err := held.Assign(t.Context(), batch, codes); err != nil || codes[0][9] != 1 {
		t.Fatalf("code %d, %v", codes[0][9], err)
	}
	if err := held.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkAssign(b *testing.B) {
	s := open(b, sandbox.Config{})
	plan := planOf(0)
	batch := batchOf(plan, enclave.BatchRows, year)
	codes := [][]int32{make([]int32, enclave.BatchRows)}
	for lang, wasm := range honest(b) {
		b.Run(lang, func(b *testing.B) {
			g, err := s.Open(b.Context(), moduleOf(wasm), plan)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := g.Assign(b.Context(), batch, codes); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*enclave.BatchRows/b.Elapsed().Seconds(), "rows/s")
			if err := g.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// FuzzAddresses lets a guest return any addresses at all, in memories of different sizes. The test says by itself, in wider numbers,
// which ones hold.
func FuzzAddresses(f *testing.F) {
	f.Add(uint32(2), int32(0), int32(0))
	f.Add(uint32(100), int32(-1), int32(1<<31-1))
	f.Add(uint32(200), int32(4096), int32(4<<20))
	f.Add(uint32(200), int32(2<<20+1), int32(12<<20))
	f.Add(uint32(43), int32(4096), int32(8))
	f.Add(uint32(43), int32(4096), int32(-64))
	s := open(f, sandbox.Config{Modules: 4})
	plan := planOf(0)
	batch := batchOf(plan, 10, year)
	f.Fuzz(func(t *testing.T, pages uint32, window, alloc int32) {
		pages = 2 + pages%512
		type part struct{ from, to int64 }
		at := func(address int32, size int) part {
			from := int64(address) & (1<<32 - 1)
			return part{from, from + int64(size)}
		}
		parts := []part{
			at(window, 8192+8*65536+4*65536+2<<20),
			at(alloc+guests.WildStep, len(plan.Params)),
			at(alloc+2*guests.WildStep, 40),
		}
		holds := true
		for i, p := range parts {
			holds = holds && p.from != 0 && p.to <= int64(pages)<<16
			for _, o := range parts[:i] {
				holds = holds && (p.to <= o.from || o.to <= p.from)
			}
		}
		codes, err := assign(t, s, guests.Wild(pages, window, alloc).Wasm, plan, batch)
		if holds {
			if err != nil || codes[0] != 7 || codes[9] != 7 {
				t.Fatalf("addresses that hold: codes %v, %v", codes, err)
			}
			return
		}
		if got := enclave.AsError(err); got == nil || got.Reason != "MODULE_CONTRACT" {
			t.Fatalf("addresses that do not hold: %v", err)
		}
	})
}
