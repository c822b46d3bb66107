package guest

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// errJSON is a fault of the host, which wrote the document.
var errJSON = errors.New("guest: the parameters are not JSON of objects, lists, strings and whole numbers")

// maxDepth bounds nesting; the host's documents have a depth of two.
const maxDepth = 16

// parseJSON reads what the host writes: objects, lists, strings and whole numbers, as map[string]any, []any, string and int64.
// encoding/json would do, but it makes an instance slow to start.
func parseJSON(raw []byte) (any, error) {
	p := parser{rest: raw}
	v, ok := p.value(0)
	if p.next() != 0 || len(p.rest) != 0 || !ok {
		return nil, errJSON
	}
	return v, nil
}

type parser struct{ rest []byte }

// next skips spaces and peeks at the next byte; 0 is the end.
func (p *parser) next() byte {
	for len(p.rest) > 0 {
		switch c := p.rest[0]; c {
		case ' ', '\t', '\r', '\n':
			p.rest = p.rest[1:]
		default:
			return c
		}
	}
	return 0
}

func (p *parser) take(c byte) bool {
	if p.next() != c || len(p.rest) == 0 {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *parser) value(depth int) (any, bool) {
	if depth > maxDepth {
		return nil, false
	}
	switch p.next() {
	case '{':
		return p.object(depth)
	case '[':
		return p.list(depth)
	case '"':
		return p.text()
	default:
		return p.number()
	}
}

func (p *parser) object(depth int) (any, bool) {
	fields := map[string]any{}
	p.take('{')
	if p.take('}') {
		return fields, true
	}
	for {
		name, ok := p.text()
		if !ok || !p.take(':') {
			return nil, false
		}
		v, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		fields[name] = v
		if p.take('}') {
			return fields, true
		}
		if !p.take(',') {
			return nil, false
		}
	}
}

func (p *parser) list(depth int) (any, bool) {
	values := []any{}
	p.take('[')
	if p.take(']') {
		return values, true
	}
	for {
		v, ok := p.value(depth + 1)
		if !ok {
			return nil, false
		}
		values = append(values, v)
		if p.take(']') {
			return values, true
		}
		if !p.take(',') {
			return nil, false
		}
	}
}

func (p *parser) number() (any, bool) {
	n := 0
	for n < len(p.rest) && (p.rest[n] == '-' || p.rest[n] >= '0' && p.rest[n] <= '9') {
		n++
	}
	digits := p.rest[:n]
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) > 1 && digits[0] == '0' {
		return nil, false // JSON has no leading zeros
	}
	v, err := strconv.ParseInt(string(p.rest[:n]), 10, 64)
	p.rest = p.rest[n:]
	return v, err == nil
}

func (p *parser) text() (string, bool) {
	if !p.take('"') {
		return "", false
	}
	var out []byte
	for len(p.rest) > 0 {
		c := p.rest[0]
		switch {
		case c == '"':
			p.rest = p.rest[1:]
			return string(out), utf8.Valid(out)
		case c < ' ':
			return "", false
		case c == '\\':
			r, ok := p.escape()
			if !ok {
				return "", false
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
			p.rest = p.rest[1:]
		}
	}
	return "", false
}

// escape reads a backslash and what belongs to it; half of a surrogate pair becomes the replacement character, as encoding/json does.
func (p *parser) escape() (rune, bool) {
	if len(p.rest) < 2 {
		return 0, false
	}
	c := p.rest[1]
	if c == 'u' {
		r, ok := p.hex()
		if !ok || !utf16.IsSurrogate(r) {
			return r, ok
		}
		if low, ok := (&parser{rest: p.rest}).hex(); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				p.rest = p.rest[6:]
				return both, true
			}
		}
		return utf8.RuneError, true
	}
	p.rest = p.rest[2:]
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	}
	return 0, false
}

// hex reads \uXXXX.
func (p *parser) hex() (rune, bool) {
	if len(p.rest) < 6 || p.rest[0] != '\\' || p.rest[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(p.rest[2:6]), 16, 16)
	p.rest = p.rest[6:]
	return rune(v), err == nil
}
