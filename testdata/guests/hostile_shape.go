package guests

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Reasons of the door that looks at a module's form.
const (
	tooMany     = "MODULE_TOO_MANY"
	malformed   = "MODULE_MALFORMED"
	unsupported = "MODULE_UNSUPPORTED"
	export      = "MODULE_EXPORT"
	imports     = "MODULE_IMPORT"
	command     = "MODULE_COMMAND"
)

// misshapen are guests that are not of the form that the enclave asks for.
func misshapen() []attempt {
	shaped := func(reason, name, tries string, change func(*module), says ...string) attempt {
		return fails(DoorAdmit, reason, name, tries, program{change: change}, says...)
	}
	raw := func(reason, name, tries string, change func(wasm []byte) []byte, says ...string) attempt {
		a := fails(DoorAdmit, reason, name, tries, program{}, says...)
		a.build = func() []byte { return change(program{}.wasm()) }
		return a
	}
	return slices.Concat([]attempt{
		shaped(command, "start-section", "to be started by the linker", func(m *module) { m.start = unsigned(fnExtra - 1) }, "what", "start section"),
		shaped(command, "exports-start", "to be a command", func(m *module) { m.function("_start", typeNone, 0, nil) }, "what", "_start"),
		shaped(unsupported, "memory-shared", "a memory that threads share", func(m *module) { m.memories[0] = []byte{3, 2, 4} }, "what", "memory or table flags 3"),
		shaped(unsupported, "memory-64", "a memory with addresses of 64 bits", func(m *module) { m.memories[0] = []byte{4, 2} }, "what", "memory or table flags 4"),
		shaped(unsupported, "table-64", "a table with indices of 64 bits", func(m *module) { m.tables = [][]byte{{refFunc, 4, 1}} }, "what", "memory or table flags 4"),
		shaped(export, "memory-twice", "two memories", func(m *module) { m.memories = append(m.memories, m.memories[0]) }, "export", "memory"),
		shaped(export, "memory-renamed", "to export its memory by another name", func(m *module) {
			m.exports[0] = slices.Concat(text("memory\x00"), []byte{2, 0})
		}, "export", "memory"),
		shaped(export, "memory-is-a-function", "to export a function as its memory", func(m *module) {
			m.exports[0] = slices.Concat(text("memory"), []byte{0}, unsigned(fnExtra))
		}, "export", "memory"),
		shaped(export, "abi-without-alloc", "not to export what the ABI asks for", func(m *module) { m.exports = slices.Delete(m.exports, 3, 4) }, "export", "darkroom_alloc"),
		shaped(export, "abi-of-another-type", "to export the ABI's function with another type", func(m *module) { m.functions[fnBatch-fnABI] = unsigned(typeI32) }, "export", "darkroom_batch"),
		shaped(export, "initialize-with-result", "to initialise with a result", func(m *module) { m.functions[5] = unsigned(typeToI32) }, "export", "_initialize"),
		shaped(export, "abi-is-a-global", "to export a global as the ABI's function", func(m *module) {
			m.exports[5] = slices.Concat(text("darkroom_batch"), []byte{3, 0})
		}, "export", "darkroom_batch"),
		shaped(malformed, "export-twice", "two exports of one name", func(m *module) { m.exports = append(m.exports, m.exports[1]) }, "problem", "an export twice"),
		shaped(malformed, "export-of-nothing", "to export a function that is not there", func(m *module) {
			m.exports = append(m.exports, slices.Concat(text("more"), []byte{0}, unsigned(1000)))
		}, "problem", "an export of what is not there"),
		shaped(unsupported, "section-of-tags", "a section of exceptions", func(m *module) { m.after = []byte{13, 3, 1, 0, 3} }, "what", "section 13"),
		shaped(malformed, "type-of-struct", "a type of the garbage collection proposal", func(m *module) { m.types = append(m.types, []byte{0x5f, 0}) }, "problem", "a type that is not a function's"),
		shaped(malformed, "type-of-references", "parameters of the garbage collection proposal", func(m *module) { m.types = append(m.types, []byte{0x60, 1, 0x64, 0x70, 0}) }, "problem", "an unknown value type"),
		shaped(malformed, "bodies-missing", "fewer bodies than functions", func(m *module) { m.functions = append(m.functions, unsigned(typeNone)) }, "problem", "not one body for each function"),
		shaped(malformed, "section-twice", "two code sections", func(m *module) { m.after = section(10, m.bodies...) }, "problem", "a section twice or out of order"),
		shaped(malformed, "section-late", "a type section behind the code", func(m *module) { m.after = section(1, m.types...) }, "problem", "a section twice or out of order"),
		shaped(tooMany, "many-sections", "more sections than anybody needs", func(m *module) { m.after = bytes.Repeat(custom("x", nil), 300) }, "what", "sections"),
		shaped(tooMany, "many-types", "more types than anybody needs", func(m *module) {
			m.types = slices.Concat(m.types, slices.Repeat([][]byte{[]byte("\x60\x00\x00")}, 10_000))
		}, "what", "types"),
		shaped(tooMany, "many-functions", "more functions than anybody needs", func(m *module) {
			m.functions = slices.Concat(m.functions, slices.Repeat([][]byte{{typeNone}}, 100_000))
			m.bodies = slices.Concat(m.bodies, slices.Repeat([][]byte{{2, 0, opEnd}}, 100_000))
		}, "what", "functions"),
		shaped(tooMany, "many-exports", "more exports than anybody needs", func(m *module) {
			for i := range 1000 {
				m.exports = append(m.exports, slices.Concat(text(fmt.Sprint("x", i)), []byte{0, fnExtra}))
			}
		}, "what", "exports"),
		raw("MODULE_NOT_WASM", "not-wasm", "a script instead of a module", func([]byte) []byte { return []byte("#!/bin/sh\nexec /bin/sh\n") }),
		raw("MODULE_NOT_WASM", "component", "a component, which has other rules", func(wasm []byte) []byte { return slices.Concat([]byte("\x00asm\x0d\x00\x01\x00"), wasm[8:]) }),
		raw("MODULE_TOO_LARGE", "too-large", "more bytes than a module may have", func(wasm []byte) []byte { return slices.Concat(wasm, custom("x", make([]byte, 32<<20))) }),
		raw(malformed, "length-beyond", "a section that is longer than the module", func(wasm []byte) []byte {
			return append(wasm, 0, 0xff, 0xff, 0xff, 0xff, 0x0f)
		}, "problem", "a length beyond the end"),
		raw(malformed, "length-of-40-bits", "a length that does not fit 32 bits, and is 1 to who is careless", func(wasm []byte) []byte {
			return append(wasm, 0, 0x81, 0x80, 0x80, 0x80, 0x10, 0)
		}, "problem", "a number of more than 32 bits"),
	}, pretending())
}

