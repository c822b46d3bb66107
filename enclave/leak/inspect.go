package leak

import (
	"context"
	"math/bits"

	"github.com/darkroom-project/darkroom/enclave"
)

// Directory knows the identifiers of subjects without being able to list them.
type Directory interface {
	// Known says for each candidate whether it is the identifier of a subject of a kind, whatever dataset it came with. It tells nothing
	// else, and keeps no candidate.
	Known(ctx context.Context, kind enclave.SubjectKind, candidates [][]byte) ([]bool, error)
}

// Inspector implements [enclave.Inspector]. It is safe for concurrent use; of large products, it inspects one at a time.
type Inspector struct {
	directory Directory
	large     chan struct{} // holds the inspection of a large product
}

var _ enclave.Inspector = (*Inspector)(nil)

// New makes an inspector that asks a directory about identifiers.
func New(directory Directory) *Inspector { return &Inspector{directory, make(chan struct{}, 1)} }

// modest is the most values and bytes of texts that a product has whose inspection takes little memory.
const modest = 1 << 16

// turn waits until no other large product is inspected, if this one is large. Workers would multiply what each takes.
func (i *Inspector) turn(ctx context.Context, product *enclave.Product) (done func(), err error) {
	size := product.Rows * len(product.Columns)
	for c := range product.Columns {
		for _, text := range product.Columns[c].Texts {
			size += len(text)
		}
		for _, label := range product.Plan.Manifest.Output.Columns[c].Values {
			size += len(label)
		}
	}
	if size <= modest {
		return func() {}, nil
	}
	select {
	case i.large <- struct{}{}:
		return func() { <-i.large }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// maxPlaces is how many places reviewers are shown.
const maxPlaces = 1000

// inspection is one call of Inspect.
type inspection struct {
	product *enclave.Product
	profile enclave.Profile
	facts   enclave.LeakFacts
	places  []enclave.Place
}

// Inspect measures a product against the rows that its module was shown. Errors are the context's own, those of the rows and the
// directory, and INSPECTION_TOO_LARGE for data with too many different values.
func (i *Inspector) Inspect(
	ctx context.Context, rows enclave.Rows, product *enclave.Product, profile enclave.Profile,
) (*enclave.Inspected, error) {
	done, err := i.turn(ctx, product)
	if err != nil {
		return nil, err
	}
	defer done()
	in := &inspection{product: product, profile: profile}
	in.count(rows.Snapshot())
	texts, unread, err := decodeTexts(ctx, product)
	if err != nil {
		return nil, err
	}
	in.facts.Packed, in.facts.Identifiers = unread, unread
	census, err := takeCensus(ctx, rows, product, profile.Threshold)
	if err != nil {
		return nil, err
	}
	matcher, err := newMatcher(ctx, in, census)
	if err != nil {
		return nil, err
	}
	packs, err := newPacks(ctx, texts, census)
	if err != nil {
		return nil, err
	}
	if err := census.again(ctx, rows, func(subject uint32, at []int32) {
		matcher.see(subject, at)
		packs.see(subject, at)
	}); err != nil {
		return nil, err
	}
	in.records(matcher)
	for _, fact := range []func() error{
		func() error { return in.packed(ctx, packs) },
		func() error { return in.verbatim(ctx, census) },
		func() error { return in.injective(ctx, census) },
		func() error { return in.identifiers(ctx, i.directory, texts) },
	} {
		if err := fact(); err != nil {
			return nil, err
		}
	}
	return &enclave.Inspected{Product: product, Facts: in.facts, Places: in.places}, nil
}

// count fills in what needs no comparison.
func (in *inspection) count(snapshot enclave.Snapshot) {
	output := in.product.Plan.Manifest.Output
	f := &in.facts
	f.Rows, f.Subjects = int64(in.product.Rows), snapshot.Subjects
	f.Bits = int64(bits.Len64(uint64(output.Rows))) //nolint:gosec // validated to be positive
	for c := range in.product.Columns {
		column := &in.product.Columns[c]
		f.Bits += f.Rows * output.Columns[c].Bits()
		for _, valid := range column.Valid {
			if !valid {
				continue
			}
			f.Values++
			if output.Model && column.Numbers != nil && output.Columns[c].Type != enclave.KindEnum {
				f.Parameters++
			}
		}
	}
}

// found remembers a place for reviewers, as long as there is room.
func (in *inspection) found(fact string, row, column int) {
	if len(in.places) < maxPlaces {
		in.places = append(in.places, enclave.Place{Fact: fact, Row: int32(row), Column: int32(column)}) //nolint:gosec // bounded by the output's size
	}
}

func tooLarge() error { return enclave.Fail(enclave.Limit, "INSPECTION_TOO_LARGE") }
