package admit

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

func parsed(t *testing.T, text string) *enclave.Manifest {
	t.Helper()
	m, err := enclave.ParseManifest([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAttachReplacesAndRepeats(t *testing.T) {
	first := parsed(t, goodManifest)
	second := parsed(t, goodManifest)
	second.Version = "2.0.0"
	bare := honest()
	bare.custom = custom("name", []byte{1, 2, 3})
	one, err := Attach(bare.wasm(), first)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Attach(one, second)
	if err != nil {
		t.Fatal(err)
	}
	module, err := Check(two)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(module.Manifest, second) {
		t.Errorf("carries %+v", module.Manifest)
	}
	if !bytes.HasPrefix(two, bare.wasm()) {
		t.Error("attaching changed other sections")
	}
	back, err := Attach(two, first)
	if err != nil || !bytes.Equal(back, one) {
		t.Errorf("attaching is not the same every time (%v)", err)
	}
}

func TestAttachManifestAlone(t *testing.T) {
	wasm, err := Attach(nil, parsed(t, soloManifest))
	if err != nil {
		t.Fatal(err)
	}
	module, err := Check(wasm)
	if err != nil {
		t.Fatal(err)
	}
	if module.HasCode || module.Facts != (enclave.ModuleFacts{Bytes: int64(len(wasm))}) {
		t.Errorf("got %+v", module.Facts)
	}
}

func TestAttachRefuses(t *testing.T) {
	good := parsed(t, goodManifest)
	_, err := Attach([]byte("text"), good)
	wantReason(t, err, "MODULE_NOT_WASM")
	_, err = Attach([]byte{}, good)
	wantReason(t, err, "MODULE_NOT_WASM")
	_, err = Attach(nil, &enclave.Manifest{})
	wantReason(t, err, "MANIFEST_INVALID")
	full := honest().padded(MaxModuleBytes)
	good.Version += ".longer"
	_, err = Attach(full, good)
	wantReason(t, err, "MODULE_TOO_LARGE")
}

// FuzzCheck: whatever Check accepts keeps the caps, and attaching its own manifest gives a module that means the same.
func FuzzCheck(f *testing.F) {
	f.Add(honest().wasm())
	f.Add(asProgram("darkroom_finish", 4))
	f.Add(cat(header, custom(enclave.ManifestSection, []byte(soloManifest))))
	p := honest()
	p.imports = sect(wasm.Import, list(cat(named(wasi), named("fd_write"), []byte{kindFunction, 3})))
	f.Add(p.wasm())
	p.tables = sect(wasm.Table, list([]byte{0x70, 1, 1, 9}, []byte{0x6f, 0, 2}))
	p.globals = sect(wasm.Global, list(initials()...))
	p.elements = sect(wasm.Element, list(elementKinds()...))
	p.data = sect(wasm.Data, list(
		cat([]byte{0}, initials()[0][2:], named("here")), cat([]byte{1}, named("hello")), cat([]byte{2, 0}, initials()[5][2:], named("there"))))
	f.Add(p.wasm())
	f.Fuzz(func(t *testing.T, wasm []byte) {
		module, err := Check(wasm)
		if err != nil {
			if e := enclave.AsError(err); e.Kind == enclave.Internal || !enclave.Known(e.Reason) {
				t.Fatalf("%v", err)
			}
			return
		}
		needed := module.Manifest.Form == enclave.Program || len(module.Manifest.ModuleKeys()) > 0
		if module.Facts.MemoryPages > MaxMemoryPages || module.Facts.DataBytes > module.Facts.Bytes || module.HasCode != needed {
			t.Fatalf("%+v", module.Facts)
		}
		again, err := Attach(wasm, module.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Check(again)
		if err != nil {
			t.Fatal(err)
		}
		was, _ := json.Marshal(module.Manifest)
		is, _ := json.Marshal(second.Manifest)
		if !bytes.Equal(was, is) || second.HasCode != module.HasCode {
			t.Fatalf("%+v became %+v", module.Manifest, second.Manifest)
		}
	})
}
