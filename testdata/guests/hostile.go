package guests

import (
	"encoding/json"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Guest is a module for tests. It carries no manifest unless it is Whole: admit.Attach or With adds one.
type Guest struct {
	Name  string
	Tries string // what it attempts
	Door  Door   // where it must fail
	// Reason is the error's reason that it must end with there; "" if it lives.
	Reason string
	// Says are those arguments of the reason that tell it from others of the same code.
	Says map[string]string
	// Emits is the code of every row, of one that comes so far: if it lives, or fails at DoorKeys.
	Emits int32
	Whole bool // it carries a manifest by itself, or lacks one on purpose
	Wasm  []byte
}

// Door is where the enclave looks at a module, in the order in which it comes to them.
type Door string

// The doors.
const (
	DoorAdmit   Door = "admit"   // the form of its bytes, with the manifest
	DoorCompile Door = "compile" // its code, by the meter and by the compiler
	DoorStart   Door = "start"   // a new instance, until it could be shown rows
	DoorBatch   Door = "batch"   // when it is shown rows
	DoorFinish  Door = "finish"  // when it is asked for its table, as a program
	DoorKeys    Door = "keys"    // trusted grouping by what it emitted
	NoDoor      Door = ""        // nothing is wrong with it: what it emits shows that it won nothing
)

// Reasons that many of the guests end with.
const (
	spent    = "MODULE_FUEL" // it never ends
	trapped  = "MODULE_TRAP"
	memory   = "MODULE_MEMORY"
	contract = "MODULE_CONTRACT"
	invalid  = "MODULE_INVALID"
)

// Marker is the value that the guest "scanner" looks for.
const Marker = 7_305_161_943

// attempt is a guest whose bytes are not made yet.
type attempt struct {
	Guest
	build func() []byte
}

func attempts() []attempt {
	return slices.Concat(endless(), recursive(), hungry(), bulky(), lost(), misshapen(), forged(), asking(), keeping(), bombs(), heaps(), intricate())
}

// Hostile are guests that try to break out, to break the host, or to learn more than they are shown: each in its own way, with one key of
// its own, as a module of either form unless it is Whole.
func Hostile() []Guest {
	var out []Guest
	for _, a := range attempts() {
		out = append(out, a.made())
	}
	return out
}

// Named is one of [Hostile]; it panics if there is none of that name.
func Named(name string) Guest {
	for _, a := range attempts() {
		if a.Name == name {
			return a.made()
		}
	}
	panic("guests: no guest " + name)
}

func (a attempt) made() Guest {
	a.Wasm = a.build()
	return a.Guest
}

// fails is an attempt that must fail at a door for a reason, with arguments in pairs of name and value.
func fails(door Door, reason, name, tries string, p program, says ...string) attempt {
	a := attempt{Guest{Name: name, Tries: tries, Door: door, Reason: reason}, p.wasm}
	if len(says) > 0 {
		a.Says = map[string]string{}
	}
	for pair := range slices.Chunk(says, 2) {
		a.Says[pair[0]] = pair[1]
	}
	return a
}

// lives is an attempt that runs, and emits a code that shows that it won nothing.
func lives(emits int32, name, tries string, p program) attempt {
	return attempt{Guest{Name: name, Tries: tries, Emits: emits}, p.wasm}
}

// With is the module with a manifest, whatever it is; a Whole one is as it is.
func (g Guest) With(manifest *enclave.Manifest) []byte {
	if g.Whole {
		return g.Wasm
	}
	return slices.Concat(g.Wasm, custom(enclave.ManifestSection, written(manifest)))
}

func written(manifest *enclave.Manifest) []byte {
	out, err := json.Marshal(manifest)
	if err != nil {
		panic(err) // it is plain data
	}
	return out
}

// Question asks for patients by district and by a key of the module with four values, about the seeded table of visits.
func Question(name string) *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: name, Version: "1.0.0", Form: enclave.Aggregate,
		Inputs: []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district", "birth_year", "cost"}}},
		Params: []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2026, Default: "2024"}},
		Keys: []enclave.ManifestKey{
			{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}, {Name: "district", Of: &enclave.ColumnRule{Column: "district"}},
		},
		Measures: []enclave.ManifestMeasure{{Name: "patients", Op: enclave.Subjects}, {Name: "cost", Op: enclave.Sum, Of: "cost"}},
		Margins:  [][]string{{"district"}},
	}
}

// Wild is a guest that puts its window at a fixed address, and its pieces of scratch WildStep bytes apart, the first at alloc plus one step,
// in a memory of that many pages: for fuzzing what the host makes of them. If it is let, it emits code 7.
func Wild(pages uint32, window, alloc int32) Guest {
	return Guest{
		Name: "wild", Tries: "any addresses at all",
		Wasm: program{pages: pages, window: number(int64(window)), alloc: stepping(int64(alloc), WildStep), batch: emit(number(7))}.wasm(),
	}
}

// Spins is a guest that counts down from a number for each batch, at about 7 units of fuel a turn, and then emits 0.
func Spins(turns int32) Guest {
	return Guest{Name: "spins", Tries: "to take its time", Wasm: program{batch: code(
		number(int64(turns)), set(3), opLoop, blockNone, get(3), number(1), opSub, opLocalTee, 3, opBrIf, 0, opEnd, emit(number(0)),
	)}.wasm()}
}

// Stumbles counts down like [Spins], and then traps.
func Stumbles(turns int32) Guest {
	return Guest{Name: "stumbles", Tries: "to take its time, and to trap at the end", Reason: trapped, Wasm: program{batch: code(
		number(int64(turns)), set(3), opLoop, blockNone, get(3), number(1), opSub, opLocalTee, 3, opBrIf, 0, opEnd, opUnreachable,
	)}.wasm()}
}

// Broods never comes to its first row, as a module of either form.
func Broods() Guest {
	return Guest{Name: "broods", Tries: "never to be ready", Reason: spent, Wasm: program{init: code(forever(), number(0)), finish: number(0)}.wasm()}
}

// Pleads calls the host so many times without a loop, each time for all the randomness that there is at once.
func Pleads(calls int) Guest {
	return Guest{Name: "pleads", Tries: "to have the host work for it where nothing looks at its fuel", Wasm: program{batch: code(
		slices.Repeat(code(number(1024), number(64<<10), call(fnRandom), opDrop), calls), emit(number(0)),
	)}.wasm()}
}

// WildStep is the distance of the pieces of scratch of [Wild].
const WildStep = 64

// stepping is an alloc that returns an address one step further at every call, the first one step behind from.
func stepping(from, step int64) []byte {
	return code(opGlobalGet, 1, number(step), opAdd, opGlobalSet, 1, number(from), opGlobalGet, 1, opAdd)
}
