package admit

import (
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// wasi is the one module that guests may import from.
const wasi = "wasi_snapshot_preview1"

// imports are the ten functions that Go 1.26 needs for GOOS=wasip1 GOARCH=wasm -buildmode=c-shared, and the five more that packages os and
// time import without being asked to (and so fmt, log and encoding/json): to close a file, to ask for its state, to look for folders.
// There are no files, so those five only ever say so. Whatever would open a file is not here. Guests in C need none.
var imports = []string{
	"args_get", "args_sizes_get", "clock_time_get", "environ_get", "environ_sizes_get",
	"fd_write", "poll_oneoff", "proc_exit", "random_get", "sched_yield",
	"fd_close", "fd_fdstat_get", "fd_fdstat_set_flags", "fd_prestat_dir_name", "fd_prestat_get",
}

// importable reports whether a guest may import a function. That its signature is right is for the sandbox, which links it.
func importable(module, name string) bool { return module == wasi && slices.Contains(imports, name) }

const i32 = "\x7f"

// Who must export a function of the ABI. Where it is exported all the same, it must be of the right type.
const (
	everyModule  = ""
	nobody       = enclave.Form("nobody")
	programsOnly = enclave.Program
)

// abi is version 1 of the module ABI.
var abi = []struct {
	name    string
	is      signature
	written string // for people
	needed  enclave.Form
}{
	{"darkroom_abi", signature{"", i32}, "() -> i32", everyModule},
	{"darkroom_window", signature{i32, i32}, "(i32) -> i32", everyModule},
	{"darkroom_alloc", signature{i32, i32}, "(i32) -> i32", everyModule},
	{"darkroom_init", signature{i32 + i32, i32}, "(i32, i32) -> i32", everyModule},
	{"darkroom_batch", signature{i32, i32}, "(i32) -> i32", everyModule},
	{"darkroom_finish", signature{i32, i32}, "(i32) -> i32", programsOnly},
	{"_initialize", signature{}, "()", nobody},
}

// keepsContract reports how a module's shape differs from what the sandbox can run in that form.
func (s *shape) keepsContract(form enclave.Form) error {
	if s.bodies != len(s.functions)-s.imported {
		return enclave.Fail(enclave.Invalid, "MODULE_MALFORMED", "problem", "not one body for each function", "offset", "0")
	}
	if s.entries > MaxTableEntries {
		return enclave.Fail(enclave.Limit, "MODULE_TOO_MANY", "what", "table entries", "limit", strconv.Itoa(MaxTableEntries))
	}
	if memory, ok := s.exports["memory"]; s.memories != 1 || !ok || memory.kind != kindMemory {
		return enclave.Fail(enclave.Invalid, "MODULE_EXPORT", "export", "memory", "expected", "the module's only memory")
	}
	if s.pages > MaxMemoryPages {
		return enclave.Fail(enclave.Limit, "MODULE_TOO_MANY", "what", "memory pages", "limit", strconv.Itoa(MaxMemoryPages))
	}
	if _, ok := s.exports["_start"]; ok {
		return enclave.Fail(enclave.Invalid, "MODULE_COMMAND", "what", "_start")
	}
	for _, f := range abi {
		e, ok := s.exports[f.name]
		if !ok && f.needed != everyModule && f.needed != form {
			continue
		}
		if !ok || e.kind != kindFunction || s.types[s.functions[e.index]] != f.is {
			return enclave.Fail(enclave.Invalid, "MODULE_EXPORT", "export", f.name, "expected", "func "+f.written)
		}
	}
	return nil
}

// quoted makes a name out of hostile bytes fit for a message: short, and without control characters.
func quoted(name string) string {
	if len(name) > 100 {
		name = strings.ToValidUTF8(name[:100], "") + "…"
	}
	return strconv.Quote(name)
}
