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

// Inspector implements [enclave.Inspector]. It has no state of its own and is safe for concurrent use.
type Inspector struct{ directory Directory }

var _ enclave.Inspector = (*Inspector)(nil)

// New makes an inspector that asks a directory about identifiers.
func New(directory Directory) *Inspector { return &Inspector{directory} }

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
	in := &inspection{product: product, profile: profile}
	in.count(rows.Snapshot())
	texts, unread := decodeTexts(product)
	in.facts.Packed, in.facts.Identifiers = unread, unread
	census, err := takeCensus(ctx, rows, product, profile.Threshold)
	if err != nil {
		return nil, err
	}
	matcher, packs := newMatcher(in, census), newPacks(texts, census)
	if err := census.again(ctx, rows, func(subject uint32, at []int32) {
		matcher.see(subject, at)
		packs.see(subject, at)
	}); err != nil {
		return nil, err
	}
	in.records(matcher)
	in.packed(packs)
	in.verbatim(census)
	in.injective(census)
	if err := in.identifiers(ctx, i.directory, texts); err != nil {
		return nil, err
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
