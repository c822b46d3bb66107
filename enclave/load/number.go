package load

import (
	"math"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// These read what enclave.Column.Parse reads and nothing else, without its allocations; a fuzz test holds the two together.

// fewDigits is a number of decimal digits that cannot overflow an int64.
const fewDigits = 18

func parseInt(text []byte) (int64, bool) {
	digits := text
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		digits = digits[1:]
	}
	if len(digits) == 0 || len(digits) > fewDigits {
		v, err := strconv.ParseInt(string(text), 10, 64)
		return v, err == nil
	}
	v := int64(0)
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		v = v*10 + int64(d-'0')
	}
	if text[0] == '-' {
		v = -v
	}
	return v, true
}

func parseDecimal(text []byte, c *enclave.Column) (int64, bool) {
	point := len(text)
	for i, d := range text {
		if d == '.' {
			point = i
			break
		}
	}
	fraction := 0
	if point < len(text) {
		fraction = len(text) - point - 1
	}
	if point == 0 || fraction > c.Scale || point+c.Scale > fewDigits {
		v, err := c.Parse(string(text)) // trailing zeros, very long numbers and mistakes are rare
		return v, err == nil
	}
	v, ok := parseInt(text[:point])
	if !ok {
		v, err := c.Parse(string(text))
		return v, err == nil
	}
	negative := text[0] == '-'
	if negative {
		v = -v
	}
	for i := range c.Scale {
		v *= 10
		if i < fraction {
			d := text[point+1+i]
			if d < '0' || d > '9' {
				return 0, false
			}
			v += int64(d - '0')
		}
	}
	if negative {
		v = -v
	}
	return v, true
}

func parseDate(text []byte) (int64, bool) {
	if len(text) != len("2006-01-02") || text[4] != '-' || text[7] != '-' {
		return 0, false
	}
	return parseDay(text[:4], text[5:7], text[8:])
}

// parseDay gives the days since 1970-01-01 of a date of the Gregorian calendar; years have four digits.
func parseDay(year, month, day []byte) (int64, bool) {
	y, ok1 := digits(year)
	m, ok2 := digits(month)
	d, ok3 := digits(day)
	if !ok1 || !ok2 || !ok3 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	// Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil; years start in March, so that the leap
	// day is the last of its year.
	if m <= 2 {
		y--
		m += 12
	}
	era := (y + 400) / 400 // y may be -1
	inEra := y + 400 - era*400
	ofYear := (153*(m-3)+2)/5 + d - 1
	ofEra := inEra*365 + inEra/4 - inEra/100 + ofYear
	return int64((era-1)*146097 + ofEra - 719468), true
}

func digits(text []byte) (int, bool) {
	v := 0
	for _, d := range text {
		if d < '0' || d > '9' {
			return 0, false
		}
		v = v*10 + int(d-'0')
	}
	return v, len(text) > 0
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// rescale brings a number to another scale if that is exact.
func rescale(f *field, scale int) (int64, bool) {
	if f.form != formNumber {
		return 0, false
	}
	v := f.value
	for s := f.scale; s < scale; s++ {
		if v > math.MaxInt64/10 || v < math.MinInt64/10 {
			return 0, false
		}
		v *= 10
	}
	for s := f.scale; s > scale; s-- {
		if v%10 != 0 {
			return 0, false
		}
		v /= 10
	}
	return v, true
}
