// Package app puts the rooms together: configuration, wiring, and the lifecycle of a running enclave.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	"github.com/darkroom-project/darkroom/enclave/history"
	"github.com/darkroom-project/darkroom/enclave/leak"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/enclave/program"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/enclave/treat"
	"github.com/darkroom-project/darkroom/internal/approval"
	"github.com/darkroom-project/darkroom/internal/catalog"
	"github.com/darkroom-project/darkroom/internal/grant"
	"github.com/darkroom-project/darkroom/internal/identity"
	"github.com/darkroom-project/darkroom/internal/ledger"
	"github.com/darkroom-project/darkroom/internal/module"
	"github.com/darkroom-project/darkroom/internal/rehearse"
	"github.com/darkroom-project/darkroom/internal/releases"
	"github.com/darkroom-project/darkroom/internal/replay"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/rpc"
	"github.com/darkroom-project/darkroom/internal/rulebook"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store"
)

// RedirectLogs sends what libraries log by themselves to log. It changes the process: a program calls it once, before it opens an
// enclave.
func RedirectLogs(log *slog.Logger) { ledger.RedirectLogs(log) }

// drain is how long a stopping enclave waits for calls and runs under way before it cuts them off. Runs that are cut off are queued
// again at the next start.
const drain = 20 * time.Second

// App is one running enclave. Open makes it, Serve runs and closes it.
type App struct {
	log      *slog.Logger
	listener net.Listener
	server   *rpc.Server
	runs     *run.Register
	reviews  *review.Register
	pump     *ledger.Pump
	store    *store.Store
	served   atomic.Bool
	closers  []func(context.Context) error // in the order of opening
}

// Open opens the enclave in a directory, making everything that a first start needs, and listens; it serves nobody yet. After an
// error nothing stays open. Reasons of errors: CONFIG_FIELD, DATA_DIR_FOREIGN, DATA_DIR_UNUSABLE, DATA_DIR_LOCKED, LISTEN_FAILED, and those of the rooms.
func Open(ctx context.Context, dir string, config Config, log *slog.Logger) (_ *App, err error) {
	config, err = config.filled()
	if err != nil {
		return nil, err
	}
	a := &App{log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close(context.WithoutCancel(ctx)))
		}
	}()
	at := layout{dir}
	if err := at.create(); err != nil {
		return nil, err
	}
	lock, err := at.lock()
	if err != nil {
		return nil, err
	}
	a.onClose(lock.Close)
	if a.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", config.Listen); err != nil {
		return nil, enclave.Fail(enclave.Invalid, "LISTEN_FAILED", "address", config.Listen, "problem", err.Error())
	}
	a.onClose(func() error { return ignoreClosed(a.listener.Close()) })
	return a, a.wire(ctx, at, config)
}

// wire opens the rooms and connects them.
func (a *App) wire(ctx context.Context, at layout, config Config) error {
	db, err := store.Open(ctx, at.database(), seal)
	if err != nil {
		return err
	}
	a.store = db
	a.onClose(db.Close)
	files, err := store.OpenFiles(at.files())
	if err != nil {
		return err
	}
	a.onClose(files.Close)
	journal, err := a.openJournal(ctx, at, config)
	if err != nil {
		return err
	}
	subjectKey, err := at.secret("subjects.key")
	if err != nil {
		return err
	}
	auditKey, err := at.secret("audit.key")
	if err != nil {
		return err
	}
	snapshots, err := load.Open(at.snapshots(), subjectKey, a.log)
	if err != nil {
		return err
	}
	a.onClose(snapshots.Close)
	supportKey, err := at.secret("support.key")
	if err != nil {
		return err
	}
	processor := enclave.NewProcessor()
	limits := sandbox.Config{
		CacheDir: at.cache(), MemoryPages: uint32(config.MemoryMiB) * 16, CallTimeout: config.callTimeout(), //nolint:gosec // bounded by filled
		Compiler: config.Compiler, CompileSeconds: config.CompileSeconds, CompileMiB: config.CompileMiB, Processor: processor,
	}
	guests, err := sandbox.New(ctx, limits, a.log)
	if err != nil {
		return err
	}
	a.closers = append(a.closers, guests.Close)
	policyKey, err := at.policyKey()
	if err != nil {
		return err
	}
	now := time.Now
	rules, err := rulebook.Open(ctx, rulebook.Config{Store: db.Policies(), Files: files, Key: policyKey, Now: now, Log: a.log})
	if err != nil {
		return err
	}
	acts := acts{db.Acts(), a.pump}
	datasets := catalog.New(db.Catalog(), ingester{snapshots}, now)
	refused := &refusals{acts: acts, now: now}
	grants := grant.New(db.Grants(), refused, datasets, judge{rules}, now)
	modules := module.New(db.Modules(), files, refused, admit.Check, guests.Compile, now, module.Quota)
	approvals := approval.New(approval.Config{
		Store: db.Proposals(), Modules: modules, Datasets: datasets, Files: files, Acts: acts, Facts: admit.Planner{}.Facts,
		Policy: rules.Active, Now: now,
	})
	book := releases.New(db.Runs(), files, snapshots, history.Seed(auditKey))
	gate := run.NewGate(db.Runs(), files, book, journal, now)
	path := enclave.Enclave{
		Planner: admit.Planner{}, Loader: snapshots, Executor: aggregate.New(guests, runtime.GOMAXPROCS(0)).Sharing(processor), Performer: program.New(guests),
		Inspector: leak.New(snapshots), Measurer: measure.Measurer{}, Treater: treat.Treater{}, Historian: book, Recorder: gate, Processor: processor,
	}
	a.runs = run.New(run.Config{
		Store: db.Runs(), Results: files, Prints: book, Ledger: journal, Acts: refused, Gate: gate, Policies: rules,
		Grants: grants, Modules: modules, Datasets: datasets, Approvals: approvals, Now: now, Log: a.log, Workers: config.Workers, Limit: config.runLimit(),
		SupportKey: supportKey, Dev: &rehearse.Stage{Guests: limits, Workers: runtime.GOMAXPROCS(0), Log: a.log, Now: now}, Path: &path,
		Replays: run.Replays{Proof: journal, Acts: acts, Path: &replay.Stage{
			Path: path, Guests: guests, Workers: runtime.GOMAXPROCS(0), Store: db.Runs(), Files: files, Seed: history.Seed(auditKey),
		}},
	})
	a.reviews = review.New(review.Config{
		Store: db.Reviews(), Runs: a.runs, Grants: grants, Modules: modules, Text: treat.Preview, Await: acts.await, Now: now, Log: a.log,
	})
	if err := db.Identities().Remember(ctx, first()); err != nil {
		return err
	}
	return a.listen(at, config, rpc.Config{ //nolint:contextcheck // calls bring contexts of their own
		Catalog: datasets, Grants: grants, Modules: modules, Approvals: approvals, Runs: a.runs, Reviews: a.reviews,
		Policy: shown{rules}, Rulebook: rules, DryRun: dryRun(a.runs, a.log), Ledger: journal,
		Access: newAccess(rules.Engine), Issue: acts.issue(db.Identities()), Clock: now, Log: a.log,
		Spool: at.spool(), MaxFile: int64(config.UploadGiB) << 30,
	})
}

