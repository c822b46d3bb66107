package sandbox

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/darkroom-project/darkroom/enclave"
)

// Config are the sandbox's limits. The zero value is safe.
type Config struct {
	// CacheDir keeps compiled code from one start to the next; "" keeps none. It holds machine code that will be run: it MUST be
	// writable by the service alone.
	CacheDir string
	// Compiler is the command that compiles modules, in a child process with the limits below; see ThisProgram. Then there MUST be a
	// CacheDir. nil compiles in this process, without limits: for modules that one trusts, such as one's own.
	Compiler []string
	// CompileSeconds is how much processor time a child may take over a module. 0 means 20.
	CompileSeconds int
	// CompileMiB is how much memory a child may have. 0 means 1024; the program itself needs about 150.
	CompileMiB int
	// Compilers is how many children there are at most. An operator never has all of them, if there are two or more. 0 means half as many
	// as there are cores, but two at least.
	Compilers int
	// MemoryPages is the most memory of one instance, in pages of 64 KiB. 0 means 4096, 256 MiB.
	MemoryPages uint32
	// Instances is how many instances of guests exist at once, of all runs together. A batch waits for its turn, and so does a program for
	// the whole of its run: first come, first served, except that neither one operator nor all programs together ever have every one, if
	// there are two or more. The wait does not count as the module's time. So their memory together is at most Instances times
	// MemoryPages, and some 200 MiB more each for the stack of a guest that recurses to the end of it. 0 means one for each core, and one more.
	Instances int
	// Processor is shared with everything else that takes long: a guest runs while it is its operator's turn. nil means turns of the
	// sandbox's own, at as many cores as there are.
	Processor *enclave.Turns
	// CallTimeout is the most time that a module may take over one batch, its start included; of a program: over its start, over each
	// batch, and over its table. While it waits for its turn no time passes. What a module may do its fuel says, which ends it first unless
	// the machine is far too busy: this is for the machine's sake. 0 means 60 s.
	CallTimeout time.Duration
	// Modules is how many compiled modules are kept in memory while no run uses them, each at most 64 MiB. 0 means 16.
	Modules int
}

func (c Config) withDefaults() Config {
	if c.MemoryPages == 0 {
		c.MemoryPages = 4096
	}
	if c.Instances == 0 {
		c.Instances = runtime.GOMAXPROCS(0) + 1
	}
	if c.CompileSeconds == 0 {
		c.CompileSeconds = 20
	}
	if c.CompileMiB == 0 {
		c.CompileMiB = 1024
	}
	if c.Compilers == 0 {
		c.Compilers = max(2, runtime.GOMAXPROCS(0)/2)
	}
	if c.Processor == nil {
		c.Processor = enclave.NewProcessor()
	}
	if c.CallTimeout == 0 {
		c.CallTimeout = time.Minute
	}
	if c.Modules == 0 {
		c.Modules = 16
	}
	return c
}

const pageBytes = 64 << 10

// Sandbox compiles and runs modules. It is safe for concurrent use; the guests it opens are not.
type Sandbox struct {
	config  Config
	log     *slog.Logger
	disk    wazero.CompilationCache
	runtime wazero.Runtime
	codes   *cache
	places  *places
	// compiler is nil if modules are compiled here.
	compiler *compiler
	// observer is that of a Rehearsal, nil otherwise.
	observer *observer
}

var _ enclave.Sandbox = (*Sandbox)(nil)

// New makes a sandbox. The owner MUST close it, after every guest.
func New(ctx context.Context, config Config, log *slog.Logger) (*Sandbox, error) {
	config = config.withDefaults()
	compiler, err := newCompiler(ctx, config, log)
	if err != nil {
		return nil, err
	}
	disk := wazero.NewCompilationCache()
	if config.CacheDir != "" {
		if disk, err = wazero.NewCompilationCacheWithDir(config.CacheDir); err != nil {
			return nil, enclave.Internalf("open the cache of compiled modules: %w", err)
		}
	}
	wasm := wazero.NewRuntimeWithConfig(ctx, runtimeConfig(disk))
	s := &Sandbox{
		config: config, log: log, disk: disk, runtime: wasm, codes: newCache(config.Modules),
		places: newPlaces(config.Instances, uint64(config.MemoryPages)*pageBytes), compiler: compiler,
	}
	if err := s.offerSystem(ctx); err != nil {
		return nil, enclave.Internalf("offer the system interface: %w", err)
	}
	if err := s.offerFuel(ctx); err != nil {
		return nil, enclave.Internalf("offer fuel: %w", err)
	}
	return s, nil
}

// Close frees every compiled module, once those that are being compiled are done, and the memory of guests.
func (s *Sandbox) Close(ctx context.Context) error {
	s.codes.wait()
	if err := s.runtime.Close(ctx); err != nil {
		return enclave.Internalf("close the sandbox: %w", err)
	}
	if err := s.disk.Close(ctx); err != nil {
		return enclave.Internalf("close the cache of compiled modules: %w", err)
	}
	if err := s.places.close(); err != nil {
		return enclave.Internalf("give the guests' memory back: %w", err)
	}
	return nil
}

// Open prepares the plan's module for one worker. The owner MUST close the guest.
func (s *Sandbox) Open(ctx context.Context, module *enclave.Module, plan *enclave.Plan) (enclave.Guest, error) {
	g, err := s.open(ctx, module, plan)
	if err != nil {
		return nil, err
	}
	return g, nil
}

func (s *Sandbox) open(ctx context.Context, module *enclave.Module, plan *enclave.Plan) (*guest, error) {
	if !module.HasCode {
		return nil, enclave.Internalf("module %s has no code to run", module.Digest)
	}
	code, err := s.code(ctx, plan.Operator, module)
	if err != nil {
		return nil, err
	}
	return &guest{
		sandbox: s, code: code, params: plan.Params, layout: layoutOf(plan), operator: plan.Operator, fuel: plan.Manifest.RowFuel(),
		turn: s.config.Processor.For(plan.Operator),
	}, nil
}

// runtimeConfig is how guests are compiled and run. The memory limit is not given to wazero, which would refuse growth without a word;
// see memory.
func runtimeConfig(disk wazero.CompilationCache) wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2).
		WithCompilationCache(disk).
		WithDebugInfoEnabled(false)
}

// memoryName is what the ABI calls the exported memory.
const memoryName = "memory"
