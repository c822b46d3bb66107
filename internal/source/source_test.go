package source_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/source"
)

func small() *source.Archive {
	return &source.Archive{Go: "go1.26.1", Files: []source.File{
		{Path: "darkroom.yaml", Content: []byte("darkroom: 1\n")},
		{Path: "guest/guest.go", Content: []byte("package guest\n")},
		{Path: "main.go", Content: []byte("package main\n")},
	}}
}

func encoded(tb testing.TB, a *source.Archive) []byte {
	tb.Helper()
	raw, err := a.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func wants(t *testing.T, what string, err error, reason string) {
	t.Helper()
	if e := enclave.AsError(err); e == nil || e.Reason != reason {
		t.Errorf("%s: %v, want %s", what, err, reason)
	}
	if !enclave.Known(reason) {
		t.Errorf("%s has no text", reason)
	}
}

// TestGolden holds the format: another encoding would be another digest.
func TestGolden(t *testing.T) {
	raw := encoded(t, small())
	want, err := os.ReadFile("testdata/small.tar")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw, want) {
		t.Errorf("the encoding changed: digest %s", enclave.DigestOf(raw))
	}
	parsed, err := source.Parse(want)
	if err != nil || !reflect.DeepEqual(parsed, small()) {
		t.Errorf("%+v, %v", parsed, err)
	}
}

