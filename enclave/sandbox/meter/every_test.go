package meter_test

import "encoding/binary"

// everyInstruction is a function body with every numeric, vector and memory instruction of WebAssembly 2.0, each on constants, its result
// stored at an address of its own from 4096 upwards.
func everyInstruction() []byte {
	b := &everything{at: 4096}
	const i, l, f, d, v = 'i', 'l', 'f', 'd', 'v'
	plain := func(first, last int, operands string, result rune) {
		for op := first; op <= last; op++ {
			b.add(operands, result, op)
		}
	}
	plain(0x45, 0x45, "i", i)
	plain(0x46, 0x4f, "ii", i)
	plain(0x50, 0x50, "l", i)
	plain(0x51, 0x5a, "ll", i)
	plain(0x5b, 0x60, "ff", i)
	plain(0x61, 0x66, "dd", i)
	plain(0x67, 0x69, "i", i)
	plain(0x6a, 0x78, "ii", i)
	plain(0x79, 0x7b, "l", l)
	plain(0x7c, 0x8a, "ll", l)
	plain(0x8b, 0x91, "f", f)
	plain(0x92, 0x98, "ff", f)
	plain(0x99, 0x9f, "d", d)
	plain(0xa0, 0xa6, "dd", d)
	for _, c := range []struct {
		op       int
		from, to rune
	}{
		{0xa7, l, i},
		{0xa8, f, i},
		{0xa9, f, i},
		{0xaa, d, i},
		{0xab, d, i},
		{0xac, i, l},
		{0xad, i, l},
		{0xae, f, l},
		{0xaf, f, l},
		{0xb0, d, l},
		{0xb1, d, l},
		{0xb2, i, f},
		{0xb3, i, f},
		{0xb4, l, f},
		{0xb5, l, f},
		{0xb6, d, f},
		{0xb7, i, d},
		{0xb8, i, d},
		{0xb9, l, d},
		{0xba, l, d},
		{0xbb, f, d},
		{0xbc, f, i},
		{0xbd, d, l},
		{0xbe, i, f},
		{0xbf, l, d},
		{0xc0, i, i},
		{0xc1, i, i},
		{0xc2, l, l},
		{0xc3, l, l},
		{0xc4, l, l},
	} {
		b.add(string(c.from), c.to, c.op)
	}
	for sub, c := range []string{"fi", "fi", "di", "di", "fl", "fl", "dl", "dl"} {
		b.add(c[:1], rune(c[1]), 0xfc, sub)
	}
	for op, result := range map[int]rune{
		0x28: i, 0x29: l, 0x2a: f, 0x2b: d, 0x2c: i, 0x2d: i, 0x2e: i, 0x2f: i, 0x30: l, 0x31: l, 0x32: l, 0x33: l, 0x34: l, 0x35: l,
	} {
		b.addAt(64+op, "i", result, op, 0, 8)
	}
	for op, value := range map[int]rune{0x36: i, 0x37: l, 0x38: f, 0x39: d, 0x3a: i, 0x3b: i, 0x3c: l, 0x3d: l, 0x3e: l} {
		b.out = append(b.out, code(number(int64(512+16*op)), b.constant(value), op, 0, 0)...)
	}
	b.add("", i, 0x3f, 0)                              // memory.size
	b.add("i", i, 0x40, 0)                             // memory.grow, refused
	b.add("", i, 0xfc, 16, 0)                          // table.size
	b.add("ddi", d, 0x1b)                              // select
	b.add("ddi", d, 0x1c, 1, 0x7c)                     //
	b.add("", i, 0xd0, 0x70, 0xd1)                     // ref.null, ref.is_null
	b.add("", i, 0xd2, 0, 0xd1)                        // ref.func
	b.add("", i, 0x41, 0, 0x25, 0, 0xd1)               // table.get
	b.add("l", l, 0x22, 3, 0x24, 0, 0x23, 0)           // local.tee, global.set, global.get
	b.add("", i, 0x02, 0x7f, number(4), 0x0c, 0, 0x0b) // block, br
	b.add("", i, 0x02, 0x7f, number(4), number(1), 0x0d, 0, 0x0b)
	b.add("i", i, 0x04, 0x7f, number(4), 0x05, number(5), 0x0b)
	b.add("", i, 0x03, 0x7f, number(4), 0x0b)
	b.add("", i, 0x02, 0x7f, number(4), number(1), 0x0e, 1, 0, 0, 0x0b)
	b.add("", i, 0x10, 1)                          // call
	b.add("", i, number(1), 0x1a, number(1), 0x01) // drop, nop
	b.out = append(b.out, code(number(8), number(0), number(5), 0xfc, 8, 0, 0)...)
	b.out = append(b.out, code(number(20), number(8), number(5), 0xfc, 10, 0, 0)...)
	b.out = append(b.out, code(number(30), number(8), number(5), 0xfc, 11, 0)...)

	vector := func(op int, operands string, result rune, after ...any) {
		b.add(operands, result, append([]any{0xfd, unsigned(op)}, after...)...)
	}
	for op := 0x00; op <= 0x0a; op++ {
		vector(op, "i", v, 0, 8)
	}
	b.out = append(b.out, code(number(3000), b.constant(v), 0xfd, 0x0b, 0, 0)...)
	vector(0x0d, "vv", v, "\x00\x01\x02\x03\x14\x15\x16\x17\x08\x09\x0a\x0b\x1c\x1d\x1e\x1f")
	vector(0x0e, "vv", v)
	for n, from := range "iiilfd" {
		vector(0x0f+n, string(from), v)
	}
	for n, c := range []string{"vi", "vi", "viv", "vi", "vi", "viv", "vi", "viv", "vl", "vlv", "vf", "vfv", "vd", "vdv"} {
		if len(c) == 2 {
			vector(0x15+n, "v", rune(c[1]), 1)
		} else {
			vector(0x15+n, c[:2], v, 1)
		}
	}
	unary := []int{
		0x4d, 0x5e, 0x5f, 0x60, 0x61, 0x62, 0x67, 0x68, 0x69, 0x6a, 0x74, 0x75, 0x7a, 0x7c, 0x7d, 0x7e, 0x7f, 0x80, 0x81, 0x87, 0x88, 0x89, 0x8a, 0x94,
		0xa0, 0xa1, 0xa7, 0xa8, 0xa9, 0xaa, 0xc0, 0xc1, 0xc7, 0xc8, 0xc9, 0xca, 0xe0, 0xe1, 0xe3, 0xec, 0xed, 0xef, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff,
	}
	tests := []int{0x53, 0x63, 0x64, 0x83, 0x84, 0xa3, 0xa4, 0xc3, 0xc4}
	shifts := []int{0x6b, 0x6c, 0x6d, 0x8b, 0x8c, 0x8d, 0xab, 0xac, 0xad, 0xcb, 0xcc, 0xcd}
	missing := []int{0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee}
	other := map[int]bool{0x52: true}
	for op := 0x54; op <= 0x5d; op++ {
		other[op] = true
	}
	for _, op := range unary {
		vector(op, "v", v)
		other[op] = true
	}
	for _, op := range tests {
		vector(op, "v", i)
		other[op] = true
	}
	for _, op := range shifts {
		vector(op, "vi", v)
		other[op] = true
	}
	for _, op := range missing {
		other[op] = true
	}
	vector(0x52, "vvv", v)
	for op := 0x54; op <= 0x57; op++ {
		vector(op, "iv", v, 0, 8, 1)
		b.out = append(b.out, code(number(3100), b.constant(v), 0xfd, op+4, 0, 0, 1)...)
	}
	vector(0x5c, "i", v, 0, 8)
	vector(0x5d, "i", v, 0, 8)
	for op := 0x23; op <= 0xff; op++ {
		if !other[op] {
			vector(op, "vv", v)
		}
	}
	return b.out
}

