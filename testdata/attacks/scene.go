package attacks

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/lab"
)

// Victim is the subject whose secret is wanted.
const Victim = "victim"

// Scene is data with a secret, drawn at random.
type Scene struct {
	Tables map[string]*lab.Table // "first" is loaded before anything is asked
	Prior  [][]int64             // protected values of rows as they occur
	Values map[string][]int64    // what a secret may be, by column; each is as likely
	Secret map[string]int        // which of them it is
	// Identities are columns of which the first is the sum of the others.
	Identities [][]string
	Peculiar   map[string][][]int64 // priors of subjects who are known to be unlike others
	Before     int64                // what the secret is known to have been in the first table; 0 if nothing is known of that
}

// Scenes make scenes, by name. The same seed makes the same.
func Scenes() map[string]func(seed uint64) *Scene {
	return map[string]func(seed uint64) *Scene{
		"town":     func(seed uint64) *Scene { return town(seed, villager{}) },
		"padded":   func(seed uint64) *Scene { return town(seed, villager{visits: 40}) },
		"odd":      func(seed uint64) *Scene { return town(seed, villager{odd: true}) },
		"mate":     func(seed uint64) *Scene { return town(seed, villager{mates: 1}) },
		"cohort":   func(seed uint64) *Scene { return town(seed, villager{mates: 9}) },
		"alike":    func(seed uint64) *Scene { return town(seed, villager{mates: 19, alike: true}) },
		"even":     even,
		"newcomer": newcomer,
		"leaver":   leaver,
		"mended":   mended,
		"rich":     rich,
		"firms":    func(seed uint64) *Scene { return firms(seed, market{rival: 150_000}) },
		"rivals":   func(seed uint64) *Scene { return firms(seed, market{rival: 1_500_000}) },
		"giants":   func(seed uint64) *Scene { return firms(seed, market{rival: 150_000, giants: 4}) },
	}
}

// villager is how the victim lives.
type villager struct {
	visits int  // rows, 1 if 0
	odd    bool // values that nobody else has, some of them empty
	mates  int  // others who live like the victim: born in 1932
	alike  bool // the mates share the victim's protected values
}