func TestAFolderThereAndBack(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"main.go": "package main\n", "guest/guest.go": "package guest\n", "darkroom.yaml": "darkroom: 1\n",
		"built.wasm": "\x00asm", ".git/config": "secret", ".env": "secret",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	packed, err := source.Pack(dir, "go1.26.1")
	if err != nil || !reflect.DeepEqual(packed, small()) {
		t.Fatalf("%+v, %v", packed, err)
	}
	out := filepath.Join(t.TempDir(), "new", "folder")
	if err := packed.Unpack(out); err != nil {
		t.Fatal(err)
	}
	again, err := source.Pack(out, "go1.26.1")
	if err != nil || !bytes.Equal(encoded(t, again), encoded(t, packed)) {
		t.Errorf("%+v, %v", again, err)
	}
	wants(t, "a folder in use", packed.Unpack(out), "MODULE_SOURCE_FOLDER_USED")
	wants(t, "no folder", packed.Unpack(filepath.Join(out, "main.go")), "MODULE_SOURCE_WRITE")

	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link.go")); err != nil {
		t.Fatal(err)
	}
	_, err = source.Pack(dir, "")
	wants(t, "a link", err, "MODULE_SOURCE_LINK")
	_, err = source.Pack(filepath.Join(dir, "nowhere"), "")
	wants(t, "no folder", err, "MODULE_SOURCE_UNREADABLE")

	large := t.TempDir()
	if err := os.WriteFile(filepath.Join(large, "table.go"), make([]byte, source.MaxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = source.Pack(large, "")
	wants(t, "a large folder", err, "MODULE_SOURCE_TOO_LARGE")
}

func TestMisleading(t *testing.T) {
	a := &source.Archive{Files: []source.File{
		{Path: "a.go", Content: []byte("// 正常 text\n")},
		{Path: "b.go", Content: []byte("if admin /*\u202e } \u2066 */ {")},
		{Path: "c.go", Content: []byte("x\u200b := 1")},
		{Path: "d.go", Content: []byte("// lines of Windows\r\n\r\nfunc a() {}\r\n")},
		{Path: "e.go", Content: []byte("package main // \x1b[8m\nfunc steal() {}\n// \x1b[0m\n")},
		{Path: "f.go", Content: []byte("func steal() {} // \rfunc harmless() {}\n")},
		{Path: "g.go", Content: []byte("a\b\b\b")},
		{Path: "h.go", Content: []byte("var \u3164 = 1\n")},
		{Path: "i.go", Content: []byte("\xff\xfe")},
	}}
	if got := a.Misleading(); !reflect.DeepEqual(got, []string{"b.go", "c.go", "e.go", "f.go", "g.go", "h.go", "i.go"}) {
		t.Errorf("%q", got)
	}
}

func TestPaths(t *testing.T) {
	for path, good := range map[string]bool{
		"a": true, "a/b.go": true, "vendor/example.org/x@v1/y+z.go": true, "_test/a": true, strings.Repeat("a", source.MaxPath): true,
		"": false, "/a": false, "a/": false, "a//b": false, "..": false, "../a": false, "a/../b": false, "./a": false, ".git/config": false,
		"a/.b": false, `a\b`: false, "c:a": false, "a b": false, "-o": false, "a.": false, "a\x00": false, "名.go": false, "a\u202eb": false,
		strings.Repeat("a", source.MaxPath+1): false, "darkroom.source.json": false, "Darkroom.Source.json": false,
	} {
		_, err := (&source.Archive{Files: []source.File{{Path: path}}}).Encode()
		if good != (err == nil) {
			t.Errorf("%q: %v", path, err)
		}
		if !good {
			wants(t, path, err, "MODULE_SOURCE_PATH")
		}
	}
	for name, paths := range map[string][]string{"in case alone": {"A.go", "a.go"}, "a file as a folder": {"a", "a/b"}, "in case alone, a folder": {"A", "a/b"}} {
		a := &source.Archive{}
		for _, p := range paths {
			a.Files = append(a.Files, source.File{Path: p})
		}
		_, err := a.Encode()
		wants(t, name, err, "MODULE_SOURCE_PATH")
	}
}

// forged writes a tar file header by header, the head first.
func forged(t *testing.T, headers ...*tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	own := []byte(`{"darkroom":1}`)
	for _, h := range append([]*tar.Header{{Name: "darkroom.source.json", Mode: 0o644, Size: int64(len(own)), Typeflag: tar.TypeReg}}, headers...) {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		content := make([]byte, h.Size)
		copy(content, own)
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestParseRefuses(t *testing.T) {
	good := encoded(t, small())
	many := &source.Archive{}
	for i := range source.MaxFiles + 1 {
		many.Files = append(many.Files, source.File{Path: "f" + string(rune('a'+i/26)) + string(rune('a'+i%26))})
	}
	var manyHeaders []*tar.Header
	for _, f := range many.Files {
		manyHeaders = append(manyHeaders, &tar.Header{Name: f.Path, Mode: 0o644, Typeflag: tar.TypeReg})
	}
	for name, c := range map[string]struct {
		raw    []byte
		reason string
	}{
		"nothing":        {nil, "MODULE_SOURCE_MALFORMED"},
		"no tar":         {bytes.Repeat([]byte("x"), 1024), "MODULE_SOURCE_MALFORMED"},
		"cut":            {good[:len(good)-1500], "MODULE_SOURCE_MALFORMED"},
		"no trailer":     {good[:len(good)-512], "MODULE_SOURCE_MALFORMED"},
		"more behind":    {append(bytes.Clone(good), make([]byte, 512)...), "MODULE_SOURCE_MALFORMED"},
		"too large":      {make([]byte, source.MaxEncoded+1), "MODULE_SOURCE_TOO_LARGE"},
		"a link":         {forged(t, &tar.Header{Name: "a", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}), "MODULE_SOURCE_LINK"},
		"a hard link":    {forged(t, &tar.Header{Name: "a", Linkname: "b", Typeflag: tar.TypeLink}), "MODULE_SOURCE_LINK"},
		"a device":       {forged(t, &tar.Header{Name: "a", Typeflag: tar.TypeChar}), "MODULE_SOURCE_LINK"},
		"a folder":       {forged(t, &tar.Header{Name: "a/", Typeflag: tar.TypeDir}), "MODULE_SOURCE_LINK"},
		"a way out":      {forged(t, &tar.Header{Name: "../a", Mode: 0o644, Typeflag: tar.TypeReg}), "MODULE_SOURCE_PATH"},
		"another mode":   {forged(t, &tar.Header{Name: "a", Mode: 0o755, Typeflag: tar.TypeReg}), "MODULE_SOURCE_MALFORMED"},
		"an owner":       {forged(t, &tar.Header{Name: "a", Mode: 0o644, Uname: "li", Typeflag: tar.TypeReg}), "MODULE_SOURCE_MALFORMED"},
		"out of order":   {forged(t, &tar.Header{Name: "b", Mode: 0o644, Typeflag: tar.TypeReg}, &tar.Header{Name: "a", Mode: 0o644, Typeflag: tar.TypeReg}), "MODULE_SOURCE_MALFORMED"},
		"too many files": {forged(t, manyHeaders...), "MODULE_SOURCE_TOO_MANY"},
		"a large file":   {forged(t, &tar.Header{Name: "a", Mode: 0o644, Size: source.MaxBytes, Typeflag: tar.TypeReg}, &tar.Header{Name: "b", Mode: 0o644, Size: 1, Typeflag: tar.TypeReg}), "MODULE_SOURCE_TOO_LARGE"},
	} {
		_, err := source.Parse(c.raw)
		wants(t, name, err, c.reason)
	}
	if _, err := source.Parse(forged(t, &tar.Header{Name: "a", Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR})); err != nil {
		t.Errorf("the frame of this test: %v", err)
	}
	if _, err := (&source.Archive{Go: "go1.26\x1b[2J"}).Encode(); err == nil {
		t.Error("a version of Go that a terminal obeys")
	}
}

// FuzzParse: whatever parses is encoded to the same bytes, and unpacks inside its folder.
func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add(encoded(f, small()))
	f.Add(encoded(f, &source.Archive{}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := source.Parse(raw)
		if err != nil {
			if kind := enclave.KindOf(err); kind != enclave.Invalid && kind != enclave.Limit {
				t.Fatalf("%v", err)
			}
			return
		}
		if !bytes.Equal(encoded(t, a), raw) {
			t.Fatal("another encoding")
		}
		if err := a.Unpack(filepath.Join(t.TempDir(), "in")); err != nil {
			t.Fatalf("%v", err)
		}
	})
}
