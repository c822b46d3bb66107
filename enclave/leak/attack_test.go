package leak_test

import (
	"crypto/aes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// attacks are outputs that give rows away, by the fact that must notice each.
func attacks(w *world) map[string]map[string]*output {
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same table every time
	some := func(n int) [][]int64 {
		rows := make([][]int64, n)
		for i, at := range rng.Perm(len(w.rows))[:n] {
			rows[i] = w.rows[at]
		}
		return rows
	}
	numbers := []enclave.ManifestColumn{
		whole("a", 0, 1000), whole("b", 0, 1000), whole("c", 0, 3000), whole("d", 0, 1000), whole("e", 0, 100_000), decimal("f", 2),
	}
	table := func(columns []enclave.ManifestColumn, rows [][]int64, of func([]int64) []any) *output {
		o := &output{columns: columns}
		for _, row := range rows {
			o.rows = append(o.rows, of(row))
		}
		return o
	}
	plain := func(row []int64) []any {
		all := make([]any, len(row))
		for i, v := range row {
			all[i] = v
		}
		return all
	}
	labels := func(row []int64) []any {
		all := make([]any, len(row))
		for i, v := range row {
			all[i] = w.text(i, v)
		}
		return all
	}
	joined := func(row []int64, by string) string {
		var parts []string
		for i, v := range row {
			parts = append(parts, w.text(i, v))
		}
		return strings.Join(parts, by)
	}
	texts := func(n int) []enclave.ManifestColumn {
		var all []enclave.ManifestColumn
		for i := range n {
			all = append(all, written(fmt.Sprintf("t%d", i)))
		}
		return all
	}
	one := func(n int, of func([]int64) string) *output {
		return table(texts(1), some(n), func(row []int64) []any { return []any{of(row)} })
	}
	id := func(of func(string) string) *output {
		o := &output{columns: texts(1)}
		for _, id := range w.ids[:3] {
			o.rows = append(o.rows, []any{of(id)})
		}
		return o
	}
	masked := func(text string, mask byte) string {
		raw := []byte(text)
		for i := range raw {
			raw[i] ^= mask
		}
		return hex.EncodeToString(raw)
	}
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		panic(err)
	}
	secret := func(values ...int64) int64 {
		var b [16]byte
		for i, v := range values {
			binary.LittleEndian.PutUint16(b[2*i:], uint16(v)) //nolint:gosec // its low bits are enough
		}
		block.Encrypt(b[:], b[:])
		return int64(binary.LittleEndian.Uint64(b[:8]) >> 12)
	}
	opaque := []enclave.ManifestColumn{whole("x", 0, 1<<53)}
	shuffled := some(len(w.rows))
	var firsts [][]int64
	for i, row := range w.rows {
		if i == 0 || w.subjects[i] != w.subjects[i-1] {
			firsts = append(firsts, row)
		}
	}
	return map[string]map[string]*output{
		"records": {
			"raw rows":                      table(numbers, some(300), plain),
			"one row":                       table(numbers, some(1), plain),
			"three rows":                    table(numbers, some(3), plain),
			"thousands":                     table(numbers, some(5000), plain),
			"columns exchanged":             table([]enclave.ManifestColumn{numbers[5], numbers[4], numbers[3], numbers[2], numbers[1], numbers[0]}, some(300), func(row []int64) []any { r := plain(row); slices.Reverse(r); return r }),
			"cost in whole yuan":            table(numbers, some(300), func(row []int64) []any { r := plain(row); r[cost] = (row[cost] + 50) / 100 * 100; return r }),
			"cost cut to tens":              table(numbers, some(300), func(row []int64) []any { r := plain(row); r[cost] = row[cost] / 1000 * 1000; return r }),
			"cost as integer":               table([]enclave.ManifestColumn{numbers[3], numbers[4], whole("z", 0, 100_000)}, some(300), func(row []int64) []any { return []any{row[icd10], row[visitDate], row[cost] / 100} }),
			"labels":                        table(texts(6), some(300), labels),
			"no cost, no date, in one text": one(300, func(row []int64) string { return joined(row[:4], "/") }),
			"no cost, no date":              table(numbers[:4], some(300), func(row []int64) []any { return plain(row)[:4] }),
			"date as a number": table([]enclave.ManifestColumn{whole("when", 0, 30_000_000), decimal("f", 2)}, some(300), func(row []int64) []any {
				day := strings.ReplaceAll(w.text(visitDate, row[visitDate]), "-", "")
				var n int64
				if _, err := fmt.Sscan(day, &n); err != nil {
					panic(err)
				}
				return []any{n, row[cost]}
			}),
			"with decoys": table(append(slices.Clone(numbers), whole("g", 0, 3000), whole("h", 0, 1000), decimal("i", 2)), some(300), func(row []int64) []any {
				other := w.rows[rng.IntN(len(w.rows))]
				return append(plain(row), other[birthYear], other[icd10], other[cost])
			}),
			"among as many honest rows": func() *output {
				o := table(numbers, some(300), plain)
				for range 300 {
					row := make([]any, 6)
					for i := range row {
						row[i] = w.rows[rng.IntN(len(w.rows))][i]
					}
					o.rows = append(o.rows, row)
				}
				return o
			}(),
		},
		"identifiers": {
			"in clear":      id(func(s string) string { return s }),
			"in a sentence": id(func(s string) string { return "the person " + s + " was here" }),
			"inside digits": id(func(s string) string { return "00" + s + "99" }),
			"with spaces":   id(func(s string) string { return strings.Join(strings.Split(s, ""), " ") }),
			"small letters": id(strings.ToLower),
			"full width": id(func(s string) string {
				return strings.Map(func(r rune) rune { return r - '!' + '！' }, s)
			}),
			"base64":             id(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }),
			"base64url of more":  id(func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte("id=" + s + "?")) }),
			"hexadecimal":        id(func(s string) string { return hex.EncodeToString([]byte(s)) }),
			"reversed":           id(func(s string) string { r := []byte(s); slices.Reverse(r); return string(r) }),
			"percent":            id(func(s string) string { return url.PathEscape("%" + s) }),
			"base64 of hex":      id(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString([]byte(s)))) }),
			"masked":             id(func(s string) string { return masked(s, 0xa5) }),
			"digits moved along": id(func(s string) string { return strings.Map(func(r rune) rune { return moved(r, 3) }, s) }),
			"in two numbers": func() *output {
				o := &output{columns: []enclave.ManifestColumn{whole("a", 0, 1<<53), whole("b", 0, 1<<53)}}
				for _, id := range w.ids {
					if strings.HasSuffix(id, "X") {
						continue
					}
					var a, b int64
					if _, err := fmt.Sscanf(id[:9]+" "+id[9:], "%d %d", &a, &b); err != nil {
						panic(err)
					}
					o.rows = append(o.rows, []any{a, b})
				}
				return o
			}(),
		},
		"packed": {
			"CSV lines": one(50, func(row []int64) string { return joined(row, ",") }),
			"one line":  one(1, func(row []int64) string { return joined(row, ",") }),
			"JSON": one(50, func(row []int64) string {
				raw, err := json.Marshal(map[string]any{"district": w.text(district, row[district]), "born": row[birthYear], "code": w.text(icd10, row[icd10]), "day": w.text(visitDate, row[visitDate]), "cost": w.text(cost, row[cost])})
				if err != nil {
					panic(err)
				}
				return string(raw)
			}),
			"other order": one(50, func(row []int64) string {
				r := labels(row)
				return fmt.Sprint(r[cost], ";", r[sex], ";", r[visitDate], ";", r[icd10])
			}),
			"base64":             one(50, func(row []int64) string { return base64.StdEncoding.EncodeToString([]byte(joined(row, "|"))) }),
			"masked":             one(50, func(row []int64) string { return masked(joined(row, "|"), 0x3c) }),
			"without separators": one(50, func(row []int64) string { return joined(row, "") }),
			"as stored":          one(50, func(row []int64) string { return strings.Trim(fmt.Sprint(row), "[]") }),
			"many in one text": func() *output {
				var lines []string
				for _, row := range some(100) {
					lines = append(lines, joined(row, ","))
				}
				return &output{columns: []enclave.ManifestColumn{{Name: "t", Type: enclave.KindText, Bytes: 10_000}}, rows: [][]any{{strings.Join(lines, "\n")}}}
			}(),
		},
		"injective": {
			"a code enciphered, first rows": table(opaque, w.rows[:300], func(row []int64) []any { return []any{secret(row[icd10])} }),
			"two columns hashed": table(texts(1), w.rows[:1000], func(row []int64) []any {
				sum := sha256.Sum256([]byte(fmt.Sprint(row[icd10], row[sex])))
				return []any{hex.EncodeToString(sum[:8])}
			}),
			"a year in two digits": table([]enclave.ManifestColumn{whole("x", 0, 9), whole("y", 0, 99)}, w.rows[:300], func(row []int64) []any {
				v := (row[birthYear]*37 + 11) % 131
				return []any{v % 10, v / 10}
			}),
			"a year of each subject":            table(opaque, firsts[:400], func(row []int64) []any { return []any{secret(row[birthYear])} }),
			"a code of all rows, shuffled":      table(opaque, shuffled, func(row []int64) []any { return []any{secret(row[icd10])} }),
			"a code of most rows, shuffled":     table(opaque, shuffled[:20_000], func(row []int64) []any { return []any{secret(row[icd10])} }),
			"all columns of all rows, shuffled": table(opaque, shuffled, func(row []int64) []any { return []any{secret(row...)} }),
		},
		"verbatim": {
			"costs":          table([]enclave.ManifestColumn{decimal("f", 2)}, some(300), func(row []int64) []any { return []any{row[cost]} }),
			"costs in fen":   table([]enclave.ManifestColumn{whole("f", 0, 1e9)}, some(300), func(row []int64) []any { return []any{row[cost]} }),
			"costs as texts": table(texts(1), some(300), func(row []int64) []any { return []any{w.text(cost, row[cost])} }),
		},
	}
}

func moved(r rune, by rune) rune {
	if r >= '0' && r <= '9' {
		return '0' + (r-'0'+by)%10
	}
	return r
}

func TestAttacks(t *testing.T) {
	w := visits(t)
	for fact, outputs := range attacks(w) {
		for name, o := range outputs {
			if testing.Short() && !slices.Contains([]string{"raw rows", "in clear", "JSON", "two columns hashed", "costs"}, name) {
				continue
			}
			t.Run(fact+"/"+name, func(t *testing.T) {
				t.Parallel()
				got := w.inspect(t, o)
				trips := tripped(&got.Facts)
				if !slices.ContainsFunc(trips, func(s string) bool { return strings.HasPrefix(s, fact) }) {
					t.Errorf("%d rows; tripped %q", len(o.rows), trips)
				}
				if !slices.ContainsFunc(got.Places, func(p enclave.Place) bool { return p.Fact == fact }) || len(got.Places) > 1000 {
					t.Errorf("%d places, none of the fact", len(got.Places))
				}
				t.Logf("%d rows, tripped %q", len(o.rows), trips)
			})
		}
	}
}
