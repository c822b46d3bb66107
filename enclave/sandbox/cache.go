package sandbox

import (
	"context"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/darkroom-project/darkroom/enclave"
)

// cache keeps compiled modules by digest. What a guest uses is never closed; of the rest it keeps the most recently used.
type cache struct {
	idle    int // how many unused ones are kept
	working sync.WaitGroup

	mu      sync.Mutex
	clock   uint64 // counts uses
	entries map[enclave.Digest]*compiled
}

// compiled is one module's code. done is closed once code and err are set; all is guarded by the cache's lock until then.
type compiled struct {
	digest enclave.Digest
	cancel context.CancelFunc // of the compilation
	done   chan struct{}
	ready  bool
	code   wazero.CompiledModule
	err    error

	users int
	used  uint64
}

func newCache(idle int) *cache {
	return &cache{idle: idle, entries: map[enclave.Digest]*compiled{}}
}

// acquire returns a module's code, compiling it unless it is there or another caller is at it. A failure is not kept. The compilation is
// nobody's own: it goes on while anybody waits for it, and is cancelled when nobody does. The caller MUST release the code.
func (c *cache) acquire(
	ctx context.Context, digest enclave.Digest, compile func(context.Context) (wazero.CompiledModule, error),
) (*compiled, error) {
	c.mu.Lock()
	entry, found := c.entries[digest]
	if !found {
		work, cancel := context.WithCancel(context.WithoutCancel(ctx))
		entry = &compiled{digest: digest, cancel: cancel, done: make(chan struct{})}
		c.entries[digest] = entry
		c.working.Go(func() {
			defer cancel()
			code, err := compile(work)
			c.finish(work, entry, code, err)
		})
	}
	entry.users++
	c.clock++
	entry.used = c.clock
	c.mu.Unlock()

	select {
	case <-entry.done:
	case <-ctx.Done():
		_ = c.release(context.WithoutCancel(ctx), entry) // the cancellation is what the caller hears of
		return nil, canceled(ctx)
	}
	if entry.err != nil {
		_ = c.release(ctx, entry) // there is no code to close
		return nil, entry.err
	}
	return entry, nil
}

// finish hands the code to those who wait. Code that nobody waits for any more is closed.
func (c *cache) finish(ctx context.Context, entry *compiled, code wazero.CompiledModule, err error) {
	c.mu.Lock()
	entry.code, entry.err, entry.ready = code, err, true
	wanted := c.entries[entry.digest] == entry
	c.mu.Unlock()
	close(entry.done)
	if !wanted && code != nil {
		_ = code.Close(context.WithoutCancel(ctx)) // it never fails, and nobody is there to be told
	}
}

// wait waits for compilations that are under way, also for those that nobody waits for.
func (c *cache) wait() { c.working.Wait() }

// release gives an acquired entry back and closes what is no longer worth keeping.
func (c *cache) release(ctx context.Context, entry *compiled) error {
	c.mu.Lock()
	entry.users--
	if entry.users == 0 && !entry.ready {
		delete(c.entries, entry.digest)
		entry.cancel()
	}
	surplus := c.surplus()
	c.mu.Unlock()
	if surplus == nil {
		return nil
	}
	if err := surplus.Close(ctx); err != nil {
		return enclave.Internalf("close a compiled module: %w", err)
	}
	return nil
}

// surplus forgets failures that nobody waits for, and the least recently used code if more than idle are unused. The caller holds the lock and
// closes the code outside it. One release makes at most one entry unused, so at most one is over.
func (c *cache) surplus() wazero.CompiledModule {
	unused := 0
	var oldest *compiled
	for digest, e := range c.entries {
		if e.users > 0 {
			continue
		}
		if e.code == nil {
			delete(c.entries, digest)
			continue
		}
		unused++
		if oldest == nil || e.used < oldest.used {
			oldest = e
		}
	}
	if unused <= c.idle {
		return nil
	}
	delete(c.entries, oldest.digest)
	return oldest.code
}