type everything struct {
	out []byte
	at  int64
}

func (b *everything) constant(kind rune) []byte {
	switch kind {
	case 'i':
		return number(69)
	case 'l':
		return number64(1 << 40)
	case 'f':
		return code(0x43, "\x00\x00\x2a\x42")
	case 'd':
		return code(0x44, "\x00\x00\x00\x00\x00\x40\x45\x40")
	}
	return code(0xfd, 0x0c, string(binary.LittleEndian.AppendUint64(nil, 0x40454000_00000001)), string(binary.LittleEndian.AppendUint64(nil, 0x00030002_bff00000)))
}

// add stores what an instruction gives on constants of those kinds.
func (b *everything) add(operands string, result rune, instruction ...any) {
	b.out = append(b.out, number(b.at)...)
	for _, kind := range operands {
		b.out = append(b.out, b.constant(kind)...)
	}
	b.out = append(b.out, code(instruction...)...)
	b.out = append(b.out, map[rune][]byte{
		'i': {0x36, 0, 0}, 'l': {0x37, 0, 0}, 'f': {0x38, 0, 0}, 'd': {0x39, 0, 0}, 'v': {0xfd, 0x0b, 0, 0},
	}[result]...)
	b.at += 16
}

// addAt is add with an address as the only operand.
func (b *everything) addAt(address int, _ string, result rune, instruction ...any) {
	b.add("", result, append([]any{number(int64(address))}, instruction...)...)
}
