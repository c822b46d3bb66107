package adversary

import (
	"maps"
	"slices"
	"strings"
)

// Trace is everything else that an operator saw of a sequence of runs, each thing by its name: how a run ended and why, how long it took in
// coarse steps, what was charged, which cells there are.
type Trace map[string]string

// Learn guesses at the secrets behind traces: at each by all the others. There it looks for the one thing that tells the secrets best apart, and
// takes it by its word. So a channel of any kind is found that speaks the same language each time, if there are enough traces. Where nothing
// tells more than the commonest secret does, it takes another trace's secret.
func Learn(traces []Trace, secrets []int) []int {
	guesses := make([]int, len(traces))
	names := namesOf(traces)
	for out := range traces {
		all := map[int]int{}
		for i, secret := range secrets {
			if i != out {
				all[secret]++
			}
		}
		best, most := "", all[likeliest(all)]
		for _, name := range names {
			right := 0
			for _, counts := range tell(traces, secrets, name, out) {
				right += counts[likeliest(counts)]
			}
			if right > most {
				best, most = name, right
			}
		}
		counts := tell(traces, secrets, best, out)[traces[out][best]]
		if best == "" || counts == nil {
			guesses[out] = secrets[(out*7+3)%len(secrets)]
			continue
		}
		guesses[out] = likeliest(counts)
	}
	return guesses
}

func namesOf(traces []Trace) []string {
	names := map[string]bool{}
	for _, t := range traces {
		for name := range t {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// tell counts the secrets behind each value of a thing, one trace left out.
func tell(traces []Trace, secrets []int, name string, out int) map[string]map[int]int {
	says := map[string]map[int]int{}
	for i, t := range traces {
		if i == out {
			continue
		}
		if says[t[name]] == nil {
			says[t[name]] = map[int]int{}
		}
		says[t[name]][secrets[i]]++
	}
	return says
}

// likeliest is the secret that was counted most, the least of several.
func likeliest(counts map[int]int) int {
	best := 0
	for i, secret := range slices.Sorted(maps.Keys(counts)) {
		if i == 0 || counts[secret] > counts[best] {
			best = secret
		}
	}
	return best
}

// LearnLabels is Learn where secrets are labels that stand in traces themselves, in double quotes: it looks at each trace once for each label, with
// "it" in that label's place and "another" in all others', and learns what the true one looks like. So it finds a channel that says of any label the
// same, such as which of them is missing.
func LearnLabels(traces []Trace, labels []string, secrets []int) []int {
	seen := make([][]Trace, len(traces)) // by trace and label
	var all []Trace
	for i, t := range traces {
		for c := range labels {
			seen[i] = append(seen[i], t.about(labels, c))
		}
		all = append(all, seen[i]...)
	}
	guesses := make([]int, len(traces))
	for out := range traces {
		best, most := []float64(nil), 0.0
		for _, name := range namesOf(all) {
			are, others := map[string]float64{}, map[string]float64{}
			for i := range traces {
				if i == out {
					continue
				}
				for c := range labels {
					if c == secrets[i] {
						are[seen[i][c][name]]++
					} else {
						others[seen[i][c][name]]++
					}
				}
			}
			rate := func(i int) []float64 {
				rates := make([]float64, len(labels))
				for c := range labels {
					v := seen[i][c][name]
					rates[c] = (are[v] + 0.1) / (are[v] + others[v] + 0.1*float64(len(labels)))
				}
				return rates
			}
			right := 0.0
			for i := range traces {
				if i != out {
					right += top(rate(i), secrets[i])
				}
			}
			if right > most {
				best, most = rate(out), right
			}
		}
		for c := range labels {
			if best[c] > best[guesses[out]] {
				guesses[out] = c
			}
		}
	}
	return guesses
}

// top is 1 if a rate is the greatest, a part of it if others are as great, else 0.
func top(rates []float64, at int) float64 {
	as := 0
	for _, r := range rates {
		if r > rates[at] {
			return 0
		}
		if r == rates[at] {
			as++
		}
	}
	return 1 / float64(as)
}

// about is a trace as it looks to who asks about one of some labels.
func (t Trace) about(labels []string, of int) Trace {
	var pairs []string
	for c, label := range labels {
		as := "another"
		if c == of {
			as = "it"
		}
		pairs = append(pairs, `"`+label+`"`, as)
	}
	replacer, out := strings.NewReplacer(pairs...), Trace{}
	for name, value := range t {
		name = replacer.Replace(name)
		if out[name] != "" {
			value = "several"
		}
		out[name] = value
	}
	return out
}
