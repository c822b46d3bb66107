// Command sums-go is a program for benchmarks: of each district, its visits and what they cost. It is written as an author would write it first.
package main

import "github.com/darkroom-project/darkroom/sdk/guest"

func init() { guest.Program(setup) } //nolint:gochecknoinits // how a Go guest registers

func main() {}

func setup(*guest.Params) (guest.Steps, error) {
	var visits, cost [16]int64
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
			for code := range visits {
				if visits[code] > 0 {
					out.Int64("district").Append(int64(code))
					out.Int64("visits").Append(visits[code])
					out.Int64("cost").Append(cost[code])
				}
			}
			return nil
		},
	}, nil
}
