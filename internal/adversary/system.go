package adversary

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/lab"
)

// System is what was seen, as linear equations. Rows that no question told apart by their public values are an atom; protected values that no
// question told apart are a part. What is not known is, of each atom and each part, how many of its rows are in the part and, of each column
// that is summed or wanted, what these rows sum up to. A quantity's place is atom · width + its feature.
type System struct {
	register *Register
	seen     []Seen
	parts    []part
	columns  []int // features beyond counts
	atoms    []atom
	atomOf   map[int]int // of the rows that are somewhere
	width    int
	facts    []fact
	floors   []fact // that a cell is there at all
	solver   *program

	beliefs []belief // of ordinary subjects, then of peculiar ones
}

// belief is what is known of a row's features before anything is asked.
type belief struct {
	mean       []float64
	covariance [][]float64
	low, high  [][]float64 // of a column's value, by column and part
}

// atom is rows that are alike as far as the questions go.
type atom struct {
	rows    int
	row     int          // one of them
	subject int          // of a lone one, else -1
	kind    int          // of its belief
	of      map[int]bool // the subjects
}

// fact is that the sum of some quantities, less others, lies between low and high: a released number, or what was known before.
type fact struct {
	terms, minus []int // places
	low, high    float64
}

// Wanted is a secret about a subject: the sum of a column over its rows, or whether a column has a code.
type Wanted struct {
	Subject string
	Column  string
}

// Build makes the system of what was seen. Of the subjects for whom apart is true, rows are told apart from others' even where no question did.
// Want are columns that are looked for though they may never have been summed.
func Build(register *Register, seen []Seen, apart func(subject string) bool, want ...string) *System {
	s := &System{register: register, seen: seen, parts: partition(register.Dataset, seen), atomOf: map[int]int{}}
	for _, name := range want {
		if c := register.Dataset.Column(name); register.Dataset.Columns[c].Type != enclave.Code {
			s.columns = append(s.columns, c)
		}
	}
	for i := range seen {
		for _, c := range seen[i].Plan.Summed {
			if !slices.Contains(s.columns, c) {
				s.columns = append(s.columns, c)
			}
		}
	}
	s.width = len(s.parts) * (1 + len(s.columns))
	s.beliefs = []belief{s.believe(register.Prior)}
	s.divide(apart)
	for i := range seen {
		s.read(i)
	}
	s.remember()
	return s
}

// remember makes facts of what was known before.
func (s *System) remember() {
	for a := range s.atoms {
		for p := range s.parts {
			for _, identity := range s.register.Identities {
				total := slices.Index(s.columns, s.register.Dataset.Column(identity[0]))
				f := fact{}
				for _, name := range identity[1:] {
					if c := slices.Index(s.columns, s.register.Dataset.Column(name)); c >= 0 {
						f.minus = append(f.minus, s.place(a, p, c))
					}
				}
				if total >= 0 && len(f.minus) == len(identity)-1 {
					f.terms = []int{s.place(a, p, total)}
					s.facts = append(s.facts, f)
				}
			}
		}
	}
	for _, told := range s.register.Told {
		places := s.functional(told.Wanted, -1, told.Snapshot)
		s.facts = append(s.facts, fact{terms: places, low: float64(told.Value), high: float64(told.Value)})
	}
}

// place of how many rows of an atom are in a part, or of what they sum up to: column is a position in s.columns, -1 for the count.
func (s *System) place(atom, part, column int) int {
	return atom*s.width + part*(1+len(s.columns)) + 1 + column
}

