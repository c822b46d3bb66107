package rulebook

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/policy"
)

// maxNote is the most bytes of a note.
const maxNote = 2000

// maxLoaded is how many revisions beside the one in force are kept compiled.
const maxLoaded = 8

// Config is what a register works with. Every field must be set.
type Config struct {
	Store Store
	Files Files
	// Key verifies the signatures of bundles, PEM.
	Key []byte
	Now func() time.Time
	Log *slog.Logger
}

// Register is the register of the rules. It is safe for concurrent use.
type Register struct {
	config Config
	active atomic.Pointer[policy.Engine]
	change sync.Mutex // held while rules come in force, so that the store and active agree

	mu       sync.Mutex // guards what follows
	archives map[enclave.Digest]enclave.Digest
	loaded   map[enclave.Digest]*policy.Engine
}

// Open finds the rules in force. At the first start these are the ones built in; so they are while nobody has changed them, also where a newer
// program brings others. Rules that people put in force stay, whatever the program has. Where they are those that people signed and this program
// cannot read them, nothing is let in or out until people put others in force (see [policy.Engine.StandIn]); where they are not, POLICY_ACTIVE_UNUSABLE.
func Open(ctx context.Context, c Config) (*Register, error) {
	r := &Register{config: c, archives: map[enclave.Digest]enclave.Digest{}, loaded: map[enclave.Digest]*policy.Engine{}}
	for change, err := range r.changes(ctx) {
		if err != nil {
			return nil, err
		}
		r.archives[change.Revision] = change.Archive
	}
	builtIn, err := policy.Default(policy.WithLogger(c.Log))
	if err != nil {
		return nil, err
	}
	active, err := c.Store.Active(ctx)
	switch {
	case errors.Is(err, NotFound("")):
		return r, r.install(ctx, builtIn, Change{})
	case err != nil:
		return nil, err
	case active.Proposer == itself() && active.Revision != builtIn.Revision():
		return r, r.install(ctx, builtIn, active)
	case active.Revision == builtIn.Revision():
		r.active.Store(builtIn)
		return r, nil
	}
	unusable := func(err error) error {
		return enclave.Fail(enclave.State, "POLICY_ACTIVE_UNUSABLE", "revision", active.Revision.String(), "problem", err.Error()).Because(err)
	}
	files, err := r.signed(&active)
	if err != nil {
		return nil, unusable(err)
	}
	engine, err := policy.LoadFiles(files, policy.WithLogger(c.Log)) //nolint:contextcheck // rules that were in force are compiled, whoever waits
	switch {
	case err != nil:
		c.Log.ErrorContext(ctx, "the rules in force cannot be read by this version: nobody can do anything but put others in force",
			slog.String("revision", active.Revision.String()), slog.Any("error", err))
		engine = builtIn.StandIn(active.Revision)
	case engine.Revision() != active.Revision:
		return nil, unusable(enclave.Internalf("the file of policy revision %s is another's", active.Revision))
	}
	r.active.Store(engine)
	return r, nil
}

// install puts the rules in force that came with the program, in the place of earlier ones that did.
func (r *Register) install(ctx context.Context, engine *policy.Engine, before Change) error {
	files := engine.Describe().Files
	change := Change{
		ID: enclave.NewID(), Revision: engine.Revision(), Base: before.Revision, State: Active, Proposer: itself(), Decider: itself(),
	}
	old, err := r.files(before.Archive)
	if err != nil {
		return err
	}
	if change.Difference, err = policy.Difference(old, files); err != nil {
		return err
	}
	if change.Archive, err = r.keep(files); err != nil {
		return err
	}
	act := r.act(itself(), "policy.install", &change)
	change.Proposed, change.Decided = act.Time, act.Time
	if err := r.config.Store.Insert(ctx, change, act); err != nil {
		return err
	}
	r.known(&change)
	r.active.Store(engine)
	return nil
}

// signed are the files of a change that people made, once their signature is verified again: whoever writes into the store alone puts nothing in
// force.
func (r *Register) signed(change *Change) ([]policy.File, error) {
	files, err := r.files(change.Archive)
	if err != nil {
		return nil, err
	}
	return files, policy.Verify(files, r.config.Key)
}

// files reads a kept bundle; none for the zero digest.
func (r *Register) files(archive enclave.Digest) ([]policy.File, error) {
	if archive.IsZero() {
		return nil, nil
	}
	raw, err := r.config.Files.Get(archive)
	if err != nil {
		return nil, enclave.Internalf("read a policy bundle: %w", err)
	}
	return policy.ParseArchive(raw)
}

func (r *Register) keep(files []policy.File) (enclave.Digest, error) {
	raw, err := policy.EncodeArchive(files)
	if err != nil {
		return enclave.Digest{}, err
	}
	return r.config.Files.Put(raw)
}

func (r *Register) known(change *Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.archives[change.Revision] = change.Archive
}

// Active is the revision in force. What belongs together must ask it once.
func (r *Register) Active() enclave.Policy { return r.active.Load() }

