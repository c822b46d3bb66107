package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// builtIn is the files of the built-in bundle.
func builtIn(t *testing.T) []File {
	t.Helper()
	e, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return e.Describe().Files
}

func keys(t *testing.T) (private, public []byte) {
	t.Helper()
	private, public, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

func signed(t *testing.T, files []File, key []byte) []File {
	t.Helper()
	files, err := Sign(files, key)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func reasonOf(err error) string {
	if e := enclave.AsError(err); e != nil {
		return e.Reason
	}
	return ""
}

func TestSignedBundlesVerify(t *testing.T) {
	private, public := keys(t)
	files := signed(t, signed(t, builtIn(t), private), private) // signing again replaces the signature
	raw, err := EncodeArchive(files)
	if err != nil {
		t.Fatal(err)
	}
	read, err := ParseArchive(raw)
	if err != nil || !slices.Equal(read, files) {
		t.Fatalf("read %d files of %d: %v", len(read), len(files), err)
	}
	if err := Verify(read, public); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(Unsigned(read), builtIn(t)) {
		t.Error("signing changed a file")
	}
	again, err := EncodeArchive(read)
	if err != nil || !bytes.Equal(again, raw) {
		t.Errorf("the same files are other bytes: %v", err)
	}
}

// TestTamperedBundles changes each file of a signed bundle in turn, takes it out, and adds one.
func TestTamperedBundles(t *testing.T) {
	private, public := keys(t)
	whole := signed(t, builtIn(t), private)
	refused := func(name string, files []File, key []byte, reason string) {
		t.Helper()
		if got := reasonOf(Verify(files, key)); got != reason {
			t.Errorf("%s: %q, want %q", name, got, reason)
		}
	}
	for i, f := range whole {
		changed := slices.Clone(whole)
		switch {
		case f.Path == signatureName:
			changed[i].Text = strings.Replace(f.Text, ".", "x.", 1)
		case strings.HasSuffix(f.Path, ".rego"):
			changed[i].Text += "#"
		case f.Path == manifestName:
			changed[i].Text = strings.Replace(f.Text, `"darkroom"`, `"darkroom", "more"`, 1)
		default:
			changed[i].Text = strings.Replace(f.Text, ": 10", ": 11", 1)
		}
		refused(f.Path+" changed", changed, public, "POLICY_SIGNATURE_INVALID")
		reason := "POLICY_SIGNATURE_INVALID"
		if f.Path == signatureName {
			reason = "POLICY_BUNDLE_UNSIGNED"
		}
		refused(f.Path+" gone", slices.Delete(slices.Clone(whole), i, i+1), public, reason)
	}
	refused("a file more", append(slices.Clone(whole), File{"darkroom/more.rego", "package darkroom.more\n"}), public, "POLICY_SIGNATURE_INVALID")
	_, other := keys(t)
	refused("another key", whole, other, "POLICY_SIGNATURE_INVALID")
	refused("no key", whole, nil, "POLICY_SIGNATURE_INVALID")
	for _, text := range []string{
		`{}`, `{"signatures":[]}`, `{"signatures":["x","y"]}`, `null`, `{`,
		`{"signatures":["eyJhbGciOiJub25lIn0.eyJmaWxlcyI6W119."]}`, `{"signatures":["` + "a.b.c" + `"],"plugin":"other"}`,
	} {
		forged := append(slices.Clone(builtIn(t)), File{signatureName, text})
		refused("a signature "+text, forged, public, "POLICY_SIGNATURE_INVALID")
	}
}

func TestKeysAreOfOneKind(t *testing.T) {
	_, public := keys(t)
	for name, key := range map[string][]byte{"none": nil, "text": []byte("secret"), "public": public} {
		if _, err := Sign(builtIn(t), key); reasonOf(err) != "POLICY_KEY_UNUSABLE" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// entry is one file of a tarball.
type entry struct {
	name string
	kind byte
	text string
}

func tarball(tb testing.TB, entries ...entry) []byte {
	tb.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Typeflag: e.kind, Size: int64(len(e.text)), Mode: 0o600}
		if e.kind == tar.TypeSymlink {
			header.Linkname, header.Size = "/etc/passwd", 0
		}
		if err := w.WriteHeader(header); err != nil {
			tb.Fatal(err)
		}
		if header.Size > 0 {
			if _, err := w.Write([]byte(e.text)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func TestBadTarballs(t *testing.T) {
	good := tarball(t, entry{"/a.rego", tar.TypeReg, "package a"})
	for name, raw := range map[string][]byte{
		"nothing":      nil,
		"text":         []byte("package a"),
		"cut":          good[:len(good)-12],
		"a link":       tarball(t, entry{"a.rego", tar.TypeSymlink, ""}),
		"upward":       tarball(t, entry{"../a.rego", tar.TypeReg, ""}),
		"upward later": tarball(t, entry{"a/../../b.rego", tar.TypeReg, ""}),
		"a slash":      tarball(t, entry{"a//b.rego", tar.TypeReg, ""}),
		"twice":        tarball(t, entry{"a.rego", tar.TypeReg, ""}, entry{"/a.rego", tar.TypeReg, ""}),
		"twice, dot":   tarball(t, entry{"a.rego", tar.TypeReg, ""}, entry{"./a.rego", tar.TypeReg, ""}),
		"a bomb":       tarball(t, entry{"a.rego", tar.TypeReg, strings.Repeat("#", maxBundleBytes+1)}),
		"too large":    make([]byte, MaxArchive+1),
	} {
		if _, err := ParseArchive(raw); reasonOf(err) != "POLICY_BUNDLE_INVALID" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseArchive(f *testing.F) {
	f.Add(tarball(f, entry{"/a.rego", tar.TypeReg, "package a"}, entry{"b/data.json", tar.TypeReg, "{}"}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		files, err := ParseArchive(raw)
		if err != nil {
			return
		}
		out, err := EncodeArchive(files)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseArchive(out); err != nil || !slices.Equal(again, files) {
			t.Errorf("%v became %v, %v", files, again, err)
		}
	})
}

// with is files with another text at a path; "" takes the file out.
func with(files []File, path, text string) []File {
	changed := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.Path == path })
	if text != "" {
		changed = append(changed, File{path, text})
	}
	return changed
}

func TestActivate(t *testing.T) {
	e, tested, err := Activate(t.Context(), builtIn(t))
	if err != nil || tested.Passed < 60 {
		t.Fatalf("%+v, %v", tested, err)
	}
	if e.Revision() != must(Default()).Revision() {
		t.Error("another revision")
	}
	untested := slices.DeleteFunc(builtIn(t), func(f File) bool { return strings.HasSuffix(f.Path, "_test.rego") })
	more := "darkroom/more_test.rego"
	for name, c := range map[string]struct {
		files  []File
		reason string
	}{
		"no tests":           {untested, "POLICY_BUNDLE_UNTESTED"},
		"a test fails":       {with(builtIn(t), more, "package darkroom.more_test\n\ntest_x if false\n"), "POLICY_BUNDLE_TEST"},
		"a test is put off":  {with(untested, more, "package darkroom.more_test\n\ntodo_test_x if true\n"), "POLICY_BUNDLE_TEST"},
		"a test is an error": {with(untested, more, "package darkroom.more_test\n\ntest_x if 1 / count(input) == 1\n"), "POLICY_BUNDLE_TEST"},
		"one test of two":    {with(untested, more, "package darkroom.more_test\n\ntest_x if true\n\ntest_y if false\n"), "POLICY_BUNDLE_TEST"},
	} {
		if _, _, err := Activate(context.Background(), c.files); reasonOf(err) != c.reason {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