// pretending are guests that import or export what is not theirs to.
func pretending() []attempt {
	asks := func(reason, name, tries string, item []byte, says ...string) attempt {
		return fails(DoorAdmit, reason, name, tries, program{change: func(m *module) { m.imports[fnYield] = item }}, says...)
	}
	const wasi = "wasi_snapshot_preview1"
	return []attempt{
		asks(imports, "import-env", "to call a function of its own choice", imported("env", "system", typeI32ToI32), "import", `"env.system"`),
		asks(imports, "import-preview-0", "to import from an older system interface", imported("wasi_unstable", "fd_write", typeWrite), "import", `"wasi_unstable.fd_write"`),
		asks(imports, "import-files", "to open files", imported(wasi, "path_open", typeI32ToI32), "import", `"wasi_snapshot_preview1.path_open"`),
		asks(imports, "import-sockets", "to accept connections", imported(wasi, "sock_accept", typeI32ToI32), "import", `"wasi_snapshot_preview1.sock_accept"`),
		asks(imports, "import-with-null", "a name that ends where careless readers stop", imported(wasi, "fd_write\x00x", typeWrite), "import", `"wasi_snapshot_preview1.fd_write\x00x"`),
		asks(imports, "import-divided", "a name that joins to one that is offered", imported("wasi_snapshot_preview1.fd", "write", typeWrite), "import", `"wasi_snapshot_preview1.fd.write"`),
		asks(imports, "import-memory", "to be given a memory by the host", slices.Concat(text("env"), text("memory"), []byte{2, 0, 1}), "import", `"env.memory"`),
		asks(imports, "import-global", "to be given a global by the host", slices.Concat(text(wasi), text("fd_write"), []byte{3, valueI32, 1}), "import", `"wasi_snapshot_preview1.fd_write"`),
		asks(imports, "import-table", "to be given a table by the host", slices.Concat(text("env"), text("table"), []byte{1, refFunc, 0, 1}), "import", `"env.table"`),
		asks(malformed, "import-not-utf-8", "an import's name that is not UTF-8", imported(wasi, "fd\xff", typeWrite), "problem", "a name that is not UTF-8"),
		fails(DoorAdmit, tooMany, "many-imports", "to import the same over and over", program{change: func(m *module) {
			m.imports = slices.Concat(m.imports, slices.Repeat(m.imports[fnYield:], 55))
		}}, "what", "imports"),
		fails(DoorCompile, invalid, "import-of-another-type", "to import what is offered with another type", program{change: func(m *module) {
			m.imports[fnYield] = imported(wasi, "sched_yield", typeI32ToI32)
		}}),
		fails(DoorCompile, invalid, "import-exit-with-result", "to import the exit as if it came back", program{change: func(m *module) {
			m.imports[fnYield] = imported(wasi, "proc_exit", typeI32ToI32)
		}}),
		lives(1, "import-twice", "to import the same twice, which is allowed", program{
			batch: emit(number(1)),
			change: func(m *module) {
				m.imports[fnYield] = m.imports[fnRandom]
			},
		}),
		fails(DoorStart, contract, "abi-is-imported", "to export a function of the host as one of its own", program{change: func(m *module) {
			m.exports[1] = slices.Concat(text("darkroom_abi"), []byte{0, fnYield})
		}}),
		lives(1, "exports-globals", "to export its globals for others to change", program{
			batch: emit(number(1)),
			change: func(m *module) {
				m.exports = append(m.exports, slices.Concat(text("top"), []byte{3, 0}), slices.Concat(text("counter"), []byte{3, 1}))
			},
		}),
	}
}

