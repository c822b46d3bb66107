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
			born, retired := b.Int64("birth_year"), b.Key("retired")
			for i := range b.Valid("birth_year").Rows() {
				if retired[i] = 0; asOf-born[i] >= 65 {
					retired[i] = 1
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

// A program's logic, tried natively on two batches.
func ExampleTryProgram() {
	setup := func(*guest.Params) (guest.Steps, error) {
		var visits, cost [4]int64 // by district
		return guest.Steps{
			Batch: func(b *guest.Batch) error {
				district, paid := b.Code("district"), b.Int64("cost")
				for i := range b.Valid("district", "cost").Rows() {
					visits[district[i]]++
					cost[district[i]] += paid[i]
				}
				return nil
			},
			Finish: func(out *guest.Table) error {
				for code, n := range visits {
					if n > 0 {
						out.Enum("district").Append(int32(code))
						out.Decimal("mean_cost").Append(float64(cost[code]) / float64(n) / 100)
					}
				}
				return nil
			},
		}, nil
	}
	rows := func(district int32, missing ...int) guest.Rows {
		return guest.Rows{
			Narrow:  map[string][]int32{"district": {1, district}},
			Wide:    map[string][]int64{"cost": {1000, 3000}},
			Missing: map[string][]int{"cost": missing},
		}
	}
	table, err := guest.TryProgram(setup, nil, rows(2), rows(2, 1), rows(1))
	for i := range table.Enum("district").Len() {
		district, _ := table.Enum("district").At(i)
		mean, _ := table.Decimal("mean_cost").At(i)
		fmt.Println(district, mean)
	}
	fmt.Println(err)
	// Output:
	// 1 15
	// 2 30
	// <nil>
}
