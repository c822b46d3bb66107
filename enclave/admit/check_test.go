package admit

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

func TestCheckMeasuresAnHonestModule(t *testing.T) {
	wasm := honest().wasm()
	module, err := Check(wasm)
	if err != nil {
		t.Fatal(err)
	}
	want := enclave.ModuleFacts{Bytes: int64(len(wasm)), DataBytes: 8, Functions: 5, MemoryPages: 17}
	if module.Facts != want || !module.HasCode || module.Digest != enclave.DigestOf(wasm) || module.Manifest.Name != "tiny" {
		t.Errorf("got %+v", module)
	}
}

// TestGolden pins the bytes: a module whose digest changed would no longer be the module that was approved.
func TestGolden(t *testing.T) {
	for name, want := range map[string]struct {
		digest  string
		hasCode bool
	}{
		"module.wasm":        {goldenModule, true},
		"manifest-only.wasm": {goldenSolo, false},
	} {
		raw, err := fs.ReadFile(os.DirFS("testdata"), name)
		if err != nil {
			t.Fatal(err)
		}
		module, err := Check(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if module.Digest.String() != want.digest || module.HasCode != want.hasCode {
			t.Errorf("%s: digest %s, code %v", name, module.Digest, module.HasCode)
		}
		code := raw
		if !module.HasCode {
			code = nil
		}
		again, err := Attach(code, module.Manifest)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%s: attaching the same manifest changed the bytes (%v)", name, err)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	change := func(f func(*parts)) []byte {
		p := honest()
		f(&p)
		return p.wasm()
	}
	imported := func(module, name string, kind byte) []byte {
		return change(func(p *parts) {
			p.imports = sect(wasm.Import, list(cat(named(module), named(name), []byte{kind, 3})))
			shifted := map[string][]byte{}
			for i, f := range []string{"darkroom_abi", "darkroom_window", "darkroom_alloc", "darkroom_init", "darkroom_batch"} {
				shifted[f] = function(f, i+1)
			}
			p.exports = exported(shifted)
		})
	}
	export := func(name string, item []byte, more ...[]byte) []byte {
		return change(func(p *parts) { p.exports = exported(map[string][]byte{name: item}, more...) })
	}
	cases := map[string]struct {
		wasm   []byte
		reason string
	}{
		"nothing":                {nil, "MODULE_NOT_WASM"},
		"text":                   {[]byte("darkroom: 1"), "MODULE_NOT_WASM"},
		"component, not module":  {cat([]byte("\x00asm\x0d\x00\x01\x00"), section0()), "MODULE_NOT_WASM"},
		"header alone":           {header, "MODULE_MANIFEST_MISSING"},
		"section cut short":      {honest().wasm()[:60], "MODULE_MALFORMED"},
		"section beyond the end": {cat(header, []byte{0, 0xff, 0xff, 0xff, 0xff, 0x0f}), "MODULE_MALFORMED"},
		"length of 33 bits":      {cat(header, []byte{0, 0xff, 0xff, 0xff, 0xff, 0x1f}), "MODULE_MALFORMED"},
		"length of six bytes":    {cat(header, []byte{0, 0x80, 0x80, 0x80, 0x80, 0x80, 0}), "MODULE_MALFORMED"},
		"unknown section":        {cat(honest().wasm(), sect(14, nil)), "MODULE_UNSUPPORTED"},
		"exceptions":             {cat(honest().wasm(), sect(13, nil)), "MODULE_UNSUPPORTED"},
		"section twice":          {change(func(p *parts) { p.memories = cat(p.memories, p.memories) }), "MODULE_MALFORMED"},
		"sections out of order":  {change(func(p *parts) { p.functions, p.tables = p.tables, p.functions }), "MODULE_MALFORMED"},
		"custom name not UTF-8":  {change(func(p *parts) { p.custom = cat(custom("\xff", nil), p.custom) }), "MODULE_MALFORMED"},
		"bytes left over":        {change(func(p *parts) { p.memories = sect(wasm.Memory, []byte{1, 0, 1, 0}) }), "MODULE_MALFORMED"},
		"list longer than bytes": {change(func(p *parts) { p.types = sect(wasm.Type, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}) }), "MODULE_MALFORMED"},
		"bodies missing":         {change(func(p *parts) { p.code = sect(wasm.Code, list()) }), "MODULE_MALFORMED"},
		"body beyond section":    {change(func(p *parts) { p.code = sect(wasm.Code, list([]byte{9, 0})) }), "MODULE_MALFORMED"},
		"unknown function type":  {change(func(p *parts) { p.functions = sect(wasm.Function, list(uleb(4))) }), "MODULE_MALFORMED"},
		"unknown value type":     {change(func(p *parts) { p.types = sect(wasm.Type, list([]byte{0x60, 1, 0x55, 0})) }), "MODULE_MALFORMED"},
		"type not a function":    {change(func(p *parts) { p.types = sect(wasm.Type, list([]byte{0x5f, 0, 0})) }), "MODULE_MALFORMED"},

		"global of no kind": {change(func(p *parts) { p.globals = sect(wasm.Global, list([]byte{0x7f, 2, 0x41, 0, 0x0b})) }), "MODULE_MALFORMED"},
		"global computed":   {change(func(p *parts) { p.globals = sect(wasm.Global, list([]byte{0x7f, 0, 0x41, 0, 0x41, 0, 0x6a, 0x0b})) }), "MODULE_MALFORMED"},
		"global of a call":  {change(func(p *parts) { p.globals = sect(wasm.Global, list([]byte{0x7f, 0, 0x10, 0, 0x0b})) }), "MODULE_MALFORMED"},
		"global never ends": {change(func(p *parts) {
			p.globals = sect(wasm.Global, list(bytes.Repeat([]byte{0x7f, 0, 0x41, 0x80, 0x80, 0x80, 0x80, 0x80, 0}, 2)))
		}), "MODULE_MALFORMED"},
		"globals of every kind":   {change(func(p *parts) { p.globals = sect(wasm.Global, list(initials()...)) }), ""},
		"elements of every kind":  {change(func(p *parts) { p.elements = sect(wasm.Element, list(elementKinds()...)) }), ""},
		"elements of a ninth":     {change(func(p *parts) { p.elements = sect(wasm.Element, list([]byte{8, 0, 0})) }), "MODULE_MALFORMED"},
		"elements cut short":      {change(func(p *parts) { p.elements = sect(wasm.Element, list([]byte{1, 0, 2, 0})) }), "MODULE_MALFORMED"},
		"data of a fourth kind":   {change(func(p *parts) { p.data = sect(wasm.Data, list([]byte{3, 0})) }), "MODULE_MALFORMED"},
		"data beyond its section": {change(func(p *parts) { p.data = sect(wasm.Data, list([]byte{1, 5, 0})) }), "MODULE_MALFORMED"},
		"export of no global":     {export("", nil, cat(named("extra"), []byte{kindGlobal, 0})), "MODULE_MALFORMED"},
		"export of no table":      {export("", nil, cat(named("extra"), []byte{kindTable, 1})), "MODULE_MALFORMED"},
		"export of the table":     {export("", nil, cat(named("extra"), []byte{kindTable, 0})), ""},

		"no manifest":             {change(func(p *parts) { p.custom = nil }), "MODULE_MANIFEST_MISSING"},
		"manifest of other name":  {change(func(p *parts) { p.custom = custom("Darkroom.manifest", []byte(goodManifest)) }), "MODULE_MANIFEST_MISSING"},
		"two manifests":           {change(func(p *parts) { p.custom = cat(p.custom, p.custom) }), "MODULE_MANIFEST_TWICE"},
		"a forged one in front":   {cat(header, custom(enclave.ManifestSection, []byte(soloManifest)), honest().wasm()[8:]), "MODULE_MANIFEST_TWICE"},
		"manifest not JSON":       {cat(header, custom(enclave.ManifestSection, []byte("darkroom: 1"))), "MANIFEST_MALFORMED"},
		"manifest not valid":      {cat(header, custom(enclave.ManifestSection, []byte("{}"))), "MANIFEST_INVALID"},
		"module keys, no code":    {cat(header, section0()), "MODULE_CODE_MISSING"},
		"program, no code":        {cat(header, custom(enclave.ManifestSection, []byte(programManifest))), "MODULE_CODE_MISSING"},
		"program, no finish":      {change(func(p *parts) { p.custom = programSection() }), "MODULE_EXPORT"},
		"program":                 {asProgram("darkroom_finish", 4), ""},
		"finish of other type":    {asProgram("darkroom_finish", 0), "MODULE_EXPORT"},
		"finish misspelled":       {asProgram("darkroom_finished", 4), "MODULE_EXPORT"},
		"aggregate with a finish": {change(func(p *parts) { p.exports = exported(nil, function("darkroom_finish", 4)) }), ""},
		"aggregate with another":  {change(func(p *parts) { p.exports = exported(nil, function("darkroom_finish", 0)) }), "MODULE_EXPORT"},
		"code, no module keys":    {change(func(p *parts) { p.custom = custom(enclave.ManifestSection, []byte(soloManifest)) }), "MODULE_CODE_NEEDLESS"},
		"start section":           {change(func(p *parts) { p.start = sect(wasm.Start, uleb(0)) }), "MODULE_COMMAND"},
		"_start":                  {export("", nil, function("_start", 0)), "MODULE_COMMAND"},
		"import of WASI":          {imported(wasi, "fd_write", kindFunction), ""},
		"import of a file":        {imported(wasi, "path_open", kindFunction), "MODULE_IMPORT"},
		"import of the host":      {imported("env", "fd_write", kindFunction), "MODULE_IMPORT"},
		"import of a memory":      {imported(wasi, "fd_write", kindMemory), "MODULE_IMPORT"},
		"no memory":               {change(func(p *parts) { p.memories = nil; p.exports = exported(map[string][]byte{"memory": nil}) }), "MODULE_EXPORT"},
		"memory not exported":     {export("memory", nil), "MODULE_EXPORT"},
		"memory is a function":    {export("memory", function("memory", 0)), "MODULE_EXPORT"},
		"two memories":            {change(func(p *parts) { p.memories = sect(wasm.Memory, list([]byte{0, 1}, []byte{0, 1})) }), "MODULE_EXPORT"},
		"shared memory":           {change(func(p *parts) { p.memories = sect(wasm.Memory, list([]byte{3, 1, 2})) }), "MODULE_UNSUPPORTED"},
		"64-bit memory":           {change(func(p *parts) { p.memories = memory(4, 1) }), "MODULE_UNSUPPORTED"},
		"memory max below min":    {change(func(p *parts) { p.memories = sect(wasm.Memory, list([]byte{1, 2, 1})) }), "MODULE_MALFORMED"},
		"no batch":                {export("darkroom_batch", nil), "MODULE_EXPORT"},
		"init of one parameter":   {export("darkroom_init", function("darkroom_init", 1)), "MODULE_EXPORT"},
		"abi is the memory":       {export("darkroom_abi", cat(named("darkroom_abi"), []byte{kindMemory, 0})), "MODULE_EXPORT"},
		"initialize of parameter": {export("", nil, function("_initialize", 1)), "MODULE_EXPORT"},
		"export twice":            {export("", nil, function("darkroom_abi", 0)), "MODULE_MALFORMED"},
		"export of no function":   {export("", nil, function("extra", 5)), "MODULE_MALFORMED"},
		"export of no memory":     {export("", nil, cat(named("extra"), []byte{kindMemory, 1})), "MODULE_MALFORMED"},
		"export of unknown kind":  {export("", nil, cat(named("extra"), []byte{4, 0})), "MODULE_MALFORMED"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Check(c.wasm)
			wantReason(t, err, c.reason)
		})
	}
}

