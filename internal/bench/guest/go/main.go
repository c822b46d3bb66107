// Command go is the benchmark's guest in Go. Of a key "selected" it keeps the rows that six predicates hold for; of the keys "district"
// and "department" it says what the columns say.
package main

import "github.com/darkroom-project/darkroom/sdk/guest"

func init() { guest.Aggregate(setup) } //nolint:gochecknoinits // how a Go guest registers

func main() {}

// 2023-07-01 and 2023-10-01, in days since 1970-01-01.
const since, before = 19539, 19631

func setup(p *guest.Params) (guest.Assign, error) {
	if p.Enum("question") == "b" {
		return filter, nil
	}
	return group, nil
}

func group(b *guest.Batch) error {
	copy(b.Key("district"), b.Code("district"))
	copy(b.Key("department"), b.Code("department"))
	return nil
}

func filter(b *guest.Batch) error {
	visited, off, amount, place := b.Date("visit_date"), b.Int64("discount"), b.Int64("quantity"), b.Code("region")
	selected := b.Key("selected") // all -1 at first
	for i := range selected {
		if visited[i] >= since && visited[i] < before && off[i] >= 4 && off[i] < 7 && amount[i] < 24 && place[i] != 3 {
			selected[i] = 0
		}
	}
	return nil
}
