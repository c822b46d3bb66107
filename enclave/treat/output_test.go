package treat_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"github.com/darkroom-project/darkroom/enclave"
)

var update = flag.Bool("update", false, "write the golden files")

// outputs are small worlds whose output is fixed, byte for byte.
func outputs() map[string]*world {
	whole := square([][]int{{22, 30, 41}, {50, 63, 70}})
	scaled := newWorld([]int{3}, []enclave.Set{{0}, {}}, 2, "-100")
	scaled.put(13, 12_345, 0)
	scaled.put(12, -4_321, 2)
	scaled.put(30, 7, 1)
	none := square([][]int{{1, 2}, {2, 1}})
	return map[string]*world{"whole": whole, "scaled": scaled, "none": none}
}

var rounded = enclave.Profile{Name: "rounded", Threshold: 10, DominanceN: 1, DominancePercent: 101, HomogeneityPercent: 101, RoundCount: 5, RoundSum: 10}

func TestGoldenOutputs(t *testing.T) {
	for name, w := range outputs() {
		out := treated(t, w.table(), rounded)
		file := filepath.Join("testdata", name+".arrows")
		if *update {
			if err := os.WriteFile(file, out.Bytes, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file) //nolint:gosec // a fixed name
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes, want) {
			t.Errorf("%s: the output's bytes changed", name)
		}
		if out.Format != enclave.MediaArrow {
			t.Error(out.Format)
		}
	}
}

// text reads an output back as comma-separated text.
func text(t *testing.T, raw []byte) string {
	t.Helper()
	r, err := ipc.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	var lines []string
	for _, f := range r.Schema().Fields() {
		null := ""
		if f.Nullable {
			null = "?"
		}
		if f.HasMetadata() {
			t.Error("a field has metadata")
		}
		lines = append(lines, fmt.Sprintf("%s:%s%s", f.Name, f.Type, null))
	}
	meta := r.Schema().Metadata()
	if meta.Len() != 0 {
		t.Error("the schema has metadata")
	}
	lines = []string{strings.Join(lines, " ")}
	for r.Next() {
		batch := r.RecordBatch()
		for i := range int(batch.NumRows()) {
			var values []string
			for _, c := range batch.Columns() {
				values = append(values, c.ValueStr(i))
			}
			lines = append(lines, strings.Join(values, ","))
		}
	}
	return strings.Join(lines, "\n")
}

func TestOutputValues(t *testing.T) {
	worlds := outputs()
	// 13 × 123.45 = 1604.85 → 1600; 13 people → 15; 1600 / 15 = 106.66666… → 106.6667, and so on. The total: 1604.85 − 518.52 + 2.10.
	want := `k0:utf8 n:int64 people:int64 total:decimal(38, 2) average:decimal(38, 4)?
a0,15,15,1600,106.6667
a1,30,30,0,0
a2,10,10,-520,-52
(total),55,55,1090,19.8182`
	if got := text(t, treated(t, worlds["scaled"].table(), rounded).Bytes); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	want = `k0:utf8 k1:utf8 n:int64 people:int64 total:int64 average:decimal(38, 2)?
a0,b0,20,20,220,11
a0,b1,30,30,300,10
a0,b2,40,40,410,10.25
a1,b0,50,50,500,10
a1,b1,65,65,630,9.69
a1,b2,70,70,700,10
a0,(total),95,95,930,9.79
a1,(total),185,185,1830,9.89
(total),b0,70,70,720,10.29
(total),b1,95,95,930,9.79
(total),b2,110,110,1110,10.09
(total),(total),275,275,2760,10.04`
	if got := text(t, treated(t, worlds["whole"].table(), rounded).Bytes); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := text(t, treated(t, worlds["none"].table(), rounded).Bytes); strings.Contains(got, "\n") {
		t.Errorf("rows of small cells: %s", got)
	}
}

// A mean of rows that round to 0 is empty.
func TestMeanOfNoRoundedRows(t *testing.T) {
	w := newWorld([]int{2}, []enclave.Set{{0}}, 0, "0")
	w.put(2, 10, 0)
	w.put(100, 10, 1)
	loose := rounded
	loose.Threshold, loose.RoundCount = 1, 50
	got := text(t, treated(t, w.table(), loose).Bytes)
	if !strings.Contains(got, "a0,0,0,20,(null)\na1,100,100,1000,10") {
		t.Error(got)
	}
}

// Every byte of an output's body is a value, an offset, a validity bit or a zero: the test lays the buffers out itself, by the
// Arrow columnar specification, and compares.
func TestNoSlackInBuffers(t *testing.T) {
	loose := rounded
	loose.Threshold, loose.RoundCount = 1, 50
	small := newWorld([]int{9}, []enclave.Set{{0}}, 1, "0")
	for i := range int32(9) {
		small.put(int(20*i)+2, 123, i)
	}
	for name, out := range map[string]*enclave.Treated{
		"whole":  treated(t, outputs()["whole"].table(), rounded),
		"scaled": treated(t, outputs()["scaled"].table(), rounded),
		"nulls":  treated(t, small.table(), loose),
	} {
		body := bodyOf(t, out.Bytes)
		r, err := ipc.NewReader(bytes.NewReader(out.Bytes))
		if err != nil || !r.Next() {
			t.Fatal(err)
		}
		var want []byte
		pad := func() {
			for len(want)%8 != 0 {
				want = append(want, 0)
			}
		}
		batch := r.RecordBatch()
		for _, c := range batch.Columns() {
			if c.NullN() > 0 {
				bits := make([]byte, (c.Len()+7)/8)
				for i := range c.Len() {
					if c.IsValid(i) {
						bits[i/8] |= 1 << (i % 8)
					}
				}
				want = append(want, bits...)
				pad()
			}
			switch c := c.(type) {
			case *array.String:
				var values []byte
				want = binary.LittleEndian.AppendUint32(want, 0)
				for i := range c.Len() {
					values = append(values, c.Value(i)...)
					want = binary.LittleEndian.AppendUint32(want, uint32(len(values))) //nolint:gosec // small
				}
				pad()
				want = append(want, values...)
			case *array.Int64:
				for i := range c.Len() {
					want = binary.LittleEndian.AppendUint64(want, uint64(c.Value(i))) //nolint:gosec // the same bits
				}
			case *array.Decimal128:
				for i := range c.Len() {
					low, high := uint64(0), int64(0)
					if c.IsValid(i) {
						low, high = c.Value(i).LowBits(), c.Value(i).HighBits()
					}
					want = binary.LittleEndian.AppendUint64(want, low)
					want = binary.LittleEndian.AppendUint64(want, uint64(high))
				}
			default:
				t.Fatalf("a column of type %T", c)
			}
			pad()
		}
		if !bytes.Equal(body, want) {
			t.Errorf("%s: the body is not its values:\n%x\nwant\n%x", name, body, want)
		}
		r.Release()
	}
}

// bodyOf is the body of the one record batch of a stream: schema message, batch message, end of stream, and nothing else.
func bodyOf(t *testing.T, raw []byte) []byte {
	t.Helper()
	header := func() {
		if binary.LittleEndian.Uint32(raw) != 0xffffffff {
			t.Fatal("no message where one should be")
		}
		raw = raw[8+binary.LittleEndian.Uint32(raw[4:]):]
	}
	header() // the schema has no body
	header()
	end := []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
	if !bytes.HasSuffix(raw, end) {
		t.Fatal("the stream has no end")
	}
	return raw[:len(raw)-len(end)]
}
