package program

import (
	"math"
	"math/bits"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/darkroom-project/darkroom/enclave"
)

// values makes one column of a product, or says what of it the manifest does not declare.
func values(declared *enclave.ManifestColumn, in *enclave.ReturnedColumn) (*enclave.ProductColumn, error) {
	out := &enclave.ProductColumn{Valid: in.Valid}
	if declared.Type == enclave.KindText {
		out.Texts = in.Texts
	} else {
		out.Numbers = make([]int64, len(in.Valid))
	}
	low, high := declared.Range()
	if declared.Type == enclave.KindEnum {
		low, high = 0, int64(len(declared.Values))-1
	}
	for i, valid := range in.Valid {
		if !valid {
			continue
		}
		switch declared.Type {
		case enclave.KindText:
			if !readable(in.Texts[i], declared.Bytes) {
				return nil, unexpected(declared, "texts of at most "+strconv.FormatInt(declared.Bytes, 10)+" bytes, of visible characters and line feeds")
			}
			out.Valid[i] = in.Texts[i] != ""
			continue
		case enclave.KindDecimal:
			v := in.Floats[i]
			if math.IsNaN(v) {
				out.Valid[i] = false
				continue
			}
			rounded, ok := round(v, declared.Decimals)
			if !ok {
				return nil, unexpected(declared, "numbers from its min to its max")
			}
			out.Numbers[i] = rounded
		case enclave.KindInt, enclave.KindEnum:
			out.Numbers[i] = in.Ints[i]
		}
		if v := out.Numbers[i]; v < low || v > high {
			return nil, unexpected(declared, "numbers from its min to its max, or positions in its values")
		}
	}
	return out, nil
}

// unexpected is the cause of a failed run. It stays inside: which column it was is the guest's to choose.
func unexpected(declared *enclave.ManifestColumn, expected string) error {
	return enclave.Fail(enclave.Invalid, "PROGRAM_OUTPUT", "column", declared.Name, "expected", expected)
}

// round is v times ten to the power of places as the nearest whole number, halves away from zero. It takes v for the exact number that it
// is: 0.285 is a little less than that, and becomes 28 with two places; 0.125 is exactly itself, and becomes 13. It reports false for
// numbers of 2^31 or more, which no column allows. v MUST NOT be NaN.
func round(v float64, places int) (int64, bool) {
	magnitude := math.Abs(v)
	if magnitude >= 1<<31 {
		return 0, false
	}
	// |v| is mantissa times 2 to the power of -shift.
	fraction, exponent := math.Frexp(magnitude)
	mantissa, shift := uint64(fraction*(1<<53)), 53-exponent // shift is 22 or more
	scale := uint64(1)
	for range places {
		scale *= 10
	}
	high, low := bits.Mul64(mantissa, scale) // below 2^53 × 10^9 < 2^83
	if shift > 84 {
		return 0, true // less than a half
	}
	half := uint64(1) << ((shift - 1) & 63)
	var carry, whole uint64
	if shift <= 64 {
		low, carry = bits.Add64(low, half, 0)
		high += carry
		whole = low>>shift | high<<(64-shift)
	} else {
		whole = (high + half) >> (shift - 64)
	}
	if v < 0 {
		return -int64(whole), true //nolint:gosec // at most 2^31 × 10^9
	}
	return int64(whole), true //nolint:gosec // likewise
}

// readable reports whether a text is UTF-8 of at most limit bytes in which everything can be seen: no control characters but line feeds,
// no format characters, fillers or variation selectors, nothing unassigned or private.
func readable(text string, limit int64) bool {
	if int64(len(text)) > limit || !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if r != '\n' && !unicode.IsGraphic(r) || unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) {
			return false
		}
	}
	return true
}
