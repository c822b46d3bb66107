package adversary

import (
	"maps"
	"slices"
)

// Trace is everything else that an operator saw of a sequence of runs, each thing by its name: how a run ended and why, how long it took in
// coarse steps, what was charged, which cells there are.
type Trace map[string]string

// Learn guesses at the secrets behind traces: of one half of them by the other. There it looks for the one thing that tells the secrets best
// apart, and takes it by its word. So a channel of any kind is found that speaks the same language each time, if there are enough traces.
func Learn(traces []Trace, secrets []int) []int {
	names := map[string]bool{}
	for _, t := range traces {
		for name := range t {
			names[name] = true
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	guesses := make([]int, len(traces))
	for half := range 2 {
		best, most := "", -1
		for _, name := range sorted {
			right := 0
			for _, counts := range tell(traces, secrets, name, half) {
				right += counts[likeliest(counts)]
			}
			if right > most {
				best, most = name, right
			}
		}
		says, all := tell(traces, secrets, best, half), map[int]int{}
		for i, secret := range secrets {
			if i%2 == half {
				all[secret]++
			}
		}
		for i, t := range traces {
			if i%2 == half {
				continue
			}
			counts, known := says[t[best]]
			if !known {
				counts = all
			}
			guesses[i] = likeliest(counts)
		}
	}
	return guesses
}

// tell counts the secrets behind each value of a thing, in one half of the traces.
func tell(traces []Trace, secrets []int, name string, half int) map[string]map[int]int {
	says := map[string]map[int]int{}
	for i, t := range traces {
		if i%2 != half {
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
