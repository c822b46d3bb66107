package load

import "testing"

// Bits move as they would one by one, at every shift and length, wherever the last eight bytes end.
func TestShiftBits(t *testing.T) {
	from := make([]byte, 64)
	for i := range from {
		from[i] = byte(37*i + i*i) //nolint:gosec // any bits
	}
	for shift := 1; shift < 8; shift++ {
		for length := range 40 {
			for _, more := range []int{0, 1} {
				into, source := make([]byte, length), from[:length+more]
				shiftBits(into, source, shift)
				for bit := range 8 * length {
					at := bit + shift
					want := at/8 < len(source) && source[at/8]>>(at%8)&1 == 1
					if got := into[bit/8]>>(bit%8)&1 == 1; got != want {
						t.Fatalf("shift %d, %d bytes of %d: bit %d is %t", shift, length, len(source), bit, got)
					}
				}
			}
		}
	}
}
