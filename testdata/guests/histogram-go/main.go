// Command histogram-go is an honest program in Go: of each sex, the visits in ten groups of equal size by cost, from the cheapest to the
// dearest, each with its mean cost and mean age. A sex with fewer visits than the parameter min_visits is left out.
package main

import (
	"slices"

	"github.com/darkroom-project/darkroom/sdk/guest"
)

func init() { guest.Program(setup) } //nolint:gochecknoinits // how a Go guest registers

func main() {}

type visit struct{ cost, age int64 }

const groups = 10

func setup(p *guest.Params) (guest.Steps, error) {
	asOf, least := p.Int64("as_of"), p.Int64("min_visits")
	var visits [2][]visit // by code of sex
	return guest.Steps{
		Batch: func(b *guest.Batch) error {
			sex, born, cost := b.Code("sex"), b.Int64("birth_year"), b.Int64("cost")
			for i := range b.Valid("sex", "cost").Rows() {
				visits[sex[i]] = append(visits[sex[i]], visit{cost[i], asOf - born[i]})
			}
			return nil
		},
		Finish: func(out *guest.Table) error {
			for sex, of := range visits {
				if int64(len(of)) < max(least, groups) {
					continue
				}
				slices.SortFunc(of, func(a, b visit) int { return int(a.cost - b.cost) })
				for g := range groups {
					in := of[g*len(of)/groups : (g+1)*len(of)/groups]
					var cost, age int64
					for _, v := range in {
						cost += v.cost
						age += v.age
					}
					out.Enum("sex").Append(int32(sex))
					out.Int64("tenth").Append(int64(g + 1))
					out.Int64("visits").Append(int64(len(in)))
					out.Decimal("mean_cost").Append(float64(cost) / float64(len(in)) / 100)
					out.Decimal("mean_age").Append(float64(age) / float64(len(in)))
				}
			}
			return nil
		},
	}, nil
}
