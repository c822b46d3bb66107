package admit

import (
	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

// Check reads a module's bytes, of any origin, and returns the module if it keeps the contract of the enclave: one manifest in the
// custom section darkroom.manifest, and code that fits it. A program, and a module that has keys to compute, must have code; one whose
// keys the enclave evaluates must have none, because nothing would ever call it. It runs nothing. The module keeps bytes, which MUST NOT be
// changed afterwards.
//
// Reasons of errors: MODULE_TOO_LARGE, MODULE_TOO_MANY, MODULE_NOT_WASM, MODULE_MALFORMED, MODULE_UNSUPPORTED, MODULE_IMPORT,
// MODULE_EXPORT, MODULE_COMMAND, MODULE_MANIFEST_MISSING, MODULE_MANIFEST_TWICE, MODULE_CODE_MISSING, MODULE_CODE_NEEDLESS, and those
// of [enclave.ParseManifest].
func Check(bytes []byte) (*enclave.Module, error) {
	sections, err := split(bytes)
	if err != nil {
		return nil, err
	}
	var s shape
	var manifests [][]byte
	code := false
	for _, in := range sections {
		if in.ID == wasm.Custom {
			if in.custom == enclave.ManifestSection {
				manifests = append(manifests, in.Contents.Rest())
			}
			continue
		}
		code = true
		if err := s.read(in); err != nil {
			return nil, err
		}
	}
	manifest, err := onlyManifest(manifests)
	if err != nil {
		return nil, err
	}
	switch needed := manifest.NeedsCode(); {
	case needed && !code:
		return nil, enclave.Fail(enclave.Invalid, "MODULE_CODE_MISSING")
	case !needed && code:
		return nil, enclave.Fail(enclave.Invalid, "MODULE_CODE_NEEDLESS")
	case code:
		if err := s.keepsContract(manifest.Form); err != nil {
			return nil, err
		}
	}
	return &enclave.Module{
		Digest: enclave.DigestOf(bytes), Manifest: manifest, Bytes: bytes, HasCode: code,
		Facts: enclave.ModuleFacts{
			Bytes: int64(len(bytes)), DataBytes: s.data, Functions: int64(s.bodies),
			Imports: int64(s.imported), MemoryPages: int64(s.pages),
		},
	}, nil
}

// onlyManifest reads the one manifest of a module. With two, what a reviewer reads need not be what the enclave obeys.
func onlyManifest(manifests [][]byte) (*enclave.Manifest, error) {
	switch len(manifests) {
	case 0:
		return nil, enclave.Fail(enclave.Invalid, "MODULE_MANIFEST_MISSING")
	case 1:
		return enclave.ParseManifest(manifests[0])
	}
	return nil, enclave.Fail(enclave.Invalid, "MODULE_MANIFEST_TWICE")
}
