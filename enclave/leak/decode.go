package leak

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Limits of decoding.
const (
	maxDecoded = 4 << 20 // bytes of all decodings of all texts of one output
	leastCode  = 16      // characters of base64 or hex that are taken for more than a word
	leastMask  = 12      // bytes that are tried under masks
	maxDepth   = 3       // encodings within each other
)

// text is one text of the output, with everything that it could mean.
type text struct {
	places  []enclave.Place // where it stands
	meaning [][]byte        // itself, and each decoding that a common encoding gives
}

// decodeTexts reads every different text of a product in common encodings: base64, hexadecimal, percent-encoding, reversed, and what these hide
// under a mask of one byte; up to three within each other.
func decodeTexts(p *enclave.Product) ([]text, error) {
	var all []text
	known := map[string]int{}
	budget := maxDecoded
	for c := range p.Columns {
		v := valuesOf(p, c)
		for row, value := range v.texts {
			if !v.valid[row] {
				continue
			}
			at, ok := known[value]
			if !ok {
				at = len(all)
				known[value] = at
				all = append(all, text{meaning: meanings([]byte(value), &budget)})
			}
			all[at].places = append(all[at].places, enclave.Place{Row: int32(row), Column: int32(c)})
			if budget < 0 {
				return nil, tooLarge()
			}
		}
	}
	return all, nil
}

// meanings are a text and its decodings. Budget counts their bytes, and nothing more is decoded once it is below zero.
func meanings(value []byte, budget *int) [][]byte {
	var all [][]byte
	seen := map[string]bool{}
	level := [][]byte{value}
	for depth := 0; len(level) > 0; depth++ {
		var next [][]byte
		for _, m := range level {
			if seen[string(m)] || *budget < 0 {
				continue
			}
			seen[string(m)] = true
			*budget -= len(m)
			all = append(all, m)
			if depth < maxDepth {
				next = append(next, decodings(m)...)
			}
		}
		level = next
	}
	return all
}

func decodings(m []byte) [][]byte {
	var all [][]byte
	if unescaped, err := url.PathUnescape(string(m)); err == nil && unescaped != string(m) {
		all = append(all, []byte(unescaped))
	}
	if !printable(m) {
		return append(all, unmasked(m)...)
	}
	reversed := slices.Clone(m)
	slices.Reverse(reversed)
	all = append(all, reversed)
	for _, run := range runs(m, isCode) {
		run = bytes.TrimRight(run, "=")
		if len(run) < leastCode {
			continue
		}
		if decoded, err := hex.DecodeString(string(run[:len(run)&^1])); err == nil {
			all = append(all, decoded)
			continue // what is hexadecimal is base64 too, but nobody means it
		}
		encoding := base64.RawStdEncoding
		if bytes.ContainsAny(run, "-_") {
			encoding = base64.RawURLEncoding
		}
		if len(run)%4 == 1 {
			run = run[:len(run)-1]
		}
		if decoded, err := encoding.DecodeString(string(run)); err == nil {
			all = append(all, decoded)
		}
	}
	return all
}

// unmasked are the texts that bytes give under a mask of one byte, by exclusive or by addition.
func unmasked(m []byte) [][]byte {
	if len(m) < leastMask {
		return nil
	}
	var all [][]byte
	for mask := 1; mask < 256; mask++ {
		xored, shifted := slices.Clone(m), slices.Clone(m)
		for i := range m {
			xored[i] ^= byte(mask)
			shifted[i] += byte(mask)
		}
		for _, candidate := range [][]byte{xored, shifted} {
			if printable(candidate) {
				all = append(all, candidate)
			}
		}
	}
	return all
}

// printable reports whether bytes could be a text: ASCII without control characters, or letters of other scripts.
func printable(m []byte) bool {
	ascii := true
	for _, b := range m {
		if b < ' ' && b != '\n' && b != '\t' && b != '\r' || b == 0x7f {
			return false
		}
		ascii = ascii && b < 0x80
	}
	return ascii || bytes.Equal(bytes.ToValidUTF8(m, nil), m)
}

// runs cuts bytes into the longest pieces of a kind.
func runs(m []byte, of func(byte) bool) [][]byte {
	var all [][]byte
	start := -1
	for i := 0; i <= len(m); i++ {
		switch in := i < len(m) && of(m[i]); {
		case in && start < 0:
			start = i
		case !in && start >= 0:
			all = append(all, m[start:i:i])
			start = -1
		}
	}
	return all
}

func isWord(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

// isValue is what words and decimal numbers and dates are made of.
func isValue(b byte) bool { return isWord(b) || b == '.' || b == '-' || b == '+' }

func isCode(b byte) bool {
	return isWord(b) && b < 0x80 || b == '+' || b == '/' || b == '-' || b == '_' || b == '='
}
