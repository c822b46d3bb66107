package admit

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// Attach writes a manifest into a module's bytes, in place of any that it carried, and returns the new bytes. Without bytes it makes a
// manifest alone, which is a module whose keys the enclave evaluates. The same arguments always give the same bytes. It checks the
// manifest and the order of sections; whether the enclave would take the result is for [Check] to say.
func Attach(wasm []byte, manifest *enclave.Manifest) ([]byte, error) {
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
	out := slices.Clone(header)
	if wasm != nil {
		sections, err := split(wasm)
		if err != nil {
			return nil, err
		}
		for _, s := range sections {
			if s.id != sectionCustom || s.custom != enclave.ManifestSection {
				out = append(out, s.whole...)
			}
		}
	}
	contents := binary.AppendUvarint(nil, uint64(len(enclave.ManifestSection)))
	contents = append(append(contents, enclave.ManifestSection...), text...)
	out = binary.AppendUvarint(append(out, sectionCustom), uint64(len(contents)))
	if out = append(out, contents...); len(out) > MaxModuleBytes {
		return nil, enclave.Fail(enclave.Limit, "MODULE_TOO_LARGE", "limit", strconv.Itoa(MaxModuleBytes))
	}
	return out, nil
}
