package synth

import (
	"fmt"
	"iter"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// Streams of the tables below.
const (
	thingFirm = 1<<20 + iota
	thingResident
)

// sectors are the sections of ISIC, as business registers have them, with about the share of firms in each; the last ones are rare.
var (
	sectors       = []string{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "P", "Q", "R", "S"}
	sectorWeights = []uint32{60, 4, 110, 5, 9, 140, 210, 55, 70, 60, 25, 50, 110, 60, 20, 45, 22, 45}
	sizeClasses   = []string{"0-9", "10-49", "50-249", "250+"}
	legalForms    = []string{"company", "cooperative", "partnership", "sole"}
	legalWeights  = []uint32{45, 2, 18, 35}
)

const regions = 16

// Firms describes a year of structural business statistics, one row for each firm; see [FirmRows].
func Firms() *enclave.Dataset {
	money := func(name string, low enclave.Scalar) enclave.Column {
		return enclave.Column{Name: name, Type: enclave.Int, Class: enclave.Measure, Min: low, Max: "100000000"}
	}
	return &enclave.Dataset{
		Name: "firms", Title: "Structural business statistics, synthetic", Owner: "stats-office", Grade: 3, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "firm", Kind: enclave.Organisation},
		Columns: []enclave.Column{
			{Name: "firm", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "region", Type: enclave.Code, Class: enclave.Quasi, Codes: numbered("R", regions)},
			{Name: "sector", Type: enclave.Code, Class: enclave.Quasi, Codes: sectors},
			{Name: "size", Type: enclave.Code, Class: enclave.Quasi, Codes: sizeClasses},
			{Name: "legal", Type: enclave.Code, Class: enclave.Quasi, Codes: legalForms},
			{Name: "employees", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1000000"},
			money("turnover", "0"), money("wages", "0"), money("exports", "0"), money("investment", "-100000000"),
		},
	}
}

// FirmRows are so many firms from a seed as text, in the order of the columns of [Firms]; each is valid until the next. Size is as it is among
// firms: most have few employees, and turnover has a heavy tail (Pareto, exponent 1), so that single firms dominate cells of few. Only some
// sectors export. Investment can be negative, since what is sold counts too. Money is in thousands.
func FirmRows(seed uint64, firms int64) iter.Seq[[]string] {
	ofSector, ofLegal := cumulative(sectorWeights), cumulative(legalWeights)
	return func(yield func([]string) bool) {
		for firm := range uint64(firms) { //nolint:gosec // not negative
			r := stream(seed, thingFirm, firm)
			sector, region := r.pick(ofSector), r.below(1+r.below(regions)) // the first regions are the large ones
			employees := pareto(&r, 2, 200_000) - 1
			perHead := 30 + r.upTo(60) + 10*int64(sector%5)
			turnover := min(pareto(&r, 1, 50)*max(employees, 1)*perHead, 100_000_000)
			wages, exports := min(employees*(25+r.upTo(30)), 100_000_000), int64(0)
			if sector%3 == 2 && r.below(4) == 0 {
				exports = turnover * (1 + r.upTo(80)) / 100
			}
			investment := turnover * (r.upTo(25) - 4) / 100
			size := 0
			for _, least := range []int64{10, 50, 250} {
				if employees >= least {
					size++
				}
			}
			row := []string{
				fmt.Sprintf("F%06d", firm+1), fmt.Sprintf("R%02d", region+1), sectors[sector], sizeClasses[size], legalForms[r.pick(ofLegal)],
				decimal(employees), decimal(turnover), decimal(wages), decimal(exports), decimal(investment),
			}
			if !yield(row) {
				return
			}
		}
	}
}

func decimal(v int64) string { return strconv.FormatInt(v, 10) }

// upTo is a number from 0 to n.
func (r *random) upTo(n int64) int64 {
	return int64(r.below(uint64(n) + 1)) //nolint:gosec // small, and not negative
}

// pareto is scale over a number evenly between 0 and 1, and at most most: of each ten, one is at least ten times the scale.
func pareto(r *random, scale, most int64) int64 {
	const parts = 1 << 20
	return min(scale*parts/(1+r.upTo(parts-1)), most)
}

func cumulative(weights []uint32) []uint32 {
	sums, sum := make([]uint32, len(weights)), uint32(0)
	for i, w := range weights {
		sum += w
		sums[i] = sum
	}
	return sums
}

func numbered(prefix string, n int) []string {
	codes := make([]string, n)
	for i := range codes {
		codes[i] = fmt.Sprintf("%s%02d", prefix, i+1)
	}
	return codes
}
