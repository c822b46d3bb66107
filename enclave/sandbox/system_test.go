package sandbox

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/darkroom-project/darkroom/testdata/guests"
)

// guestMemory is the memory of a real instance, two pages.
func guestMemory(tb testing.TB) (*Rehearsal, api.Memory) {
	tb.Helper()
	s, err := NewRehearsal(tb.Context(), Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.runtime.Close(tb.Context()) })
	in, err := s.runtime.InstantiateWithConfig(tb.Context(), guests.Wild(2, 0, 0).Wasm, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		tb.Fatal(err)
	}
	return s, in.Memory()
}

func systemNamed(t *testing.T, name string) systemFunction {
	t.Helper()
	for _, f := range system() {
		if f.name == name {
			return f
		}
	}
	t.Fatalf("no %s", name)
	return systemFunction{}
}

func TestSystemCallsAnswerTheSameAlways(t *testing.T) {
	s, memory := guestMemory(t)
	end := uint64(memory.Size())
	ask := func(want uint32, name string, args ...uint64) {
		t.Helper()
		f := systemNamed(t, name)
		if got := f.run(s.Sandbox, memory, args); got != want {
			t.Errorf("%s%v: errno %d, want %d", name, args, got, want)
		}
	}
	read := func(at, size uint32) []byte {
		out, ok := memory.Read(at, size)
		if !ok {
			t.Fatal("outside")
		}
		return bytes.Clone(out)
	}
	ask(wasiOK, "clock_time_get", 0, 1, 64)
	clock := read(64, 8)
	ask(wasiOK, "clock_time_get", 1, 1, 64)
	if !bytes.Equal(clock, read(64, 8)) || bytes.Equal(clock, make([]byte, 8)) {
		t.Error("the clock moved, or shows zero")
	}
	ask(wasiOK, "random_get", 128, 16)
	random := read(128, 16)
	ask(wasiOK, "random_get", 128, 16)
	if !bytes.Equal(random, read(128, 16)) {
		t.Error("randomness differs")
	}
	ask(wasiOK, "environ_sizes_get", 64, 128)
	if !bytes.Equal(read(64, 4), make([]byte, 4)) || !bytes.Equal(read(128, 4), make([]byte, 4)) {
		t.Error("there is an environment")
	}
	// Two pieces of text, then a wait of an hour.
	memory.Write(256, []byte("hello"))
	memory.WriteUint64Le(512, 256|3<<32)
	memory.WriteUint64Le(520, 259|2<<32)
	ask(wasiOK, "fd_write", 1, 512, 2, 600)
	if n, _ := memory.ReadUint32Le(600); n != 5 || s.Said() != "hello" {
		t.Errorf("%d bytes written, %q", n, s.Said())
	}
	memory.WriteUint64Le(1024, 42)
	memory.WriteUint64Le(1024+24, 3_600_000_000_000)
	ask(wasiOK, "poll_oneoff", 1024, 2048, 1, 604)
	if n, _ := memory.ReadUint32Le(604); n != 1 || read(2048, 1)[0] != 42 {
		t.Errorf("%d events, the first for %d", n, read(2048, 1)[0])
	}
	// There are no files, not even those that were written to; nothing is written where a file's state would go.
	memory.Write(700, bytes.Repeat([]byte{7}, 24))
	for _, name := range []string{"fd_close", "fd_fdstat_get", "fd_fdstat_set_flags", "fd_prestat_get", "fd_prestat_dir_name"} {
		ask(wasiBadf, name, 1, 700, 24)
		ask(wasiBadf, name, 3, end, 1<<32-1)
	}
	if !bytes.Equal(read(700, 24), bytes.Repeat([]byte{7}, 24)) {
		t.Error("a file's state was written")
	}
	// Addresses outside, counts that would keep the host busy.
	ask(wasiFault, "clock_time_get", 0, 1, end-7)
	ask(wasiFault, "random_get", end-1, 2)
	ask(wasiInval, "random_get", 1, maxRandom+1)
	ask(wasiFault, "random_get", 1, 1<<32-1)
	ask(wasiOK, "random_get", 1, maxRandom)
	ask(wasiFault, "args_sizes_get", 64, end)
	ask(wasiFault, "fd_write", 1, end-4, 1, 600)
	ask(wasiFault, "fd_write", 1, 512, 2, end)
	ask(wasiInval, "fd_write", 1, 512, 1<<31, 600)
	ask(wasiFault, "poll_oneoff", end-8, 2048, 1, 604)
	ask(wasiFault, "poll_oneoff", 1024, end-8, 1, 604)
	ask(wasiInval, "poll_oneoff", 1024, 2048, 1<<31, 604)
	ask(wasiInval, "poll_oneoff", 1024, 2048, 0, 604)
}

// Of what guests write, the beginning is kept, and without a rehearsal nothing.
func TestTheBeginningIsKept(t *testing.T) {
	r := &Rehearsal{&Sandbox{observer: &observer{}}}
	for range 3 {
		r.observer.hear([]byte(strings.Repeat("é", 20_000)))
	}
	if got := r.Said(); len(got) != MaxSaid {
		t.Errorf("%d bytes are kept", len(got))
	}
	var nobody *observer
	nobody.hear([]byte("YES"))
	nobody.weigh(&tank{}, 1)
}

// FuzzSystem: no arguments make the host panic, but for the one function that is meant to end the guest.
func FuzzSystem(f *testing.F) {
	s, memory := guestMemory(f)
	f.Add(uint8(5), uint32(1), uint32(512), uint32(2), uint32(600))
	f.Add(uint8(6), uint32(1<<32-1), uint32(1<<32-8), uint32(64), uint32(0))
	f.Fuzz(func(t *testing.T, which uint8, a, b, c, d uint32) {
		function := system()[int(which)%len(system())]
		defer func() {
			r := recover()
			err, _ := r.(error)
			if exited := function.name == exitName; exited != errors.Is(err, errExited) || r != nil && !exited {
				t.Fatalf("%s: %v", function.name, r)
			}
		}()
		args := []uint64{uint64(a), uint64(b), uint64(c), uint64(d)}
		if got := function.run(s.Sandbox, memory, args); got != wasiOK && got != wasiBadf && got != wasiFault && got != wasiInval {
			t.Fatalf("%s: errno %d", function.name, got)
		}
	})
}
