package verify

import (
	"bytes"
	"io/fs"
	"reflect"
	"testing"
	"testing/fstest"
)

// FuzzReceipt looks for two files of one receipt, and for files that verify but are not among the golden ones' meaning.
func FuzzReceipt(f *testing.F) {
	names, err := fs.Glob(testdata, "testdata/receipts/*.json")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		raw, err := testdata.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	key := goldenKey(f)
	good, err := ParseReceipt(file(f, "receipts/HOLDS.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		receipt, err := ParseReceipt(raw)
		if err != nil {
			return
		}
		encoded, err := receipt.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseReceipt(encoded)
		if err != nil || !reflect.DeepEqual(receipt, again) {
			t.Fatalf("round trip: %v", err)
		}
		if _, err := receipt.Verify(key); err == nil && (receipt.Body != good.Body || receipt.Salt != good.Salt || receipt.Index != good.Index) {
			t.Fatalf("a forged receipt verifies: %s", raw)
		}
	})
}

// FuzzCheckpoint looks for another checkpoint that the golden key is taken to have signed.
func FuzzCheckpoint(f *testing.F) {
	signed := file(f, "log/checkpoint")
	key := goldenKey(f)
	want, err := OpenCheckpoint(key, signed)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add(append(bytes.Clone(signed), "— other AAAAAAAA\n"...))
	f.Add([]byte("golden.example/darkroom\n0\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := OpenCheckpoint(key, raw)
		if err == nil && got != want && got.Size != 100 {
			t.Fatalf("%+v", got)
		}
	})
}

// FuzzKey looks for another key that is taken to have signed the golden checkpoint.
func FuzzKey(f *testing.F) {
	f.Add(goldenKey(f))
	f.Add("a+00000000+AQ==")
	signed := file(f, "log/checkpoint")
	want, err := openKey(goldenKey(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if _, err := OpenCheckpoint(key, signed); err != nil {
			return
		}
		// note takes upper-case digits and unused bits, so the same key may be written in several ways; but it is the same key.
		got, err := openKey(key)
		if err != nil || got.Name() != want.Name() || got.KeyHash() != want.KeyHash() {
			t.Fatalf("another key verifies: %q", key)
		}
	})
}

// FuzzLog changes one file of a log to anything.
func FuzzLog(f *testing.F) {
	golden, key := goldenLog(f), goldenKey(f)
	for name, entry := range golden {
		f.Add(name, entry.Data)
	}
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		if !fs.ValidPath(name) || name == "." {
			return
		}
		log := fstest.MapFS{name: &fstest.MapFile{Data: raw}}
		for each, entry := range golden {
			if each != name {
				log[each] = entry
			}
		}
		_, err := Log(log, key)
		before, matters := golden[name]
		if err == nil && matters && name != "checkpoint" && !bytes.Equal(raw, before.Data) {
			t.Fatalf("%s was changed", name)
		}
	})
}
