package sandbox_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// TestMain makes this test binary the compiler too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.CompileCommand {
		os.Exit(sandbox.CompileMain(context.Background(), os.Args[2:], os.Stdin, os.Stdout, os.Stderr)) //nolint:forbidigo // a main of its own
	}
	var err error
	if compiled, err = os.MkdirTemp("", "compiled-"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(compiled) //nolint:errcheck // a directory of the tests
	m.Run()
}

// compiled keeps the code of what several tests run and none tries to compile: a guest in Go takes seconds, and far more under the race detector.
var compiled string

// compiling is a sandbox whose modules are compiled by children.
func compiling(tb testing.TB, config sandbox.Config) sandbox.Config {
	tb.Helper()
	var err error
	if config.Compiler, err = sandbox.ThisProgram(); err != nil {
		tb.Fatal(err)
	}
	if config.CacheDir == "" {
		config.CacheDir = filepath.Join(tb.TempDir(), "cache")
	}
	return config
}

// broken is the same with a command that compiles nothing.
func broken(config sandbox.Config) sandbox.Config {
	config.Compiler = []string{"/nowhere/compiler"}
	return config
}

func compiledC(tb testing.TB) *enclave.Module {
	tb.Helper()
	wasm, err := guests.Compiled("ageband")
	if err != nil {
		tb.Fatal(err)
	}
	return moduleOf(wasm)
}

// begins is a sandbox that says when a child begins its work.
func begins(tb testing.TB, config sandbox.Config) (*sandbox.Sandbox, <-chan struct{}) {
	tb.Helper()
	signal := &signal{Handler: slog.DiscardHandler, message: "a compiler begins", given: make(chan struct{}, 100)}
	s, err := sandbox.New(tb.Context(), config, slog.New(signal))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return s, signal.given
}

// signal is a log that hears one message.
type signal struct {
	slog.Handler
	message string
	given   chan struct{}
}

func (s *signal) Enabled(context.Context, slog.Level) bool { return true }

func (s *signal) Handle(_ context.Context, r slog.Record) error {
	if r.Message == s.message {
		s.given <- struct{}{}
	}
	return nil
}

func wantReason(tb testing.TB, err error, reason string) {
	tb.Helper()
	if got := enclave.AsError(err); got == nil || got.Reason != reason {
		tb.Fatalf("got %v, want %s", err, reason)
	}
}

