package policy

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/binary"
	"encoding/json"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/darkroom-project/darkroom/enclave"
)

//go:embed all:bundle
var embedded embed.FS

// Limits of bundles.
const (
	maxFiles       = 1000
	maxBundleBytes = 8 << 20
)

// manifestName is the bundle's manifest, as OPA names it.
const manifestName = ".manifest"

// File is one file of a bundle.
type File struct {
	Path string `json:"path"` // slash-separated, from the bundle's root
	Text string `json:"text"`
}

// bundle is what a bundle's files say, before anything is compiled.
type bundle struct {
	files    []File // by path
	revision enclave.Digest
	modules  map[string]*ast.Module
	data     map[string]any
}

// manifest is the part of OPA's bundle manifest that this package knows; anything else in it is refused.
type manifest struct {
	Revision    string   `json:"revision"` // what OPA's own tool was told; ours is of the files
	RegoVersion int      `json:"rego_version"`
	Roots       []string `json:"roots"`
}

func invalid(place, problem string) *enclave.Error {
	return enclave.Fail(enclave.Invalid, "POLICY_BUNDLE_INVALID", "place", place, "problem", problem)
}

// readBundle reads every file and parses rules and data.
func readBundle(fsys fs.FS) (*bundle, error) {
	files, err := ReadFiles(fsys)
	if err != nil {
		return nil, err
	}
	return newBundle(files)
}

// newBundle parses rules and data out of files; a signature is no part of them. Only the manifest, *.rego and data.json are known; a
// file of another name is refused, since nothing would say what it does.
func newBundle(files []File) (*bundle, error) {
	files = Unsigned(files)
	b := &bundle{files: files, revision: revision(files), modules: map[string]*ast.Module{}, data: map[string]any{}}
	var roots []string
	var err error
	options := ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: capabilities()}
	for _, f := range files {
		switch {
		case f.Path == manifestName:
			roots, err = parseManifest(f)
		case path.Ext(f.Path) == ".rego":
			err = b.addRules(f, options)
		case path.Base(f.Path) == "data.json":
			err = b.addData(f)
		default:
			err = invalid(f.Path, "a bundle holds .manifest, *.rego and data.json only")
		}
		if err != nil {
			return nil, err
		}
	}
	return b, b.withinRoots(roots)
}

// ReadFiles reads the files of a bundle that is not packed, by path.
func ReadFiles(fsys fs.FS) ([]File, error) {
	var files []File
	var total int
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return invalid(name, "cannot be read").Because(err)
		}
		if entry.IsDir() {
			return nil
		}
		if !entry.Type().IsRegular() {
			return invalid(name, "not a regular file")
		}
		raw, err := fs.ReadFile(fsys, name)
		if err != nil {
			return invalid(name, "cannot be read").Because(err)
		}
		if total += len(raw); total > maxBundleBytes || len(files) == maxFiles {
			return invalid(name, "a bundle has at most 1000 files and 8 MiB")
		}
		files = append(files, File{Path: name, Text: string(raw)})
		return nil
	})
	sortFiles(files)
	return files, err
}

// revision is the SHA-256 over a bundle's files in byte order of their paths, each as length and path, length and text. Lengths are
// 8 bytes, big endian.
func revision(files []File) enclave.Digest {
	h := sha256.New()
	h.Write([]byte("darkroom policy bundle 1\n"))
	for _, f := range files {
		for _, part := range []string{f.Path, f.Text} {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			h.Write([]byte(part))
		}
	}
	return enclave.Digest(h.Sum(nil))
}

func parseManifest(f File) ([]string, error) {
	dec := json.NewDecoder(strings.NewReader(f.Text))
	dec.DisallowUnknownFields()
	var m manifest
	if err := dec.Decode(&m); err != nil {
		return nil, invalid(f.Path, err.Error())
	}
	if dec.More() {
		return nil, invalid(f.Path, "more than one JSON value")
	}
	if m.RegoVersion != 1 {
		return nil, invalid(f.Path, "rego_version must be 1")
	}
	return m.Roots, nil
}

func (b *bundle) addRules(f File, options ast.ParserOptions) error {
	module, err := ast.ParseModuleWithOpts(f.Path, f.Text, options)
	if err != nil {
		return invalid(f.Path, err.Error())
	}
	if module == nil {
		return invalid(f.Path, "no rules")
	}
	b.modules[f.Path] = module
	return nil
}

// addData puts a data.json where its directory says, as OPA does.
func (b *bundle) addData(f File) error {
	value, err := parseJSON(f)
	if err != nil {
		return err
	}
	at := b.data
	for part := range strings.SplitSeq(strings.TrimPrefix(path.Dir(f.Path), "."), "/") {
		if part == "" {
			continue // OPA's own tool joins all data in one file beside the manifest
		}
		next, ok := at[part].(map[string]any)
		if !ok {
			if at[part] != nil {
				return invalid(f.Path, "another file says what stands here")
			}
			next = map[string]any{}
			at[part] = next
		}
		at = next
	}
	for key, v := range value {
		if _, taken := at[key]; taken {
			return invalid(f.Path+": "+key, "another file says what stands here")
		}
		at[key] = v
	}
	return nil
}

// refuseTwice refuses an object that names a field twice: two readers could see different numbers.
func refuseTwice(f File) error {
	dec := json.NewDecoder(bytes.NewReader([]byte(f.Text)))
	type level struct {
		seen map[string]bool // nil in an array
		key  bool            // the next token is a field's name
	}
	var levels []level
	for {
		token, err := dec.Token()
		if err != nil {
			return nil //nolint:nilerr // the end, or malformed: the parser after this one says where
		}
		if delim, ok := token.(json.Delim); ok && (delim == '{' || delim == '[') {
			next := level{key: delim == '{'}
			if next.key {
				next.seen = map[string]bool{}
			}
			levels = append(levels, next)
			continue
		} else if ok {
			levels = levels[:len(levels)-1]
		}
		if len(levels) == 0 {
			continue
		}
		top := &levels[len(levels)-1]
		if name, ok := token.(string); ok && top.key {
			if top.seen[name] {
				return invalid(f.Path+": "+name, "named twice")
			}
			top.seen[name] = true
			top.key = false
		} else {
			top.key = top.seen != nil
		}
	}
}

// withinRoots checks that rules and data stand under the roots that the manifest claims.
func (b *bundle) withinRoots(roots []string) error {
	if len(roots) == 0 {
		return invalid(manifestName, "missing, or without roots")
	}
	for name := range b.data {
		if !slices.Contains(roots, name) {
			return invalid(name+"/data.json", "outside the manifest's roots")
		}
	}
	for name, module := range b.modules {
		// The path starts with "data".
		head, ok := module.Package.Path[1].Value.(ast.String)
		if !ok || !slices.Contains(roots, string(head)) {
			return invalid(name, "its package is outside the manifest's roots")
		}
	}
	return nil
}
