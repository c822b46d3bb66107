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
	maxCandidates   = 1 << 19 // that the directory is asked about
	maxMarks        = 1 << 22 // where in the output candidates stand, and what stands beside short numbers
	identifierBytes = 18      // of a checked identifier (GB 11643-1999, GB 32100-2015)
	longNumber      = 12      // digits of a number that no statistic has by chance
	often           = 64      // steps after which it is asked whether the run was canceled
)

// identifiers is the fact of the same name. What a text means, and what its values written one after the other mean, is asked about whole, by
// its words, and, where identifiers have a fixed length, in every piece of that length, digits also moved along (Caesar). Of short numbers
// only those count that are more than would be found if each were moved a little: small identifiers and small counts look alike.
func (in *inspection) identifiers(ctx context.Context, directory Directory, texts []text) error {
	dataset := in.product.Plan.Dataset
	subject := &dataset.Columns[dataset.Column(dataset.Subject.Column)]
	s := &suspects{fixed: subject.Check != "", digits: subject.Check == enclave.CitizenID, texts: texts, index: map[string]int32{}}
	for at := range texts {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.of = int32(at)
		for _, meaning := range texts[at].meaning {
			if printable(meaning) {
				s.text(meaning)
			}
		}
	}
	if err := s.numbers(ctx, in.product); err != nil {
		return err
	}
	if s.full {
		in.facts.Identifiers = in.facts.Values // too many to ask about: as if all were found
		return nil
	}
	known, err := directory.Known(ctx, dataset.Subject.Kind, s.candidates)
	if err != nil {
		return err
	}
	columns := len(in.product.Columns)
	for at, yes := range s.hits(known, in.product) {
		if yes {
			in.facts.Identifiers++
			in.found("identifiers", at/columns, at%columns)
		}
	}
	return nil
}

// suspects are what the directory is asked about, each once, with where in the output it stands. Once there are too many, nothing is added.
type suspects struct {
	fixed, digits bool // identifiers have one length; and are digits, but for the last
	full          bool
	texts         []text
	of            int32 // where candidates to come stand: a text's position, or behind the texts the row times the columns, plus the column
	candidates    [][]byte
	last          []int32 // by candidate: where it was seen last
	index         map[string]int32
	marks         []mark
	near          int // in shorts
	shorts        []*short
}

// mark is a candidate with one place where it stands. A text is one, however often it stands in the output.
type mark struct{ candidate, of int32 }

// short is the short numbers of one column.
type short struct {
	here []mark
	near []int32 // what stands beside them
}

// hits are the values of the output, row by row, that hold what is known.
func (s *suspects) hits(known []bool, p *enclave.Product) []bool {
	hits := make([]bool, p.Rows*len(p.Columns))
	done := make([]bool, len(s.texts))
	hit := func(of int) {
		switch {
		case of >= len(s.texts):
			hits[of-len(s.texts)] = true
		case !done[of]:
			done[of] = true
			for _, place := range s.texts[of].places {
				hits[int(place.Row)*len(p.Columns)+int(place.Column)] = true
			}
		}
	}
	standing := func(marks []mark) {
		for _, m := range marks {
			if known[m.candidate] {
				hit(int(m.of))
			}
		}
	}
	standing(s.marks)
	for _, short := range s.shorts {
		if short.excess(known) {
			standing(short.here)
		}
	}
	return hits
}

// excess reports whether more are known than of their neighbours.
func (s *short) excess(known []bool) bool {
	found, near := 0, 0
	for _, m := range s.here {
		found += btoi(known[m.candidate])
	}
	for _, at := range s.near {
		near += btoi(known[at])
	}
	chance := float64(near) / neighbours
	return float64(found) > chance+3*math.Sqrt(chance)+3
}

// ask adds a candidate and returns its position.
func (s *suspects) ask(candidate []byte) int32 {
	at, ok := s.index[string(candidate)]
	if ok || s.full {
		return at
	}
	if len(s.candidates) == maxCandidates {
		s.full = true
		return 0
	}
	at = int32(len(s.candidates)) //nolint:gosec // bounded above
	key := string(candidate)
	s.index[key] = at
	s.candidates, s.last = append(s.candidates, []byte(key)), append(s.last, -1)
	return at
}

func (s *suspects) suspect(candidate []byte) {
	if len(candidate) == 0 || len(candidate) < longNumber && isNumber(candidate) {
		return // counted by column
	}
	if at := s.ask(candidate); !s.full && s.last[at] != s.of {
		s.last[at] = s.of
		s.marks = append(s.marks, mark{at, s.of})
		s.full = len(s.marks)+s.near > maxMarks
	}
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
	for i := 0; s.fixed && !s.full && i+identifierBytes <= len(bare); i++ {
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
func (s *suspects) numbers(ctx context.Context, p *enclave.Product) error {
	for c := range p.Columns {
		v := valuesOf(p, c)
		if v.texts != nil {
			v = *v.decimals()
		}
		one := &short{}
		for row, n := range v.numbers {
			if row%often == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			if !v.valid[row] || n < 0 || s.full {
				continue
			}
			s.of = int32(len(s.texts) + row*len(p.Columns) + c) //nolint:gosec // bounded by what a program may return
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
			one.here = append(one.here, mark{s.ask(digits), s.of})
			for d := int64(1); d <= neighbours/2; d++ {
				one.near = append(one.near, s.ask(strconv.AppendInt(nil, whole+d, 10)), s.ask(strconv.AppendInt(nil, max(0, whole-d), 10)))
			}
			s.near += neighbours
		}
		s.shorts = append(s.shorts, one)
	}
	return nil
}

// beside asks about two numbers as one, also with the zeros between them that numbers lose.
func (s *suspects) beside(first, second []byte) {
	s.suspect(slices.Concat(first, second))
	if zeros := identifierBytes - len(first) - len(second); zeros > 0 {
		s.suspect(slices.Concat(first, bytes.Repeat([]byte{'0'}, zeros), second))
	}
}
