package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/adversary"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/lab"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/attacks"
)

// secrets is how many secrets each variant of an attack is played with.
func secrets() int {
	if testing.Short() {
		return 2
	}
	return 5
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
	stage := &stage{domain: start(t, app.Config{Workers: 32}), rules: rules, guests: guestRoom(t)} // a run waits for the ledger most of the time
	stage.enlist(secrets())
	var harnesses []*harness
	for _, a := range all {
		for i, v := range a.Variants {
			if testing.Short() && i > 0 {
				break // each attack is played, in one way
			}
			harnesses = append(harnesses, newHarness(a, v, stage))
		}
	}
	for _, h := range harnesses {
		h.begin(t)
	}
	t.Run("attacks", func(t *testing.T) {
		for _, a := range all {
			t.Run(a.Folder, func(t *testing.T) {
				t.Parallel()
				for _, h := range harnesses {
					if h.attack == a {
						t.Run(h.variant.Name, func(t *testing.T) {
							h.onEnclave(t)
							h.inLaboratory(t)
						})
					}
				}
			})
		}
	})
	for _, h := range harnesses {
		h.playing.Wait() // if not every one was asked for; in a cleanup, calls would be canceled
	}
}

// stage is what all variants are played on.
type stage struct {
	*domain
	rules  *policy.Engine
	guests *sandbox.Sandbox
	turns  chan struct{} // holds as many tokens as games may be played at once
}

// enlist makes as many pairs of operators: one organisation would wait for itself.
func (s *stage) enlist(n int) {
	s.turns = make(chan struct{}, 4*n)
	for i := range n {
		for _, org := range []string{acme, rival} {
			org = fmt.Sprint(org, "-", i)
			credential, err := s.clients["authority"].IssueIdentity(s.t.Context(), sdk.Identity{Role: sdk.Operator, Org: org, Name: "somebody"}, 0)
			ok(s.t, err)
			s.credentials[org] = credential
			s.dial(org)
		}
	}
}

// harness plays one variant.
type harness struct {
	attack  *attacks.Attack
	variant *attacks.Variant
	stage   *stage
	scenes  []*attacks.Scene
	profile enclave.Profile
	games   []*played
	playing sync.WaitGroup
}

func newHarness(a *attacks.Attack, v *attacks.Variant, on *stage) *harness {
	h := &harness{attack: a, variant: v, stage: on}
	for seed := range secrets() {
		h.scenes = append(h.scenes, attacks.Scenes()[v.Data](uint64(seed)))
	}
	var err error
	h.profile, err = on.rules.Profile(h.scenes[0].Tables["first"].Dataset, scenario)
	ok(on.t, err)
	h.games = make([]*played, len(h.scenes))
	return h
}

// begin plays it on the enclave, beside others.
func (h *harness) begin(t *testing.T) {
	t.Helper()
	for i, scene := range h.scenes {
		h.playing.Go(func() {
			h.stage.turns <- struct{}{}
			defer func() { <-h.stage.turns }()
			place := &served{domain: h.stage.domain, name: strings.ReplaceAll(fmt.Sprintf("%s-%s-%d", h.attack.Folder, h.variant.Name, i), " ", "-"), number: i}
			h.games[i] = play(t, h.attack, h.variant, scene, place, &h.profile)
		})
	}
}

// score has the adversary guess: by algebra at the secret itself, and from what else is seen in which half of its values it lies.
func (h *harness) score(t *testing.T, games []*played) (algebra, learned adversary.Score) {
	t.Helper()
	algebra.Chance, learned.Chance = 1/float64(len(h.scenes[0].Values[h.variant.Column])), 0.5
	var traces []adversary.Trace
	var halves []int
	for _, game := range games {
		if game == nil {
			t.Fatal("a game was not played to its end")
		}
		secret := game.scene.Secret[h.variant.Column]
		algebra.Add(game.guess(t, h.variant).Guess == secret)
		traces, halves = append(traces, game.trace()), append(halves, 2*secret/len(game.scene.Values[h.variant.Column]))
	}
	guesses := adversary.Learn(traces, halves)
	column := h.scenes[0].Tables["first"].Dataset.Columns
	if codes := column[h.scenes[0].Tables["first"].Dataset.Column(h.variant.Column)].Codes; codes != nil {
		learned.Chance = algebra.Chance
		halves = nil
		for _, game := range games {
			halves = append(halves, game.scene.Secret[h.variant.Column])
		}
		guesses = adversary.LearnLabels(traces, codes, halves)
	}
	for i, guess := range guesses {
		learned.Add(guess == halves[i])
	}
	return algebra, learned
}

// onEnclave judges what came of it on the enclave.
func (h *harness) onEnclave(t *testing.T) {
	t.Helper()
	h.playing.Wait()
	algebra, learned := h.score(t, h.games)
	t.Logf("%s: by algebra %s, by what else is seen %s", h.variant.Tries, &algebra, &learned)
	if h.variant.Residual == "" && (algebra.Suspicious() || learned.Suspicious()) {
		algebra, learned = h.again(t)
		if algebra.Learned() || learned.Learned() {
			t.Error("the secret is learned")
		}
	}
	h.sameReasons(t)
	if wins := float64(h.variant.Wins); h.variant.Residual != "" && !testing.Short() && 100*max(algebra.Rate(), learned.Rate()) < wins {
		if algebra, learned = h.again(t); 100*max(algebra.Rate(), learned.Rate()) < wins {
			t.Errorf("%s admits that this succeeds, and it does not", h.variant.Residual)
		}
	}
	for _, game := range h.games {
		h.stopped(t, game)
		if e := game.honest; e.outcome != enclave.Released || len(e.release.Rows) < h.variant.Honest.Rows {
			t.Errorf("an honest question was %s %v: %+v", e.outcome, e.reasons, e.release)
		}
		if t.Failed() {
			break
		}
	}
}

