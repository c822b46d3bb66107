package leak

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Limits of decoding.
const (
	maxDecoded = 1 << 20 // bytes of all decodings of all texts of one output
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
// under a mask of one byte; up to three within each other. Unread counts values that are beyond the limit: a guest chooses how much it writes, so
// they count as found, and an inspection does not fail in a way that an operator could tell from a denial.
func decodeTexts(ctx context.Context, p *enclave.Product) (all []text, unread int64, err error) {
	known := map[string]int{}
	budget := maxDecoded
	for c := range p.Columns {
		v := valuesOf(p, c)
		for row, value := range v.texts {
			if row%often == 0 && ctx.Err() != nil {
				return nil, 0, ctx.Err()
			}
			if !v.valid[row] {
				continue
			}
			at, ok := known[value]
			if budget < 0 && !ok {
				unread++
				continue
			}
			if !ok {
				at = len(all)
				known[value] = at
				all = append(all, text{meaning: meanings([]byte(value), &budget)})
			}
			all[at].places = append(all[at].places, enclave.Place{Row: int32(row), Column: int32(c)})
		}
	}
	if budget < 0 {
		unread++ // the last one, in part
	}
	return all, unread, nil
}

// meanings are a text and its decodings. Budget counts their bytes, and nothing more is decoded once it is below zero.
func meanings(value []byte, budget *int) [][]byte {
	all := [][]byte{value}
	*budget -= len(value)
	seen := map[string]bool{string(value): true}
	masked := map[string]bool{} // a mask under a mask is a mask
	for depth, level := 0, all; depth < maxDepth && len(level) > 0; depth++ {
		first := len(all)
		add := func(more [][]byte, isMasked bool) {
			for _, m := range more {
				if !seen[string(m)] && *budget >= 0 {
					seen[string(m)], masked[string(m)] = true, isMasked
					*budget -= len(m)
					all = append(all, m)
				}
			}
		}
		for _, m := range level {
			if *budget < 0 {
				return all
			}
			add(decodings(m), masked[string(m)])
			if !masked[string(m)] {
				add(unmasked(m), true)
			}
		}
		level = all[first:]
	}
	return all
}

func decodings(m []byte) [][]byte {
	var all [][]byte
	if unescaped, err := url.PathUnescape(string(m)); err == nil && unescaped != string(m) {
		all = append(all, []byte(unescaped))
	}
	if !printable(m) {
		return all
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

// unmasked are the texts that bytes give under a mask of one byte, by exclusive or by addition, if digits are a third of them; two thirds, if
// the bytes are a text already. Rows and identifiers are mostly digits, and other texts are rarely so under any mask.
func unmasked(m []byte) [][]byte {
	share := 1
	if printable(m) {
		share = 2
	}
	if len(m) < leastMask || 3*digits(m) >= share*len(m) {
		return nil
	}
	var counts [256]int
	var different []byte
	for _, b := range m {
		if counts[b] == 0 {
			different = append(different, b)
		}
		counts[b]++
	}
	var all [][]byte
	for mask := 1; mask < 512; mask++ {
		of := func(b byte) byte { return b ^ byte(mask) } //nolint:gosec // below 256
		if mask >= 256 {
			of = func(b byte) byte { return b + byte(mask) } //nolint:gosec // its low byte, from 0: all masks again
		}
		digits, text := 0, true
		for _, b := range different {
			to := of(b)
			if text = !isControl(to); !text {
				break
			}
			digits += counts[b] * btoi(isDigit(to))
		}
		if !text || 3*digits < share*len(m) {
			continue
		}
		candidate := make([]byte, len(m))
		for i := range m {
			candidate[i] = of(m[i])
		}
		if printable(candidate) {
			all = append(all, candidate)
		}
	}
	return all
}

func digits(m []byte) (n int) {
	for _, b := range m {
		n += btoi(isDigit(b))
	}
	return n
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// isControl is what no text has.
func isControl(b byte) bool { return b < ' ' && b != '\n' && b != '\t' && b != '\r' || b == 0x7f }

// printable reports whether bytes could be a text: ASCII without control characters, or letters of other scripts.
func printable(m []byte) bool {
	ascii := true
	for _, b := range m {
		if isControl(b) {
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
