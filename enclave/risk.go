package enclave

import "math/bits"

// RisksOf applies the primary rules to a cell, or to a group of cells taken as one: its distinct subjects and the facts of each sum
// that is published of it. It is the one place where the rules are written down.
//
// Threshold: unsafe if subjects < Threshold; a group with exactly Threshold subjects is safe.
//
// Dominance, the (n,k) rule: unsafe if the DominanceN largest subject totals are DominancePercent of Absolute or more; exactly k % is
// unsafe. Any DominanceN but 1 counts as 2. A sum of nothing but zeros tells nothing of anybody and is safe.
//
// P %: unsafe if what remains without the two largest totals is less than PPercent of the largest; exactly p % is safe. The second
// largest subject, who knows its own total, could otherwise estimate the largest within p %. If the largest is 0 there is nothing to
// estimate.
//
// A lone subject with a total other than 0 breaks both of the latter; so do two subjects, for DominanceN 2 and any PPercent above 0.
// Products have 128 bits, so a boundary is exact. Facts that cannot be (a negative total, parts larger than the whole) are unsafe.
//
// Formulas: Hundepool et al., Handbook on Statistical Disclosure Control, 2nd edition 2024, section 4.2.
func (p *Profile) RisksOf(subjects int64, sums []SumFacts) Risk {
	var risks Risk
	if subjects < p.Threshold {
		risks |= RiskThreshold
	}
	for i := range sums {
		risks |= p.sumRisks(&sums[i])
	}
	return risks
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
