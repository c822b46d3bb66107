package synth

import (
	"fmt"
	"iter"

	"github.com/darkroom-project/darkroom/enclave"
)

// Codes of residents, with how common each is.
var (
	maritals   = []string{"single", "married", "divorced", "widowed"}
	educations = []string{"none", "primary", "secondary", "vocational", "bachelor", "master", "doctorate"}
	activities = []string{"child", "student", "employed", "self-employed", "unemployed", "retired", "other"}
	origins    = []string{"home", "north", "south", "east", "west", "overseas", "unknown"}
	supports   = []string{"none", "housing", "income", "disability"}

	municipalityWeights = []uint32{300, 180, 120, 90, 75, 60, 50, 44, 40, 36, 32, 29, 26, 24, 22, 20, 18, 16, 14, 12}
	originWeights       = []uint32{860, 40, 35, 25, 20, 15, 5}
	supportWeights      = []uint32{900, 50, 30, 20}
	householdWeights    = []uint32{22, 30, 19, 18, 7, 4}
)

const (
	censusYear = 2024
	oldest     = 99
)

// Residents describes a population register with the attributes of a census, one row for each person; see [ResidentRows].
func Residents() *enclave.Dataset {
	code := func(name string, codes []string) enclave.Column {
		return enclave.Column{Name: name, Type: enclave.Code, Class: enclave.Quasi, Codes: codes}
	}
	work := code("sector", sectors)
	work.Nullable = true
	support := code("support", supports)
	support.Class = enclave.Sensitive
	return &enclave.Dataset{
		Name: "residents", Title: "Population census, synthetic", Owner: "stats-office", Grade: 3, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "resident", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "resident", Type: enclave.Text, Class: enclave.Identifier},
			code("municipality", numbered("M", len(municipalityWeights))), code("sex", []string{"F", "M"}),
			{Name: "birth_year", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "2030"},
			code("marital", maritals), code("education", educations), code("activity", activities), work, code("origin", origins),
			{Name: "household", Type: enclave.Int, Class: enclave.Quasi, Min: "1", Max: "6"},
			support,
			{Name: "income", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "10000000"},
		},
	}
}

// ResidentRows are so many residents from a seed as text, in the order of the columns of [Residents]; each is valid until the next.
// Attributes hang together as they do among people: marital status, education, activity and income by age, a sector for who works and for
// nobody else. Municipalities and origins are skewed, incomes have a tail.
func ResidentRows(seed uint64, residents int64) iter.Seq[[]string] {
	municipality, origin, support := cumulative(municipalityWeights), cumulative(originWeights), cumulative(supportWeights)
	household, sector := cumulative(householdWeights), cumulative(sectorWeights)
	return func(yield func([]string) bool) {
		for resident := range uint64(residents) { //nolint:gosec // not negative
			r := stream(seed, thingResident, resident)
			age := min(r.upTo(85), r.upTo(180)) // fewer and fewer with age
			if r.below(12) == 0 {
				age = 70 + r.upTo(oldest-70)
			}
			activity := activityAt(&r, age)
			work, income := "", int64(0)
			switch activity {
			case 2, 3:
				work, income = sectors[r.pick(sector)], min(pareto(&r, 9000, 900_000)+r.upTo(30_000)+400*min(age-16, 40), 10_000_000)
			case 4, 5, 6:
				income = 4000 + r.upTo(14_000)
			}
			row := []string{
				fmt.Sprintf("P%07d", resident+1), fmt.Sprintf("M%02d", r.pick(municipality)+1), "FM"[r.below(2):][:1], decimal(censusYear - age),
				maritals[maritalAt(&r, age)], educations[educationAt(&r, age)], activities[activity], work, origins[r.pick(origin)],
				decimal(int64(r.pick(household) + 1)), supports[r.pick(support)], decimal(income),
			}
			if !yield(row) {
				return
			}
		}
	}
}

// activityAt is a position in activities.
func activityAt(r *random, age int64) int {
	switch {
	case age < 15:
		return 0
	case age >= 66:
		return r.pick([]uint32{0, 0, 3, 6, 6, 98, 100})
	case age < 25:
		return r.pick([]uint32{0, 55, 88, 90, 97, 97, 100})
	}
	return r.pick([]uint32{0, 3, 72, 82, 87, 87 + uint32(max(age-58, 0)), 100})
}

// maritalAt is a position in maritals.
func maritalAt(r *random, age int64) int {
	switch {
	case age < 18:
		return 0
	case age < 30:
		return r.pick([]uint32{75, 97, 99, 100})
	case age < 65:
		return r.pick([]uint32{25, 80, 97, 100})
	}
	return r.pick([]uint32{8, 60, 70, 100})
}

// educationAt is a position in educations.
func educationAt(r *random, age int64) int {
	switch {
	case age < 7:
		return 0
	case age < 16:
		return r.pick([]uint32{10, 100})
	case age < 22:
		return r.pick([]uint32{1, 20, 90, 99, 100})
	}
	return r.pick([]uint32{20, 120, 400, 700, 880, 985, 1000})
}
