package synth_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/synth"
)

func columnsOf(d *enclave.Dataset) (stored []int) {
	for i := range d.Columns {
		if d.Columns[i].Type != enclave.Text {
			stored = append(stored, i)
		}
	}
	return stored
}

// digest is of all that a scan shows, ranges joined.
func digest(t *testing.T, table *synth.Table, parts int) string {
	t.Helper()
	sum := sha256.New()
	ranges, err := table.Split(parts)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range ranges {
		err := enclave.Scan(t.Context(), table, r, columnsOf(synth.Dataset()), func(b *enclave.Batch) error {
			for row := range b.Rows {
				record := binary.LittleEndian.AppendUint32(nil, b.Subjects[row])
				for _, c := range b.Columns {
					record = append(record, c.Valid[row>>3]>>(row&7)&1)
					if c.Wide != nil {
						record = binary.LittleEndian.AppendUint64(record, uint64(c.Wide[row])) //nolint:gosec // its bits
					} else {
						record = binary.LittleEndian.AppendUint32(record, uint32(c.Narrow[row])) //nolint:gosec // its bits
					}
				}
				sum.Write(record)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// The rows are a format: everybody gets the same ones of a description, with any number of workers.
func TestGoldenTable(t *testing.T) {
	const want = "6807239ad23b868298ef4ed976ddf57cab0f0bbdeeffd5125e851da7bbf1aa20"
	sample := enclave.Sample{Rows: 10_000, Subjects: 2_000}
	table, err := synth.NewTable(synth.Dataset(), sample)
	if err != nil {
		t.Fatal(err)
	}
	for _, parts := range []int{1, 3, 8} {
		if got := digest(t, table, parts); got != want {
			t.Errorf("in %d parts: %s, want %s", parts, got, want)
		}
	}
	other := synth.Dataset()
	other.Title = "another"
	again, err := synth.NewTable(other, sample)
	if err != nil {
		t.Fatal(err)
	}
	if digest(t, again, 1) == want || again.Snapshot().Digest == table.Snapshot().Digest {
		t.Error("another description has the same rows")
	}
}

// every is a description with each type, at its widest and at its narrowest, with empty values.
func every() *enclave.Dataset {
	column := func(name string, kind enclave.Type, class enclave.Class, low, high string) enclave.Column {
		return enclave.Column{Name: name, Type: kind, Class: class, Min: enclave.Scalar(low), Max: enclave.Scalar(high), Nullable: true}
	}
	d := &enclave.Dataset{
		Name: "every", Owner: "somebody", Grade: 1, Sharing: enclave.Unconditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Organisation},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			column("widest", enclave.Int, enclave.Measure, "-9223372036854775808", "9223372036854775807"),
			column("open_widest", enclave.Int, enclave.Open, "-9223372036854775808", "9223372036854775807"),
			column("point", enclave.Int, enclave.Quasi, "-5", "-5"),
			column("money", enclave.Decimal, enclave.Measure, "-1.50", "99.25"),
			column("day", enclave.Date, enclave.Quasi, "1969-12-30", "1970-01-03"),
			{Name: "one", Type: enclave.Code, Class: enclave.Open, Codes: []string{"a"}},
			{Name: "two", Type: enclave.Code, Class: enclave.Sensitive, Codes: []string{"a", "b"}, Nullable: true},
			{Name: "many", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"a", "b", "c", "d"}},
		},
	}
	d.Columns[4].Scale = 2
	return d
}

// TestTableFitsItsDescription: values are within bounds, rows of a subject stand together, quasi values are the subject's, what is invalid or
// padding is zero, and each kind of value comes.
func TestTableFitsItsDescription(t *testing.T) {
	d := every()
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	sample := enclave.Sample{Rows: 150_000, Subjects: 30_000}
	table, err := synth.NewTable(d, sample)
	if err != nil {
		t.Fatal(err)
	}
	ranges, err := table.Split(2)
	if err != nil || len(ranges) != 2 {
		t.Fatalf("%v, %v", ranges, err)
	}
	stored := columnsOf(d)
	rows, subjects, last, district := int64(0), int64(0), -1, int32(0)
	empty, seen := make([]int, len(stored)), make([]map[int64]int, len(stored))
	for i := range seen {
		seen[i] = map[int64]int{}
	}
	for _, r := range ranges {
		if r.First != rows {
			t.Errorf("a range begins at %d, want %d", r.First, rows)
		}
		err := enclave.Scan(t.Context(), table, r, stored, func(b *enclave.Batch) error {
			rows += int64(b.Rows)
			for i, c := range stored {
				v, column := &b.Columns[i], &d.Columns[c]
				low, high, _ := column.Bounds()
				for row := range enclave.BatchRows {
					var value int64
					if v.Wide != nil {
						value = v.Wide[row]
					} else {
						value = int64(v.Narrow[row])
					}
					if v.Valid[row>>3]>>(row&7)&1 == 0 {
						if value != 0 || row < b.Rows && !column.Nullable {
							t.Fatalf("%s, row %d: an empty value %d", column.Name, row, value)
						}
						if row < b.Rows {
							empty[i]++
						}
						continue
					}
					if row >= b.Rows || value < low || value > high {
						t.Fatalf("%s, row %d of %d: %d", column.Name, row, b.Rows, value)
					}
					seen[i][value]++
				}
			}
			for row, subject := range b.Subjects {
				many := b.Columns[len(stored)-1].Narrow[row]
				switch {
				case int(subject) == last && many != district:
					t.Fatalf("subject %d is in %d and %d", subject, district, many)
				case int(subject) == last:
				case int(subject) != last+1:
					t.Fatalf("subject %d after %d", subject, last)
				default:
					last, district = int(subject), many
					subjects++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if rows != sample.Rows || subjects != sample.Subjects {
		t.Errorf("%d rows of %d subjects", rows, subjects)
	}
	for i, c := range stored {
		column := &d.Columns[c]
		if share := empty[i] * 16; column.Nullable && (share < int(rows)*9/10 || share > int(rows)*11/10) {
			t.Errorf("%s: %d empty", column.Name, empty[i])
		}
		for code := range column.Codes {
			if seen[i][int64(code)] == 0 {
				t.Errorf("%s: never %s", column.Name, column.Codes[code])
			}
		}
	}
	if n := len(seen[4]); n != 5 {
		t.Errorf("%d days", n)
	}
	if rare := seen[7][3]; rare*100 > int(rows) {
		t.Errorf("the rare code came %d times", rare)
	}
}

func TestScanEnds(t *testing.T) {
	table, err := synth.NewTable(every(), enclave.Sample{Rows: 3, Subjects: 3})
	if err != nil {
		t.Fatal(err)
	}
	ranges, err := table.Split(10)
	if err != nil || len(ranges) != 3 {
		t.Fatalf("%v, %v", ranges, err)
	}
	mine := errors.New("enough")
	if err := table.Scan(t.Context(), ranges[0], nil, func(*enclave.PackedBatch) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("the visitor's error: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := table.Scan(canceled, ranges[0], nil, func(*enclave.PackedBatch) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if err := table.Scan(t.Context(), ranges[0], []int{0}, func(*enclave.PackedBatch) error { return nil }); err == nil {
		t.Error("identifiers were scanned")
	}
}

func BenchmarkTable(b *testing.B) {
	table, err := synth.NewTable(synth.Dataset(), enclave.Sample{Rows: 1_000_000, Subjects: 200_000})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		all := enclave.Range{Count: 1_000_000}
		if err := table.Scan(b.Context(), all, columnsOf(synth.Dataset()), func(*enclave.PackedBatch) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(1_000_000*b.N)/b.Elapsed().Seconds(), "rows/s")
}
