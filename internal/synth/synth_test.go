package synth_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"

	"github.com/darkroom-project/darkroom/internal/synth"
)

// The table is a format: demonstrations, tests and benchmarks elsewhere count on it.
func TestGoldenRows(t *testing.T) {
	const want = "66a2f9318f43d85277b87a797755db0de7e3f0d4be85d85292d66372e90ad117"
	var csv bytes.Buffer
	if err := synth.WriteCSV(&csv, 1, 1000); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(csv.Bytes())
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the first 1,000 rows of seed 1 have digest %s, want %s", got, want)
	}
	var again, other bytes.Buffer
	if err := synth.WriteCSV(&again, 1, 1000); err != nil || !bytes.Equal(csv.Bytes(), again.Bytes()) {
		t.Error("the same seed gave another table")
	}
	if err := synth.WriteCSV(&other, 2, 1000); err != nil || bytes.Equal(csv.Bytes(), other.Bytes()) {
		t.Error("another seed gave the same table")
	}
}

// What is said about the table: every value fits its description, people repeat and keep their attributes, some districts are tiny.
func TestShape(t *testing.T) {
	d := synth.Dataset()
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	type person struct{ district, sex, year string }
	people := map[string]person{}
	visits := map[string]int{}
	residents := map[string]map[string]bool{}
	hospitals := map[string]bool{}
	codes := map[string]int{}
	const rows = 50_000
	for row := range synth.Rows(7, rows) {
		for i, text := range row {
			if err := fits(&d.Columns[i], text); err != nil {
				t.Fatal(err)
			}
		}
		id := row[0]
		p := person{row[2], row[3], row[4]}
		if known, ok := people[id]; ok && known != p {
			t.Fatalf("%s changed from %v to %v", id, known, p)
		}
		if id[6:10] != row[4] || (id[16]-'0')%2 == 1 != (row[3] == "M") {
			t.Fatalf("%s does not agree with birth year %s and sex %s", id, row[4], row[3])
		}
		if residents[row[2]] == nil {
			residents[row[2]] = map[string]bool{}
		}
		residents[row[2]][id] = true
		people[id] = p
		visits[id]++
		hospitals[row[1]] = true
		codes[row[5]]++
	}
	most := 0
	for _, n := range visits {
		most = max(most, n)
	}
	if len(people) < rows/6 || len(people) > rows/4 || most < 30 || most > 200 {
		t.Errorf("%d people, one with %d visits", len(people), most)
	}
	if n := len(residents["440308"]); n < 1 || n > 9 {
		t.Errorf("%d people in the smallest district", n)
	}
	if len(residents["440306"]) < 1000 || len(hospitals) != 40 || len(codes) < 110 {
		t.Errorf("%d people in the largest district, %d hospitals, %d codes", len(residents["440306"]), len(hospitals), len(codes))
	}
	if codes["J06"] < 10*codes["O24"] {
		t.Error("diagnoses are not skewed")
	}
}

func BenchmarkWriteCSV(b *testing.B) {
	for b.Loop() {
		if err := synth.WriteCSV(io.Discard, 1, 100_000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(100_000*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkWriteParquet(b *testing.B) {
	for b.Loop() {
		if err := synth.WriteParquet(bufio.NewWriter(io.Discard), 1, 100_000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(100_000*b.N)/b.Elapsed().Seconds(), "rows/s")
}
