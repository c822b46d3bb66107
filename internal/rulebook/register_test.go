package rulebook_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/rulebook"
	"github.com/darkroom-project/darkroom/internal/store"
	"github.com/darkroom-project/darkroom/policy"
)

var (
	wu   = enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "wu"}
	chen = enclave.Caller{Role: enclave.Authority, Org: "bureau", Name: "chen"}
)

// world is a register over a real store.
type world struct {
	*rulebook.Register
	t               *testing.T
	dir             string
	private, public []byte
	store           *store.Store
	files           *store.Files

	mu   sync.Mutex
	acts []enclave.Act
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	var err error
	w.private, w.public, err = policy.GenerateKey()
	ok(t, err)
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *world) open() {
	w.t.Helper()
	var err error
	w.store, err = store.Open(w.t.Context(), filepath.Join(w.dir, "db"), func(act enclave.Act) (store.Sealed, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.acts = append(w.acts, act)
		body, err := json.Marshal(act)
		return store.Sealed{ID: act.ID, Body: string(body)}, err
	})
	ok(w.t, err)
	w.files, err = store.OpenFiles(filepath.Join(w.dir, "files"))
	ok(w.t, err)
	w.Register, err = w.reopened(w.public)
	ok(w.t, err)
}

func (w *world) reopened(key []byte) (*rulebook.Register, error) {
	return rulebook.Open(context.WithoutCancel(w.t.Context()), rulebook.Config{
		Store: w.store.Policies(), Files: w.files, Key: key, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
}

func (w *world) close() {
	ok(w.t, w.store.Close())
	ok(w.t, w.files.Close())
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// oneByOne skips a test in short mode that uses a register of its own, one call after the other; TestOneOfManyAgrees has them at once.
func oneByOne(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("nothing in it is concurrent, and rules are compiled and tried many times")
	}
}

func wants(t *testing.T, err error, reason string) {
	t.Helper()
	if e := enclave.AsError(err); e == nil || e.Reason != reason {
		t.Errorf("%v, not %s", err, reason)
	}
}

// files are the rules in force.
func (w *world) ruled() []policy.File { return w.Engine().Describe().Files }

// bundle is a signed bundle of the rules in force with one number changed.
func (w *world) bundle(place, value string) []byte {
	w.t.Helper()
	files, err := policy.Set(w.ruled(), place, value)
	ok(w.t, err)
	return w.packed(files, w.private)
}

func (w *world) packed(files []policy.File, key []byte) []byte {
	w.t.Helper()
	files, err := policy.Sign(files, key)
	ok(w.t, err)
	archive, err := policy.EncodeArchive(files)
	ok(w.t, err)
	return archive
}

func (w *world) threshold() int64 {
	w.t.Helper()
	p, err := w.Active().Profile(&enclave.Dataset{Grade: 1, Subject: enclave.Subject{Kind: enclave.Person}}, "census")
	ok(w.t, err)
	return p.Threshold
}

func TestASecondPersonPutsRulesInForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, first := t.Context(), w.Active().Revision()
	change, err := w.Propose(ctx, wu, w.bundle("person.scenarios.census.threshold", "20"), "the census is finer than it was")
	ok(t, err)
	if change.State != rulebook.Waiting || w.threshold() != 10 || change.Base != first {
		t.Fatalf("%+v, threshold %d", change, w.threshold())
	}
	if want := []policy.Change{{Place: "profiles.person.scenarios.census.threshold", After: "20"}}; !slices.Equal(change.Difference, want) {
		t.Errorf("%+v", change.Difference)
	}
	_, err = w.Agree(ctx, wu, change.ID)
	wants(t, err, "POLICY_SECOND_PERSON")
	other := wu
	other.Role = enclave.Reviewer
	_, err = w.Agree(ctx, other, change.ID)
	wants(t, err, "POLICY_AUTHORITY_ONLY")
	for _, role := range []enclave.Role{enclave.Operator, enclave.SourceOrg, enclave.Reviewer, enclave.Auditor} {
		_, err = w.Agree(ctx, enclave.Caller{Role: role, Org: "bureau", Name: "chen"}, change.ID)
		wants(t, err, "POLICY_AUTHORITY_ONLY")
		_, err = w.Propose(ctx, enclave.Caller{Role: role, Org: "bureau", Name: "chen"}, w.bundle("person.base.threshold", "11"), "")
		wants(t, err, "POLICY_AUTHORITY_ONLY")
	}
	_, err = w.Agree(ctx, chen, enclave.NewID())
	wants(t, err, "POLICY_CHANGE_NOT_FOUND")
	if w.threshold() != 10 {
		t.Fatal("in force too early")
	}
	agreed, err := w.Agree(ctx, chen, change.ID)
	ok(t, err)
	if agreed.State != rulebook.Active || w.threshold() != 20 || w.Active().Revision() != change.Revision {
		t.Fatalf("%+v, threshold %d", agreed, w.threshold())
	}
	_, err = w.Agree(ctx, chen, change.ID)
	wants(t, err, "POLICY_CHANGE_DECIDED")
	// The revision before is still there for runs that are pinned to it.
	old, err := w.Revision(first)
	ok(t, err)
	if old.Revision() != first {
		t.Error("another revision")
	}
	_, err = w.Revision(enclave.DigestOf([]byte("never")))
	wants(t, err, "POLICY_REVISION_GONE")
	act := w.acts[len(w.acts)-1]
	if act.Verb != "policy.activate" || act.Actor != chen || act.Detail["proposer"] != "bureau/wu" || act.Detail["revision"] != change.Revision.String() ||
		act.Detail["base"] != first.String() || act.Detail["changes"] != "profiles.person.scenarios.census.threshold: – → 20" {
		t.Errorf("%+v", act)
	}
	// And after a restart.
	w.close()
	w.open()
	if w.threshold() != 20 {
		t.Error("a restart undid it")
	}
	if old, err = w.Revision(first); err != nil || old.Revision() != first {
		t.Errorf("%v after a restart", err)
	}
}

func TestWhatIsStaleOrRejectedNeverComesInForce(t *testing.T) {
	oneByOne(t)
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	one, err := w.Propose(ctx, wu, w.bundle("person.base.threshold", "12"), "")
	ok(t, err)
	two, err := w.Propose(ctx, chen, w.bundle("person.base.threshold", "15"), "")
	ok(t, err)
	three, err := w.Propose(ctx, wu, w.bundle("person.base.threshold", "14"), "")
	ok(t, err)
	_, err = w.Reject(ctx, chen, three.ID)
	ok(t, err)
	_, err = w.Agree(ctx, chen, three.ID)
	wants(t, err, "POLICY_CHANGE_DECIDED")
	_, err = w.Agree(ctx, wu, two.ID)
	ok(t, err)
	_, err = w.Agree(ctx, chen, one.ID)
	wants(t, err, "POLICY_CHANGE_STALE")
	if w.threshold() != 15 {
		t.Errorf("threshold %d", w.threshold())
	}
	_, err = w.Propose(ctx, wu, w.packed(w.ruled(), w.private), "")
	wants(t, err, "POLICY_UNCHANGED")
	// The same change does not wait twice; what was rejected or overtaken may be proposed again.
	_, err = w.Propose(ctx, wu, w.bundle("person.base.threshold", "14"), "")
	ok(t, err)
	_, err = w.Propose(ctx, chen, w.bundle("person.base.threshold", "14"), "")
	wants(t, err, "POLICY_CHANGE_WAITS")
	_, err = w.Propose(ctx, wu, w.bundle("person.base.threshold", "16"), "hidden \u200b")
	wants(t, err, "POLICY_NOTE_BAD")
	states := map[rulebook.State]int{}
	list, _, err := w.List(ctx, enclave.Page{Size: 10})
	ok(t, err)
	for i := range list {
		states[list[i].State]++
	}
	if len(list) != 5 || states[rulebook.Active] != 1 || states[rulebook.Replaced] != 1 || states[rulebook.Waiting] != 2 || states[rulebook.Rejected] != 1 {
		t.Errorf("%v", states)
	}
}

func TestBackToAnEarlierRevision(t *testing.T) {
	oneByOne(t)
	t.Parallel()
	w := newWorld(t)
	ctx, first, builtIn := t.Context(), w.Active().Revision(), w.ruled()
	change, err := w.Propose(ctx, wu, w.bundle("person.base.threshold", "12"), "")
	ok(t, err)
	_, err = w.Agree(ctx, chen, change.ID)
	ok(t, err)
	back, err := w.Propose(ctx, chen, w.packed(builtIn, w.private), "too strict")
	ok(t, err)
	_, err = w.Agree(ctx, wu, back.ID)
	ok(t, err)
	if w.Active().Revision() != first || w.threshold() != 10 {
		t.Errorf("threshold %d", w.threshold())
	}
	w.close()
	w.open()
	if w.Active().Revision() != first {
		t.Error("a restart undid it")
	}
}

// TestBadBundlesChangeNothing is the catalogue of bundles that must not come in force: each is refused with a reason that says why, and the rules
// in force stay.
func TestBadBundlesChangeNothing(t *testing.T) {
	oneByOne(t)
	t.Parallel()
	w := newWorld(t)
	before := w.Active().Revision()
	with := func(path, text string) []policy.File {
		files := slices.DeleteFunc(slices.Clone(w.ruled()), func(f policy.File) bool { return f.Path == path })
		return append(files, policy.File{Path: path, Text: text})
	}
	// Without their tests, which the type checker would refuse beside rules of another kind.
	only := func(point, rule string) []policy.File {
		return slices.DeleteFunc(with("darkroom/"+point+".rego", "package darkroom."+point+"\n\n"+rule+"\n"), func(f policy.File) bool {
			return f.Path == "darkroom/"+point+"_test.rego"
		})
	}
	release := func(rule string) []policy.File { return only("release", rule) }
	unsigned, err := policy.EncodeArchive(w.ruled())
	ok(t, err)
	stranger, _, err := policy.GenerateKey()
	ok(t, err)
	tampered := func(path string) []byte {
		files, err := policy.Sign(w.ruled(), w.private)
		ok(t, err)
		for i := range files {
			if files[i].Path == path {
				files[i].Text = strings.Replace(strings.Replace(files[i].Text, "10", "11", 1), "package ", "package  ", 1)
			}
		}
		archive, err := policy.EncodeArchive(files)
		ok(t, err)
		return archive
	}
	everything := `"version", "form", "exact", "automatic", "published", "threshold", "dominance", "p_percent", "homogeneity", "derivable", "history", "budget", "rounding"`
	catalogue := map[string]struct {
		bundle []byte
		reason string
		says   string
	}{
		"no tarball":    {[]byte("rules"), "POLICY_BUNDLE_INVALID", "gzip"},
		"unsigned":      {unsigned, "POLICY_BUNDLE_UNSIGNED", "not signed"},
		"another key":   {w.packed(with("grants/data.json", `{"max_term_days": 365}`), stranger), "POLICY_SIGNATURE_INVALID", "signature"},
		"a floor":       {w.bundle("person.base.threshold", "2"), "POLICY_NUMBER_RANGE", "profiles.person.base.threshold"},
		"a slip":        {w.packed(with("grants/data.json", `{"max_term_day": 365}`), w.private), "POLICY_BUNDLE_INVALID", "grants.max_term_day"},
		"a number gone": {w.bundle("organisation.base.p_percent", ""), "POLICY_NUMBER_MISSING", "profiles.organisation.base.p_percent"},
		"undefined":     {w.packed(release("result := input.nothing"), w.private), "POLICY_BUNDLE_CANARY", "no answer"},
		"empty":         {w.packed(release("result := {}"), w.private), "POLICY_BUNDLE_CANARY", "no answer"},
		"not boolean":   {w.packed(only("access", `allow := "yes"`), w.private), "POLICY_BUNDLE_CANARY", "no answer"},
		"division":      {w.packed(release(`result := {"decision": "deny", "passed": [], "reasons": [{"code": "HISTORY", "args": {}}]} if not 1 / (count(input) - count(input)) == 2`), w.private), "POLICY_BUNDLE_CANARY", "no answer"},
		"a built-in":    {w.packed(release(`result := http.send({"method": "get", "url": "http://example.com"})`), w.private), "POLICY_BUNDLE_INVALID", "undefined function http.send"},
		"the clock":     {w.packed(release(`result := time.now_ns()`), w.private), "POLICY_BUNDLE_INVALID", "undefined function time.now_ns"},
		"yes to all":    {w.packed(release(`result := {"decision": "release", "passed": [`+everything+`], "reasons": []}`), w.private), "POLICY_BUNDLE_CANARY", "let through"},
		"a lockout": {w.packed(with("darkroom/access.rego", strings.Replace(fileOf(w.ruled(), "darkroom/access.rego"),
			"\t\"/darkroom.v1.PolicyService/ProposePolicy\",\n", "", 1)), w.private), "POLICY_BUNDLE_CANARY", "refused"},
		"no tests":     {w.packed(slices.DeleteFunc(slices.Clone(w.ruled()), func(f policy.File) bool { return strings.HasSuffix(f.Path, "_test.rego") }), w.private), "POLICY_BUNDLE_UNTESTED", "tests"},
		"a test fails": {w.packed(with("darkroom/more_test.rego", "package darkroom.more_test\n\ntest_x if 1 == 2\n"), w.private), "POLICY_BUNDLE_TEST", "test_x"},
		"endless": {w.packed(release(`result := {"decision": "deny", "passed": [], "reasons": []} if {
	count([1 | some i in numbers.range(1, 100000); some j in numbers.range(1, 100000); i + j == 0]) == 0
}`), w.private), "POLICY_BUNDLE_CANARY", "no answer"},
	}
	for _, f := range w.ruled() {
		if f.Path != ".manifest" {
			catalogue["tampered "+f.Path] = struct {
				bundle []byte
				reason string
				says   string
			}{tampered(f.Path), "POLICY_SIGNATURE_INVALID", f.Path}
		}
	}
	for name, c := range catalogue {
		_, err := w.Propose(t.Context(), wu, c.bundle, "")
		e := enclave.AsError(err)
		if e == nil || e.Reason != c.reason || !strings.Contains(e.In(enclave.English), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if w.Active().Revision() != before {
			t.Fatalf("%s came in force", name)
		}
	}
	list, _, err := w.List(t.Context(), enclave.Page{Size: 10})
	if err != nil || len(list) != 1 {
		t.Errorf("%d changes are kept, %v", len(list), err)
	}
}

func fileOf(files []policy.File, path string) string {
	for _, f := range files {
		if f.Path == path {
			return f.Text
		}
	}
	return ""
}

// TestWhoeverWritesTheStorePutsNothingInForce: the bundle in force is verified again when the enclave starts.
func TestWhoeverWritesTheStorePutsNothingInForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	change, err := w.Propose(t.Context(), wu, w.bundle("person.base.threshold", "12"), "")
	ok(t, err)
	_, err = w.Agree(t.Context(), chen, change.ID)
	ok(t, err)
	_, other, err := policy.GenerateKey()
	ok(t, err)
	_, err = w.reopened(other)
	wants(t, err, "POLICY_ACTIVE_UNUSABLE")
	again, err := w.reopened(w.public)
	ok(t, err)
	if again.Active().Revision() != change.Revision {
		t.Error("another revision is in force")
	}
}

// TestRulesOfAnOlderProgram: where the rules in force lack what this program needs, nothing is let in or out but other rules, which two people put in force
// as ever; and a record says what they changed.
func TestRulesOfAnOlderProgram(t *testing.T) {
	oneByOne(t)
	t.Parallel()
	w := newWorld(t)
	built := w.Engine().Revision()
	old := slices.Clone(w.ruled())
	for i, f := range old {
		if f.Path == "profiles/data.json" {
			old[i].Text = strings.ReplaceAll(f.Text, `"held_days": 90,`, "")
		}
	}
	was := w.enforce(old)
	again, err := w.reopened(w.public)
	ok(t, err)
	w.Register = again
	engine := w.Engine()
	if engine.Revision() != was || !engine.StandsIn() || was == built {
		t.Fatalf("revision %s is in force", engine.Revision())
	}
	for method, want := range map[string]bool{
		"PolicyService/GetPolicy": true, "PolicyService/ProposePolicy": true, "PolicyService/DecidePolicyChange": true, "PolicyService/ListPolicyChanges": true,
		"PolicyService/DryRunPolicy": false, "RunService/ListRuns": false, "GrantService/AssessGrant": false, "RunService/FetchResult": false, "ReviewService/CastVote": false,
	} {
		for _, caller := range []enclave.Caller{wu, {Role: enclave.Operator, Org: "acme", Name: "li"}} {
			allowed, err := engine.Access(t.Context(), policy.AccessInput{Caller: caller, Method: "/darkroom.v1." + method, Owner: "acme"})
			if err != nil || allowed != (want && (caller == wu || method == "PolicyService/GetPolicy")) {
				t.Errorf("%s by %s: %v, %v", method, caller.Name, allowed, err)
			}
		}
	}
	judgement, err := engine.Admission(t.Context(), enclave.AdmissionFacts{Version: 1}, enclave.Profile{})
	if err != nil || judgement.Decision != enclave.Deny || judgement.Revision != was || judgement.Reasons[0].Code != "POLICY_FAULT" {
		t.Errorf("judged %+v, %v", judgement, err)
	}
	change, err := w.Propose(t.Context(), wu, w.bundle("person.base.threshold", "12"), "")
	ok(t, err)
	if change.Base != was || len(change.Difference) < 2 {
		t.Errorf("the change is %+v", change)
	}
	_, err = w.Agree(t.Context(), wu, change.ID)
	wants(t, err, "POLICY_SECOND_PERSON")
	_, err = w.Agree(t.Context(), chen, change.ID)
	ok(t, err)
	if w.Engine().StandsIn() || w.Engine().Revision() != change.Revision {
		t.Error("the new rules are not in force")
	}
	if _, err := w.At(was); enclave.AsError(err).Reason != "POLICY_REVISION_GONE" {
		t.Errorf("the old ones are %v", err)
	}
}

// enforce puts signed rules in force as an earlier program would have done, whatever this one thinks of them.
func (w *world) enforce(files []policy.File) enclave.Digest {
	w.t.Helper()
	files, err := policy.Sign(files, w.private)
	ok(w.t, err)
	archive, err := policy.EncodeArchive(files)
	ok(w.t, err)
	kept, err := w.files.Put(archive)
	ok(w.t, err)
	active, err := w.store.Policies().Active(w.t.Context())
	ok(w.t, err)
	change := rulebook.Change{
		ID: enclave.NewID(), Revision: enclave.DigestOf(archive), Base: active.Revision, State: rulebook.Waiting, Proposer: wu, Proposed: time.Now(), Archive: kept,
	}
	act := func(verb string) enclave.Act { return enclave.NewAct(time.Now(), wu, verb, "policyChanges/"+change.ID) }
	ok(w.t, w.store.Policies().Insert(w.t.Context(), change, act("policy.propose")))
	change.State, change.Decider, change.Decided = rulebook.Active, chen, time.Now()
	ok(w.t, w.store.Policies().Decide(w.t.Context(), change, act("policy.activate")))
	return change.Revision
}

// TestOneOfManyAgrees: of changes that are agreed with at once, against the same rules, one comes in force.
func TestOneOfManyAgrees(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var changes []rulebook.Change
	for _, threshold := range []string{"11", "12", "13"} {
		change, err := w.Propose(t.Context(), wu, w.bundle("person.base.threshold", threshold), "")
		ok(t, err)
		changes = append(changes, change)
	}
	var agreed, stale sync.Map
	var all sync.WaitGroup
	for _, change := range changes {
		all.Go(func() {
			if _, err := w.Agree(t.Context(), chen, change.ID); err == nil {
				agreed.Store(change.Revision, true)
			} else if enclave.AsError(err).Reason == "POLICY_CHANGE_STALE" {
				stale.Store(change.Revision, true)
			}
		})
	}
	all.Wait()
	count := func(m *sync.Map) (n int) {
		m.Range(func(any, any) bool { n++; return true })
		return n
	}
	_, mine := agreed.Load(w.Active().Revision())
	if count(&agreed) != 1 || count(&stale) != 2 || !mine {
		t.Errorf("%d agreed, %d stale, the one in force among them: %v", count(&agreed), count(&stale), mine)
	}
}
