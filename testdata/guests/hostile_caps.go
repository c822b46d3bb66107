package guests

import (
	"bytes"
	"slices"
	"strings"
)

// heaps are guests that declare more of something than anybody needs.
func heaps() []attempt {
	many := func(what, name, tries string, change func(*module)) attempt {
		return fails(DoorAdmit, tooMany, name, tries, program{change: change}, "what", what)
	}
	return []attempt{
		many("tables", "many-tables", "more tables than anybody needs", func(m *module) { m.tables = slices.Repeat([][]byte{table(1)}, 17) }),
		many("table entries", "tables-together", "tables that are too large together alone", func(m *module) { m.tables = slices.Repeat([][]byte{table(1 << 14)}, 9) }),
		many("globals", "many-globals", "more globals than anybody needs", func(m *module) { m.globals = slices.Repeat(m.globals, 501) }),
		many("element segments", "many-element-segments", "more segments of elements than anybody needs", func(m *module) {
			m.elements = slices.Repeat([][]byte{declared(fnExtra)}, 1001)
		}),
		many("elements", "many-elements", "more elements than a table may have entries", func(m *module) {
			m.elements = [][]byte{slices.Concat([]byte{3, 0}, unsigned(1<<17+1), bytes.Repeat([]byte{fnExtra}, 1<<17+1))}
		}),
		many("data segments", "many-data-segments", "more segments of data than anybody needs", func(m *module) {
			m.data, m.count = slices.Repeat([][]byte{passive(nil)}, 1<<18+1), unsigned(1<<18+1)
		}),
		many("bytes of data", "much-data", "to carry more data than a module may", func(m *module) {
			m.data, m.count = [][]byte{passive(make([]byte, 16<<20))}, unsigned(1)
		}),
		many("parameters", "many-parameters", "a function of more parameters than anybody needs", func(m *module) {
			m.types = append(m.types, slices.Concat([]byte{0x60}, unsigned(257), bytes.Repeat([]byte{valueI32}, 257), []byte{0}))
		}),
		many("results", "many-results", "a function of more results than anybody needs", func(m *module) {
			m.types = append(m.types, slices.Concat([]byte{0x60, 0}, unsigned(33), bytes.Repeat([]byte{valueI32}, 33)))
		}),
		many("bytes in a name", "long-name", "an export of a name that is a novel", func(m *module) {
			m.exports = append(m.exports, slices.Concat(text(strings.Repeat("x", 1025)), []byte{0, fnExtra}))
		}),
		many("bytes of custom sections", "much-custom", "to carry much that no compiler reads", func(m *module) {
			m.before = custom("x", make([]byte, 16<<20))
		}),
	}
}

// intricate are guests one function of which asks too much of a compiler.
func intricate() []attempt {
	much := func(what, name, tries string, locals int, body []byte) attempt {
		return fails(DoorCompile, "MODULE_TOO_INTRICATE", name, tries, program{
			change: func(m *module) { m.function("", typeNone, locals, body) },
		}, "what", what)
	}
	return []attempt{
		much("loops times locals", "bomb-loops", "22 KB of loops in each other, around as many variables: 43 seconds of a compiler", 1400, nestedLoops(1400, 1400)),
		much("blocks within blocks", "bomb-blocks", "ten thousand blocks in each other", 0, nestedBlocks(10_000)),
		much("branch-table targets", "bomb-branch-table", "a switch of a hundred thousand cases", 0, branchTable(100_000)),
		much("branch-table targets", "bomb-branch-tables", "a hundred switches of a thousand cases in one function", 0, bytes.Repeat(branchTable(1000), 100)),
		much("bytes of code", "bomb-straight", "a function of a million bytes", 2, straight(1_000_000)),
		much("locals", "bomb-locals", "a function of fifty thousand locals", 50_000, nil),
		fails(DoorCompile, export, "exports-fuel", "to export a global by the name of the fuel's counter", program{change: func(m *module) {
			m.exports = append(m.exports, slices.Concat(text("darkroom.fuel"), []byte{3, 1}))
		}}, "export", "darkroom.fuel"),
		fails(DoorAdmit, imports, "import-refuel", "to import what gives guests their fuel", program{change: func(m *module) {
			m.imports[fnYield] = imported("darkroom", "refuel", typeToI32)
		}}, "import", `"darkroom.refuel"`),
		fails(DoorCompile, malformed, "sets-counter", "to set the global behind its own, where the counter of fuel will be", program{
			batch: code(number64(1<<40), opGlobalSet, 2, number(0)),
		}, "problem", "a global that is not there"),
		fails(DoorCompile, malformed, "instruction-long", "an instruction written longer than it is, which other readers take for another one", program{
			batch: code(number(0), number(0), number(0), opBulk, 0x80|bulkMemoryFill, 0, 0, number(0)),
		}, "problem", "an instruction written longer than it is"),
		{Guest{
			Name: "bomb-functions", Tries: "a hundred functions, each of which is within every limit, that take a compiler minutes together",
			Door: DoorCompile, Reason: "MODULE_COMPILE",
		}, SlowToCompile},
	}
}
