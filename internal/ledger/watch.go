package ledger

import (
	"context"
	"sync"
	"time"
)

// pollInterval is how often the checkpoint is read while someone waits: a small fraction of the least checkpoint interval.
const pollInterval = 2 * time.Millisecond

// watcher tells waiters when the signed log has grown. The storage has no notice of a new checkpoint, so one goroutine reads the file
// for all of them, and rests while there are none.
type watcher struct {
	size   func(context.Context) (uint64, error)
	cancel context.CancelFunc
	ended  chan struct{} // closed when the goroutine has ended
	wake   chan struct{} // holds one token when there is someone new

	mu      sync.Mutex
	waiters map[*waiter]struct{}
	stopped bool
}

type waiter struct {
	index uint64
	done  chan error // of one element
}

func startWatcher(ctx context.Context, size func(context.Context) (uint64, error)) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{
		size: size, cancel: cancel, ended: make(chan struct{}), wake: make(chan struct{}, 1),
		waiters: map[*waiter]struct{}{},
	}
	go w.run(ctx)
	return w
}

// stop sends every waiter away and waits for the goroutine.
func (w *watcher) stop() {
	w.cancel()
	<-w.ended
}

func (w *watcher) await(ctx context.Context, index uint64) error {
	mine := &waiter{index: index, done: make(chan error, 1)}
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return unavailable(errClosed)
	}
	w.waiters[mine] = struct{}{}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	select {
	case err := <-mine.done:
		return err
	case <-ctx.Done():
		w.mu.Lock()
		delete(w.waiters, mine)
		w.mu.Unlock()
		return ctx.Err()
	}
}

func (w *watcher) run(ctx context.Context) {
	defer close(w.ended)
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			w.mu.Lock()
			w.stopped = true
			for each := range w.waiters {
				each.done <- unavailable(errClosed)
			}
			w.waiters = nil
			w.mu.Unlock()
			return
		case <-w.wake:
		}
		for ctx.Err() == nil && !w.serve(ctx) {
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
		}
	}
}

// serve answers those who wait for no more than is signed, and reports whether none is left. If the checkpoint cannot be read, all who wait
// hear of it.
func (w *watcher) serve(ctx context.Context) (idle bool) {
	size, err := w.size(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	for each := range w.waiters {
		if err != nil || each.index < size {
			each.done <- err
			delete(w.waiters, each)
		}
	}
	return len(w.waiters) == 0
}