// TestCaps tries each limit just below and just above.
func TestCaps(t *testing.T) {
	many := func(n int, item []byte) []byte { return cat(uleb(n), bytes.Repeat(item, n)) }
	build := map[string]struct {
		limit  int
		reason string
		wasm   func(n int) []byte
	}{
		"bytes": {MaxModuleBytes, "MODULE_TOO_LARGE", func(n int) []byte {
			return honest().padded(n)
		}},
		"custom bytes": {MaxCustomBytes, "MODULE_TOO_MANY", func(n int) []byte {
			wasm := cat(honest().wasm(), custom("x", make([]byte, 1<<20)))
			// What counts is the contents with the name, which is 4 bytes here.
			return cat(wasm, custom("pad", make([]byte, n-len(named(enclave.ManifestSection))-len(goodManifest)-(1<<20)-2-4)))
		}},
		"custom name": {MaxNameBytes, "MODULE_TOO_MANY", func(n int) []byte { return cat(honest().wasm(), custom(strings.Repeat("x", n), nil)) }},
		"export name": {MaxNameBytes, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.exports = exported(nil, function(strings.Repeat("x", n), 0))
			return p.wasm()
		}},
		"params": {MaxParams, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.types = sect(wasm.Type, cat(uleb(5), p.types[3:], []byte{0x60}, many(n, []byte{0x7f}), []byte{0}))
			return p.wasm()
		}},
		"results": {MaxResults, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.types = sect(wasm.Type, cat(uleb(5), p.types[3:], []byte{0x60, 0}, many(n, []byte{0x7f})))
			return p.wasm()
		}},
		"tables": {MaxTables, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.tables = sect(wasm.Table, many(n, []byte{0x70, 0, 1}))
			return p.wasm()
		}},
		"globals": {MaxGlobals, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.globals = sect(wasm.Global, many(n, initials()[0]))
			return p.wasm()
		}},
		"element segments": {MaxElementSegments, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.elements = sect(wasm.Element, many(n, elementKinds()[1]))
			return p.wasm()
		}},
		"elements": {MaxElements, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.elements = sect(wasm.Element, list(elementKinds()[0], cat([]byte{0}, elementKinds()[0][1:4], many(n-2, []byte{1}))))
			return p.wasm()
		}},
		"elements of one segment": {MaxElements, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.elements = sect(wasm.Element, list(cat([]byte{5, 0x70}, many(n, []byte{0xd2, 0, 0x0b}))))
			return p.wasm()
		}},
		"data segments": {MaxDataSegments, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.data = sect(wasm.Data, many(n, []byte{1, 0}))
			return p.wasm()
		}},
		"data bytes": {MaxDataBytes, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.data = sect(wasm.Data, list(cat([]byte{1}, uleb(n-6), make([]byte, n-6)))) // besides the count, the kind and the length
			return p.wasm()
		}},
		"greatest memory": {maxPages, "MODULE_MALFORMED", func(n int) []byte {
			p := honest()
			p.memories = sect(wasm.Memory, list(cat([]byte{1, 1}, uleb(n))))
			return p.wasm()
		}},
		"sections": {MaxSections, "MODULE_TOO_MANY", func(n int) []byte {
			return cat(header, custom(enclave.ManifestSection, []byte(soloManifest)), bytes.Repeat(custom("x", nil), n-1))
		}},
		"memory": {MaxMemoryPages, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.memories = memory(0, n)
			return p.wasm()
		}},
		"table": {MaxTableEntries, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.tables = sect(wasm.Table, list(cat([]byte{0x70, 0}, uleb(n-1)), []byte{0x6f, 1, 1, 2}))
			return p.wasm()
		}},
		"types": {MaxTypes, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.types = sect(wasm.Type, cat(uleb(n), p.types[3:], bytes.Repeat([]byte{0x60, 0, 0}, n-4)))
			return p.wasm()
		}},
		"imports": {MaxImports, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			p.imports = sect(wasm.Import, many(n, cat(named(wasi), named("fd_write"), []byte{0, 0})))
			shifted := map[string][]byte{}
			for i, f := range []string{"darkroom_abi", "darkroom_window", "darkroom_alloc", "darkroom_init", "darkroom_batch"} {
				shifted[f] = function(f, n+i)
			}
			p.exports = exported(shifted)
			return p.wasm()
		}},
		"functions": {MaxFunctions, "MODULE_TOO_MANY", func(n int) []byte { return honest().withFunctions(n).wasm() }},
		"exports": {MaxExports, "MODULE_TOO_MANY", func(n int) []byte {
			p := honest()
			more := [][]byte{}
			for i := range n - 6 {
				more = append(more, function(strings.Repeat("x", i+1), 0))
			}
			p.exports = exported(nil, more...)
			return p.wasm()
		}},
	}
	for name, c := range build {
		t.Run(name, func(t *testing.T) {
			below := c.wasm(c.limit)
			if name == "bytes" && len(below) != c.limit {
				t.Fatalf("built %d bytes, want %d", len(below), c.limit)
			}
			_, err := Check(below)
			wantReason(t, err, "")
			_, err = Check(c.wasm(c.limit + 1))
			wantReason(t, err, c.reason)
		})
	}
}