// divide finds the atoms.
func (s *System) divide(apart func(string) bool) {
	lone := map[int]bool{}
	for name, subject := range s.register.subjects {
		lone[subject] = apart != nil && apart(name)
	}
	in := make([]map[int]bool, len(s.register.snapshots))
	for i, rows := range s.register.snapshots {
		in[i] = map[int]bool{}
		for _, row := range rows {
			in[i][row] = true
		}
	}
	atoms := map[string]int{}
	var codes []int32
	var values []int64
	for row := range s.register.rows {
		known, signature := &s.register.rows[row], []byte(nil)
		for i := range s.seen {
			if in[s.seen[i].Snapshot][row] {
				for p := range s.parts {
					found, _ := s.seen[i].codes(known, &s.parts[p], codes, values)
					for _, code := range found {
						signature = binary.AppendVarint(signature, int64(code))
					}
					signature = append(signature, ',')
				}
			}
			signature = append(signature, ';')
		}
		subject := -1
		if lone[known.subject] {
			subject = known.subject
			signature = strconv.AppendInt(append(signature, '!'), int64(subject), 10)
		}
		at, there := atoms[string(signature)]
		if !there {
			at = len(s.atoms)
			atoms[string(signature)] = at
			s.atoms = append(s.atoms, atom{subject: subject, row: row, of: map[int]bool{}, kind: s.kindOf(subject)})
		}
		a := &s.atoms[at]
		a.rows++
		a.of[known.subject] = true
		s.atomOf[row] = at
	}
}

// cell is what is in a group of a table: pairs of an atom and a part.
type cell struct{ atoms, parts []int }

// cellsOf are the cells that a table may have, by their labels.
func (s *System) cellsOf(i int) map[string]*cell {
	seen, cells := &s.seen[i], map[string]*cell{}
	done := make([]bool, len(s.atoms))
	for _, row := range s.register.snapshots[seen.Snapshot] {
		at := s.atomOf[row]
		if done[at] {
			continue
		}
		done[at] = true
		for p := range s.parts {
			codes, inside := seen.codes(&s.register.rows[row], &s.parts[p], nil, nil)
			if !inside {
				continue
			}
			for _, set := range seen.Plan.Sets {
				name := NameOf(seen.Plan, set, codes)
				if cells[name] == nil {
					cells[name] = &cell{}
				}
				cells[name].atoms, cells[name].parts = append(cells[name].atoms, at), append(cells[name].parts, p)
			}
		}
	}
	return cells
}

// NameOf is the labels of a cell in one text, as Seen.Name has those of a row.
func NameOf(plan *enclave.Plan, set enclave.Set, codes []int32) string {
	labels := make([]string, len(plan.Keys))
	for k := range plan.Keys {
		labels[k] = enclave.LabelTotal
		if slices.Contains(set, k) {
			labels[k] = plan.Keys[k].Labels[codes[k]]
		}
	}
	return strings.Join(labels, "\x00")
}

// Name is the labels of a row of a released table in one text.
func (s *Seen) Name(row []string) string { return strings.Join(row[:len(s.Plan.Keys)], "\x00") }

// read makes facts of a table.
func (s *System) read(i int) {
	seen, keys := &s.seen[i], len(s.seen[i].Plan.Keys)
	cells := s.cellsOf(i)
	for _, row := range seen.Release.Rows {
		if c := cells[seen.Name(row)]; c != nil {
			s.number(seen, row[keys:], c)
		}
	}
}

// number makes facts of the numbers of one cell.
func (s *System) number(seen *Seen, values []string, c *cell) {
	counted := -1.0
	for m, measure := range seen.Plan.Measures {
		if measure.Op == enclave.Count {
			counted = parse(values[m])
		}
	}
	rows, whole := s.whole(c)
	if !whole {
		floor := fact{low: float64(seen.Least), high: math.Inf(1)}
		for j := range c.atoms {
			floor.terms = append(floor.terms, s.place(c.atoms[j], c.parts[j], -1))
		}
		s.floors = append(s.floors, floor)
	}
	if whole { // no secret which rows they are
		counted = float64(lab.Round(int64(rows), seen.RoundCount))
	}
	for m, measure := range seen.Plan.Measures {
		if values[m] == "" {
			continue
		}
		column, scale := -1, 1.0
		slack := float64(seen.RoundCount-1) / 2
		if measure.Sum >= 0 {
			at := seen.Plan.Summed[measure.Sum]
			column = slices.Index(s.columns, at)
			scale = math.Pow10(seen.Plan.Dataset.Columns[at].Scale)
			slack = float64(seen.RoundSum) * scale / 2
			if float64(seen.RoundSum)*scale <= 1 {
				slack = 0
			}
		}
		v := parse(values[m]) * scale
		switch measure.Op {
		case enclave.Count, enclave.Sum:
		case enclave.Subjects:
			if !s.lone(c.atoms) {
				continue // who has several rows counts once: no sum
			}
		case enclave.Mean:
			if counted <= 0 {
				continue
			}
			v *= counted
			slack += counted * 0.005
		}
		f := fact{low: v - slack, high: v + slack}
		for j := range c.atoms {
			f.terms = append(f.terms, s.place(c.atoms[j], c.parts[j], column))
		}
		s.facts = append(s.facts, f)
	}
}

