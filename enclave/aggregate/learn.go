package aggregate

import (
	"context"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/darkroom-project/darkroom/enclave"
)

// learned is what a module computes, written out for every tuple of values that the shown columns may hold by the catalogue. The guest is asked
// about the catalogue's domain and not about rows, so it never sees data: nothing that it does, not even how long it takes or whether it
// fails, can depend on any, and the code of a row depends on that row's own shown values alone. It is immutable, and shared by workers and runs.
//
// What most modules compute, a band of one column, or whether each of several columns is within limits, is a sum of what each column says
// by itself; then that is kept instead (see factor).
type learned struct {
	domains []domain  // of the shown columns; the first is the most significant digit of a tuple's number
	factors [][]int32 // by shown column and digit: what it adds to the number of a row's cell, or away; nil if there is no such sum
	adds    []int32   // by tuple: what its codes add; nil if little is there
	little  []int8    // the same, of so few cells that a byte is enough: more of the table stays in the caches
}

// domain is the values that a column may hold: whole numbers from Low on, then, in a column with empty values, the empty one. Its fields are
// exported for the digest of a question.
type domain struct {
	Low, Values int64
	Empty       bool
	Narrow      bool
}

func (d domain) size() int64 {
	if d.Empty {
		return d.Values + 1
	}
	return d.Values
}

// learn asks the module about every tuple, unless a run before did. It returns nil where there is nothing to ask, or where the guest is shown
// protected columns: then it has to see rows, and the output is crafted.
func (e *Executor) learn(ctx context.Context, l *layout, module *enclave.Module) (*learned, error) {
	if l.moduleKeys == 0 || l.plan.Crafted {
		return nil, nil //nolint:nilnil // nothing was learned, and nothing is wrong
	}
	if l.plan.TooWide() {
		return nil, enclave.Internalf("the module would have to be asked about too many tuples: the plan should not have been made")
	}
	q, err := l.asks(module)
	if err != nil {
		return nil, err
	}
	name, err := enclave.DigestJSON(q)
	if err != nil {
		return nil, err
	}
	if f := e.kept.get(name); f != nil {
		return f, nil
	}
	f, err := e.compute(ctx, q.Domains, l, module)
	if err == nil {
		e.kept.put(name, f)
	}
	return f, err
}

// compute asks the module about every tuple of the domains. The first failure ends the other workers.
func (e *Executor) compute(ctx context.Context, domains []domain, l *layout, module *enclave.Module) (*learned, error) {
	f, tuples := &learned{domains: domains}, l.plan.Tuples()
	codes := make([][]int32, l.moduleKeys)
	for k := range codes {
		codes[k] = make([]int32, tuples)
	}
	if err := e.ask(ctx, f, codes, module, l.plan); err != nil {
		return nil, err
	}
	f.adds = make([]int32, tuples)
	for i := range l.plan.Keys {
		if key := &l.plan.Keys[i]; key.Module >= 0 {
			if err := guestCodes(key, codes[key.Module], codes[key.Module]); err != nil {
				return nil, err
			}
			digits(f.adds, codes[key.Module], l.strides[i])
		}
	}
	if f.factor() {
		f.adds = nil
		return f, nil
	}
	if l.cells <= fewest {
		f.little = make([]int8, tuples)
		for i, add := range f.adds {
			f.little[i] = int8(max(add, math.MinInt8)) //nolint:gosec // below fewest
		}
		f.adds = nil
	}
	return f, nil
}

// fewest is how many cells there may be for what a tuple adds to be kept in a byte. What drops a row is as little as a byte can be: whatever
// other keys add, the number stays negative.
const fewest = 126

func domainOf(c *enclave.Column) (domain, error) {
	low, high, err := c.Bounds()
	if err != nil {
		return domain{}, fmt.Errorf("bounds of column %s: %w", c.Name, err)
	}
	return domain{Low: low, Values: high - low + 1, Empty: c.Nullable, Narrow: c.Type.Narrow()}, nil
}

