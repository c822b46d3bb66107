package guest_test

import (
	"fmt"

	"github.com/darkroom-project/darkroom/sdk/guest"
)

// A module's logic, tried natively on three rows.
func ExampleTry() {
	setup := func(p *guest.Params) (guest.Assign, error) {
		asOf := p.Int64("as_of")
		return func(b *guest.Batch) error {
			born, present, retired := b.Int64("birth_year"), b.Valid("birth_year"), b.Key("retired")
			for i := range retired {
				switch {
				case !present.At(i):
				case asOf-born[i] >= 65:
					retired[i] = 1
				default:
					retired[i] = 0
				}
			}
			return nil
		}, nil
	}
	codes, err := guest.Try(setup, map[string]any{"as_of": int64(2024)}, guest.Rows{
		Wide:    map[string][]int64{"birth_year": {1950, 1990, 0}},
		Missing: map[string][]int{"birth_year": {2}},
	}, "retired")
	fmt.Println(codes["retired"], err)
	// Output: [1 0 -1] <nil>
}
