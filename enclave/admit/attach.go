package admit

import (
	"encoding/binary"
	"encoding/json"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/wasm"
)

// Attach writes a manifest into a module's bytes, in place of any that it carried, and returns the new bytes. Without bytes it makes a
// manifest alone, which is a module whose keys the enclave evaluates. The same arguments always give the same bytes. It checks the
// manifest and the order of sections; whether the enclave would take the result is for [Check] to say.
func Attach(module []byte, manifest *enclave.Manifest) ([]byte, error) {
	if err := manifest.Validate(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return nil, enclave.Internalf("encode manifest: %w", err)
	}
	if len(text) > enclave.MaxManifestBytes {
		return nil, enclave.Fail(enclave.Limit, "MANIFEST_TOO_LARGE", "limit", strconv.Itoa(enclave.MaxManifestBytes))
	}
	out := []byte(wasm.Header)
	if module != nil {
		sections, err := split(module)
		if err != nil {
			return nil, err
		}
		for _, s := range sections {
			if s.ID != wasm.Custom || s.custom != enclave.ManifestSection {
				out = append(out, s.Whole...)
			}
		}
	}
	contents := binary.AppendUvarint(nil, uint64(len(enclave.ManifestSection)))
	contents = append(append(contents, enclave.ManifestSection...), text...)
	out = binary.AppendUvarint(append(out, wasm.Custom), uint64(len(contents)))
	if out = append(out, contents...); len(out) > MaxModuleBytes {
		return nil, enclave.Fail(enclave.Limit, "MODULE_TOO_LARGE", "limit", strconv.Itoa(MaxModuleBytes))
	}
	return out, nil
}