// contents are the digests of the files below a directory, by their names.
func contents(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(os.DirFS(dir), path)
		sum := sha256.Sum256(raw)
		found[path] = hex.EncodeToString(sum[:])
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// What a child compiled is what this process finds: it writes nothing itself, and needs no child again, after a restart neither. The
// digests of the files tell: a compilation of its own would have left a file of another name if any of what the name depends on differed.
func TestAModuleIsCompiledOnceByAChild(t *testing.T) {
	config := compiling(t, sandbox.Config{})
	module := compiledC(t)
	first := open(t, config)
	if err := first.Compile(t.Context(), "acme", module); err != nil {
		t.Fatal(err)
	}
	made := contents(t, config.CacheDir)
	if len(made) != 2 {
		t.Fatalf("a module makes code and its marker, not %v", made)
	}
	again := open(t, broken(config)) // no child can start
	if err := again.Compile(t.Context(), "acme", module); err != nil {
		t.Fatalf("after a restart: %v", err)
	}
	if after := contents(t, config.CacheDir); !maps.Equal(made, after) {
		t.Errorf("the second start changed the cache: %v, %v", made, after)
	}
	plan := planOf(0)
	codes, err := assign(t, again, module.Bytes, plan, batchOf(plan, 10, func(_, _ int) int64 { return 1950 }))
	if err != nil || codes[0] != 3 {
		t.Errorf("the code that was found says %d, %v", codes[0], err)
	}
	other := open(t, broken(config))
	err = other.Compile(t.Context(), "acme", moduleOf(guests.Named("moves").Wasm))
	if enclave.KindOf(err) != enclave.Internal { // and not: compiled here
		t.Errorf("another module, without a child: %v", err)
	}
}

// The file in which this process finds a child's code is the one that it would have written: the same name, the same bytes.
func TestAChildCompilesAsThisProcessWould(t *testing.T) {
	module := compiledC(t)
	here, there := sandbox.Config{CacheDir: filepath.Join(t.TempDir(), "here")}, compiling(t, sandbox.Config{})
	for _, config := range []sandbox.Config{here, there} {
		if err := open(t, config).Compile(t.Context(), "acme", module); err != nil {
			t.Fatal(err)
		}
	}
	theirs := contents(t, there.CacheDir)
	for name, digest := range contents(t, here.CacheDir) {
		if theirs[name] != digest {
			t.Errorf("%s is %s in the child's cache and %s in this process's", name, theirs[name], digest)
		}
	}
}

// Code that was damaged is not run, and not repaired by this process but by a child.
func TestDamagedCodeIsCompiledAgainByAChild(t *testing.T) {
	module := compiledC(t)
	for name, damage := range map[string]func(code []byte) []byte{
		"missing":   func([]byte) []byte { return nil },
		"empty":     func([]byte) []byte { return []byte{} },
		"cut short": func(code []byte) []byte { return code[:len(code)/2] },
		"garbled": func(code []byte) []byte {
			return append(bytes.Repeat([]byte{0xcc}, len(code)-10), code[len(code)-10:]...)
		},
		"an offset": func(code []byte) []byte { code[30] ^= 1; return code }, // which wazero's own checksum does not cover
		"longer":    func(code []byte) []byte { return append(code, 0) },
	} {
		if testing.Short() && name != "garbled" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			config := compiling(t, sandbox.Config{})
			if err := open(t, config).Compile(t.Context(), "acme", module); err != nil {
				t.Fatal(err)
			}
			made := contents(t, config.CacheDir)
			for file := range made {
				if !strings.HasPrefix(file, "wazero-") {
					continue
				}
				path := filepath.Join(config.CacheDir, file)
				code, err := fs.ReadFile(os.DirFS(config.CacheDir), file)
				if err != nil {
					t.Fatal(err)
				}
				if code = damage(code); code == nil {
					err = os.Remove(path)
				} else {
					err = os.WriteFile(path, code, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			err := open(t, broken(config)).Compile(t.Context(), "acme", module)
			if enclave.KindOf(err) != enclave.Internal {
				t.Fatalf("without a child: %v", err)
			}
			if err := open(t, config).Compile(t.Context(), "acme", module); err != nil {
				t.Fatal(err)
			}
			if after := contents(t, config.CacheDir); !maps.Equal(made, after) {
				t.Errorf("the cache holds %v, not %v", after, made)
			}
		})
	}
}

// A module that is too much for a child is refused, whichever limit it comes to, and nothing of it stays behind. Meanwhile an operator's
// bombs leave a child to others.
func TestBombsCostOneChild(t *testing.T) {
	config := compiling(t, sandbox.Config{CompileSeconds: 1, Compilers: 2})
	s, begun := begins(t, config)
	var bombers sync.WaitGroup
	defer bombers.Wait()
	slow := guests.SlowToCompile()
	for i := range 2 { // two modules of one operator, each by itself
		bombers.Go(func() {
			err := s.Compile(t.Context(), "acme", moduleOf(append(slices.Clip(slow), 0, 2, 1, byte('a'+i)))) //nolint:gosec // 0 or 1
			if failed := enclave.AsError(err); failed == nil || failed.Reason != "MODULE_COMPILE" || failed.Kind != enclave.Limit {
				t.Errorf("got %v", err)
			}
		})
	}
	<-begun
	if err := s.Compile(t.Context(), "rival", compiledC(t)); err != nil {
		t.Errorf("another operator's module: %v", err)
	}
	bombers.Wait()
	if left := contents(t, config.CacheDir); len(left) != 2 {
		t.Errorf("only the other's module should be there, not %v", left)
	}
}

// What is not refused for what it declares costs a child its limits, be it time or memory, and then the module is refused.
func TestEveryBombIsRefused(t *testing.T) {
	s := open(t, compiling(t, sandbox.Config{CompileSeconds: 1, CompileMiB: 512, Compilers: 4}))
	cheap := []string{"tiny-functions", "giant-function", "large-functions"} // much code for many bytes is no bomb
	for _, b := range guests.Bombs() {
		if testing.Short() && b.Name != "nested-loops" && b.Name != "locals" {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			if slices.Contains(cheap, b.Name) {
				if err := s.Compile(t.Context(), b.Name, moduleOf(b.Wasm)); err != nil && enclave.KindOf(err) != enclave.Limit {
					t.Fatalf("got %v", err)
				}
				return
			}
			wantReason(t, s.Prepare(t.Context(), b.Name, b.Wasm), "MODULE_COMPILE")
		})
	}
}

func TestAChildIsEndedWhenNobodyWaits(t *testing.T) {
	s, begun := begins(t, compiling(t, sandbox.Config{CompileSeconds: 600, CompileMiB: 4096}))
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Compile(ctx, "acme", moduleOf(guests.SlowToCompile())) }()
	<-begun
	cancel(errors.New("the caller hung up"))
	if err := <-ended; !errors.Is(err, enclave.Fail(enclave.Canceled, "RUN_CANCELED")) {
		t.Fatalf("got %v", err)
	}
	// That the sandbox closes at all is the test: its Close waits for the child.
}

