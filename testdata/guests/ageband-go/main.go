// Command ageband-go is the honest guest of the tests: it puts a person into one of four age bands by year of birth. A year that is
// missing or in the future drops the row.
package main

import "github.com/darkroom-project/darkroom/sdk/guest"

func init() { guest.Aggregate(setup) } //nolint:gochecknoinits // how a Go guest registers

func main() {}

// bounds are the first ages of the bands "18-44", "45-64" and "65+".
var bounds = [...]int64{18, 45, 65}

func setup(p *guest.Params) (guest.Assign, error) {
	asOf := p.Int64("as_of")
	return func(b *guest.Batch) error {
		born, band := b.Int64("birth_year"), b.Key("age_band")
		for i := range b.Valid("birth_year").Rows() {
			if age := asOf - born[i]; age >= 0 {
				band[i] = bandOf(age)
			}
		}
		return nil
	}, nil
}

func bandOf(age int64) int32 {
	for band, first := range bounds {
		if age < first {
			return int32(band)
		}
	}
	return int32(len(bounds))
}
