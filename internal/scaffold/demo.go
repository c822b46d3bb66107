package scaffold

import (
	"embed"
	"io/fs"

	"github.com/darkroom-project/darkroom/enclave"
)

//go:embed guests/*.wasm
var guestFiles embed.FS

// Guest is a compiled guest that needs no toolchain, for the demo and for tests. Its source is in testdata/guests.
type Guest string

// The compiled guests. None carries a manifest: admit.Attach adds one.
const (
	AgeBand  Guest = "ageband"  // honest: one key of four age bands, from the column birth_year and the parameter as_of
	Endless  Guest = "endless"  // never ends; any shown columns, any keys
	Identity Guest = "identity" // puts every row of a batch into a group of its own: one key, 0 to 65535
	// Of form program:
	Regression Guest = "regression" // honest: of each district, cost over age; see its source for the columns
	Rows       Guest = "rows"       // gives rows away, in the way that the parameter "act" says; see programs.go beside its source
)

// Wasm is the guest's code.
func (g Guest) Wasm() ([]byte, error) {
	code, err := fs.ReadFile(guestFiles, "guests/"+string(g)+".wasm")
	if err != nil {
		return nil, enclave.Internalf("read the embedded guest %s: %w", g, err)
	}
	return code, nil
}
