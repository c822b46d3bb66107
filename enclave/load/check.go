package load

import (
	"bytes"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// identifierLength is the length of both national identifiers: the citizen number and the unified social credit code.
const identifierLength = 18

// citizenWeights are 2^(17-i) mod 11.
const citizenWeights = "\x07\x09\x0a\x05\x08\x04\x02\x01\x06\x03\x07\x09\x0a\x05\x08\x04\x02"

// CitizenDigit is the check digit of the first 17 digits of a citizen number (GB 11643-1999, which is ISO 7064 MOD 11-2): '0' to '9'
// or 'X', and 0 if first is not 17 digits.
func CitizenDigit(first []byte) byte {
	if len(first) != identifierLength-1 {
		return 0
	}
	sum := 0
	for i, d := range first {
		if d < '0' || d > '9' {
			return 0
		}
		sum += int(d-'0') * int(citizenWeights[i])
	}
	return "10X98765432"[sum%11]
}

// The characters of the unified social credit code in the order of their values: no I, O, S, V, Z.
const usccAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// USCCDigit is the check character of the first 17 characters of a unified social credit code (GB 32100-2015: weights 3^i mod 31,
// modulus 31), and 0 if first is not 17 characters of its alphabet.
func USCCDigit(first []byte) byte {
	if len(first) != identifierLength-1 {
		return 0
	}
	sum, weight := 0, 1
	for _, c := range first {
		value := strings.IndexByte(usccAlphabet, c)
		if value < 0 {
			return 0
		}
		sum += value * weight
		weight = weight * 3 % 31
	}
	return usccAlphabet[(31-sum%31)%31]
}

// holds reports whether a normalised identifier has the form and the check digit that its column asks for.
func holds(check enclave.Check, id []byte) bool {
	switch check {
	case enclave.CitizenID:
		return isCitizenID(id)
	case enclave.USCC:
		return isUSCC(id)
	}
	return true
}

func isCitizenID(id []byte) bool {
	if len(id) != identifierLength || CitizenDigit(id[:17]) != id[17] {
		return false
	}
	day, ok := parseDay(id[6:10], id[10:12], id[12:14])
	return ok && day >= firstBirth
}

// firstBirth is 1800-01-01: a citizen number with an earlier birth is a mistake.
var firstBirth = time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC).Unix() / 86400

func isUSCC(id []byte) bool {
	return len(id) == identifierLength && USCCDigit(id[:17]) == id[17] && !bytes.ContainsAny(id[2:8], usccAlphabet[10:])
}

// normalise brings an identifier to the one form that is hashed, so that one subject has one number however a source writes it:
// full-width characters become ASCII, space around it goes, and what has the length of the national identifiers is written in
// capitals (…x, 91440300ma5…). It may change id in place; the result may share its memory.
func normalise(id []byte) []byte {
	id = bytes.TrimSpace(id)
	for _, c := range id {
		if c >= 0x80 {
			id = bytes.TrimSpace(bytes.Map(narrow, id))
			break
		}
	}
	if len(id) == identifierLength {
		for i, c := range id {
			if c >= 'a' && c <= 'z' {
				id[i] = c - 'a' + 'A'
			}
		}
	}
	return id
}

// narrow maps the full-width forms U+FF01 to U+FF5E to ASCII.
func narrow(r rune) rune {
	if r >= '！' && r <= '～' {
		return r - '！' + '!'
	}
	return r
}
