package verify

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestLog(t *testing.T) {
	golden := goldenLog(t)
	golden[".state/treeState"] = &fstest.MapFile{Data: []byte("{}")}
	golden["tile/0/001.p/5"] = &fstest.MapFile{Data: []byte("growth after the checkpoint")}
	report, err := Log(golden, goldenKey(t))
	if err != nil {
		t.Fatal(err)
	}
	if report.Size != 260 || report.Files != 6 || report.Origin != "golden.example/darkroom" {
		t.Errorf("%+v", report)
	}
	if want := []string{".state/treeState", "tile/0/001.p/5"}; !slices.Equal(report.Unchecked, want) {
		t.Errorf("unchecked %q, want %q", report.Unchecked, want)
	}
}

// TestEveryByteMatters is attack A32 at its smallest: a byte of a file, changed by one bit. Of the two large files it is every fifth byte.
func TestEveryByteMatters(t *testing.T) {
	golden, key := goldenLog(t), goldenKey(t)
	for _, name := range slices.Sorted(maps.Keys(golden)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := maps.Clone(golden)
			original := golden[name].Data
			step := 1
			if len(original) > 1000 {
				step = 5
			}
			for at := 0; at < len(original); at += step {
				raw := bytes.Clone(original)
				raw[at] ^= 1 << (at % 8)
				changed[name] = &fstest.MapFile{Data: raw}
				if _, err := Log(changed, key); reasonOf(err) == "HOLDS" || strings.HasPrefix(reasonOf(err), "not") {
					t.Fatalf("byte %d: %v", at, err)
				}
			}
		})
	}
}

// TestTampering is the rest of attack A32.
func TestTampering(t *testing.T) {
	const full, last = "tile/entries/000", "tile/entries/001.p/4"
	put := func(log fstest.MapFS, name string, raw []byte) { log[name] = &fstest.MapFile{Data: raw} }
	for name, test := range map[string]struct {
		change func(log fstest.MapFS)
		reason string
	}{
		"entry edited": {func(log fstest.MapFS) {
			raw := bytes.Clone(log[full].Data)
			raw[40] ^= 1
			put(log, full, raw)
		}, ReasonFileChanged},
		"entry edited with its hash": {func(log fstest.MapFS) {
			raw := bytes.Clone(log[last].Data)
			raw[3] ^= 1
			put(log, last, raw)
			put(log, "tile/0/001.p/4", slices.Concat(leafHash(raw[2:34]), log["tile/0/001.p/4"].Data[32:]))
		}, ReasonEntriesChanged},
		"entries swapped": {func(log fstest.MapFS) {
			raw := log[full].Data
			put(log, full, slices.Concat(raw[34:68], raw[:34], raw[68:]))
		}, ReasonFileChanged},
		"entries swapped with their hashes": {func(log fstest.MapFS) {
			raw, hashes := log[last].Data, log["tile/0/001.p/4"].Data
			put(log, last, slices.Concat(raw[34:68], raw[:34], raw[68:]))
			put(log, "tile/0/001.p/4", slices.Concat(hashes[32:64], hashes[:32], hashes[64:]))
		}, ReasonEntriesChanged},
		"entry dropped":    {func(log fstest.MapFS) { put(log, full, log[full].Data[34:]) }, ReasonFileMalformed},
		"entry added":      {func(log fstest.MapFS) { put(log, last, append(bytes.Clone(log[last].Data), log[last].Data[:34]...)) }, ReasonFileMalformed},
		"bundle lost":      {func(log fstest.MapFS) { delete(log, full) }, ReasonFileMissing},
		"last bundle lost": {func(log fstest.MapFS) { delete(log, last) }, ReasonFileMissing},
		"tile lost":        {func(log fstest.MapFS) { delete(log, "tile/0/000") }, ReasonFileMissing},
		"upper tile lost":  {func(log fstest.MapFS) { delete(log, "tile/1/000.p/1") }, ReasonFileMissing},
		"checkpoint lost":  {func(log fstest.MapFS) { delete(log, "checkpoint") }, ReasonFileMissing},
		"truncated": {func(log fstest.MapFS) {
			delete(log, last)
			delete(log, "tile/0/001.p/4")
		}, ReasonFileMissing},
		"file cut":          {func(log fstest.MapFS) { put(log, last, log[last].Data[:50]) }, ReasonFileMalformed},
		"file empty":        {func(log fstest.MapFS) { put(log, "tile/1/000.p/1", nil) }, ReasonFileMalformed},
		"file huge":         {func(log fstest.MapFS) { put(log, full, make([]byte, 1<<20)) }, ReasonFileMalformed},
		"checkpoint huge":   {func(log fstest.MapFS) { put(log, "checkpoint", make([]byte, 1<<20)) }, ReasonFileMalformed},
		"checkpoint empty":  {func(log fstest.MapFS) { put(log, "checkpoint", nil) }, ReasonCheckpoint},
		"older tile forged": {func(log fstest.MapFS) { put(log, "tile/0/001.p/2", make([]byte, 64)) }, ReasonFileChanged},
		"older bundle odd":  {func(log fstest.MapFS) { put(log, "tile/entries/000.p/9", make([]byte, 3)) }, ReasonFileMalformed},
		"older checkpoint": {func(log fstest.MapFS) {
			receipt, err := ParseReceipt(file(t, "receipts/HOLDS-older.json"))
			if err != nil {
				t.Fatal(err)
			}
			put(log, "checkpoint", []byte(receipt.Checkpoint))
		}, "HOLDS"}, // an older state is whole; the receipts that it lacks tell, see below
	} {
		t.Run(name, func(t *testing.T) {
			log := goldenLog(t)
			test.change(log)
			_, err := Log(log, goldenKey(t))
			wantReason(t, err, test.reason)
		})
	}
}

// TestCutBack is a copy that ends before a receipt.
func TestCutBack(t *testing.T) {
	log, key := goldenLog(t), goldenKey(t)
	older, err := ParseReceipt(file(t, "receipts/HOLDS-older.json"))
	if err != nil {
		t.Fatal(err)
	}
	newer, err := ParseReceipt(file(t, "receipts/HOLDS.json"))
	if err != nil {
		t.Fatal(err)
	}
	log["checkpoint"] = &fstest.MapFile{Data: []byte(older.Checkpoint)}
	_, _, err = Contains(log, key, older)
	wantReason(t, err, "HOLDS")
	_, _, err = Contains(log, key, newer)
	wantReason(t, err, ReasonCopyOlder)
}

func TestTilePaths(t *testing.T) {
	for want, id := range map[string]tileID{
		"tile/0/000":                     {0, 0},
		"tile/entries/x001/x234/067.p/8": {entries, 1234067},
		"tile/7/x001/000":                {7, 1000},
	} {
		width := 0
		if strings.HasSuffix(want, ".p/8") {
			width = 8
		}
		if got := id.path(width); got != want {
			t.Errorf("path %q, want %q", got, want)
		}
		if got, w, ok := parseTile(want); !ok || got != id || w != width {
			t.Errorf("%q: %v %d %v", want, got, w, ok)
		}
	}
	for _, bad := range []string{"tile/8/000", "tile/0/00", "tile/0/1000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/-1/000", "tile/00/000", "tile", "tile/0/x000/001", "x/0/000"} {
		if id, width, ok := parseTile(bad); ok {
			t.Errorf("%q was read as %v %d", bad, id, width)
		}
	}
}
