package aggregate

import (
	"context"
	"crypto/rand"
	"encoding/binary"

	"github.com/darkroom-project/darkroom/enclave"
)

// replay asks a guest about rows again, in another order and among other rows: the batch is dealt at random into two halves, and each half
// is shown to an instance of its own. What is a function of the row says the same of each. What remembers across rows, counts them, or
// looks at others, some value among them say, does not, but for luck.
type replay struct {
	percent uint64 // of the batches that are asked about again
	random  []byte
	order   []int32
	half    enclave.Batch
	emitted [][]int32
}

func newReplay(l *layout) *replay {
	p := &replay{percent: uint64(max(l.plan.ReplayPercent, 0)), random: make([]byte, 4*enclave.BatchRows), order: make([]int32, enclave.BatchRows)}
	for range l.moduleKeys {
		p.emitted = append(p.emitted, make([]int32, enclave.BatchRows))
	}
	for _, c := range l.plan.Shown {
		v := enclave.NewVector(l.plan.Dataset.Columns[c].Type.Narrow())
		p.half.Columns = append(p.half.Columns, v)
	}
	return p
}

// chosen reports whether a batch is asked about again: the first of each worker's, and of the others as many as the profile says, by a chance
// that nobody outside knows.
func (p *replay) chosen(first bool) bool {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return first || uint64(binary.LittleEndian.Uint32(b[:]))*100>>32 < p.percent
}

// verify asks about a batch of which a guest emitted codes.
func (p *replay) verify(ctx context.Context, guest enclave.Guest, view *enclave.Batch, emitted [][]int32) error {
	order := p.shuffle(view.Rows)
	for _, rows := range [][]int32{order[:len(order)/2], order[len(order)/2:]} {
		p.deal(view, rows)
		for k := range p.emitted {
			p.emitted[k] = p.emitted[k][:len(rows)]
		}
		if err := guest.Assign(ctx, &p.half, p.emitted); err != nil {
			return err
		}
		for k, codes := range p.emitted {
			for i, row := range rows {
				if codes[i] != emitted[k][row] {
					return enclave.Internalf("the module said otherwise of a row among other rows: it is not a function of the row")
				}
			}
		}
	}
	return nil
}

// shuffle is a random order of so many rows.
func (p *replay) shuffle(rows int) []int32 {
	order := p.order[:rows]
	_, _ = rand.Read(p.random[:4*rows]) // it never fails
	for i := range order {
		j := int(uint64(binary.LittleEndian.Uint32(p.random[4*i:])) * uint64(i+1) >> 32)
		order[i] = order[j]
		order[j] = int32(i)
	}
	return order
}

// deal fills the half with some rows of a batch.
func (p *replay) deal(view *enclave.Batch, rows []int32) {
	p.half.Rows = len(rows)
	for c := range p.half.Columns {
		from, to := &view.Columns[c], &p.half.Columns[c]
		clear(to.Valid)
		clear(to.Narrow)
		clear(to.Wide)
		for i, row := range rows {
			to.Valid[i>>3] |= from.Valid[row>>3] >> (row & 7) & 1 << (i & 7)
			if to.Narrow != nil {
				to.Narrow[i] = from.Narrow[row]
			} else {
				to.Wide[i] = from.Wide[row]
			}
		}
	}
}
