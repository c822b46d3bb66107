package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/adversary"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/testdata/attacks"
)

// secrets is how many secrets each variant of an attack is played with.
func secrets() uint64 {
	if testing.Short() {
		return 3
	}
	return 12
}

// TestPlayedAttacks plays every attack of testdata/attacks on a served enclave, with several secrets, and has the adversary guess at them from
// everything that was seen. It must not be right more often than chance explains; the mechanism that is meant for the attack must be what
// stopped it; an honest question must still be answered. And with that mechanism switched off, the same adversary must win, or it would prove
// nothing that it does not.
func TestPlayedAttacks(t *testing.T) {
	t.Parallel()
	all, err := attacks.All()
	ok(t, err)
	rules, err := policy.Default()
	ok(t, err)
	d := start(t, app.Config{Workers: 32}) // a run waits for the ledger most of the time
	guests, uploads := guestRoom(t), make(chan struct{}, 4)
	t.Run("attacks", func(t *testing.T) {
		for _, a := range all {
			for _, v := range a.Variants {
				t.Run(a.Folder+"/"+v.Name, func(t *testing.T) {
					t.Parallel()
					mine := *d
					mine.t = t
					h := &harness{t: t, attack: a, variant: v, domain: &mine, rules: rules, uploads: uploads}
					h.scenes(secrets())
					h.enclave()
					h.without(func(off []lab.Mechanism) site { return newLaboratory(t, rules, guests, off) })
				})
			}
		}
	})
}

// harness plays one variant.
type harness struct {
	t       *testing.T
	attack  *attacks.Attack
	variant *attacks.Variant
	domain  *domain
	uploads chan struct{}
	rules   *policy.Engine
	all     []*attacks.Scene
}

func (h *harness) scenes(n uint64) {
	for seed := range n {
		h.all = append(h.all, attacks.Scenes()[h.variant.Data](seed))
	}
}

func (h *harness) profile() *enclave.Profile {
	profile, err := h.rules.Profile(h.all[0].Tables["first"].Dataset, scenario)
	ok(h.t, err)
	return &profile
}

// rounds plays the variant with every secret, and scores the two guesses.
func (h *harness) rounds(at func(i int) site) (games []*played, algebra, learned adversary.Score) {
	h.t.Helper()
	games = make([]*played, len(h.all))
	var group sync.WaitGroup
	for i, scene := range h.all {
		place := at(i)
		group.Go(func() { games[i] = play(h.t, h.attack, h.variant, scene, place, h.profile()) })
	}
	group.Wait()
	algebra.Chance, learned.Chance = 1/float64(len(h.all[0].Values[h.variant.Column])), 0.5
	var traces []adversary.Trace
	var halves []int
	for _, game := range games {
		if game == nil {
			h.t.FailNow()
		}
		secret := game.scene.Secret[h.variant.Column]
		belief := game.guess(h.t, h.variant)
		algebra.Add(belief.Guess == secret)
		traces, halves = append(traces, game.trace()), append(halves, 2*secret/len(game.scene.Values[h.variant.Column]))
	}
	for i, guess := range adversary.Learn(traces, halves) {
		learned.Add(guess == halves[i])
	}
	return games, algebra, learned
}

// enclave plays it on the enclave.
func (h *harness) enclave() {
	h.t.Helper()
	games, algebra, learned := h.rounds(func(i int) site {
		return &served{domain: h.domain, uploads: h.uploads, name: strings.ToLower(fmt.Sprintf("%s-%s-%d", h.attack.Folder, h.variant.Name, i))}
	})
	h.t.Logf("%s: by algebra %s, by what else is seen %s", h.variant.Tries, &algebra, &learned)
	if h.variant.Residual == "" && (algebra.Learned() || learned.Learned()) {
		h.t.Error("the secret is learned")
	}
	if h.variant.Residual != "" && !algebra.Learned() && !testing.Short() {
		h.t.Errorf("%s admits that this succeeds, and it does not", h.variant.Residual)
	}
	for _, game := range games {
		h.stopped(game)
		if e := game.honest; e.outcome != enclave.Released || len(e.release.Rows) < h.variant.Honest.Rows {
			h.t.Errorf("an honest question was %s %v: %+v", e.outcome, e.reasons, e.release)
		}
		if h.t.Failed() {
			break
		}
	}
}

// stopped checks that the mechanism which is meant for the attack did something about it, by the authority's report.
func (h *harness) stopped(game *played) {
	h.t.Helper()
	if h.variant.Residual != "" {
		return
	}
	s := h.variant.Stopped
	run := &game.runs[len(game.runs)-1]
	if s.Run > 0 {
		run = &game.runs[s.Run-1]
	}
	does := false
	switch s.By {
	case "refusal":
		does = run.outcome != enclave.Released && run.outcome != enclave.Held
	case "people":
		does = run.outcome == enclave.Held
	case "blind":
		does = run.outcome == enclave.Released
	case string(lab.Budget):
		does = run.outcome == enclave.Denied && slices.Contains(run.reasons, "HISTORY_BUDGET")
	case string(lab.Complement):
		does = run.facts != nil && run.facts.Cells.Complement > 0
	default:
		does = run.facts != nil && run.facts.Cells.Primary > 0
	}
	if s.Reason != "" {
		does = does && slices.Contains(run.reasons, s.Reason)
	}
	if !does {
		h.t.Errorf("%s did not stop it: %s %v %+v", s.By, run.outcome, run.reasons, run.facts)
	}
}

// without plays it in laboratories: with everything in place, to see which rule took the cells, and with the mechanism switched off.
func (h *harness) without(place func(off []lab.Mechanism) site) {
	h.t.Helper()
	if slices.Contains(lab.Rules(), h.variant.Stopped.By) && h.variant.Residual == "" {
		game := play(h.t, h.attack, h.variant, h.all[0], place(nil), h.profile())
		at := len(game.runs) - 1
		if h.variant.Stopped.Run > 0 {
			at = h.variant.Stopped.Run - 1
		}
		if game.runs[at].rules[h.variant.Stopped.By] == 0 {
			h.t.Errorf("no cell was taken by %s: %v", h.variant.Stopped.By, game.runs[at].rules)
		}
	}
	if len(h.variant.Off) == 0 {
		if h.variant.Why == "" {
			h.t.Error("nothing is switched off, and it does not say why")
		}
		return
	}
	_, algebra, learned := h.rounds(func(int) site { return place(h.variant.Off) })
	h.t.Logf("without %v: by algebra %s, by what else is seen %s", h.variant.Off, &algebra, &learned)
	if best := max(algebra.Rate(), learned.Rate()); 100*best < float64(h.variant.Wins) {
		h.t.Errorf("without %v the adversary should win, and does not: %s, %s", h.variant.Off, &algebra, &learned)
	}
}

// preview reads an output in a laboratory.
func preview(t *testing.T, raw []byte) (header []string, rows [][]string) {
	t.Helper()
	header, values, _, err := treat.Preview(raw, 1000)
	ok(t, err)
	for _, row := range values {
		var texts []string
		for _, v := range row {
			if v == nil {
				texts = append(texts, "")
				continue
			}
			texts = append(texts, *v)
		}
		rows = append(rows, texts)
	}
	return header, rows
}
