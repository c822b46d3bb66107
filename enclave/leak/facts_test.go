package leak_test

import (
	"context"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/leak"
)

// TestCounts: what needs no comparison, by hand.
func TestCounts(t *testing.T) {
	w := visits(t)
	o := &output{
		columns: []enclave.ManifestColumn{
			whole("n", 0, 14), // 4 bits with the empty value
			{Name: "e", Type: enclave.KindEnum, Values: []string{"p", "q", "r"}}, // 2
			{Name: "t", Type: enclave.KindText, Bytes: 3},                        // 24 and 3 for the length
		},
		rows: [][]any{{int64(1), int64(0), "a"}, {int64(2), nil, nil}, {nil, nil, nil}},
	}
	want := enclave.LeakFacts{Rows: 3, Values: 4, Subjects: w.snapshot.Subjects, Bits: 3*(4+2+27) + 2}
	if got := w.inspect(t, o).Facts; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	o.model = true
	want.Parameters = 2 // positions of an enumeration are none
	if got := w.inspect(t, o).Facts; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	o.rows = nil
	if got := w.inspect(t, o).Facts; got != (enclave.LeakFacts{Subjects: w.snapshot.Subjects}) {
		t.Errorf("no rows: %+v", got)
	}
}

// TestDeterministic: the same output has the same facts and places, on which the verdict and the reviewers rely.
func TestDeterministic(t *testing.T) {
	w := visits(t)
	o := attacks(w)["packed"]["JSON"]
	first := w.inspect(t, o)
	for range 3 {
		if again := w.inspect(t, o); again.Facts != first.Facts || !reflect.DeepEqual(again.Places, first.Places) {
			t.Errorf("%+v, then %+v", first.Facts, again.Facts)
		}
	}
}

// TestNothingShown: a module that was shown nothing repeats nothing.
func TestNothingShown(t *testing.T) {
	w := visits(t)
	p := w.product(attacks(w)["records"]["raw rows"])
	p.Plan.Shown = nil
	rows, err := w.store.Open(t.Context(), w.dataset, w.snapshot.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // only read from
	got, err := leak.New(w.store).Inspect(t.Context(), rows, p, enclave.Profile{Threshold: threshold})
	if err != nil || tripped(&got.Facts) != nil {
		t.Errorf("%+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := leak.New(w.store).Inspect(ctx, rows, w.product(attacks(w)["records"]["raw rows"]), enclave.Profile{Threshold: threshold}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestCrowd: a combination that many subjects share is no record, and one that few share is.
func TestCrowd(t *testing.T) {
	w := visits(t)
	subjects := map[[2]int64]map[uint32]bool{}
	for i, row := range w.rows {
		key := [2]int64{row[birthYear], row[icd10]}
		if subjects[key] == nil {
			subjects[key] = map[uint32]bool{}
		}
		subjects[key][w.subjects[i]] = true
	}
	few := &output{columns: []enclave.ManifestColumn{whole("year", 0, 3000), whole("code", 0, 1000)}}
	many := &output{columns: few.columns}
	seen := map[[2]int64]bool{}
	for _, row := range w.rows {
		key := [2]int64{row[birthYear], row[icd10]}
		if seen[key] {
			continue
		}
		seen[key] = true
		if to := map[bool]*output{true: few, false: many}[len(subjects[key]) == 1]; len(to.rows) < 1000 {
			to.rows = append(to.rows, []any{key[0], key[1]})
		}
		if len(subjects[key]) > 1 && len(subjects[key]) < threshold {
			many.rows = many.rows[:len(many.rows)-1]
		}
	}
	if f := w.inspect(t, few).Facts; f.Records == 0 {
		t.Errorf("%d combinations of one subject each: %+v", len(few.rows), f)
	}
	if f := w.inspect(t, many).Facts; len(many.rows) < 10 || f.Records != 0 {
		t.Errorf("%d combinations of crowds: %+v", len(many.rows), f)
	}
}

// TestTooMuchText: what cannot be inspected counts as found.
func TestTooMuchText(t *testing.T) {
	w := visits(t)
	o := &output{columns: []enclave.ManifestColumn{{Name: "t", Type: enclave.KindText, Bytes: 10_000}}}
	for i := range 450 {
		o.rows = append(o.rows, []any{strings.Repeat("lorem ipsum ", 800) + string(rune('a'+i%26)) + strings.Repeat("z", i/26)})
	}
	if f := w.inspect(t, o).Facts; f.Packed == 0 || f.Identifiers == 0 {
		t.Errorf("%+v", f)
	}
	o.rows = o.rows[:20]
	if f := w.inspect(t, o).Facts; f.Packed != 0 || f.Identifiers != 0 {
		t.Errorf("a part: %+v", f)
	}
}

// TestEncodingsOfHonestTexts: labels that happen to be base64 or hexadecimal are no find.
func TestEncodingsOfHonestTexts(t *testing.T) {
	w := visits(t)
	o := &output{columns: []enclave.ManifestColumn{written("label"), whole("n", 0, 100)}}
	for i, label := range []string{
		"cardiovascular", "deadbeefdeadbeefdeadbeef", base64.StdEncoding.EncodeToString([]byte("an innocent remark about costs")), "100%", "55% of 2024",
		"12345678901234567890", "2023-05-01 to 2023-06-01", "心血管疾病患者的平均费用",
	} {
		o.rows = append(o.rows, []any{label, int64(i)})
	}
	if trips := tripped(&w.inspect(t, o).Facts); trips != nil {
		t.Errorf("%q", trips)
	}
}
