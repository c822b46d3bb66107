package admit

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave/wasm"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// Real modules keep far below what sections may declare. The log says how far, for whoever thinks of changing a limit.
func TestRealModulesHaveRoom(t *testing.T) {
	modules := map[string]func() ([]byte, error){
		"C":         func() ([]byte, error) { return guests.Compiled("ageband") },
		"C program": func() ([]byte, error) { return guests.Compiled("regression") },
	}
	if !testing.Short() {
		modules["Go"] = func() ([]byte, error) { return guests.BuildGo(t.Context(), t.TempDir(), "ageband-go") }
	}
	for name, build := range modules {
		code, err := build()
		if err != nil {
			t.Fatal(err)
		}
		sections, err := split(code)
		if err != nil {
			t.Fatal(err)
		}
		var s shape
		customs, params := 0, 0
		for _, in := range sections {
			if in.ID == wasm.Custom {
				customs += len(in.Whole)
			} else if err := s.read(in); err != nil {
				t.Fatal(err)
			}
		}
		for _, is := range s.types {
			params = max(params, len(is.params))
		}
		for _, of := range []struct {
			what       string
			has, limit int
		}{
			{"bytes", len(code), MaxModuleBytes},
			{"pages of memory", int(s.pages), MaxMemoryPages},
			{"sections", len(sections), MaxSections},
			{"bytes of custom sections", customs, MaxCustomBytes},
			{"types", len(s.types), MaxTypes},
			{"parameters", params, MaxParams},
			{"functions", len(s.functions), MaxFunctions},
			{"imports", s.imported, MaxImports},
			{"tables", s.tables, MaxTables},
			{"table entries", int(s.entries), MaxTableEntries},
			{"globals", s.globals, MaxGlobals},
			{"exports", len(s.exports), MaxExports},
			{"element segments", s.segments, MaxElementSegments},
			{"elements", s.elements, MaxElements},
			{"data segments", s.chunks, MaxDataSegments},
			{"bytes of data", int(s.data), MaxDataBytes},
		} {
			t.Logf("%s: %d %s of %d", name, of.has, of.what, of.limit)
			if 4*of.has > of.limit {
				t.Errorf("%s has %d %s, too near the limit of %d", name, of.has, of.what, of.limit)
			}
		}
	}
}