// TestGoGuest builds a real Go guest: the import list is what Go needs, no more and no less.
func TestGoGuest(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a Go guest")
	}
	dir := t.TempDir()
	build := func(imports, init string) []byte {
		t.Helper()
		source := "package main\n" + imports + "\nfunc main() {}\n" + init + `
//go:wasmexport darkroom_abi
func abi() int32 { return 1 }
//go:wasmexport darkroom_window
func window(n int32) int32 { return 0 }
//go:wasmexport darkroom_alloc
func alloc(n int32) int32 { return 0 }
//go:wasmexport darkroom_init
func start(ptr, n int32) int32 { return 0 }
//go:wasmexport darkroom_batch
func batch(desc int32) int32 { return 0 }
`
		for name, text := range map[string]string{"main.go": source, "go.mod": "module guest\n\ngo 1.26\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "go", "build", "-buildmode=c-shared", "-o", "guest.wasm", ".")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		raw, err := fs.ReadFile(os.DirFS(dir), "guest.wasm")
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := enclave.ParseManifest([]byte(goodManifest))
		if err != nil {
			t.Fatal(err)
		}
		wasm, err := Attach(raw, manifest)
		if err != nil {
			t.Fatal(err)
		}
		return wasm
	}
	module, err := Check(build("", ""))
	if err != nil {
		t.Fatal(err)
	}
	if module.Facts.Imports != 10 {
		t.Errorf("Go asks for %d functions", module.Facts.Imports)
	}
	// What asks for files without opening any may stay, so that fmt and time do; what opens one may not.
	module, err = Check(build("import (\"encoding/json\"; \"fmt\"; \"log\"; \"time\")", `func init() { log.Println(json.Marshal(fmt.Sprint(time.Unix(0, 0)))) }`))
	if err != nil {
		t.Fatal(err)
	}
	if module.Facts.Imports != int64(len(imports)+1) { // fd_write twice: by the runtime, and by package syscall
		t.Errorf("with package os, Go asks for %d functions, we offer %d", module.Facts.Imports, len(imports))
	}
	_, err = Check(build(`import "os"`, `func init() { _, _ = os.ReadFile("/etc/passwd") }`))
	wantReason(t, err, "MODULE_IMPORT")
}
