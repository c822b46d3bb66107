package leak

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// Limits of the search for identifiers.
const (
	maxCandidates   = 2_000_000 // that the directory is asked about
	identifierBytes = 18        // of a checked identifier (GB 11643-1999, GB 32100-2015)
	longNumber      = 12        // digits of a number that no statistic has by chance
)

// identifiers is the fact of the same name. What a text means, and what its values written one after the other mean, is asked about whole, by
// its words, and, where identifiers have a fixed length, in every piece of that length, digits also moved along (Caesar). Of short numbers
// only those count that are more than would be found if each were moved a little: small identifiers and small counts look alike.
func (in *inspection) identifiers(ctx context.Context, directory Directory, texts []text) error {
	dataset := in.product.Plan.Dataset
	subject := &dataset.Columns[dataset.Column(dataset.Subject.Column)]
	s := &suspects{fixed: subject.Check != "", digits: subject.Check == enclave.CitizenID, index: map[string]int32{}}
	for at := range texts {
		s.of = texts[at].places
		for _, meaning := range texts[at].meaning {
			if printable(meaning) {
				s.text(meaning)
			}
		}
	}
	s.numbers(in.product)
	if len(s.candidates) > maxCandidates {
		in.facts.Identifiers = in.facts.Values // too many to ask about: as if all were found
		return nil
	}
	known, err := directory.Known(ctx, dataset.Subject.Kind, s.candidates)
	if err != nil {
		return err
	}
	hit := map[enclave.Place]bool{}
	for i, yes := range known {
		if yes {
			for _, place := range s.places[i] {
				hit[place] = true
			}
		}
	}
	for _, short := range s.shorts {
		if short.excess(known) {
			for place, at := range short.here {
				if known[at] {
					hit[place] = true
				}
			}
		}
	}
	in.facts.Identifiers += int64(len(hit))
	for row := range in.product.Rows {
		for column := range in.product.Columns {
			if hit[enclave.Place{Row: int32(row), Column: int32(column)}] {
				in.found("identifiers", row, column)
			}
		}
	}
	return nil
}

// suspects are what the directory is asked about, each once, with the places in the output where it stands.
type suspects struct {
	fixed, digits bool // identifiers have one length; and are digits, but for the last
	of            []enclave.Place
	candidates    [][]byte
	places        [][]enclave.Place
	index         map[string]int32
	shorts        []*short
}

// short is the short numbers of one column.
type short struct {
	here map[enclave.Place]int32 // candidates
	near []int32                 // what stands beside them
}

// excess reports whether more are known than of their neighbours.
func (s *short) excess(known []bool) bool {
	found, near := 0, 0
	for _, at := range s.here {
		found += btoi(known[at])
	}
	for _, at := range s.near {
		near += btoi(known[at])
	}
	chance := float64(near) / neighbours
	return float64(found) > chance+3*math.Sqrt(chance)+3
}

// ask adds a candidate and returns its position. Beyond the limit it only makes sure that the limit is noticed.
func (s *suspects) ask(candidate []byte) int32 {
	at, ok := s.index[string(candidate)]
	if !ok {
		at = int32(len(s.candidates)) //nolint:gosec // bounded by the limit
		if at > maxCandidates {
			return maxCandidates
		}
		s.index[string(candidate)] = at
		s.candidates, s.places = append(s.candidates, []byte(string(candidate))), append(s.places, nil)
	}
	return at
}

func (s *suspects) suspect(candidate []byte) {
	if len(candidate) == 0 || len(candidate) < longNumber && isNumber(candidate) {
		return // counted by column
	}
	at := s.ask(candidate)
	s.places[at] = append(s.places[at], s.of...)
}

func isNumber(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// text asks about everything in a text.
func (s *suspects) text(meaning []byte) {
	s.suspect(meaning)
	var bare []byte
	for _, word := range runs(meaning, isValue) {
		s.suspect(word)
		for _, part := range runs(word, isWord) {
			s.suspect(part)
			bare = append(bare, part...)
		}
	}
	s.pieces(bare)
}

// pieces asks about every piece that has the length of an identifier.
func (s *suspects) pieces(bare []byte) {
	for i := 0; s.fixed && i+identifierBytes <= len(bare); i++ {
		piece := bare[i : i+identifierBytes]
		if !s.digits {
			s.suspect(piece)
			continue
		}
		if !isNumber(piece[:identifierBytes-1]) {
			continue
		}
		for shift := range byte(10) {
			moved := []byte(string(piece))
			for j, digit := range moved {
				if digit >= '0' && digit <= '9' {
					moved[j] = '0' + (digit-'0'+shift)%10
				}
			}
			s.suspect(moved)
		}
	}
}

// numbers asks about the numbers of a product: the long ones, two side by side as one, and the short ones beside their neighbours.
func (s *suspects) numbers(p *enclave.Product) {
	for c := range p.Columns {
		v := valuesOf(p, c)
		if v.texts != nil {
			v.numbers, v.valid, v.places = decimals(v.texts, v.valid)
		}
		if v.numbers == nil {
			continue
		}
		one := &short{here: map[enclave.Place]int32{}}
		for row, n := range v.numbers {
			if !v.valid[row] || n < 0 {
				continue
			}
			place := enclave.Place{Row: int32(row), Column: int32(c)}
			s.of = []enclave.Place{place}
			whole := n / power(v.places)
			digits := strconv.AppendInt(nil, whole, 10)
			s.suspect(digits)
			s.suspect(strconv.AppendInt(nil, n, 10))
			if c+1 < len(p.Columns) && p.Columns[c+1].Valid[row] && p.Columns[c+1].Numbers != nil {
				second := strconv.AppendInt(nil, max(0, p.Columns[c+1].Numbers[row]), 10)
				s.beside(digits, second)
			}
			if len(digits) >= longNumber || n%power(v.places) != 0 {
				continue
			}
			one.here[place] = s.ask(digits)
			for d := int64(1); d <= neighbours/2; d++ {
				one.near = append(one.near, s.ask(strconv.AppendInt(nil, whole+d, 10)), s.ask(strconv.AppendInt(nil, max(0, whole-d), 10)))
			}
		}
		s.shorts = append(s.shorts, one)
	}
}

// beside asks about two numbers as one, also with the zeros between them that numbers lose.
func (s *suspects) beside(first, second []byte) {
	s.suspect(slices.Concat(first, second))
	if zeros := identifierBytes - len(first) - len(second); zeros > 0 {
		s.suspect(slices.Concat(first, bytes.Repeat([]byte{'0'}, zeros), second))
	}
}