// again scores with many more secrets, in a laboratory: of a few, some are guessed by luck.
func (h *harness) again(t *testing.T) (algebra, learned adversary.Score) {
	t.Helper()
	more := &harness{attack: h.attack, variant: h.variant, stage: h.stage, profile: h.profile}
	for seed := range uint64(48) {
		scene := attacks.Scenes()[h.variant.Data](1000 + seed)
		more.scenes = append(more.scenes, scene)
		more.games = append(more.games, play(t, h.attack, h.variant, scene, newLaboratory(t, h.stage, nil), &h.profile))
	}
	algebra, learned = more.score(t, more.games)
	t.Logf("with more secrets: by algebra %s, by what else is seen %s", &algebra, &learned)
	return algebra, learned
}

// sameReasons checks what a laboratory does not have: that reasons say no more than outcomes, and that what is charged says nothing.
func (h *harness) sameReasons(t *testing.T) {
	t.Helper()
	for i := range h.games[0].runs {
		reasons := map[string]string{}
		for _, game := range h.games {
			trace := game.runs[i].trace
			outcome := trace["outcome"] + " " + trace["stage"]
			if said, before := reasons[outcome]; before && said != trace["reasons"] {
				t.Errorf("run %d was %s for %s and for %s", i, outcome, said, trace["reasons"])
			}
			reasons[outcome] = trace["reasons"]
			if trace["fuel"] != h.games[0].runs[i].trace["fuel"] {
				t.Errorf("run %d was charged %s and %s", i, trace["fuel"], h.games[0].runs[i].trace["fuel"])
			}
		}
	}
}

// stopped checks that the mechanism which is meant for the attack did something about it, by the authority's report.
func (h *harness) stopped(t *testing.T, game *played) {
	t.Helper()
	if h.variant.Residual != "" {
		return
	}
	run := &game.runs[h.variant.StoppedAt(len(game.runs))]
	var does bool
	switch h.variant.Stopped.By {
	case "refusal":
		does = run.outcome != enclave.Released && run.outcome != enclave.Held
	case string(lab.People):
		does = run.outcome == enclave.Held
	case "blind":
		does = run.outcome == enclave.Released
	case string(lab.Budget):
		does = run.outcome == enclave.Denied && slices.Contains(run.reasons, "HISTORY_BUDGET")
	case string(lab.Complement):
		does = run.facts != nil && run.facts.Cells.Complement > 0
	case string(lab.History):
		does = run.facts != nil && run.facts.Cells.History > 0
	default:
		does = run.facts != nil && run.facts.Cells.Primary > 0
	}
	if reason := h.variant.Stopped.Reason; reason != "" {
		does = does && slices.Contains(run.reasons, reason)
	}
	if !does {
		t.Errorf("%s did not stop it: %s %v %+v", h.variant.Stopped.By, run.outcome, run.reasons, run.facts)
	}
}

// inLaboratory plays it with everything in place, to see which rule took the cells, and with the mechanism switched off.
func (h *harness) inLaboratory(t *testing.T) {
	t.Helper()
	if h.variant.Residual == "" {
		h.ruled(t)
	}
	if testing.Short() {
		return
	}
	if len(h.variant.Off) == 0 {
		if h.variant.Why == "" {
			t.Error("nothing is switched off, and it does not say why")
		}
		return
	}
	games := make([]*played, len(h.scenes))
	for i, scene := range h.scenes {
		games[i] = play(t, h.attack, h.variant, scene, newLaboratory(t, h.stage, h.variant.Off), &h.profile)
	}
	algebra, learned := h.score(t, games)
	t.Logf("without %v: by algebra %s, by what else is seen %s", h.variant.Off, &algebra, &learned)
	if best := max(algebra.Rate(), learned.Rate()); 100*best < float64(h.variant.Wins) {
		t.Errorf("without %v the adversary should win, and does not", h.variant.Off)
	}
}

// ruled checks that the laboratory decides as the enclave did, and that the rule which is meant for the attack took cells.
func (h *harness) ruled(t *testing.T) {
	t.Helper()
	there, here := h.games[0], play(t, h.attack, h.variant, h.scenes[0], newLaboratory(t, h.stage, nil), &h.profile)
	for i := range here.runs {
		one, other := &there.runs[i], &here.runs[i]
		if one.outcome != other.outcome && other.outcome != enclave.Failed || // which an operator does not hear of a guest that sees rows
			one.facts != nil && one.facts.Cells != other.facts.Cells {
			t.Errorf("run %d was %s %+v on the enclave and %s %+v in the laboratory", i, one.outcome, one.facts, other.outcome, other.facts)
		}
	}
	if by := h.variant.Stopped.By; slices.Contains(lab.Rules(), by) {
		if rules := here.runs[h.variant.StoppedAt(len(here.runs))].rules; rules[by] == 0 {
			t.Errorf("no cell was taken by %s: %v", by, rules)
		}
	}
}
