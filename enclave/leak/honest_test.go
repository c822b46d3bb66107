package leak_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// grouped is the rows of the world by a key, groups below the threshold left out, in the order of keys.
func grouped(w *world, key func(row []int64) []int64) (keys [][]int64, groups [][][]int64) {
	type group struct {
		key      []int64
		rows     [][]int64
		subjects map[uint32]bool
	}
	byKey := map[string]*group{}
	for i, row := range w.rows {
		k := key(row)
		g := byKey[fmt.Sprint(k)]
		if g == nil {
			g = &group{key: k, subjects: map[uint32]bool{}}
			byKey[fmt.Sprint(k)] = g
		}
		g.rows = append(g.rows, row)
		g.subjects[w.subjects[i]] = true
	}
	var all []*group
	for _, g := range byKey {
		if len(g.subjects) >= threshold {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b *group) int { return slices.Compare(a.key, b.key) })
	for _, g := range all {
		keys, groups = append(keys, g.key), append(groups, g.rows)
	}
	return keys, groups
}

func mean(rows [][]int64, column int) int64 {
	sum := int64(0)
	for _, row := range rows {
		sum += row[column]
	}
	return int64(math.Round(float64(sum) / float64(len(rows))))
}

func band(row []int64) int64 { return min(3, (2024-row[birthYear])/22) }

// honest are outputs of the kind that the form is for.
func honest(w *world) map[string]*output {
	table := func(key func([]int64) []int64, columns []enclave.ManifestColumn, of func(key []int64, rows [][]int64) []any) *output {
		o := &output{columns: columns}
		keys, groups := grouped(w, key)
		for i := range keys {
			o.rows = append(o.rows, of(keys[i], groups[i]))
		}
		return o
	}
	coefficients := &output{columns: []enclave.ManifestColumn{written("term"), decimal("estimate", 6), decimal("error", 6)}, model: true}
	for i, term := range append(slices.Clone(w.dataset.Columns[w.dataset.Column("icd10")].Codes), "district", "sex", "birth_year", "intercept") {
		x := float64(i)
		coefficients.rows = append(coefficients.rows, []any{term, int64(1e6 * math.Abs(math.Sin(x)) * 300), int64(1e5 * math.Abs(math.Cos(x)))})
	}
	report := &output{columns: []enclave.ManifestColumn{written("line")}}
	keys, groups := grouped(w, func(row []int64) []int64 { return []int64{row[district], row[sex], band(row)} })
	for i, k := range keys {
		report.rows = append(report.rows, []any{fmt.Sprintf("In district %s, mean cost for %s aged from %d was %.2f over %d visits in 2024",
			w.text(district, k[0]), w.text(sex, k[1]), 22*k[2], float64(mean(groups[i], cost))/100, len(groups[i]))})
	}
	return map[string]*output{
		"district, age band, mean cost": table(
			func(row []int64) []int64 { return []int64{row[district], band(row)} },
			[]enclave.ManifestColumn{written("district"), whole("band", 0, 3), decimal("cost", 2), whole("visits", 0, 1e6)},
			func(k []int64, rows [][]int64) []any {
				return []any{w.text(district, k[0]), k[1], mean(rows, cost), int64(len(rows))}
			}),
		"code, sex, mean cost, mean year": table(
			func(row []int64) []int64 { return []int64{row[icd10], row[sex]} },
			[]enclave.ManifestColumn{written("code"), written("sex"), decimal("cost", 2), whole("year", 1900, 2030), whole("visits", 0, 1e6)},
			func(k []int64, rows [][]int64) []any {
				return []any{w.text(icd10, k[0]), w.text(sex, k[1]), mean(rows, cost), mean(rows, birthYear), int64(len(rows))}
			}),
		"birth year, sex, count": table(
			func(row []int64) []int64 { return []int64{row[birthYear], row[sex]} },
			[]enclave.ManifestColumn{whole("year", 1900, 2030), whole("sex", 0, 1), whole("visits", 0, 1e6)},
			func(k []int64, rows [][]int64) []any { return []any{k[0], k[1], int64(len(rows))} }),
		"days": table(
			func(row []int64) []int64 { return []int64{row[visitDate]} },
			[]enclave.ManifestColumn{written("day"), whole("visits", 0, 1e6), decimal("cost", 2)},
			func(k []int64, rows [][]int64) []any {
				return []any{w.text(visitDate, k[0]), int64(len(rows)), mean(rows, cost)}
			}),
		"histogram of costs": table(
			func(row []int64) []int64 { return []int64{row[cost] / 1000} },
			[]enclave.ManifestColumn{whole("from", 0, 100_000), whole("visits", 0, 1e6)},
			func(k []int64, rows [][]int64) []any { return []any{10 * k[0], int64(len(rows))} }),
		"one number":   {columns: []enclave.ManifestColumn{decimal("cost", 2)}, rows: [][]any{{mean(w.rows, cost)}}},
		"coefficients": coefficients,
		"report":       report,
	}
}

