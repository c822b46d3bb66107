package history

import (
	"context"
	"maps"
	"math"
	"slices"
)

// span is whatever columns of people add up to, and some other directions.
type span struct {
	positions int
	gone      []bool  // positions that are left out
	lacks     bool    // a position that no column has
	starts    []int32 // of columns, and where the last one ends
	fewer     []int32 // of columns: from where on they are less by one, and not more
	at        []int32 // their positions
	others    []direction
	scale     []float64 // of positions: one by the root of how many columns have it
}

// direction is whole numbers of some positions.
type direction struct {
	at    []int32
	times []int64
}

// two are numbers of two vectors: everything is done with two at once.
type two = [2]float64

// maxEntries is how many positions of columns are kept; people beyond that are left out, who could only add to what is shown.
const maxEntries = 1 << 24

// maxTimes bounds the numbers of a direction: what is counted in grains is rounded so many times.
const maxTimes = 1 << 8

// span is that of some people, and of directions to which all columns are orthogonal, or nearly; without positions that are out, which the people are not in.
func (r *rests) span(people []int32, relations []mixture, out []bool) *span {
	s := &span{positions: len(r.cells), gone: make([]bool, len(r.cells)), starts: []int32{0}, scale: make([]float64, len(r.cells))}
	count, read := make([]int64, s.positions), r.reader()
	for _, person := range people {
		if len(s.at) > maxEntries {
			break
		}
		read.columns(person, func(in, missing []int32) {
			s.fewer = append(s.fewer, int32(len(s.at)+len(in))) //nolint:gosec // a part of all rows
			s.at = append(append(s.at, in...), missing...)
			for _, p := range s.at[s.starts[len(s.starts)-1]:] {
				count[p]++
			}
			s.starts = append(s.starts, int32(len(s.at))) //nolint:gosec // likewise
		})
	}
	for p, columns := range count {
		s.gone[p] = r.gone[p] || out[p]
		s.lacks = s.lacks || columns == 0 && !s.gone[p]
		s.scale[p] = 1 / math.Sqrt(float64(max(1, columns)))
	}
	for _, of := range relations {
		d := direction{at: slices.DeleteFunc(slices.Sorted(maps.Keys(of)), func(p int32) bool { return s.gone[p] })}
		if len(d.at) == 0 {
			continue
		}
		for _, p := range d.at {
			d.times = append(d.times, of[p]*count[p]) // where columns are scaled it is orthogonal to them
		}
		d.shorten()
		s.others = append(s.others, d)
	}
	return s
}

// shorten makes the numbers small, and none of them 0.
func (d *direction) shorten() {
	most := int64(0)
	for _, times := range d.times {
		most = max(most, times, -times)
	}
	for ; most > maxTimes; most /= 2 {
		for i, times := range d.times {
			if times/2 != 0 {
				d.times[i] = times / 2
			}
		}
	}
}

const (
	// near is how close to the span two random vectors u have to come. Let w have length 1 and be orthogonal to the span. Then w·u is w times what is left of u, so no more than that is long. But u is evenly
	// distributed in a cube of side 2, so |w·u| < near has a probability of √2·near at most (K. Ball, Cube slicing in Rⁿ, 1986; u is of whole grains, which adds a hundredth), and of 2·10⁻¹⁸ for
	// both.
	near = 1.0 / (1 << 30)
	// grain is what stands for 1 where it is counted in whole numbers.
	grain = 1 << 44
	// maxSteps are tried; 40 to 150 are enough where anything is to be had.
	maxSteps = 300
)

// everything reports whether the span was shown to be of all positions: if two random vectors are in it, all are.
func (s *span) everything(ctx context.Context, random *stream) bool {
	if s.lacks {
		return false
	}
	target := make([][2]int64, s.positions)
	for p := range target {
		for i := range target[p] {
			if !s.gone[p] {
				target[p][i] = int64(random.uint64()>>(64-45)) - grain
			}
		}
	}
	return s.left(target, s.solve(ctx, target)) < near
}

// halvings is how many times a has to be doubled to be b, rounded down.
func halvings(a, b float64) int {
	if a == 0 {
		return math.MaxInt
	}
	_, exponent := math.Frexp(a / b)
	return -exponent
}