// forged are modules whose manifest is not one, or not the one that it seems to be.
func forged() []attempt {
	whole := func(reason, name, tries string, build func(wasm, manifest []byte) []byte, says ...string) attempt {
		a := fails(DoorAdmit, reason, name, tries, program{}, says...)
		a.Whole = true
		a.build = func() []byte { return build(program{batch: emit(number(1))}.wasm(), written(Question(name))) }
		return a
	}
	holding := func(reason, name, tries string, build func(manifest []byte) []byte, says ...string) attempt {
		return whole(reason, name, tries, func(wasm, manifest []byte) []byte {
			return slices.Concat(wasm, custom(enclave.ManifestSection, build(manifest)))
		}, says...)
	}
	other := func() []byte {
		m := Question("other")
		m.Inputs[0].Show = []string{"cost"}
		return written(m)
	}
	const section = enclave.ManifestSection
	const missing, twice, unread = "MODULE_MANIFEST_MISSING", "MODULE_MANIFEST_TWICE", "MANIFEST_MALFORMED"
	first := whole("", "manifest-first", "a manifest in front of all code, which is allowed", func(wasm, manifest []byte) []byte {
		return slices.Concat(wasm[:8], custom(section, manifest), wasm[8:])
	})
	first.Door, first.Emits = NoDoor, 1
	return []attempt{
		first,
		whole(missing, "manifest-missing", "to have no manifest", func(wasm, _ []byte) []byte { return wasm }),
		whole(missing, "manifest-misnamed", "a manifest in a section that almost has its name", func(wasm, manifest []byte) []byte {
			return slices.Concat(wasm, custom(section+"\x00", manifest), custom("Darkroom.manifest", manifest))
		}),
		whole(missing, "manifest-within", "a manifest inside another section", func(wasm, manifest []byte) []byte {
			return slices.Concat(wasm, custom("note", custom(section, manifest)))
		}),
		whole(twice, "manifest-twice", "the same manifest twice", func(wasm, manifest []byte) []byte {
			return slices.Concat(wasm, custom(section, manifest), custom(section, manifest))
		}),
		whole(twice, "manifest-two", "one manifest for people and another one for the enclave", func(wasm, manifest []byte) []byte {
			return slices.Concat(wasm[:8], custom(section, other()), wasm[8:], custom(section, manifest))
		}),
		whole(malformed, "section-name-not-utf-8", "a section's name that is not UTF-8", func(wasm, manifest []byte) []byte {
			return slices.Concat(wasm, custom(section, manifest), custom("x\xff", nil))
		}, "problem", "a name that is not UTF-8"),
		whole("MODULE_CODE_NEEDLESS", "code-needless", "code that the manifest has no use for", func(wasm, _ []byte) []byte {
			m := Question("code-needless")
			m.Keys, m.Margins = m.Keys[1:], nil
			return slices.Concat(wasm, custom(section, written(m)))
		}),
		whole("MODULE_CODE_MISSING", "code-missing", "a manifest that asks for code, and none", func(wasm, manifest []byte) []byte {
			return slices.Concat(wasm[:8], custom(section, manifest))
		}),
		holding(unread, "manifest-empty", "an empty manifest", func([]byte) []byte { return nil }),
		holding(unread, "manifest-and-more", "a second manifest behind the first, in one section", func(manifest []byte) []byte {
			return slices.Concat(manifest, other())
		}, "problem", "more than one JSON value"),
		holding(unread, "manifest-says-twice", "a field twice, the first for other readers than the enclave", func(manifest []byte) []byte {
			return slices.Concat([]byte(`{"name":"harmless",`), manifest[1:])
		}, "problem", `the field "name" twice`),
		holding(unread, "manifest-says-twice-within", "a field of a column's rule twice, in another case", func(manifest []byte) []byte {
			return bytes.Replace(manifest, []byte(`"of":{"column"`), []byte(`"of":{"Column":"cost","column"`), 1)
		}, "problem", `the field "column" twice`),
		holding(unread, "manifest-unknown-field", "a field that the enclave does not know", func(manifest []byte) []byte {
			return slices.Concat([]byte(`{"approved":true,`), manifest[1:])
		}),
		holding("MANIFEST_INVALID", "manifest-not-utf-8", "a manifest whose name is not UTF-8", func(manifest []byte) []byte {
			return bytes.Replace(manifest, []byte(`"manifest-not-utf-8"`), []byte("\"manifest-\xff\""), 1)
		}, "place", "name"),
		holding("MANIFEST_TOO_LARGE", "manifest-huge", "a manifest longer than people could read", func(manifest []byte) []byte {
			return slices.Concat(manifest, bytes.Repeat([]byte(" "), 4<<20))
		}),
	}
}
