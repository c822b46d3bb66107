// Package module is the register of modules. A module's name is the digest of its bytes; each organisation has its own entry for the
// same bytes, so that nobody learns of another's module.
package module

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Entry is a module that an organisation submitted and that passed admission's checks.
type Entry struct {
	Digest   enclave.Digest
	Owner    string // organisation
	Manifest *enclave.Manifest
	HasCode  bool  // false: a manifest alone
	Size     int64 // bytes
	Created  time.Time
}

// Store keeps entries. A change and its act MUST be one transaction. It MUST be safe for concurrent use.
type Store interface {
	// Insert fails with MODULE_EXISTS if the owner has the module; then nothing is written.
	Insert(ctx context.Context, entry Entry, act enclave.Act) error
	// Get fails with MODULE_NOT_FOUND (see NotFound); owner "" means anyone's.
	Get(ctx context.Context, owner string, digest enclave.Digest) (Entry, error)
	// Count is how many modules an owner has.
	Count(ctx context.Context, owner string) (int64, error)
	// List sorts newest first; owner "" means all. The string is After of the next page, "" at the end.
	List(ctx context.Context, owner string, page enclave.Page) ([]Entry, string, error)
}

// Files keeps bytes by digest, durably before Put returns.
type Files interface {
	Put(content []byte) (enclave.Digest, error)
	Get(digest enclave.Digest) ([]byte, error)
}

// Recorder records acts that change nothing.
type Recorder interface {
	Record(ctx context.Context, act enclave.Act) error
}

// Check decides whether bytes are a module, and measures them. It MUST be safe on hostile bytes.
type Check func(wasm []byte) (*enclave.Module, error)

// Compile tries whether the sandbox takes a module of an organisation. It MUST be safe on hostile modules.
type Compile func(ctx context.Context, org string, module *enclave.Module) error

// Register is the register of modules. It is safe for concurrent use.
type Register struct {
	store   Store
	files   Files
	acts    Recorder
	check   Check
	compile Compile
	now     func() time.Time
	quota   int64
}

// Quota is how many modules an organisation may have, unless New is told otherwise.
const Quota = 1000

// New makes the register. An organisation may have at most quota modules; uploads that come at the same moment may go over it by as many
// as they are.
func New(store Store, files Files, acts Recorder, check Check, compile Compile, now func() time.Time, quota int64) *Register {
	return &Register{store: store, files: files, acts: acts, check: check, compile: compile, now: now, quota: quota}
}

// NotFound is the error for a module that is missing or not for this caller.
func NotFound(digest enclave.Digest) *enclave.Error {
	return enclave.Fail(enclave.NotFound, "MODULE_NOT_FOUND", "module", digest.String())
}

// Upload checks a module and registers it for the caller's organisation. The same bytes again return the entry that is there. A
// refusal is recorded, and fails with the check's reason. MODULE_QUOTA if the organisation has as many as it may.
func (r *Register) Upload(ctx context.Context, caller enclave.Caller, wasm []byte) (Entry, error) {
	digest := enclave.DigestOf(wasm)
	if entry, err := r.store.Get(ctx, caller.Org, digest); err == nil {
		return entry, nil
	}
	if stored, err := r.store.Count(ctx, caller.Org); err != nil {
		return Entry{}, err
	} else if stored >= r.quota {
		return Entry{}, enclave.Fail(enclave.Limit, "MODULE_QUOTA", "limit", strconv.FormatInt(r.quota, 10))
	}
	m, err := r.check(wasm)
	if err == nil && m.HasCode {
		err = r.compile(ctx, caller.Org, m)
	}
	if err != nil {
		return Entry{}, r.refuse(ctx, caller, digest, err)
	}
	if _, err := r.files.Put(wasm); err != nil {
		return Entry{}, err
	}
	act := enclave.NewAct(r.now(), caller, "module.upload", "modules/"+digest.String(), "name", m.Manifest.Name, "version", m.Manifest.Version)
	entry := Entry{
		Digest: digest, Owner: caller.Org, Manifest: m.Manifest, HasCode: m.HasCode, Size: int64(len(wasm)), Created: act.Time,
	}
	err = r.store.Insert(ctx, entry, act)
	if errors.Is(err, enclave.Fail(enclave.State, "MODULE_EXISTS")) { // the same upload came first meanwhile
		return r.store.Get(ctx, caller.Org, digest)
	}
	if err != nil {
		return Entry{}, err
	}
	return entry, nil
}

// refuse records what the checks said no to. Faults of the enclave itself and cancelled calls say nothing about the module.
func (r *Register) refuse(ctx context.Context, caller enclave.Caller, digest enclave.Digest, why error) error {
	failure := enclave.AsError(why)
	switch failure.Kind { //nolint:exhaustive // every other kind is about the module
	case enclave.Internal, enclave.Canceled, enclave.Unavailable:
		return why
	}
	act := enclave.NewAct(r.now(), caller, "module.refuse", "modules/"+digest.String(), "reason", failure.Reason)
	if err := r.acts.Record(ctx, act); err != nil {
		return err
	}
	return why
}

// Get returns an organisation's module, or anyone's for "", or MODULE_NOT_FOUND.
func (r *Register) Get(ctx context.Context, owner string, digest enclave.Digest) (Entry, error) {
	return r.store.Get(ctx, owner, digest)
}

// Manifest returns the manifest of an organisation's module, or MODULE_NOT_FOUND.
func (r *Register) Manifest(ctx context.Context, owner string, digest enclave.Digest) (*enclave.Manifest, error) {
	entry, err := r.store.Get(ctx, owner, digest)
	return entry.Manifest, err
}

// List lists an organisation's modules, or all for "", newest first. The string is After of the next page, "" at the end.
func (r *Register) List(ctx context.Context, owner string, page enclave.Page) ([]Entry, string, error) {
	return r.store.List(ctx, owner, page)
}

// Module reads a registered module's bytes and checks them once more, so that what runs is what was admitted, by today's checks.
func (r *Register) Module(ctx context.Context, digest enclave.Digest) (*enclave.Module, error) {
	if _, err := r.store.Get(ctx, "", digest); err != nil {
		return nil, err
	}
	wasm, err := r.files.Get(digest)
	if err != nil {
		return nil, enclave.Internalf("module %s: %w", digest, err)
	}
	if enclave.DigestOf(wasm) != digest {
		return nil, enclave.Internalf("module %s: its bytes changed", digest)
	}
	return r.check(wasm)
}