// solve looks for multiples of the columns, and then of the others, that add up to a target: the least ones, by conjugate gradients (M. R. Hestenes and E. Stiefel, 1952; of
// E. J. Craig's kind), with positions scaled. If that gets nowhere it gives up. A product is rounded before it is added to anything, so that all processors come to the same.
func (s *span) solve(ctx context.Context, target [][2]int64) (multiples []two) {
	x, rest := make([]two, s.positions), make([]two, s.positions)
	for p := range rest {
		for i := range rest[p] {
			rest[p][i] = s.scale[p] * float64(target[p][i]) / grain
		}
	}
	const enough = 93 // how many times the square of what is left is halved
	ahead, multiples, turned := slices.Clone(rest), make([]two, len(s.starts)-1+len(s.others)), make([]two, s.positions)
	first := product(rest, rest)
	for step, now := 0, first; ; step++ {
		halved := min(halvings(now[0], first[0]), halvings(now[1], first[1]))
		if halved >= enough {
			break
		}
		if ctx.Err() != nil || step == maxSteps || step > maxSteps/8 && 2*halved*maxSteps < enough*step {
			return nil
		}
		s.multiples(multiples, ahead)
		s.sum(turned, multiples)
		along := product(ahead, turned)
		for p := range x {
			for i := range along {
				by := ratio(now[i], along[i])
				x[p][i] += float64(by * ahead[p][i])
				rest[p][i] -= float64(by * turned[p][i])
			}
		}
		next := product(rest, rest)
		for p := range ahead {
			for i := range next {
				ahead[p][i] = rest[p][i] + float64(ratio(next[i], now[i])*ahead[p][i])
			}
		}
		now = next
	}
	s.multiples(multiples, x)
	return multiples
}

// multiples are products of the scaled columns and others with a vector.
func (s *span) multiples(to, of []two) {
	scaled := make([]two, len(of))
	for p, scale := range s.scale {
		scaled[p] = two{scale * of[p][0], scale * of[p][1]}
	}
	people := len(s.starts) - 1
	for c := range people {
		var sum two
		for _, p := range s.at[s.starts[c]:s.fewer[c]] {
			sum[0] += scaled[p][0]
			sum[1] += scaled[p][1]
		}
		for _, p := range s.at[s.fewer[c]:s.starts[c+1]] {
			sum[0] -= scaled[p][0]
			sum[1] -= scaled[p][1]
		}
		to[c] = sum
	}
	for i, d := range s.others {
		var sum two
		length := 0.0
		for k, p := range d.at {
			by := float64(d.times[k])
			sum[0] += float64(by * scaled[p][0])
			sum[1] += float64(by * scaled[p][1])
			length += float64(by * s.scale[p] * by * s.scale[p])
		}
		to[people+i] = two{sum[0] / length, sum[1] / length}
	}
}

// sum is what multiples of them add up to, scaled.
func (s *span) sum(to, multiples []two) {
	clear(to)
	people := len(s.starts) - 1
	for c := range people {
		by := multiples[c]
		for _, p := range s.at[s.starts[c]:s.fewer[c]] {
			to[p][0] += by[0]
			to[p][1] += by[1]
		}
		for _, p := range s.at[s.fewer[c]:s.starts[c+1]] {
			to[p][0] -= by[0]
			to[p][1] -= by[1]
		}
	}
	for i, d := range s.others {
		by := multiples[people+i]
		for k, p := range d.at {
			to[p][0] += float64(float64(d.times[k]) * by[0])
			to[p][1] += float64(float64(d.times[k]) * by[1])
		}
	}
	for p, scale := range s.scale {
		to[p][0] *= scale
		to[p][1] *= scale
	}
}

// left is the length of what is left of a target without multiples of the columns and others, which are rounded to grains, so that nothing else is: that of the longer one of both. It is
// infinite if there are none, or whole numbers are too small for it.
func (s *span) left(target [][2]int64, multiples []two) float64 {
	if multiples == nil {
		return math.Inf(1)
	}
	left, sums := slices.Clone(target), make([]two, s.positions)
	take := func(p int32, times int64, by two) {
		for i := range by {
			whole := math.Round(by[i] * grain)
			left[p][i] -= times * int64(whole)
			sums[p][i] += math.Abs(float64(times) * whole)
		}
	}
	people := len(s.starts) - 1
	for c := range people {
		for _, p := range s.at[s.starts[c]:s.fewer[c]] {
			take(p, 1, multiples[c])
		}
		for _, p := range s.at[s.fewer[c]:s.starts[c+1]] {
			take(p, -1, multiples[c])
		}
	}
	for i, d := range s.others {
		for k, p := range d.at {
			take(p, d.times[k], multiples[people+i])
		}
	}
	var squares two
	for p := range left {
		for i := range squares {
			if !(sums[p][i] < 1<<62) { // or no number
				return math.Inf(1)
			}
			of := float64(left[p][i]) / grain
			squares[i] += float64(of * of)
		}
	}
	return math.Sqrt(max(squares[0], squares[1]))
}

// product is that of two vectors each.
func product(a, b []two) (sum two) {
	for p := range a {
		sum[0] += float64(a[p][0] * b[p][0])
		sum[1] += float64(a[p][1] * b[p][1])
	}
	return sum
}

// ratio is one, or 0 of what has come to nothing.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
