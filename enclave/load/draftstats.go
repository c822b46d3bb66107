package load

import (
	"math"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// maxDraftCodes is how many different values a column may have and still be proposed as a code list.
const maxDraftCodes = 2000

// observed is what a draft learns of one column in one pass.
type observed struct {
	header   header
	rows     int64 // with a value
	empty    int64
	ints     int64 // values that are whole numbers, written plainly
	decimals int64 // values that are numbers with a fraction or without
	scale    int   // most digits after the point
	dates    int64
	citizens int64 // values with the check digit of a citizen number
	usccs    int64
	plain    extent           // of whole numbers and dates
	fine     extent           // of all numbers, in units of 10^-fine
	distinct map[string]int64 // nil once there are too many
}

func newObserved(h header) *observed {
	none := extent{low: math.MaxInt64, high: math.MinInt64}
	return &observed{header: h, plain: none, fine: none, distinct: map[string]int64{}}
}

// extent is the least and the greatest of some numbers.
type extent struct{ low, high int64 }

func (e *extent) add(v int64) { e.low, e.high = min(e.low, v), max(e.high, v) }

// fine is the scale in which decimals are observed: finer ones are not proposed, nor numbers beyond 9 × 10^12 with a fraction.
const fine = 6

var fineColumn = &enclave.Column{Type: enclave.Decimal, Scale: fine}

func (o *observed) add(f *field) {
	if f.form == formEmpty {
		o.empty++
		return
	}
	o.rows++
	text := o.text(f)
	if f.form == formDate {
		o.dates++
		o.plain.add(f.value)
	} else if day, ok := parseDate(text); ok {
		o.dates++
		o.plain.add(day)
	} else {
		o.number(text)
	}
	if len(text) == identifierLength {
		id := normalise(append([]byte(nil), text...))
		if isCitizenID(id) {
			o.citizens++
		} else if isUSCC(id) {
			o.usccs++
		}
	}
	if o.distinct != nil {
		o.distinct[string(text)]++
		if len(o.distinct) > maxDraftCodes {
			o.distinct = nil
		}
	}
}

// text is the value as a CSV file would have it.
func (o *observed) text(f *field) []byte {
	switch f.form {
	case formNumber:
		return []byte(enclave.FormatDecimal(f.value, f.scale))
	case formDate:
		return strconv.AppendInt(nil, f.value, 10)
	case formText, formEmpty, formUnfit:
	}
	return f.text
}

// number recognises numbers, but not those with leading zeros, which are codes.
func (o *observed) number(text []byte) {
	digits := text
	if len(digits) > 1 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || digits[0] == '+' || len(digits) > 1 && digits[0] == '0' && digits[1] != '.' {
		return
	}
	scale := 0
	for i, c := range digits {
		if c == '.' {
			scale = len(digits) - i - 1
		}
	}
	if v, ok := parseInt(text); ok {
		o.ints++
		o.plain.add(v)
	}
	if v, ok := parseDecimal(text, fineColumn); ok {
		o.scale = max(o.scale, scale)
		o.decimals++
		o.fine.add(v)
	}
}

// outward rounds bounds to the next multiple of the largest power of ten below their distance, so that they tell the size of the
// extremes but not the extremes. A bound never changes sign.
func outward(low, high int64) (least, greatest int64) {
	step := int64(1)
	width := high - low
	if width <= 0 {
		width = max(high, -high)
	}
	for step <= width/10 && step < math.MaxInt64/100 {
		step *= 10
	}
	least = floor(low, step)
	greatest = -floor(-high, step)
	if greatest == high && high != 0 {
		greatest += step // a bound that is the extreme itself would tell it
	}
	if least == low && low != 0 {
		least -= step
	}
	if low >= 0 {
		least = max(least, 0)
	}
	if high <= 0 {
		greatest = min(greatest, 0)
	}
	return least, greatest
}

func floor(v, step int64) int64 {
	q := v / step
	if v%step < 0 {
		q--
	}
	return q * step
}

func itoa(n int) string { return strconv.Itoa(n) }