// townDataset is of people, one row for each, each with a cost of 1,000 to 2,875, which is the sum of two others.
func townDataset() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "town", Owner: "health-commission", Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: enclave.Person},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "district", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"east", "north", "south", "west"}},
			{Name: "sex", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"F", "M", "X"}},
			{Name: "birth_year", Type: enclave.Int, Class: enclave.Quasi, Min: "1900", Max: "2026"},
			{Name: "job", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"clerk", "farmer", "nurse", "smith"}, Nullable: true},
			{Name: "since", Type: enclave.Int, Class: enclave.Quasi, Min: "1950", Max: "2026", Nullable: true},
			{Name: "illness", Type: enclave.Code, Class: enclave.Sensitive, Codes: []string{"flu", "gout", "hiv", "none"}},
			{Name: "ill", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1"},
			{Name: "drugs", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1000000"},
			{Name: "stay", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1000000"},
			{Name: "cost", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1000000"},
		},
	}
}

// Positions of the town's columns.
const colBorn = 3

const (
	colIllness = 6 + iota
	colIll
	colDrugs
	colStay
	colCost
)

const (
	townPeople = 600
	townCosts  = 16 // different ones
	firstCost  = 1000
	costStep   = 125
)

// townValues are a person's protected values.
func townValues(r *rand.Rand) (values [5]int64) {
	cost := int64(firstCost + costStep*r.IntN(townCosts))
	drugs := cost * int64(30+r.IntN(41)) / 100
	return [5]int64{r.Int64N(4), r.Int64N(2), drugs, cost - drugs, cost}
}

// townScene draws the values of the victim, and the prior.
func townScene(r *rand.Rand, visits int64) (*Scene, [5]int64) {
	s := &Scene{
		Tables: map[string]*lab.Table{}, Secret: map[string]int{}, Identities: [][]string{{"cost", "drugs", "stay"}},
		Values: map[string][]int64{"illness": {0, 1, 2, 3}, "ill": {0, 1}},
	}
	for i := range int64(townCosts) {
		s.Values["cost"] = append(s.Values["cost"], visits*(firstCost+costStep*i))
	}
	for range 4000 {
		v := townValues(r)
		s.Prior = append(s.Prior, append(make([]int64, colIllness), v[:]...))
	}
	v := townValues(r)
	s.Secret["illness"], s.Secret["ill"], s.Secret["cost"] = int(v[0]), int(v[1]), int(v[4]-firstCost)/costStep
	return s, v
}

func town(seed uint64, how villager) *Scene {
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // seeded on purpose
	visits := int64(max(how.visits, 1))
	s, secret := townScene(r, visits)
	t := &lab.Table{Dataset: townDataset()}
	s.Tables["first"] = t
	villagers(r, t)
	for i := range how.mates {
		v := townValues(r)
		if how.alike {
			v = secret
		}
		t.Add("mate-"+strconv.Itoa(i), append([]int64{0, 0, 1932, 2, 1990}, v[:]...)...)
	}
	born, sex, job, since := int64(1931), int64(0), int64(2), int64(1990)
	if how.alike {
		born = 1932
	}
	if how.odd {
		sex, job, since = 2, lab.Missing, lab.Missing
	}
	for range visits {
		t.Add(Victim, append([]int64{0, sex, born, job, since}, secret[:]...)...)
	}
	return s
}

// villagers adds the others: born from 1940 to 1999, ten in each year.
func villagers(r *rand.Rand, t *lab.Table) {
	for i := range int64(townPeople) {
		v := townValues(r)
		t.Add(strconv.FormatInt(i, 10), append([]int64{r.Int64N(4), r.Int64N(2), 1940 + i%60, r.Int64N(4), 1950 + r.Int64N(77)}, v[:]...)...)
	}
}

// even is a town of twenty who are alike, and of others of whom just as many fewer are like them: each illness is as frequent as any among those born
// before 1950, and among the younger ones. Counts of many tell nothing of the twenty then, as they do not where there are many more.
func even(seed uint64) *Scene {
	s := town(seed, villager{mates: 19, alike: true})
	rows := s.Tables["first"].Rows
	for column, values := range map[int]int{colIllness: 4, colIll: 2} {
		r := rand.New(rand.NewPCG(seed, uint64(column))) //nolint:gosec // seeded on purpose
		var group [2][]int
		var left [2][]int64 // of each value as many as of any, but for those of the twenty
		for i := range rows {
			young := 0
			if rows[i].Values[colBorn] >= 1950 {
				young = 1
			}
			if i < townPeople {
				group[young] = append(group[young], i)
			}
			left[young] = append(left[young], int64(len(left[young])%values))
		}
		for _, row := range rows[townPeople:] {
			left[0] = slices.Delete(left[0], slices.Index(left[0], row.Values[column]), slices.Index(left[0], row.Values[column])+1)
		}
		for young := range group {
			r.Shuffle(len(left[young]), func(i, k int) { left[young][i], left[young][k] = left[young][k], left[young][i] })
			for i, row := range group[young] {
				rows[row].Values[column] = left[young][i]
			}
		}
	}
	return s
}

// newcomer is a town to which the victim comes after the first questions.
func newcomer(seed uint64) *Scene {
	s := town(seed, villager{})
	s.Tables["later"] = s.Tables["first"]
	before := s.Tables["first"].Clone()
	before.Rows = before.Rows[:townPeople]
	s.Tables["first"] = before
	return s
}

// leaver is a town that the victim leaves.
func leaver(seed uint64) *Scene {
	s := town(seed, villager{})
	after := s.Tables["first"].Clone()
	after.Rows = after.Rows[:townPeople]
	s.Tables["later"] = after
	return s
}

// mended is a town in which the victim's row was wrong at first: empty, so to say.
func mended(seed uint64) *Scene {
	s := town(seed, villager{})
	s.Tables["later"] = s.Tables["first"]
	before := s.Tables["first"].Clone()
	wrong := before.Rows[townPeople].Values
	s.Before = 1000
	wrong[colDrugs], wrong[colStay], wrong[colCost] = s.Before/2, s.Before/2, s.Before
	s.Tables["first"] = before
	return s
}

// rich is a town in which the victim has a cost that nobody comes near to.
func rich(seed uint64) *Scene {
	s := town(seed, villager{})
	secret := s.Tables["first"].Rows[townPeople].Values
	s.Values["cost"], s.Peculiar = nil, map[string][][]int64{}
	for i := range int64(townCosts) {
		cost := 4000 + 1000*i
		s.Values["cost"] = append(s.Values["cost"], cost)
		values := slices.Clone(secret)
		values[colIllness], values[colIll] = i%4, i%2
		values[colDrugs], values[colStay], values[colCost] = cost/2, cost/2, cost
		s.Peculiar[Victim] = append(s.Peculiar[Victim], values)
	}
	cost := s.Values["cost"][s.Secret["cost"]]
	secret[colDrugs], secret[colStay], secret[colCost] = cost/2, cost/2, cost
	return s
}

// firmsDataset is of organisations.
func firmsDataset() *enclave.Dataset {
	return &enclave.Dataset{
		Name: "firms", Owner: "health-commission", Grade: 1, Sharing: enclave.Conditional,
		Subject: enclave.Subject{Column: "id", Kind: enclave.Organisation},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "region", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"coast", "hills", "plain"}},
			{Name: "branch", Type: enclave.Code, Class: enclave.Quasi, Codes: []string{"bread", "glass", "paper", "steel"}},
			{Name: "staff", Type: enclave.Int, Class: enclave.Quasi, Min: "1", Max: "10000"},
			{Name: "turnover", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "100000000"},
		},
	}
}

