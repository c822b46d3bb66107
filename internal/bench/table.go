package main

import (
	"bufio"
	"io"
	"math/bits"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// The shape of the seeded table: visits in the order in which they came, about ten to a person, in no order of persons.
const (
	rowsPerSubject = 10
	districts      = 40
	departments    = 12
	regions        = 4
	days           = 731 // 2023-01-01 to 2024-12-31
	discounts      = 11  // 0 to 10
	quantities     = 50  // 1 to 50
	maxCost        = 1 << 18
)

// visitsTable describes the table. What filters and groups is open or quasi, so that a guest may decide by it.
func visitsTable() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "visits", Title: "Seeded visits", Owner: "health-commission", Grade: 2, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "subject", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "subject", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: numbers(districts)},
			{Name: "department", Type: enclave.Code, Class: enclave.Open, Codes: numbers(departments)},
			{Name: "region", Type: enclave.Code, Class: enclave.Open, Codes: numbers(regions)},
			{Name: "visit_date", Type: enclave.Date, Class: enclave.Quasi, Min: "2023-01-01", Max: "2024-12-31"},
			{Name: "discount", Type: enclave.Int, Class: enclave.Open, Min: "0", Max: "10"},
			{Name: "quantity", Type: enclave.Int, Class: enclave.Open, Min: "1", Max: "50"},
			{Name: "cost", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: enclave.Scalar(strconv.Itoa(maxCost))},
		},
	}
}

// numbers are the codes of a list: "0", "1" and so on, so that a code and its position look the same to every side.
func numbers(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = strconv.Itoa(i)
	}
	return list
}

// writeVisits writes the table as CSV, which every side reads: the same seed and rows give the same bytes.
func writeVisits(w io.Writer, seed uint64, rows int64) error {
	out := bufio.NewWriterSize(w, 1<<20)
	if _, err := out.WriteString("subject,district,department,region,visit_date,discount,quantity,cost\n"); err != nil {
		return err
	}
	first := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	var dates [days]string
	for i := range dates {
		dates[i] = first.AddDate(0, 0, i).Format(time.DateOnly)
	}
	var line []byte
	field := func(v uint64) { line = append(strconv.AppendUint(line, v, 10), ',') }
	for row := range uint64(rows) { //nolint:gosec // not negative
		r := stream(seed, row)
		subject := r.below(uint64(max(rows/rowsPerSubject, 1)))
		home := stream(seed+1, subject)
		line = line[:0]
		field(subject)
		field(min(home.below(districts), home.below(districts))) // the first ones are the large ones
		field(min(r.below(departments), r.below(departments)))
		field(r.below(regions))
		line = append(append(line, dates[r.below(days)]...), ',')
		field(r.below(discounts))
		field(1 + r.below(quantities))
		field(1 + r.below(1<<(8+r.below(11)))) // skewed, and at most maxCost
		line[len(line)-1] = '\n'
		if _, err := out.Write(line); err != nil {
			return err
		}
	}
	return out.Flush()
}

// random is SplitMix64 (Steele, Lea, Flood 2014) from a place of its own for each row and subject.
type random uint64

const golden = 0x9e3779b97f4a7c15

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func stream(seed, number uint64) random { return random(mix(mix(seed) + golden*(number+1))) }

func (r *random) below(n uint64) uint64 {
	*r += golden
	high, _ := bits.Mul64(mix(uint64(*r)), n)
	return high
}