// openJournal opens the ledger and its pump, and publishes the domain's key.
func (a *App) openJournal(ctx context.Context, at layout, config Config) (*journal, error) {
	key, err := at.keyFile("ledger.key", func() ([]byte, error) {
		private, _, err := ledger.GenerateKey(config.Origin)
		return []byte(private), err
	})
	if err != nil {
		return nil, err
	}
	log, err := ledger.Open(ctx, ledger.Config{Dir: at.ledger(), PrivateKey: string(key)}, a.log)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, log.Close)
	if err := writeDurably(PublicKey(at.root), []byte(log.Key()+"\n"), 0o644); err != nil {
		return nil, err
	}
	a.pump = ledger.NewPump(log, outbox{a.store.Acts()}, a.log)
	return &journal{log: log, pump: a.pump, acts: a.store.Acts()}, nil
}

// listen makes the server and, on first start, the authority's credential.
func (a *App) listen(at layout, config Config, c rpc.Config) (err error) {
	if c.CA, err = identity.Open(at.keys(), time.Now); err != nil {
		return err
	}
	hosts := append([]string{"localhost", "127.0.0.1", "::1"}, config.Hosts...)
	if c.TLS, err = c.CA.ServerTLS(hosts); err != nil {
		return err
	}
	if a.server, err = rpc.New(c); err != nil {
		return err
	}
	return a.bootstrap(at, c.CA, c.Ledger.PublicKey(), hosts)
}

// Address is where the enclave listens, host:port.
func (a *App) Address() string { return a.listener.Addr().String() }

// Serve answers calls and works on runs until ctx ends; then it drains and closes everything. It returns every failure. It MUST be called
// once, also to close an enclave that is not to serve: with a context that has ended. Another call is an internal error.
func (a *App) Serve(ctx context.Context) error {
	if a.served.Swap(true) {
		return enclave.Internalf("an enclave serves once")
	}
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var helpers sync.WaitGroup
	failed := make(chan error, 3) // one place for each of those below
	helpers.Go(func() { failed <- a.pump.Run(working) })
	helpers.Go(func() { a.wakePump(working) })
	err := a.runs.Start(working) // short, and to be whole even if ctx ends meanwhile
	if err == nil {
		helpers.Go(func() { failed <- a.server.Serve(a.listener) })
		helpers.Go(func() { a.reviews.Resume(working) })
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	a.server.Shutdown(ending)
	err = errors.Join(err, a.runs.Close(ending))
	stop() // the pump last: what the others recorded still goes into the ledger
	helpers.Wait()
	return errors.Join(err, a.close(context.WithoutCancel(ctx)))
}

// wakePump tells the pump of every committed transaction.
func (a *App) wakePump(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.store.Written():
			a.pump.Wake()
		}
	}
}

func (a *App) onClose(f func() error) {
	a.closers = append(a.closers, func(context.Context) error { return f() })
}

// close closes what was opened, in the opposite order, each also if another fails. It has time of its own: what calls and runs took of
// theirs must not keep the ledger from writing its last checkpoint.
func (a *App) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drain)
	defer cancel()
	var err error
	for _, closer := range slices.Backward(a.closers) {
		err = errors.Join(err, closer(ctx))
	}
	a.closers = nil
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// exists reports whether a file is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
