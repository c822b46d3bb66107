package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	"github.com/darkroom-project/darkroom/enclave/leak"
	"github.com/darkroom-project/darkroom/enclave/load"
	disclosure "github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/program"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// replay is a run over the seeded table, with the SHA-256 of what it makes.
type replay struct {
	name, golden string
	module       func(t *testing.T) (*enclave.Manifest, []byte)
}

// replayed are runs over the same seeded table, with the digest of what each makes, which every machine must agree on. The keys of the
// enclave decide in which order a program sees rows, so what it makes of them is that of the key of these tests.
var replayed = []replay{
	{"no guest", "804ac13d00b37285539562865db605cb914efdf76eee118e4530919d2ea4a835", func(*testing.T) (*enclave.Manifest, []byte) {
		m := bands("replayed")
		m.Keys, m.Margins = m.Keys[1:], nil
		return m, nil
	}},
	{"guest in C", "4ab46b66a603579de61c90bfe7ffe35de6020bad116e5d044d6ca12d74e4d7a3", func(t *testing.T) (*enclave.Manifest, []byte) {
		t.Helper()
		return bands("replayed"), guest(t, scaffold.AgeBand)
	}},
	{"guest in Go", "4ab46b66a603579de61c90bfe7ffe35de6020bad116e5d044d6ca12d74e4d7a3", func(t *testing.T) (*enclave.Manifest, []byte) {
		t.Helper()
		return bands("replayed"), built(t, "ageband-go")
	}},
	{"program in C", "65718e5791150b7fe948a274abc72251efb3bb85095ad55f21874584f4cf4925", func(t *testing.T) (*enclave.Manifest, []byte) {
		t.Helper()
		code, err := guests.Compiled("regression")
		ok(t, err)
		return guests.NamedProgram("regression").Manifest, code
	}},
	{"program in Go", "8532b1f7f5cb5d367f0a58a401ad58334b71179c378e101ddb3827427f7cdaf8", func(t *testing.T) (*enclave.Manifest, []byte) {
		t.Helper()
		return guests.NamedProgram("histogram").Manifest, built(t, "histogram-go")
	}},
}

// built is a guest in Go.
func built(t *testing.T, name string) []byte {
	t.Helper()
	code, err := guests.BuildGo(t.Context(), t.TempDir(), name)
	ok(t, err)
	return code
}

// machine is a computer with an enclave on it, as far as a run's bytes could depend on it.
type machine struct {
	dir        string // of its snapshots; one that has some is one that was restarted
	cache      string // of compiled code
	key        [32]byte
	processors int
	workers    int
}

// runs ingests the seeded table, unless it is there, and makes the outputs of all that is replayed; with the fuel that each burnt.
func (m machine) runs(t *testing.T, asked [][]byte) (outputs [][]byte, burnt []int64) {
	t.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(m.processors))
	ctx, log := context.WithoutCancel(t.Context()), slog.New(slog.DiscardHandler)
	snapshots, err := load.Open(m.dir, m.key, log)
	ok(t, err)
	snapshot, err := snapshots.Ingest(ctx, synth.Dataset(), load.CSV, bytes.NewReader(seededTable()), nil)
	ok(t, err)
	boxes, err := sandbox.NewRehearsal(ctx, sandbox.Config{CacheDir: m.cache, CallTimeout: time.Minute}, log)
	ok(t, err)
	defer func() { ok(t, boxes.Close(ctx)) }()
	rules, err := policy.Default()
	ok(t, err)
	for _, whole := range asked {
		module, err := admit.Check(whole)
		ok(t, err)
		now := time.Now()
		kept, before := &keeper{}, boxes.Burnt().Total
		path := &enclave.Enclave{
			Planner: admit.Planner{}, Loader: snapshots, Executor: aggregate.New(boxes, m.workers), Performer: program.New(boxes),
			Inspector: leak.New(snapshots), Measurer: disclosure.Measurer{}, Treater: treat.Treater{}, Historian: blank{}, Recorder: kept,
		}
		ok(t, path.Run(ctx, &enclave.Order{
			Run: enclave.Run{
				ID: enclave.NewID(), Grant: "g", Module: module.Digest, Dataset: "visits", Snapshot: snapshot.Digest, Policy: rules.Revision(),
				Submitted: now, Environment: enclave.Prod,
			},
			Grant: enclave.Grant{
				ID: "g", Operator: acme, Scenario: scenario, State: enclave.GrantActive, Forms: []enclave.Form{module.Manifest.Form},
				Scopes:    []enclave.Scope{{Dataset: "visits", Columns: module.Manifest.Inputs[0].Columns}},
				NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
			},
			Module: module, Dataset: synth.Dataset(), Snapshot: snapshot, Policy: rules, Approved: true,
		}, func(enclave.Stage) {}))
		outputs, burnt = append(outputs, kept.bytes), append(burnt, boxes.Burnt().Total-before)
	}
	return outputs, burnt
}

