package enclave

import "math/bits"

// RisksOf applies the primary rules to a cell, or to a group of cells taken as one: its distinct subjects and the facts of each sum
// that is published of it. With [Profile.Telling] it is the one place where the rules are written down.
//
// Threshold: unsafe if subjects < Threshold; a group with exactly Threshold subjects is safe.
//
// Dominance, the (n,k) rule: unsafe if the DominanceN largest subject totals are DominancePercent of Absolute or more; exactly k % is
// unsafe. Any DominanceN but 1 counts as 2. Where everybody has 0 there is no share to speak of.
//
// P %: unsafe if what remains without the two largest totals is less than PPercent of the largest; exactly p % is safe. The second
// largest subject, who knows its own total, could otherwise estimate the largest within p %. If the largest is 0 there is nothing to
// estimate.
//
// Homogeneity of sums: unsafe if all rows have one value, or all subjects one total; see the README of measure.
//
// A lone subject with a total other than 0 breaks the latter three; so do two subjects the first two, for DominanceN 2 and any PPercent
// above 0. Products have 128 bits, so a boundary is exact. Facts that cannot be (a negative total, parts larger than the whole) are unsafe.
//
// Formulas: Hundepool et al., Handbook on Statistical Disclosure Control, 2nd edition 2024, section 4.2.
func (p *Profile) RisksOf(subjects int64, sums []SumFacts) Risk {
	var risks Risk
	if subjects < p.Threshold {
		risks |= RiskThreshold
	}
	for i := range sums {
		risks |= p.sumRisks(&sums[i])
		if p.HomogeneityPercent <= 100 && sums[i].shared(subjects) {
			risks |= RiskHomogeneity
		}
	}
	return risks
}

// Telling is [RiskHomogeneity] if a cell tells a protected value of HomogeneityPercent or more of the subjects of a group; exactly that
// share is unsafe. See [Plan.Groups] and the README of measure.
func (p *Profile) Telling(c *Cell) Risk {
	if c.Group > 0 && !lessProduct(c.Subjects, 100, c.Group, p.HomogeneityPercent) {
		return RiskHomogeneity
	}
	return 0
}

// shared reports whether all rows have one value, as they do where the mean is at a bound of the column, or all subjects one total. For
// totals, |Sum| is at most Subjects · Largest, and is that exactly if no total differs from another, in size or sign.
func (f *SumFacts) shared(subjects int64) bool {
	if f.Least == f.Greatest {
		return true
	}
	high, low := bits.Mul64(uint64(max(subjects, 0)), uint64(max(f.Largest, 0)))
	return high == 0 && low == magnitude(f.Sum)
}

// magnitude is |v|, exact for every int64.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v) //nolint:gosec // two's complement negation is what is meant
	}
	return uint64(v)
}

func (p *Profile) sumRisks(f *SumFacts) Risk {
	if f.Absolute < 0 || f.Largest < 0 || f.Second < 0 || f.Second > f.Largest || f.Largest > f.Absolute-f.Second {
		return RiskDominance | RiskPPercent
	}
	var risks Risk
	top := f.Largest
	if p.DominanceN != 1 {
		top += f.Second
	}
	if f.Absolute > 0 && !lessProduct(top, 100, f.Absolute, p.DominancePercent) {
		risks |= RiskDominance
	}
	if lessProduct(f.Absolute-f.Largest-f.Second, 100, f.Largest, p.PPercent) {
		risks |= RiskPPercent
	}
	return risks
}

// lessProduct reports a·b < c·d. A negative factor counts as 0.
func lessProduct(a, b, c, d int64) bool {
	leftHigh, leftLow := bits.Mul64(uint64(max(a, 0)), uint64(max(b, 0)))
	rightHigh, rightLow := bits.Mul64(uint64(max(c, 0)), uint64(max(d, 0)))
	return leftHigh < rightHigh || leftHigh == rightHigh && leftLow < rightLow
}