// What is no module's fault is not called one.
func TestACompilerThatDoesNotWork(t *testing.T) {
	for name, command := range map[string][]string{
		"is not there":      {"/nowhere/compiler"},
		"is something else": {"/bin/true"},
		"fails":             {"/bin/false"},
	} {
		config := compiling(t, sandbox.Config{})
		config.Compiler = command
		if err := open(t, config).Compile(t.Context(), "acme", compiledC(t)); enclave.KindOf(err) != enclave.Internal {
			t.Errorf("a compiler that %s: %v", name, err)
		}
	}
	config := compiling(t, sandbox.Config{})
	config.CacheDir = ""
	if _, err := sandbox.New(t.Context(), config, slog.New(slog.DiscardHandler)); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("a compiler without a directory: %v", err)
	}
	var said bytes.Buffer
	if status := sandbox.CompileMain(t.Context(), []string{"somewhere"}, nil, &said, &said); status == 0 || said.Len() == 0 {
		t.Errorf("a child without limits: status %d, %q", status, said.String())
	}
}

func TestTheDirectoryOfCodeIsPrivate(t *testing.T) {
	for name, mode := range map[string]fs.FileMode{"group": 0o750, "others": 0o701} {
		config := compiling(t, sandbox.Config{})
		if err := errors.Join(os.Mkdir(config.CacheDir, mode), os.Chmod(config.CacheDir, mode)); err != nil {
			t.Fatal(err)
		}
		_, err := sandbox.New(t.Context(), config, slog.New(slog.DiscardHandler))
		if got := enclave.AsError(err); got == nil || got.Reason != "CODE_DIR_OPEN" {
			t.Errorf("open to %s: %v", name, err)
		}
	}
	config := compiling(t, sandbox.Config{})
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	if err := errors.Join(os.Mkdir(elsewhere, 0o700), os.Symlink(elsewhere, config.CacheDir)); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.New(t.Context(), config, slog.New(slog.DiscardHandler)); enclave.AsError(err) == nil {
		t.Error("a link passed for a directory")
	}
}

// A module that compiles and yet is refused leaves nothing on the disk.
func TestARefusedModuleLeavesNoCode(t *testing.T) {
	config := compiling(t, sandbox.Config{MemoryPages: 16})
	s := open(t, config)
	wantReason(t, s.Compile(t.Context(), "acme", moduleOf(guests.Wild(17, 0, 0).Wasm)), "MODULE_MEMORY")
	wantReason(t, s.Compile(t.Context(), "acme", moduleOf(guests.Named("stack-of-nothing").Wasm)), "MODULE_INVALID")
	if left := contents(t, config.CacheDir); len(left) != 0 {
		t.Errorf("%v stays", left)
	}
}

// Of what is kept, the least recently used goes first, and what is gone is compiled again.
func TestTheStoreIsKeptWithinItsSize(t *testing.T) {
	config := compiling(t, sandbox.Config{})
	s := open(t, config)
	first, second := compiledC(t), moduleOf(guests.Named("moves").Wasm)
	for _, module := range []*enclave.Module{first, second} {
		if err := s.Compile(t.Context(), "acme", module); err != nil {
			t.Fatal(err)
		}
	}
	if err := open(t, broken(config)).Compile(t.Context(), "acme", first); err != nil { // a use
		t.Fatal(err)
	}
	var size int64
	for file := range contents(t, config.CacheDir) {
		info, err := os.Stat(filepath.Join(config.CacheDir, file))
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if err := s.Tidy(size); err != nil || len(contents(t, config.CacheDir)) != 4 {
		t.Fatalf("everything fits, and yet: %v, %v", err, contents(t, config.CacheDir))
	}
	if err := s.Tidy(size - 1); err != nil {
		t.Fatal(err)
	}
	again := open(t, broken(config))
	if err := again.Compile(t.Context(), "acme", first); err != nil {
		t.Errorf("the one that was used last is gone: %v", err)
	}
	if err := again.Compile(t.Context(), "acme", second); enclave.KindOf(err) != enclave.Internal {
		t.Errorf("the other one is still there: %v", err)
	}
}
