package guests

// keeping are guests that try to know something in one batch of the batch before, or of what they are not shown.
func keeping() []attempt {
	// What could be kept where nobody looks is refused: an instance's state is its memory and its globals.
	refused := func(name, tries string, p program) attempt { return fails(DoorCompile, unsupported, name, tries, p) }
	segment := func(m *module) { m.data, m.count = [][]byte{passive([]byte("abcd"))}, []byte{1} }
	return []attempt{
		lives(11, "keeps-state", "to count its calls, in a global and in memory, and to emit 10 × one + the other", program{
			batch: code(
				opGlobalGet, 1, number(1), opAdd, opGlobalSet, 1,
				number(512), number(512), load(0), number(1), opAdd, store(0),
				emit(opGlobalGet, 1, number(10), opMul, number(512), load(0), opAdd),
			),
		}),
		lives(2, "keeps-size", "to count its calls in the size of its memory, before its window: it emits the pages it found when it started", program{
			initialize: code(number(512), opMemorySize, 0, store(0), number(1), opMemoryGrow, 0, opDrop),
			batch:      emit(number(512), load(0)),
		}),
		lives(0, "keeps-beyond", "to leave a word where its memory will have grown to, and to emit the one that it finds", program{
			batch: code(
				number(200), opMemoryGrow, 0, opDrop,
				memoryBytes(), number(4), opSub, load(0), set(2), memoryBytes(), number(4), opSub, number(1), store(0), codes(), number(0),
			),
		}),
		refused("keeps-in-table", "to set an entry of a table, and to emit whether it was empty (1)", program{
			batch: code(
				emit(number(0), opTableGet, 0, opRefIsNull), opDrop,
				number(0), opRefFunc, fnExtra, opTableSet, 0, number(0),
			),
			change: func(m *module) {
				m.tables, m.elements = [][]byte{table(1)}, [][]byte{declared(fnExtra)}
			},
		}),
		refused("keeps-in-table-size", "to let a table grow, and to emit by how much it had grown", program{
			batch:  emit(opRefNull, refFunc, number(1), opBulk, bulkTableGrow, 0),
			change: func(m *module) { m.tables = [][]byte{table(0)} },
		}),
		refused("keeps-by-table-init", "to fill a table from a segment, and to emit whether it was empty (1)", program{
			batch: code(
				emit(number(0), opTableGet, 0, opRefIsNull), opDrop,
				number(0), number(0), number(1), opBulk, bulkTableInit, 0, 0, number(0),
			),
			change: func(m *module) {
				m.tables, m.elements = [][]byte{table(1)}, [][]byte{{1, 0, 1, fnExtra}}
			},
		}),
		refused("keeps-by-elem-drop", "to drop a segment of elements, and to trap when it is gone", program{
			batch: code(
				number(0), number(0), number(1), opBulk, bulkTableInit, 0, 0, opBulk, bulkElemDrop, 0, emit(number(0)),
			),
			change: func(m *module) {
				m.tables, m.elements = [][]byte{table(1)}, [][]byte{{1, 0, 1, fnExtra}}
			},
		}),
		refused("keeps-by-data-drop", "to drop a segment of data, and to trap when it is gone", program{
			batch:  code(number(512), number(0), number(4), opBulk, bulkMemoryInit, 0, 0, opBulk, bulkDataDrop, 0, emit(number(0))),
			change: segment,
		}),
		refused("keeps-by-table-fill", "to fill a table, and to emit whether it was empty (1)", program{
			batch: code(
				emit(number(0), opTableGet, 0, opRefIsNull), opDrop,
				number(0), opRefFunc, fnExtra, number(1), opBulk, bulkTableFill, 0, number(0),
			),
			change: func(m *module) {
				m.tables, m.elements = [][]byte{table(1)}, [][]byte{declared(fnExtra)}
			},
		}),
		refused("keeps-by-table-copy", "to copy one entry of a table over another, and to emit whether that was empty (1)", program{
			batch: code(
				emit(number(1), opTableGet, 0, opRefIsNull), opDrop,
				number(1), number(0), number(1), opBulk, bulkTableCopy, 0, 0, number(0),
			),
			change: func(m *module) {
				m.tables, m.elements = [][]byte{table(2)}, [][]byte{elements(fnExtra)}
			},
		}),
		lives(0, "scanner", "to find the marker anywhere in its memory, and to emit whether it did (1) or not (0)", program{
			batch: code(
				memoryBytes(), number(8), opSub, set(3),
				opLoop, blockNone,
				get(1), opLoad64, 2, 0, number64(Marker), opEqual64, get(2), opOr, set(2),
				get(1), number(4), opAdd, opLocalTee, 1, get(3), opLessU, opBrIf, 0,
				opEnd, codes(), number(0),
			),
		}),
	}
}

// declared makes functions ones that ref.func may name.
func declared(function byte) []byte { return []byte{3, 0, 1, function} }
