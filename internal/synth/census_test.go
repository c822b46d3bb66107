package synth_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/synth"
)

// The rows of residents and firms are the same everywhere, and fit their descriptions.
func TestCensusRows(t *testing.T) {
	for _, c := range []struct {
		dataset *enclave.Dataset
		rows    iter.Seq[[]string]
		want    string
	}{
		{synth.Residents(), synth.ResidentRows(1, 20_000), "625eca31aafd2092449a5d736cf218ca28184ebbcb276731b646aecfd9f3cda2"},
		{synth.Firms(), synth.FirmRows(1, 20_000), "412e46063179e53e5438a32ad806407bfd9c256742ddac6ed025f5026725b9a8"},
	} {
		if err := c.dataset.Validate(); err != nil {
			t.Fatal(err)
		}
		sum, subjects := sha256.New(), map[string]bool{}
		for row := range c.rows {
			fmt.Fprintln(sum, row)
			subjects[row[0]] = true
			for i, text := range row {
				if err := fits(&c.dataset.Columns[i], text); err != nil {
					t.Fatalf("%s: %v", c.dataset.Name, err)
				}
			}
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != c.want {
			t.Errorf("%s: the rows of seed 1 have digest %s, want %s", c.dataset.Name, got, c.want)
		}
		if len(subjects) != 20_000 {
			t.Errorf("%s: %d subjects", c.dataset.Name, len(subjects))
		}
	}
}

func fits(c *enclave.Column, text string) error {
	switch {
	case c.Type == enclave.Text, text == "" && c.Nullable:
		return nil
	case c.Codes != nil:
		if !slices.Contains(c.Codes, text) {
			return fmt.Errorf("%s is not in the code list of %s", text, c.Name)
		}
		return nil
	}
	v, err := c.Parse(text)
	if low, high, _ := c.Bounds(); err != nil || v < low || v > high {
		return fmt.Errorf("%s does not fit %s: %v", text, c.Name, err)
	}
	return nil
}

// What is said of them: only who works has a sector, small regions and municipalities are small, and a few firms are most of all turnover.
func TestCensusShape(t *testing.T) {
	residents := synth.Residents()
	sector, activity := residents.Column("sector"), residents.Column("activity")
	municipalities := map[string]int{}
	for row := range synth.ResidentRows(2, 20_000) {
		if works := row[activity] == "employed" || row[activity] == "self-employed"; works != (row[sector] != "") {
			t.Fatalf("%s works in %q", row[activity], row[sector])
		}
		municipalities[row[1]]++
	}
	if municipalities["M01"] < 20*municipalities["M20"] || municipalities["M20"] < 50 {
		t.Errorf("municipalities are of %v", municipalities)
	}
	turnover, all := synth.Firms().Column("turnover"), []int64{}
	sum := int64(0)
	for row := range synth.FirmRows(2, 20_000) {
		v, err := strconv.ParseInt(row[turnover], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		all, sum = append(all, v), sum+v
	}
	slices.Sort(all)
	largest := int64(0)
	for _, v := range all[len(all)-200:] {
		largest += v
	}
	if largest < sum/2 {
		t.Errorf("the largest 200 of 20,000 firms have %d of %d", largest, sum)
	}
}
