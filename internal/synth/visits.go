// Package synth generates a realistic table of outpatient visits, for demonstrations, tests and benchmarks. It holds no real data:
// people, hospitals and visits are drawn from a seed, with the forms, check digits and skews of real ones.
package synth

import (
	"iter"
	"math/bits"
	"time"

	"github.com/darkroom-project/darkroom/enclave/load"
)

// Visit is one row. Its byte slices and strings are valid until the next one.
type Visit struct {
	CitizenID [18]byte
	Hospital  string // unified social credit code
	District  string // GB/T 2260
	Sex       string // "F" or "M"
	BirthYear int
	ICD10     string
	Date      time.Time // a day, UTC
	Cost      int64     // fen: hundredths of a yuan
}

// Things that have a stream of their own.
const (
	thingRow = iota + 1
	thingPerson
	thingHospital
)

// Shape of the table.
const (
	hospitals      = 40
	rowsPerPerson  = 4
	secluded       = 6     // people in the smallest district
	firstBirthYear = 1930  // to 2022
	birthDays      = 33968 // 1930-01-01 to 2022-12-31
	visitDays      = 731   // 2023-01-01 to 2024-12-31
	maxCost        = 10_000_000
)

// generator holds what is the same for every row.
type generator struct {
	seed       uint64
	persons    uint64
	hospitals  [hospitals]string
	codes      []string
	cumulative []uint32
	residence  []uint32
	women, men map[string]bool
	birth      time.Time
	visit      time.Time
}

func newGenerator(seed uint64, rows int64) *generator {
	g := &generator{
		seed: seed, persons: uint64(max(secluded+1, rows/rowsPerPerson)), women: set(womenOnly), men: set(menOnly),
		birth: time.Date(firstBirthYear, 1, 1, 0, 0, 0, 0, time.UTC), visit: time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	g.codes, g.cumulative = diagnoses()
	sum := uint32(0)
	for _, w := range districtWeights {
		sum += w
		g.residence = append(g.residence, sum)
	}
	for i := range g.hospitals {
		g.hospitals[i] = hospital(seed, uint64(i))
	}
	return g
}

// Visits generates rows visits from a seed: the same seed and number of rows give the same table everywhere. People repeat: most come
// once or twice, 15 % often, 2 % very often. Memory does not grow with rows.
func Visits(seed uint64, rows int64) iter.Seq[*Visit] {
	return func(yield func(*Visit) bool) {
		g := newGenerator(seed, rows)
		var v Visit
		for row := range rows {
			g.fill(&v, uint64(row))
			if !yield(&v) {
				return
			}
		}
	}
}

func (g *generator) fill(v *Visit, row uint64) {
	r := stream(g.seed, thingRow, row)
	g.live(v, g.patient(&r))
	v.ICD10 = g.codes[r.pick(g.cumulative)]
	if v.Sex == "M" && g.women[v.ICD10] || v.Sex == "F" && g.men[v.ICD10] {
		v.ICD10 = anyone
	}
	v.Hospital = g.hospitals[min(r.below(hospitals), r.below(hospitals))] // the first ones are the large ones
	v.Date = g.visit.AddDate(0, 0, int(r.below(visitDays)))               //nolint:gosec // G115: below visitDays
	v.Cost = cost(&r)
}

// patient chooses who comes: half of the visits are anyone's, three in ten of the 15 % with a chronic illness, two in ten of the 2 %
// who come very often.
func (g *generator) patient(r *random) uint64 {
	switch group := r.below(10); {
	case group < 5:
		return r.below(g.persons)
	case group < 8:
		return r.below(1 + g.persons*15/100)
	default:
		return r.below(1 + g.persons*2/100)
	}
}

// live gives a person's own attributes. The citizen number is a one-to-one function of the person, so no two people share one.
func (g *generator) live(v *Visit, person uint64) {
	const all = 32 * birthDays * 1000 // areas × days × sequence numbers
	const stride = 612_345_679_013    // has no factor in common with all
	high, low := bits.Mul64(person, stride)
	_, place := bits.Div64(high%all, low, all)
	area, place := birthAreas[place%32], place/32
	born := g.birth.AddDate(0, 0, int(place%birthDays))
	sequence := place / birthDays
	id := append(v.CitizenID[:0], area...)
	id = born.AppendFormat(id, "20060102")
	id = append(id, "0123456789"[sequence/100%10], "0123456789"[sequence/10%10], "0123456789"[sequence%10])
	v.CitizenID[17] = load.CitizenDigit(id)
	v.BirthYear = born.Year()
	v.Sex = "F"
	if sequence%2 == 1 {
		v.Sex = "M"
	}
	r := stream(g.seed, thingPerson, person)
	v.District = districts[r.pick(g.residence)]
	if person < secluded {
		v.District = districts[len(districts)-1]
	}
}

// doublings are 2^(i/16), scaled by 2^16.
var doublings = [16]int64{
	65536, 68438, 71468, 74632, 77936, 81386, 84990, 88752, 92682, 96785, 101070, 105545, 110218, 115098, 120194, 125515,
}

// cost is skewed like a lognormal with its median at 180 yuan: 2 to the power of a sum of uniform numbers, in integers.
func cost(r *random) int64 {
	z := int64(0) // sum of 12 numbers below 64: mean 378, deviation 64
	for range 2 {
		word := r.next()
		for range 6 {
			z += int64(word & 63)
			word >>= 6
		}
	}
	z = max(0, (z-378)*30/64+160) // in sixteenths of a doubling: mean 10 doublings, deviation a little under 2
	fen := (doublings[z%16] << (z / 16) >> 16) * 18
	return min(fen-fen/100+int64(r.below(uint64(fen/50+1))), maxCost) //nolint:gosec // G115: fen is positive and small
}

// hospital makes the unified social credit code of a public institution (GB 32100-2015), around an organisation code with its own
// check character (GB 11714-1997).
func hospital(seed, number uint64) string {
	r := stream(seed, thingHospital, number)
	code := append([]byte("12"), districts[r.below(uint64(len(districts)))]...)
	organisation := []byte("45575")
	sum := 0
	organisation = append(organisation, "0123456789"[number/10%10], "0123456789"[number%10], "0123456789"[r.below(10)])
	for i, weight := range []int{3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(organisation[i]-'0') * weight
	}
	code = append(append(code, organisation...), "0123456789X0"[11-sum%11])
	return string(append(code, load.USCCDigit(code)))
}
