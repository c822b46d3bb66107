package sandbox

import (
	"encoding/binary"
	"errors"
)

var errMalformed = errors.New("the code section is malformed")

// emptyLoop is "loop end" with no parameters and no results: wazero asks at its head whether the guest is to be stopped.
var emptyLoop = []byte{0x03, 0x40, 0x0b}

const (
	wasmHeaderBytes = 8
	sectionCode     = 10
)

// checkEveryCall puts an empty loop at the entry of every function; see the package's documentation. It is safe on hostile bytes. What it
// does not look at, the compiler validates.
func checkEveryCall(wasm []byte) ([]byte, error) {
	if len(wasm) < wasmHeaderBytes {
		return nil, errMalformed
	}
	out := append(make([]byte, 0, len(wasm)+len(wasm)/16), wasm[:wasmHeaderBytes]...)
	for rest := wasm[wasmHeaderBytes:]; len(rest) > 0; {
		id := rest[0]
		body, after, ok := sized(rest[1:])
		if !ok {
			return nil, errMalformed
		}
		rest = after
		if id == sectionCode {
			if body, ok = checkedCode(body); !ok {
				return nil, errMalformed
			}
		}
		out = append(out, id)
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	return out, nil
}

func checkedCode(section []byte) ([]byte, bool) {
	count, rest, ok := number(section)
	if !ok || count > uint64(len(rest)) {
		return nil, false
	}
	out := binary.AppendUvarint(make([]byte, 0, len(section)+8*int(count)), count) //nolint:gosec // below len(rest)
	for range count {
		var body []byte
		if body, rest, ok = sized(rest); !ok {
			return nil, false
		}
		locals, ok := localsBytes(body)
		if !ok {
			return nil, false
		}
		out = binary.AppendUvarint(out, uint64(len(body)+len(emptyLoop)))
		out = append(out, body[:locals]...)
		out = append(out, emptyLoop...)
		out = append(out, body[locals:]...)
	}
	return out, len(rest) == 0
}

// localsBytes is the length of a function's declaration of locals: pairs of a count and a type of one byte.
func localsBytes(body []byte) (int, bool) {
	groups, rest, ok := number(body)
	if !ok || groups > uint64(len(rest)) {
		return 0, false
	}
	for range groups {
		if _, rest, ok = number(rest); !ok || len(rest) == 0 {
			return 0, false
		}
		rest = rest[1:]
	}
	return len(body) - len(rest), true
}

// number reads an unsigned LEB128 of at most 32 bits. A longer encoding than needed is allowed, as in WebAssembly.
func number(b []byte) (uint64, []byte, bool) {
	v, n := binary.Uvarint(b[:min(len(b), 5)])
	if n <= 0 || v > 1<<32-1 {
		return 0, nil, false
	}
	return v, b[n:], true
}

// sized reads a length and that many bytes.
func sized(b []byte) (body, rest []byte, ok bool) {
	n, b, ok := number(b)
	if !ok || n > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