// ask fills in the codes of every tuple, by module key, batch by batch, on all workers.
func (e *Executor) ask(ctx context.Context, f *learned, codes [][]int32, module *enclave.Module, plan *enclave.Plan) error {
	tuples := int64(len(codes[0]))
	batches := (tuples + enclave.BatchRows - 1) / enclave.BatchRows
	workers := min(int64(e.workers), batches)
	group, ctx := errgroup.WithContext(ctx)
	for w := range workers {
		group.Go(recovered(func() (err error) {
			guest, err := e.sandbox.Open(ctx, module, plan)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, guest.Close(context.WithoutCancel(ctx))) }()
			view, out := f.newBatch(), make([][]int32, len(codes))
			for b := w; b < batches; b += workers {
				first := b * enclave.BatchRows
				last := min(first+enclave.BatchRows, tuples)
				f.fill(view, first, last)
				for k := range out {
					out[k] = codes[k][first:last]
				}
				if err := guest.Assign(ctx, view, out); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	return group.Wait()
}

func (f *learned) newBatch() *enclave.Batch {
	b := &enclave.Batch{Columns: make([]enclave.Vector, len(f.domains))}
	for i, d := range f.domains {
		b.Columns[i] = enclave.NewVector(d.Narrow)
	}
	return b
}

// fill writes the tuples from first up to last into a batch; what is left of it is padding.
func (f *learned) fill(b *enclave.Batch, first, last int64) {
	b.Rows = int(last - first)
	stride := int64(1)
	for i := len(f.domains) - 1; i >= 0; i-- {
		d, v := f.domains[i], &b.Columns[i]
		clear(v.Valid)
		clear(v.Narrow)
		clear(v.Wide)
		digit, end := first/stride%d.size(), stride-first%stride // of the digit at hand, the row behind its last
		for row := int64(0); row < last-first; row, end = end, end+stride {
			end = min(end, last-first)
			if digit < d.Values { // else it is the empty one
				for at := row; at < end; at++ {
					v.Valid[at>>3] |= 1 << (at & 7)
					if d.Narrow {
						v.Narrow[at] = int32(d.Low + digit) //nolint:gosec // dates and codes are of 32 bits
					} else {
						v.Wide[at] = d.Low + digit
					}
				}
			}
			if digit++; digit == d.size() {
				digit = 0
			}
		}
		stride *= d.size()
	}
}

// add adds what the module says of some rows of a batch, from row first on, to the numbers of their cells. Columns are the positions of
// the shown ones in the batch; tuples are for it to use.
func (f *learned) add(numbers []int32, b *enclave.PackedBatch, first int, columns []int, tuples []int32) error {
	tuples = tuples[:len(numbers)]
	clear(tuples)
	for i := range f.domains {
		d, v := &f.domains[i], &b.Columns[columns[i]]
		var inside bool
		var valid []byte
		if !full(v.Valid, first, len(numbers)) {
			valid = v.Valid[first>>3:]
		}
		switch {
		case v.One != nil:
			inside = number(d, v.One[first:], valid, tuples)
		case v.Two != nil:
			inside = number(d, v.Two[first:], valid, tuples)
		case v.Four != nil:
			inside = number(d, v.Four[first:], valid, tuples)
		default:
			inside = number(d, v.Eight[first:], valid, tuples)
		}
		if !inside {
			return enclave.Internalf("a value of shown column %d is outside its bounds", i)
		}
	}
	if f.little != nil {
		for i, t := range tuples {
			numbers[i] += int32(f.little[t])
		}
		return nil
	}
	for i, t := range tuples {
		numbers[i] += f.adds[t]
	}
	return nil
}

// number makes a column's codes the next digit of the tuples, and reports whether all were in the domain.
func number[V code](d *domain, codes []V, valid []byte, tuples []int32) bool {
	size, most := int32(d.size()), uint64(0) //nolint:gosec // at most MaxTuples
	codes = codes[:len(tuples)]
	if valid == nil {
		for i, c := range codes {
			most = max(most, uint64(c))
			tuples[i] = tuples[i]*size + int32(c)
		}
		return len(codes) == 0 || most < uint64(d.Values) //nolint:gosec // at most MaxTuples
	}
	for i, c := range codes {
		digit := uint64(c)
		if valid[i>>3]>>(i&7)&1 == 0 { // without a branch
			digit = uint64(d.Values) //nolint:gosec // at most MaxTuples
		}
		most = max(most, digit)
		tuples[i] = tuples[i]*size + int32(digit) //nolint:gosec // at most MaxTuples, or not used
	}
	return most < uint64(d.size()) //nolint:gosec // at most MaxTuples
}
