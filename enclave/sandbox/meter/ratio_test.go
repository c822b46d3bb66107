package meter_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox/meter"
)

// subject is a module before and after, ready to do the same work.
type subject struct {
	name           string
	plain, metered func() error
	burnt          func() int64
	best           [2]time.Duration
}

// BenchmarkMetering prints what metering costs: for each piece of work, the best time with over the best time without, both in this process and
// in turns. One pass is a few tens of milliseconds: -benchtime 100x gives times that neighbours have not disturbed.
func BenchmarkMetering(b *testing.B) {
	h := newHost(b)
	h.slice = 1 << 40
	var all []*subject
	for _, k := range kernels() {
		wasm := read(b, k.file)
		all = append(all, h.subject(b, k.name, wasm, func(m api.Module) func() error {
			if f := m.ExportedFunction("prepare"); f != nil {
				if _, err := f.Call(context.Background(), 0); err != nil {
					b.Fatal(err)
				}
			}
			f := m.ExportedFunction(k.name)
			return func() error {
				_, err := f.Call(context.Background(), k.size)
				return err
			}
		}))
	}
	inGo, err := goGuests()["ageband-go"]()
	if err != nil {
		b.Fatal(err)
	}
	all = append(
		all,
		h.subject(b, "guest in C", read(b, "../../../internal/scaffold/guests/ageband.wasm"), batches(b)),
		h.subject(b, "guest in Go", inGo, batches(b)),
	)
	turns := 0
	for b.Loop() {
		turns++
		for _, s := range all {
			for i, work := range []func() error{s.plain, s.metered} {
				began := time.Now()
				if err := work(); err != nil {
					b.Fatal(s.name, err)
				}
				s.best[i] = min(s.best[i], time.Since(began))
			}
		}
	}
	var ratios []float64
	for _, s := range all {
		ratio := float64(s.best[1]) / float64(s.best[0])
		ratios = append(ratios, ratio)
		units := float64(s.burnt()) / float64(turns)
		// Not b.Log, which stops after ten lines.
		fmt.Fprintf(os.Stderr, "%-12s %10v without, %10v with: %5.3f; %9.0f units, %.2f ns each\n", s.name, s.best[0], s.best[1], ratio, units, float64(s.best[1])/units)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "median-ratio")
	b.ReportMetric(ratios[len(ratios)*9/10], "ninth-decile-ratio")
}

func (h *host) subject(b *testing.B, name string, wasm []byte, prepare func(api.Module) func() error) *subject {
	b.Helper()
	rewritten, err := meter.Rewrite(wasm)
	if err != nil {
		b.Fatal(err)
	}
	m := h.start(b, rewritten)
	s := &subject{name: name, plain: prepare(h.start(b, wasm)), metered: prepare(m), best: [2]time.Duration{math.MaxInt64, math.MaxInt64}}
	counter := m.ExportedGlobal(meter.Counter).(api.MutableGlobal) //nolint:errcheck // the rewriter made it
	counter.Set(1 << 60)
	s.burnt = func() int64 { return 1<<60 - int64(counter.Get()) } //nolint:gosec // far from the limits
	return s
}

// batches brings a guest that speaks the ABI to where it takes batches, each of BatchRows years of birth.
func batches(b *testing.B) func(api.Module) func() error {
	b.Helper()
	return func(m api.Module) func() error {
		call := func(name string, args ...uint64) uint32 {
			out, err := m.ExportedFunction(name).Call(context.Background(), args...)
			if err != nil {
				b.Fatal(err)
			}
			return api.DecodeU32(out[0])
		}
		params := []byte(`{"params":{"as_of":2024},"columns":["birth_year"],"keys":["age_band"]}`)
		at := call("darkroom_alloc", uint64(len(params)))
		m.Memory().Write(at, params)
		if status := call("darkroom_init", uint64(at), uint64(len(params))); status != 0 {
			b.Fatal("darkroom_init", status)
		}
		const rows = enclave.BatchRows
		valid := call("darkroom_window", rows/8+12*rows+64)
		values := valid + rows/8
		for i := range uint32(rows) {
			m.Memory().WriteByte(valid+i/8, 0xff)
			m.Memory().WriteUint64Le(values+8*i, uint64(1915+i*7%115))
		}
		var descriptor []byte
		for _, word := range []uint32{1, rows, 1, 1, 2, valid, values, 8 * rows, values + 8*rows, 4 * rows} {
			descriptor = binary.LittleEndian.AppendUint32(descriptor, word)
		}
		to := call("darkroom_alloc", uint64(len(descriptor)))
		m.Memory().Write(to, descriptor)
		batch := m.ExportedFunction("darkroom_batch")
		return func() error {
			_, err := batch.Call(context.Background(), uint64(to))
			return err
		}
	}
}
