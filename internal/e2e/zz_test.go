package e2e_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/darkroom-project/darkroom/internal/adversary"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/testdata/attacks"
)

func TestZZ(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("ZZ"))
	if n == 0 {
		t.Skip()
	}
	all, _ := attacks.All()
	rules, _ := policy.Default()
	d := &domain{t: t}
	on := &stage{domain: d, rules: rules, guests: guestRoom(t)}
	for _, a := range all {
		for _, v := range a.Variants {
			if v.Data != "town" && v.Data != "padded" && os.Getenv("ZZALL") == "" {
				continue
			}
			t.Run(a.Folder+"/"+v.Name, func(t *testing.T) {
				t.Parallel()
				h := newHarness(a, v, on)
				h.scenes, h.games = nil, nil
				for seed := range n {
					s := attacks.Scenes()[v.Data](uint64(seed))
					h.scenes = append(h.scenes, s)
					h.games = append(h.games, play(t, a, v, s, newLaboratory(t, on, nil), &h.profile))
				}
				algebra, learned := h.score(t, h.games)
				flag := ""
				if algebra.Luck() < 0.02 || learned.Luck() < 0.02 {
					flag = "!!!"
				}
				t.Log(flag, &algebra, "luck", algebra.Luck(), &learned, "luck", learned.Luck())
				_ = adversary.Score{}
			})
		}
	}
}

func TestZOne(t *testing.T) {
	name := os.Getenv("ZONE")
	if name == "" {
		t.Skip()
	}
	all, _ := attacks.All()
	rules, _ := policy.Default()
	on := &stage{domain: &domain{t: t}, rules: rules, guests: guestRoom(t)}
	for _, a := range all {
		for _, v := range a.Variants {
			if a.Folder+"/"+v.Name != name {
				continue
			}
			h := newHarness(a, v, on)
			l := newLaboratory(t, on, nil)
			if os.Getenv("OFF") != "" {
				l = newLaboratory(t, on, v.Off)
			}
			g := play(t, a, v, h.scenes[0], l, &h.profile)
			for _, e := range append(g.runs, g.honest) {
				t.Log(e.outcome, e.reasons, e.rules)
				if e.release != nil {
					t.Log(e.release.Header)
					for _, r := range e.release.Rows {
						t.Log(r)
					}
				}
			}
			s := g.scene.Secret[v.Column]
			t.Log("secret", s, g.scene.Values[v.Column][s])
			t.Logf("%+v", g.guess(t, v))
		}
	}
}