var seededTable = sync.OnceValue(func() []byte {
	var file bytes.Buffer
	if err := synth.WriteCSV(&file, 7, 8000); err != nil {
		panic(err)
	}
	return file.Bytes()
})

// keeper keeps what would be released or held, as a record that nobody has released anything into.
type keeper struct{ bytes []byte }

func (*keeper) History(context.Context, string) (int64, error) { return 0, nil }

func (k *keeper) Record(_ context.Context, verdict *enclave.Verdict) error {
	decided, err := verdict.Redeem()
	if err == nil && decided.Decision == enclave.Deny {
		err = errors.New("policy denied it")
	}
	k.bytes = decided.Bytes
	return err
}

func (*keeper) Release(context.Context, string) error { return nil }

// blank is a history in which nothing follows from anything.
type blank struct{}

func (blank) Turns(string) *enclave.Turns { return nil }

func (blank) Audit(context.Context, *enclave.Dataset, int64, enclave.Profile, *enclave.Footprint) (enclave.Audited, error) {
	return enclave.Audited{Facts: enclave.HistoryFacts{Clean: true}}, nil
}

// TestReplay: the same run gives the same bytes on any number of cores and workers, after a restart with compiled code from before, on a
// machine that has nothing but the same files and the same key, and in another year. It is not parallel, since the number of processors is
// the process's.
func TestReplay(t *testing.T) {
	var asked [][]byte
	replayed := replayed
	if testing.Short() {
		replayed = slices.DeleteFunc(slices.Clone(replayed), func(r replay) bool { return strings.HasSuffix(r.name, "in Go") }) // long to compile
	}
	for _, r := range replayed {
		manifest, code := r.module(t)
		whole, err := admit.Attach(code, manifest)
		ok(t, err)
		asked = append(asked, whole)
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	first := machine{dir: at("first"), cache: at("cache"), key: [32]byte{1}, processors: 2, workers: 2}
	var fuel []int64
	compare := func(t *testing.T, name string, m machine, asked [][]byte) {
		t.Helper()
		outputs, burnt := m.runs(t, asked)
		if fuel == nil {
			fuel = burnt
		}
		for i, output := range outputs {
			if burnt[i] != fuel[i] || burnt[i] == 0 != (i == 0) {
				t.Errorf("%s, %s: %d units of fuel, where the first took %d", name, replayed[i].name, burnt[i], fuel[i])
			}
			if sum := sha256.Sum256(output); hex.EncodeToString(sum[:]) != replayed[i].golden {
				t.Errorf("%s, %s: %d bytes of SHA-256 %x, want %s", name, replayed[i].name, len(output), sum, replayed[i].golden)
			}
		}
	}
	compare(t, "first", first, asked)
	others := []int{1, 3, 8}
	if testing.Short() {
		others = others[2:]
	}
	for _, n := range others {
		again := first // restarted, with other cores
		again.processors, again.workers = n, n
		compare(t, "restarted on other cores", again, asked)
	}
	if testing.Short() {
		return // the others are no more concurrent
	}
	compare(t, "another machine", machine{dir: at("another"), cache: at("none"), key: first.key, processors: 2, workers: 5}, asked)
	synctest.Test(t, func(t *testing.T) { // where it is the year 2000
		if year := time.Now().Year(); year != 2000 {
			t.Fatalf("the year is %d", year)
		}
		compare(t, "another year", machine{dir: at("millennium"), cache: first.cache, key: first.key, processors: 2, workers: 2}, asked)
	})
	// What the enclave counts by itself does not depend on the order of subjects, so not on the key either.
	other := first
	other.dir, other.key = at("other"), [32]byte{2}
	compare(t, "another key", other, asked[:3])
}

// TestReplayOverTheServer: an enclave that was carried to another machine, with all that it has, answers the same question with the same
// bytes.
func TestReplayOverTheServer(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.visits()
	grant := d.grant(acme, synth.Dataset())
	module := d.upload(acme, bands("carried"), guest(t, scaffold.AgeBand))
	want, _, _ := d.result(acme, d.submit(acme, grant, module, nil))
	d.close()
	carried := filepath.Join(t.TempDir(), "carried")
	ok(t, os.CopyFS(carried, os.DirFS(d.dir)))
	ok(t, filepath.WalkDir(carried, func(path string, entry fs.DirEntry, err error) error { // the copy let others in
		if err == nil && entry.IsDir() {
			err = os.Chmod(path, 0o700) //nolint:gosec // a directory
		}
		return err
	}))
	ok(t, os.RemoveAll(d.dir))
	d.dir, d.config.Workers = carried, 3
	d.open()
	run := d.submit(acme, grant, module, nil)
	got, _, _ := d.result(acme, run)
	if !bytes.Equal(got, want) {
		t.Error("other bytes")
	}
	receipt, err := d.clients[acme].Receipt(t.Context(), run.ID)
	ok(t, err)
	d.genuine(receipt, want)
}