func TestHonest(t *testing.T) {
	w := visits(t)
	for name, o := range honest(w) {
		t.Run(name, func(t *testing.T) {
			got := w.inspect(t, o)
			if trips := tripped(&got.Facts); trips != nil {
				t.Errorf("%d rows: tripped %q, %+v", len(o.rows), trips, got.Places[:min(5, len(got.Places))])
			}
			t.Logf("%+v", got.Facts)
		})
	}
}

var randomTables = flag.Int("tables", 40, "how many random honest tables are inspected")

// TestRandomHonestTables tabulates the visits by random keys, with random measures in a random form: how often is an honest table denied?
func TestRandomHonestTables(t *testing.T) {
	w := visits(t)
	tables := *randomTables
	if testing.Short() {
		tables = 4
	}
	rng := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // the same tables every time
	denied := 0
	for n := range tables {
		o := randomTable(w, rng)
		got := w.inspect(t, o)
		if trips := tripped(&got.Facts); trips != nil {
			denied++
			t.Logf("table %d of %d rows like %v: tripped %q", n, len(o.rows), o.rows[len(o.rows)/2], trips)
		}
	}
	t.Logf("%d of %d honest tables denied", denied, tables)
	if denied*100 > tables {
		t.Errorf("%d of %d honest tables denied", denied, tables)
	}
}

func randomTable(w *world, rng *rand.Rand) *output {
	coarse := []func(row []int64) int64{
		func(row []int64) int64 { return row[district] },
		func(row []int64) int64 { return row[sex] },
		band,
		func(row []int64) int64 { return row[birthYear] },
		func(row []int64) int64 { return row[icd10] },
		func(row []int64) int64 { return row[visitDate] / 30 },
		func(row []int64) int64 { return row[visitDate] % 7 },
		func(row []int64) int64 { return row[cost] / 5000 },
	}
	chosen := rng.Perm(len(coarse))[:1+rng.IntN(3)]
	keys, groups := grouped(w, func(row []int64) []int64 {
		var k []int64
		for _, at := range chosen {
			k = append(k, coarse[at](row))
		}
		return k
	})
	o := &output{}
	texts := rng.IntN(2) == 0
	for i := range chosen {
		if texts {
			o.columns = append(o.columns, written("key"+strconv.Itoa(i)))
		} else {
			o.columns = append(o.columns, whole("key"+strconv.Itoa(i), 0, 1e6))
		}
	}
	o.columns = append(o.columns, whole("visits", 0, 1e6))
	measures := []int{cost, birthYear, visitDate}[:1+rng.IntN(3)]
	places := rng.IntN(3)
	for i, m := range measures {
		if m == cost {
			o.columns = append(o.columns, decimal("cost", places))
		} else {
			o.columns = append(o.columns, whole("mean"+strconv.Itoa(i), 0, 1e6))
		}
	}
	for i := range keys {
		var row []any
		for j, k := range keys[i] {
			switch chosen[j] {
			case 0:
				row = append(row, w.text(district, k))
			case 1:
				row = append(row, w.text(sex, k))
			case 4:
				row = append(row, w.text(icd10, k))
			default:
				row = append(row, strconv.FormatInt(k, 10))
			}
			if !texts {
				row[j] = k
			}
		}
		row = append(row, int64(len(groups[i])))
		for _, m := range measures {
			v := mean(groups[i], m)
			if m == cost {
				v /= []int64{100, 10, 1}[places]
			}
			row = append(row, v)
		}
		o.rows = append(o.rows, row)
	}
	return o
}
