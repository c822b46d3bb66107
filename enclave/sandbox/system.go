package sandbox

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/tetratelabs/wazero/api"
)

// systemModule is the only module that guests may import from: WASI preview 1, of which fifteen functions are offered, those that
// Go's runtime needs.
const systemModule = "wasi_snapshot_preview1"

// Results of WASI functions.
const (
	wasiOK    = 0
	wasiBadf  = 8 // there is no such file
	wasiFault = 21
	wasiInval = 28
)

const (
	clockNanoseconds = 1_000_000_000 * 946_684_800 // 2000-01-01 00:00:00 UTC; Go's runtime does not start at zero
	maxVectors       = 1024                        // of one write: guests must not make the host loop
	maxEvents        = 64                          // of one poll
	maxRandom        = 64 << 10                    // bytes of one random_get
)

var errExited = errors.New("the guest exited")

const i32, i64 = api.ValueTypeI32, api.ValueTypeI64

// systemFunction does what a WASI function does for a guest that has no clock, no randomness, no files and nobody to talk to. Args are
// the raw parameters; the result is an errno.
type systemFunction struct {
	name   string
	params []api.ValueType
	run    func(s *Sandbox, memory api.Memory, args []uint64) uint32
	// fuel is what the function takes for its arguments, beyond meter.CostImport.
	fuel func(args []uint64) int64
}

// system lists what is offered. Every function but proc_exit returns an errno.
func system() []systemFunction {
	return []systemFunction{
		{"args_get", []api.ValueType{i32, i32}, nothing, free},
		{"args_sizes_get", []api.ValueType{i32, i32}, twoZeros, free},
		{"clock_time_get", []api.ValueType{i32, i64, i32}, fixedClock, free},
		{"environ_get", []api.ValueType{i32, i32}, nothing, free},
		{"environ_sizes_get", []api.ValueType{i32, i32}, twoZeros, free},
		{"fd_write", []api.ValueType{i32, i32, i32, i32}, write, each(1, 16, maxVectors)},
		{"poll_oneoff", []api.ValueType{i32, i32, i32, i32}, pollAtOnce, each(2, 64, maxEvents)},
		{exitName, []api.ValueType{i32}, exit, free},
		{"random_get", []api.ValueType{i32, i32}, fixedRandom, each(1, 2, maxRandom)},
		{"sched_yield", nil, nothing, free},
		// What Go's package os asks for as soon as it is there.
		{"fd_close", []api.ValueType{i32}, noFile, free},
		{"fd_fdstat_get", []api.ValueType{i32, i32}, noFile, free},
		{"fd_fdstat_set_flags", []api.ValueType{i32, i32}, noFile, free},
		{"fd_prestat_dir_name", []api.ValueType{i32, i32, i32}, noFile, free},
		{"fd_prestat_get", []api.ValueType{i32, i32}, noFile, free},
	}
}

const exitName = "proc_exit"

func free([]uint64) int64 { return 0 }

// each is so much for each of what an argument counts, up to the most that the function does anything for.
func each(argument int, units, most int64) func([]uint64) int64 {
	return func(args []uint64) int64 { return units * min(int64(word(args[argument])), most) }
}

func (f *systemFunction) results() []api.ValueType {
	if f.name == exitName {
		return nil
	}
	return []api.ValueType{i32}
}

// offers reports whether a guest may import a function of that type.
func offers(module, name string, params, results []api.ValueType) bool {
	return module == systemModule && slices.ContainsFunc(system(), func(f systemFunction) bool {
		return f.name == name && slices.Equal(f.params, params) && slices.Equal(f.results(), results)
	})
}

func (s *Sandbox) offerSystem(ctx context.Context) error {
	host := s.runtime.NewHostModuleBuilder(systemModule)
	for _, f := range system() {
		host.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, guest api.Module, stack []uint64) {
			tankOf(ctx).charge(ctx, f.fuel(stack))
			errno := f.run(s, guest.Memory(), stack)
			if len(f.results()) == 1 {
				stack[0] = uint64(errno)
			}
		}), f.params, f.results()).Export(f.name)
	}
	_, err := host.Instantiate(ctx)
	return err
}

// exit ends the call like a trap: a module has no reason to exit, and its code is not heard.
func exit(*Sandbox, api.Memory, []uint64) uint32 { panic(errExited) }

func nothing(*Sandbox, api.Memory, []uint64) uint32 { return wasiOK }

func noFile(*Sandbox, api.Memory, []uint64) uint32 { return wasiBadf }

func twoZeros(_ *Sandbox, memory api.Memory, args []uint64) uint32 {
	return errno(memory.WriteUint32Le(word(args[0]), 0) && memory.WriteUint32Le(word(args[1]), 0))
}

func fixedClock(_ *Sandbox, memory api.Memory, args []uint64) uint32 {
	return errno(memory.WriteUint64Le(word(args[2]), clockNanoseconds))
}

// fixedRandom fills with the same bytes at every call.
func fixedRandom(_ *Sandbox, memory api.Memory, args []uint64) uint32 {
	bytes, ok := memory.Read(word(args[0]), word(args[1]))
	if len(bytes) > maxRandom {
		return wasiInval
	}
	for i := range bytes {
		bytes[i] = byte(i*167 + 13) //nolint:gosec // its low bits are what is meant
	}
	return errno(ok)
}

// write takes everything and discards it, unless the sandbox is for synthetic rows.
func write(s *Sandbox, memory api.Memory, args []uint64) uint32 {
	vectors, count := word(args[1]), word(args[2])
	if count > maxVectors {
		return wasiInval
	}
	var total uint32
	for i := range count {
		at, inside := memory.ReadUint64Le(vectors + 8*i)
		bytes, ok := memory.Read(word(at), word(at>>32))
		if !inside || !ok {
			return wasiFault
		}
		s.observer.hear(bytes)
		total += word(at >> 32)
	}
	return errno(memory.WriteUint32Le(word(args[3]), total))
}

// pollAtOnce says of every subscription that what it waits for has come: a guest cannot wait.
func pollAtOnce(_ *Sandbox, memory api.Memory, args []uint64) uint32 {
	const subscriptionBytes, eventBytes = 48, 32
	from, to, count := word(args[0]), word(args[1]), word(args[2])
	if count == 0 || count > maxEvents {
		return wasiInval
	}
	for i := range count {
		subscription, ok := memory.Read(from+i*subscriptionBytes, subscriptionBytes)
		if !ok {
			return wasiFault
		}
		var event [eventBytes]byte
		copy(event[:8], subscription) // the guest's own number for it
		binary.LittleEndian.PutUint16(event[8:], wasiOK)
		event[10] = subscription[8] // clock, read or write
		if !memory.Write(to+i*eventBytes, event[:]) {
			return wasiFault
		}
	}
	return errno(memory.WriteUint32Le(word(args[3]), count))
}

func word(v uint64) uint32 { return uint32(v) } //nolint:gosec // a parameter of 32 bits in a stack of 64

func errno(ok bool) uint32 {
	if ok {
		return wasiOK
	}
	return wasiFault
}