// market is who else is large.
type market struct {
	rival  int64 // least turnover of the rival
	giants int   // others like the victim, in other places
}

// firms is a country of small firms, ten of each branch in each region, and the victim, who makes nearly all of the steel of the coast.
func firms(seed uint64, how market) *Scene {
	r := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // seeded on purpose
	s := &Scene{Tables: map[string]*lab.Table{}, Values: map[string][]int64{}, Secret: map[string]int{"turnover": r.IntN(16)}, Peculiar: map[string][][]int64{}}
	const large = int64(2_000_000)
	for i := range int64(16) {
		s.Values["turnover"] = append(s.Values["turnover"], large+i*large/16)
	}
	t := &lab.Table{Dataset: firmsDataset()}
	s.Tables["first"] = t
	small := func() int64 { return 1000 + r.Int64N(9000) }
	for i := range int64(120) {
		t.Add(strconv.FormatInt(i, 10), i%3, i/3%4, 1+r.Int64N(200), small())
	}
	for range 1600 {
		s.Prior = append(s.Prior, []int64{0, 0, 0, 0, small()})
	}
	add := func(name string, region, branch, staff int64, turnover func(i int) int64) {
		for i := range 160 {
			s.Peculiar[name] = append(s.Peculiar[name], []int64{0, 0, 0, 0, turnover(i)})
		}
		t.Add(name, region, branch, staff, turnover(r.IntN(160)))
	}
	add("rival", 0, 3, 3000, func(int) int64 { return how.rival + r.Int64N(how.rival/2) })
	for i := range int64(how.giants) {
		add("giant-"+strconv.FormatInt(i, 10), 1+i%2, i/2, 8000, func(i int) int64 { return s.Values["turnover"][i%16] })
	}
	add(Victim, 0, 3, 9000, func(i int) int64 { return s.Values["turnover"][i%16] })
	t.Rows[len(t.Rows)-1].Values[4] = s.Values["turnover"][s.Secret["turnover"]]
	return s
}
