package sandbox

import (
	"context"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/darkroom-project/darkroom/enclave"
)

// cache keeps compiled modules by digest. What a guest uses is never closed; of the rest it keeps the most recently used.
type cache struct {
	idle int // how many unused ones are kept

	mu      sync.Mutex
	clock   uint64 // counts uses
	entries map[enclave.Digest]*compiled
}

// compiled is one module's code. done is closed when code and err are set; the others are guarded by the cache's lock.
type compiled struct {
	digest enclave.Digest
	done   chan struct{}
	code   wazero.CompiledModule
	err    error

	users int
	used  uint64
}

func newCache(idle int) *cache {
	return &cache{idle: idle, entries: map[enclave.Digest]*compiled{}}
}

// acquire returns a module's code, compiling it unless it is there or another caller is at it. A failure is not kept. The
// caller MUST release the code.
func (c *cache) acquire(ctx context.Context, digest enclave.Digest, compile func() (wazero.CompiledModule, error)) (*compiled, error) {
	c.mu.Lock()
	entry, found := c.entries[digest]
	if !found {
		entry = &compiled{digest: digest, done: make(chan struct{})}
		c.entries[digest] = entry
	}
	entry.users++
	c.clock++
	entry.used = c.clock
	c.mu.Unlock()

	if !found {
		entry.code, entry.err = compile()
		close(entry.done)
	}
	select {
	case <-entry.done:
	case <-ctx.Done():
		return nil, c.abandon(ctx, entry)
	}
	if entry.err != nil {
		_ = c.release(ctx, entry) // there is no code to close
		return nil, entry.err
	}
	return entry, nil
}

func (c *cache) abandon(ctx context.Context, entry *compiled) error {
	_ = c.release(context.WithoutCancel(ctx), entry) // the cancellation is what the caller hears of
	return canceled(ctx)
}

// release gives an acquired entry back and closes what is no longer worth keeping.
func (c *cache) release(ctx context.Context, entry *compiled) error {
	c.mu.Lock()
	entry.users--
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