// whole reports whether a cell has all parts of each of its atoms, so that it is known which rows are in it, and how many these are.
func (s *System) whole(c *cell) (rows int, whole bool) {
	parts := map[int]int{}
	for _, at := range c.atoms {
		parts[at]++
	}
	for at, n := range parts {
		if n != len(s.parts) {
			return 0, false
		}
		rows += s.atoms[at].rows
	}
	return rows, true
}

// lone reports whether each row of some atoms is another subject's.
func (s *System) lone(atoms []int) bool {
	subjects, done := map[int]bool{}, map[int]bool{}
	rows := 0
	for _, a := range atoms {
		if done[a] {
			continue
		}
		done[a] = true
		rows += s.atoms[a].rows
		for subject := range s.atoms[a].of {
			subjects[subject] = true
		}
	}
	return len(subjects) == rows
}

func parse(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // the enclave wrote it
	}
	return v
}

// kindOf finds the belief about a lone subject.
func (s *System) kindOf(subject int) int {
	for name, prior := range s.register.Peculiar {
		if number, there := s.register.subjects[name]; there && number == subject {
			s.beliefs = append(s.beliefs, s.believe(prior))
			return len(s.beliefs) - 1
		}
	}
	return 0
}

// believe takes the moments of a row's features from a prior.
func (s *System) believe(prior [][]int64) belief {
	b := belief{mean: make([]float64, s.width), covariance: make([][]float64, s.width)}
	for f := range b.covariance {
		b.covariance[f] = make([]float64, s.width)
	}
	features := make([]float64, s.width)
	for _, values := range prior {
		clear(features)
		for p := range s.parts {
			if !s.parts[p].holds(s.register.Dataset, values) {
				continue
			}
			features[s.place(0, p, -1)] = 1
			for c, column := range s.columns {
				if values[column] != lab.Missing {
					features[s.place(0, p, c)] = float64(values[column])
				}
			}
		}
		for f, v := range features {
			if v == 0 {
				continue
			}
			b.mean[f] += v
			for g, w := range features {
				b.covariance[f][g] += v * w
			}
		}
	}
	n := float64(len(prior))
	for f := range b.mean {
		b.mean[f] /= n
	}
	for f := range b.mean {
		for g := range b.mean {
			b.covariance[f][g] = b.covariance[f][g]/n - b.mean[f]*b.mean[g]
		}
	}
	for _, column := range s.columns {
		low, high := make([]float64, len(s.parts)), make([]float64, len(s.parts))
		for p := range s.parts {
			low[p], high[p] = s.parts[p].bounds(s.register.Dataset, column, prior)
		}
		b.low, b.high = append(b.low, low), append(b.high, high)
	}
	return b
}

// certainly is functional of a code, but without places of other codes besides.
func (s *System) certainly(w Wanted, code int32, snapshot int) []int {
	column := s.register.Dataset.Column(w.Column)
	return slices.DeleteFunc(s.functional(w, code, snapshot), func(place int) bool {
		return len(s.parts[place%s.width/(1+len(s.columns))].of[column]) != 1
	})
}

// functional is the places that add up to what is wanted: of a code, that the subject's rows have it, or one that no question told from it;
// else the sum of the column.
func (s *System) functional(w Wanted, code int32, snapshot int) []int {
	column := s.register.Dataset.Column(w.Column)
	subject, there := s.register.subjects[w.Subject]
	if !there {
		return nil
	}
	var places []int
	done := map[int]bool{}
	for _, row := range s.register.snapshots[snapshot] {
		at := s.atomOf[row]
		if s.register.rows[row].subject != subject || done[at] {
			continue
		}
		done[at] = true
		for p := range s.parts {
			if c := slices.Index(s.columns, column); c >= 0 {
				places = append(places, s.place(at, p, c))
			} else if slices.Contains(s.parts[p].of[column], int64(code)) {
				places = append(places, s.place(at, p, -1))
			}
		}
	}
	return places
}
