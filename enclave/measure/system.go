package measure

import (
	"cmp"
	"context"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// elimination is how much arithmetic a measurement may do, in terms of equations touched: some seconds on a slow core.
const elimination = 600_000_000

// term is an unknown with its coefficient.
type term struct {
	unknown     int
	coefficient uint64
}

// system is equations between unknowns modulo a prime, each of which says that a sum of unknowns is known. Working there instead of
// with fractions could matter only if the prime divided a minor of these equations of 0 and ±1.
type system struct {
	ctx    context.Context //nolint:containedctx // lives for one call of Facts
	left   int64
	pivots [][]term // by leading unknown, whose coefficient is 1
	dense  []uint64 // for the vector in hand; 0 between calls
}

// solve brings equations to reduced echelon form: what follows from them by linear combination is what follows from its rows, and each
// row's leading unknown is in no other row. Errors: TABLE_TOO_INTRICATE, and the context's own.
func solve(ctx context.Context, unknowns int, equations [][]term) (*system, error) {
	s := &system{ctx, elimination, make([][]term, unknowns), make([]uint64, unknowns)}
	slices.SortStableFunc(equations, func(a, b []term) int { return cmp.Compare(len(a), len(b)) })
	for _, e := range equations {
		rest, err := s.without(e, false)
		if err != nil {
			return nil, err
		}
		if len(rest) > 0 {
			inverse := invert(rest[0].coefficient)
			for i := range rest {
				rest[i].coefficient = multiply(rest[i].coefficient, inverse)
			}
			s.pivots[rest[0].unknown] = rest
		}
	}
	for u := unknowns - 1; u >= 0; u-- {
		row := s.pivots[u]
		if row == nil {
			continue
		}
		s.pivots[u] = nil // its own pivot stays
		rest, err := s.without(row, true)
		if err != nil {
			return nil, err
		}
		s.pivots[u] = rest
	}
	return s, nil
}

// without takes rows off an equation until its first unknown leads none of them, or none of its unknowns.
func (s *system) without(equation []term, all bool) ([]term, error) {
	first := len(s.dense)
	for _, t := range equation {
		first = min(first, t.unknown)
		s.dense[t.unknown] = add(s.dense[t.unknown], t.coefficient)
	}
	s.left -= int64(len(equation))
	var rest []term
	for u := first; u < len(s.dense); u++ {
		factor := s.dense[u]
		switch row := s.pivots[u]; {
		case factor == 0:
		case row != nil && (all || rest == nil):
			s.left -= int64(len(row))
			for _, t := range row {
				s.dense[t.unknown] = subtract(s.dense[t.unknown], multiply(factor, t.coefficient))
			}
		default:
			rest = append(rest, term{u, factor})
			s.dense[u] = 0
		}
	}
	if s.left < 0 {
		return nil, enclave.Fail(enclave.Limit, "TABLE_TOO_INTRICATE")
	}
	return rest, s.ctx.Err()
}
