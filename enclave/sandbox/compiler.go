package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// maxCodeBytes is the most machine code of one module, a few times what a large one in Go comes to. The server keeps the code of
// [Config.Modules] modules in memory.
const maxCodeBytes = 64 << 20

// compiler has modules compiled by child processes, so that whatever a module does to the compiler (22 KB of nested loops once took it 43
// seconds) is done to a child, which ends at its limits. What a child made goes into the store, from where this process loads it.
type compiler struct {
	command      []string
	seconds, mib int // limits of a child: processor time, memory
	children     *places
	store        *codeStore
	log          *slog.Logger
	fingerprint  func() (string, error)
}

// newCompiler is nil if modules are compiled in this process.
func newCompiler(ctx context.Context, config Config, log *slog.Logger) (*compiler, error) {
	if len(config.Compiler) == 0 {
		return nil, nil //nolint:nilnil // none is asked for
	}
	store, err := openStore(config.CacheDir)
	if err != nil {
		return nil, err
	}
	return &compiler{
		command: config.Compiler, seconds: config.CompileSeconds, mib: config.CompileMiB,
		children: newPlaces(config.Compilers, 0), store: store, log: log,
		fingerprint: sync.OnceValues(func() (string, error) { return store.fingerprint(context.WithoutCancel(ctx)) }),
	}, nil
}

// enter waits until the operator may have another child; the operator's modules take turns, and leave a child to others.
func (c *compiler) enter(ctx context.Context, operator string) (leave func(), err error) {
	child := claim{operator: operator}
	place, err := c.children.take(ctx, child)
	if err != nil {
		return nil, err
	}
	return func() { c.children.give(place, child) }, nil
}

// prepare makes sure that the store has a module's code. It fails with MODULE_INVALID, or with MODULE_COMPILE if a child came to its
// limits.
func (c *compiler) prepare(ctx context.Context, wasm []byte) error {
	fingerprint, err := c.fingerprint()
	if err != nil {
		return err
	}
	id := markerOf(fingerprint, wasm)
	if c.store.has(id) {
		return nil
	}
	scratch, err := c.store.scratch()
	if err != nil {
		return err
	}
	defer func() {
		if err := os.RemoveAll(scratch); err != nil {
			c.log.ErrorContext(ctx, "a compiler's scratch directory stays behind", slog.String("error", err.Error()))
		}
	}()
	if err := c.run(ctx, scratch, wasm); err != nil {
		return err
	}
	return c.store.adopt(scratch, id)
}

// forget removes the code of a module that is refused after all, so that refusals do not fill the disk.
func (c *compiler) forget(ctx context.Context, wasm []byte) {
	fingerprint, err := c.fingerprint()
	if err == nil {
		err = c.store.forget(markerOf(fingerprint, wasm))
	}
	if err != nil {
		c.log.ErrorContext(ctx, "the code of a refused module stays behind", slog.String("error", err.Error()))
	}
}

// run has a child compile a module into an empty directory.
func (c *compiler) run(ctx context.Context, dir string, wasm []byte) error {
	limited, cancel := context.WithTimeout(ctx, time.Duration(c.seconds)*wallPerSecond)
	defer cancel()
	args := slices.Concat(c.command[1:], []string{dir, strconv.Itoa(c.seconds), strconv.Itoa(c.mib)})
	cmd := exec.CommandContext(limited, c.command[0], args...) //nolint:gosec // the program's own configuration
	// Nothing of the environment reaches a child. The collector works harder before the limit is hit.
	cmd.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none", "GOMEMLIMIT=" + strconv.Itoa(c.mib*3/4) + "MiB"}
	cmd.Stdin = bytes.NewReader(wasm)
	var began, said head
	cmd.Stdout, cmd.Stderr = &began, &said
	isolate(cmd)
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Start()
	if err == nil {
		if late := yield(cmd); late != nil { // it is not the module's fault, nor a danger
			c.log.WarnContext(ctx, "a compiler keeps its priority", slog.Any("error", late))
		}
		c.log.DebugContext(ctx, "a compiler begins", slog.Int("bytes", len(wasm)))
		err = cmd.Wait()
	}
	if ended := cmd.ProcessState; ended != nil {
		c.log.DebugContext(ctx, "a compiler ended", slog.Duration("processor", ended.UserTime()+ended.SystemTime()))
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return canceled(ctx)
	case limited.Err() == nil && (!errors.As(err, &exit) || began.String() != childReady):
		return enclave.Internalf("the compiler %s did not start: %w: %s", c.command[0], err, said.String())
	}
	why := fmt.Errorf("the compiler: %w: %s", err, said.String())
	if limited.Err() == nil {
		switch exit.ExitCode() {
		case exitInvalid:
			return invalid(why)
		case exitBroken:
			return enclave.Internalf("%w", why)
		case -1: // a signal
			if status, ok := exit.Sys().(syscall.WaitStatus); ok && (status.Signal() == syscall.SIGTERM || status.Signal() == syscall.SIGINT) {
				return enclave.Internalf("%w", why) // somebody stopped it
			}
		}
	}
	c.log.WarnContext(ctx, "a module was too much for the compiler", slog.String("problem", why.Error()))
	return enclave.Fail(enclave.Limit, "MODULE_COMPILE", "seconds", strconv.Itoa(c.seconds), "memory", strconv.Itoa(c.mib)).Because(why)
}

// head keeps the beginning of what a child says.
type head struct{ strings.Builder }

func (h *head) Write(p []byte) (int, error) {
	const most = 2000
	h.Builder.Write(p[:min(len(p), most-min(h.Len(), most))])
	return len(p), nil
}
