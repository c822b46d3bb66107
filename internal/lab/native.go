package lab

import (
	"context"
	"encoding/json"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
)

// Native is a module's function in Go: of the values of the shown columns, in the manifest's order and empty ones [Missing], to a code for each
// of its keys.
type Native func(values []int64) []int32

// Natives is a sandbox of modules that are functions in Go, by the digest of their module: for attacks that are tried by the thousand.
type Natives map[enclave.Digest]Native

var _ enclave.Sandbox = Natives{}

// Module makes a module of a manifest and a function, nil for none. Modules with the same manifest differ by number.
func (n Natives) Module(manifest *enclave.Manifest, function Native, number uint64) (*enclave.Module, error) {
	if err := manifest.Validate(); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(struct {
		*enclave.Manifest
		Number uint64
	}{manifest, number})
	if err != nil {
		return nil, err
	}
	m := &enclave.Module{
		Digest: enclave.DigestOf(raw), Manifest: manifest, Bytes: raw, HasCode: function != nil,
		Facts: enclave.ModuleFacts{Bytes: int64(len(raw))},
	}
	if function != nil {
		n[m.Digest] = function
	}
	return m, nil
}

// Open prepares a function.
func (n Natives) Open(_ context.Context, module *enclave.Module, plan *enclave.Plan) (enclave.Guest, error) {
	f := n[module.Digest]
	if f == nil {
		return nil, enclave.Internalf("there is no function for module %s", module.Digest)
	}
	return &guest{f, make([]int64, len(plan.Shown))}, nil
}

type guest struct {
	function Native
	values   []int64
}

func (g *guest) Assign(_ context.Context, b *enclave.Batch, codes [][]int32) error {
	for i := range b.Rows {
		for c := range b.Columns {
			switch v := &b.Columns[c]; {
			case v.Valid[i>>3]>>(i&7)&1 == 0:
				g.values[c] = Missing
			case v.Narrow != nil:
				g.values[c] = int64(v.Narrow[i])
			default:
				g.values[c] = v.Wide[i]
			}
		}
		for k, code := range g.function(g.values) {
			codes[k][i] = code
		}
	}
	return nil
}

func (g *guest) Close(context.Context) error { return nil }

// Manifest makes a module of a manifest alone, as an operator hands it in.
func Manifest(manifest *enclave.Manifest) (*enclave.Module, error) {
	whole, err := admit.Attach(nil, manifest)
	if err != nil {
		return nil, err
	}
	return admit.Check(whole)
}