// Engine is the revision in force.
func (r *Register) Engine() *policy.Engine { return r.active.Load() }

// Revision is a revision that is or was in force or proposed, or POLICY_REVISION_GONE. Runs keep the one that they were pinned to.
func (r *Register) Revision(revision enclave.Digest) (enclave.Policy, error) { return r.At(revision) }

// At is Revision with everything that an engine can tell.
func (r *Register) At(revision enclave.Digest) (*policy.Engine, error) {
	if active := r.active.Load(); active.Revision() == revision {
		return active, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if engine := r.loaded[revision]; engine != nil {
		return engine, nil
	}
	gone := enclave.Fail(enclave.State, "POLICY_REVISION_GONE", "revision", revision.String())
	archive, there := r.archives[revision]
	if !there {
		return nil, gone
	}
	files, err := r.files(archive)
	if err != nil {
		return nil, err
	}
	engine, err := policy.LoadFiles(files, policy.WithLogger(r.config.Log))
	if err != nil {
		return nil, gone.Because(err) // a newer program asks for more than it has
	}
	if engine.Revision() != revision {
		return nil, enclave.Internalf("the file of policy revision %s is another's", revision)
	}
	if len(r.loaded) >= maxLoaded {
		clear(r.loaded)
	}
	r.loaded[revision] = engine
	return engine, nil
}

// Propose hands in a signed bundle; to roll back is to hand in an earlier one. Reasons of errors: POLICY_AUTHORITY_ONLY; POLICY_UNCHANGED; POLICY_CHANGE_WAITS;
// POLICY_NOTE_BAD; and those of [policy.ParseArchive], [policy.Verify] and [policy.Activate].
func (r *Register) Propose(ctx context.Context, caller enclave.Caller, archive []byte, note string) (Change, error) {
	files, err := policy.ParseArchive(archive)
	if err != nil {
		return Change{}, err
	}
	switch {
	case caller.Role != enclave.Authority:
		return Change{}, enclave.Fail(enclave.Refused, "POLICY_AUTHORITY_ONLY")
	case len(note) > maxNote || !enclave.Visible(note, "\n\t"):
		return Change{}, enclave.Fail(enclave.Invalid, "POLICY_NOTE_BAD", "limit", strconv.Itoa(maxNote))
	}
	engine, err := r.try(ctx, files)
	if err != nil {
		return Change{}, err
	}
	base := r.active.Load()
	change := Change{
		ID: enclave.NewID(), Revision: engine.Revision(), Base: base.Revision(), State: Waiting, Proposer: caller, Note: note,
	}
	before, err := r.inForce(base)
	if err != nil {
		return Change{}, err
	}
	if change.Difference, err = policy.Difference(before, files); err != nil {
		return Change{}, err
	}
	if len(change.Difference) == 0 { // written otherwise at most
		return Change{}, enclave.Fail(enclave.State, "POLICY_UNCHANGED", "revision", base.Revision().String())
	}
	if err := r.waitsAlready(ctx, &change); err != nil {
		return Change{}, err
	}
	if change.Archive, err = r.keep(files); err != nil {
		return Change{}, err
	}
	act := r.act(caller, "policy.propose", &change)
	change.Proposed = act.Time
	if err := r.config.Store.Insert(ctx, change, act); err != nil {
		return Change{}, err
	}
	r.known(&change)
	return change, nil
}

// waitsAlready is POLICY_CHANGE_WAITS if the same change of the same rules waits for somebody to agree. It is a courtesy: of two that come at the
// same moment both wait, and the second to be agreed to is stale.
func (r *Register) waitsAlready(ctx context.Context, change *Change) error {
	for c, err := range r.changes(ctx) {
		if err != nil {
			return err
		}
		if c.State == Waiting && c.Revision == change.Revision && c.Base == change.Base {
			return enclave.Fail(enclave.State, "POLICY_CHANGE_WAITS", "revision", c.Revision.String())
		}
	}
	return nil
}

// changes are all that there ever were. After an error there are no more.
func (r *Register) changes(ctx context.Context) iter.Seq2[*Change, error] {
	return func(yield func(*Change, error) bool) {
		for page := (enclave.Page{Size: 1000}); ; {
			changes, next, err := r.config.Store.List(ctx, page)
			if err != nil {
				yield(nil, err)
				return
			}
			for i := range changes {
				if !yield(&changes[i], nil) {
					return
				}
			}
			if page.After = next; next == "" {
				return
			}
		}
	}
}

// inForce are the files of the rules in force, also where this program cannot read them.
func (r *Register) inForce(base *policy.Engine) ([]policy.File, error) {
	if !base.StandsIn() {
		return base.Describe().Files, nil
	}
	r.mu.Lock()
	archive := r.archives[base.Revision()]
	r.mu.Unlock()
	return r.files(archive)
}

// try takes a bundle through everything that it must come through before it may be in force.
func (r *Register) try(ctx context.Context, files []policy.File) (*policy.Engine, error) {
	if err := policy.Verify(files, r.config.Key); err != nil {
		return nil, err
	}
	engine, _, err := policy.Activate(ctx, files, policy.WithLogger(r.config.Log))
	return engine, err
}

// Agree puts a change in force that somebody else proposed. Reasons of errors: POLICY_AUTHORITY_ONLY; POLICY_CHANGE_NOT_FOUND;
// POLICY_SECOND_PERSON for whoever proposed it; POLICY_CHANGE_DECIDED; POLICY_CHANGE_STALE if other rules came in force since it was proposed;
// and those of [policy.Verify] and [policy.Activate].
func (r *Register) Agree(ctx context.Context, caller enclave.Caller, id string) (Change, error) {
	r.change.Lock()
	defer r.change.Unlock()
	change, err := r.waiting(ctx, caller, id)
	if err != nil {
		return Change{}, err
	}
	if caller.SamePerson(change.Proposer) {
		return Change{}, enclave.Fail(enclave.Refused, "POLICY_SECOND_PERSON", "change", id)
	}
	if r.active.Load().Revision() != change.Base {
		return Change{}, enclave.Fail(enclave.State, "POLICY_CHANGE_STALE", "change", id)
	}
	files, err := r.files(change.Archive)
	if err != nil {
		return Change{}, err
	}
	engine, err := r.try(ctx, files)
	if err != nil {
		return Change{}, err
	}
	if engine.Revision() != change.Revision {
		return Change{}, enclave.Internalf("the file of policy revision %s is another's", change.Revision)
	}
	change.State, change.Decider = Active, caller
	act := r.act(caller, "policy.activate", &change)
	change.Decided = act.Time
	if err := r.config.Store.Decide(ctx, change, act); err != nil {
		return Change{}, err
	}
	r.active.Store(engine)
	return change, nil
}

// Reject ends a change that waits; whoever proposed it takes it back that way.
func (r *Register) Reject(ctx context.Context, caller enclave.Caller, id string) (Change, error) {
	change, err := r.waiting(ctx, caller, id)
	if err != nil {
		return Change{}, err
	}
	change.State, change.Decider = Rejected, caller
	act := r.act(caller, "policy.reject", &change)
	change.Decided = act.Time
	return change, r.config.Store.Decide(ctx, change, act)
}

func (r *Register) waiting(ctx context.Context, caller enclave.Caller, id string) (Change, error) {
	if caller.Role != enclave.Authority {
		return Change{}, enclave.Fail(enclave.Refused, "POLICY_AUTHORITY_ONLY")
	}
	change, err := r.config.Store.Get(ctx, id)
	if err == nil && change.State != Waiting {
		err = enclave.Fail(enclave.State, "POLICY_CHANGE_DECIDED", "change", id, "state", string(change.State))
	}
	return change, err
}

// List lists all changes, newest first.
func (r *Register) List(ctx context.Context, page enclave.Page) ([]Change, string, error) {
	return r.config.Store.List(ctx, page)
}

// act is the record of an act on a change: who, what, and the difference. The difference of many numbers is named by its digest.
func (r *Register) act(caller enclave.Caller, verb string, c *Change) enclave.Act {
	detail := []string{"revision", c.Revision.String(), "bundle", c.Archive.String()}
	if !c.Base.IsZero() {
		detail = append(detail, "base", c.Base.String())
	}
	if digest, err := enclave.DigestJSON(c.Difference); err == nil {
		detail = append(detail, "difference", digest.String())
	}
	if c.Proposer != itself() && len(c.Difference) > 0 {
		detail = append(detail, "changes", summary(c.Difference))
	}
	if c.Proposer != itself() && !caller.SamePerson(c.Proposer) {
		detail = append(detail, "proposer", c.Proposer.Org+"/"+c.Proposer.Name)
	}
	if c.Note != "" {
		detail = append(detail, "note", enclave.DigestOf([]byte(c.Note)).String())
	}
	return enclave.NewAct(r.config.Now(), caller, verb, "policyChanges/"+c.ID, detail...)
}

// maxSummary is how many differences a record spells out.
const maxSummary = 20

func summary(changes []policy.Change) string {
	var parts []string
	for _, c := range changes[:min(len(changes), maxSummary)] {
		parts = append(parts, c.Place+": "+short(c.Before)+" → "+short(c.After))
	}
	if more := len(changes) - maxSummary; more > 0 {
		parts = append(parts, "+"+strconv.Itoa(more))
	}
	return strings.Join(parts, "; ")
}

func short(value string) string {
	if value == "" {
		return "–"
	}
	if len(value) > 64 {
		return strings.ToValidUTF8(value[:64], "") + "…"
	}
	return value
}

// itself is the actor of what the enclave does on its own.
func itself() enclave.Caller {
	return enclave.Caller{Role: enclave.SelfOrg, Org: enclave.SelfOrg, Name: enclave.SelfOrg}
}
