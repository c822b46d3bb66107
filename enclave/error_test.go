package enclave_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

func TestErrorIsFoundByReason(t *testing.T) {
	err := fmt.Errorf("store: %w", enclave.Fail(enclave.State, "HISTORY_MOVED"))
	if !errors.Is(err, enclave.Fail(enclave.State, "HISTORY_MOVED")) || errors.Is(err, enclave.Fail(enclave.State, "INTERNAL")) {
		t.Error("a reason is not found by itself alone")
	}
	if e := enclave.AsError(err); e.Kind != enclave.State || e.Reason != "HISTORY_MOVED" {
		t.Errorf("got %+v", e)
	}
	if enclave.KindOf(errors.Join(err, errors.New("beside"))) != enclave.State {
		t.Error("a joined error loses its kind")
	}
}

// TestUnknownErrorsStayInside: their text is for the log and never part of what a person outside reads.
func TestUnknownErrorsStayInside(t *testing.T) {
	secret := errors.New("row 17: 李雷")
	for _, err := range []error{secret, enclave.Internalf("open: %w", secret), enclave.Fail(enclave.Invalid, "DIGEST_MALFORMED").Because(secret)} {
		e := enclave.AsError(err)
		if strings.Contains(e.In(enclave.English)+e.In(enclave.Chinese), "李雷") {
			t.Errorf("%s tells its cause", e.Reason)
		}
		if !strings.Contains(e.Error(), "李雷") || !errors.Is(e, secret) {
			t.Errorf("%s lost its cause for the log", e.Reason)
		}
	}
	if enclave.KindOf(secret) != enclave.Internal || enclave.AsError(nil) != nil {
		t.Error("what is not ours is internal, and nothing is nothing")
	}
}

func TestRefusalKeepsEveryReason(t *testing.T) {
	e := enclave.Refusal(enclave.Judgement{Decision: enclave.Deny, Reasons: []enclave.Reason{{Code: "A", Args: map[string]string{"x": "1"}}, {Code: "B"}}})
	if got := e.Reasons(); e.Kind != enclave.Refused || len(got) != 2 || got[0].Code != "A" || got[0].Args["x"] != "1" || got[1].Code != "B" {
		t.Errorf("got %+v", got)
	}
}

func TestDigest(t *testing.T) {
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, appendix B.1
	d := enclave.DigestOf([]byte("abc"))
	if d.String() != abc || d.IsZero() || !(enclave.Digest{}).IsZero() {
		t.Errorf("got %s", d)
	}
	text, err := json.Marshal(d)
	if err != nil || string(text) != `"`+abc+`"` {
		t.Errorf("%s, %v", text, err)
	}
	var back enclave.Digest
	if err := json.Unmarshal(text, &back); err != nil || back != d {
		t.Errorf("%s, %v", back, err)
	}
	for _, bad := range []string{"", abc[1:], abc + "0", "g" + abc[1:]} {
		if _, err := enclave.ParseDigest(bad); enclave.KindOf(err) != enclave.Invalid {
			t.Errorf("%q was read (%v)", bad, err)
		}
	}
}

func TestNewAct(t *testing.T) {
	now := time.Date(2026, 3, 1, 9, 0, 0, 1_999_999, time.FixedZone("", 8*3600))
	act := enclave.NewAct(now, enclave.Caller{Role: enclave.Authority}, "grant.assess", "grants/x", "decision", "yes")
	if act.Time.Location() != time.UTC || act.Time.Nanosecond() != 1_000_000 || act.Detail["decision"] != "yes" {
		t.Errorf("got %+v", act)
	}
	if !regexp.MustCompile(`^[a-z2-7]{26}$`).MatchString(act.ID) || act.ID == enclave.NewID() {
		t.Errorf("id %s", act.ID)
	}
}

func TestPlanReads(t *testing.T) {
	plan := &enclave.Plan{
		Dataset: visits(), Shown: []int{3, 1}, Summed: []int{4},
		Keys: []enclave.Key{{Module: 0, Column: -1}, {Module: -1, Column: 1}, {Module: 1, Column: -1}},
	}
	if got := fmt.Sprint(plan.ColumnsRead()); got != "[1 3 4]" || plan.ModuleKeys() != 2 {
		t.Errorf("reads %s, %d module keys", got, plan.ModuleKeys())
	}
}
