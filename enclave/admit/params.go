package admit

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// params is what the guest's darkroom_init is given, as [enclave.Plan] says: every declared parameter in order of its name, the shown
// columns, the keys that the guest computes, a program's output columns; and nothing that depends on data.
func params(manifest *enclave.Manifest, given map[string]enclave.Scalar, columns []string) ([]byte, error) {
	values := map[string]any{}
	for i := range manifest.Params {
		p := &manifest.Params[i]
		text, ok := given[p.Name]
		if !ok {
			text = p.Default
		}
		value, err := p.Check(text)
		if err != nil {
			return nil, err
		}
		values[p.Name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if _, declared := values[name]; !declared {
			return nil, enclave.Fail(enclave.Invalid, "PARAM_UNKNOWN", "param", quoted(name))
		}
	}
	keys := []string{}
	for _, at := range manifest.ModuleKeys() {
		keys = append(keys, manifest.Keys[at].Name)
	}
	text, err := json.Marshal(struct {
		Params  map[string]any `json:"params"`
		Columns []string       `json:"columns"`
		Keys    []string       `json:"keys"`
		Output  []string       `json:"output,omitempty"`
	}{values, columns, keys, outputs(manifest)})
	if err != nil {
		return nil, enclave.Internalf("encode parameters: %w", err)
	}
	return text, nil
}

// outputs are the names of a program's output columns.
func outputs(manifest *enclave.Manifest) (names []string) {
	if manifest.Output == nil {
		return nil
	}
	for i := range manifest.Output.Columns {
		names = append(names, manifest.Output.Columns[i].Name)
	}
	return names
}
