package ledger

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// Pending is a sealed entry that waits in the outbox.
type Pending struct {
	ID         string // of the act
	Commitment [32]byte
}

// Outbox is the store's table of sealed entries that are not in the log yet.
type Outbox interface {
	// Pending lists up to limit entries, oldest first, without those that Appended has recorded.
	Pending(ctx context.Context, limit int) ([]Pending, error)
	// Appended records the entries' indexes for good, all or none. Recording the same again MUST succeed.
	Appended(ctx context.Context, entries []Placed) error
}

// Placed is an entry that the log has.
type Placed struct {
	ID    string // of the act
	Index uint64
}

// MaxDelay is how long an entry that nobody waits for may stay in the outbox of a running pump. The log signs a checkpoint at once when it has
// been idle, and the next only an interval later: so what nobody waits for does not go ahead of what somebody will.
const MaxDelay = time.Second

const (
	// A failing log or outbox is tried again after firstRetry, then after twice as long each time, up to lastRetry.
	firstRetry = 20 * time.Millisecond
	lastRetry  = 5 * time.Second
	// remembered is how many recent entries Await still knows after they left the outbox.
	remembered = 1 << 16
)

// Pump carries entries from the outbox into the log, in the outbox's order: at once when one is waited for, with all before it, and
// otherwise within MaxDelay. (A batch that fails half may leave an entry behind a younger one.) Wake, Await and AwaitSigned are safe for
// concurrent use. Run MUST run for anything to happen.
type Pump struct {
	log    *Log
	outbox Outbox
	logger *slog.Logger
	retry  time.Duration // the first wait after a failure
	wake   chan struct{} // holds one token when there may be something to do within MaxDelay
	urgent chan struct{} // holds one token when somebody waits
	ended  chan struct{} // closed when Run has returned
	sure   bool          // no entry is in the log that is neither in added nor recorded; Run's own

	mu      sync.Mutex
	waiters map[string][]chan placed // of one element each
	added   map[string]uint64        // entries in the log that the outbox has not recorded yet
	recent  memory                   // entries that it has
}

// NewPump makes a pump. The log MUST stay open until Run has returned.
func NewPump(log *Log, outbox Outbox, logger *slog.Logger) *Pump {
	return &Pump{
		log: log, outbox: outbox, logger: logger, retry: firstRetry,
		wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1), ended: make(chan struct{}),
		waiters: map[string][]chan placed{}, added: map[string]uint64{}, recent: memory{index: map[string]uint64{}},
	}
}

// Wake tells the pump that the outbox has new entries. It never blocks. A transaction calls it after its commit, unless it awaits.
func (p *Pump) Wake() { put(p.wake) }

// put leaves a token, unless there is one.
func put(tokens chan<- struct{}) {
	select {
	case tokens <- struct{}{}:
	default:
	}
}

// Await returns the index of an entry when the outbox has recorded it. The entry's transaction MUST be committed before. Entries that
// left the outbox long ago (65,536 entries) or before this start are NotFound, LEDGER_NO_ENTRY, as are those that never were: the store has
// their index. A failing log or outbox is Unavailable, LEDGER_UNAVAILABLE: the entry stays in the outbox and is appended later.
func (p *Pump) Await(ctx context.Context, id string) (index uint64, err error) {
	p.mu.Lock()
	if index, known := p.recent.index[id]; known {
		p.mu.Unlock()
		return index, nil
	}
	mine := make(chan placed, 1)
	p.waiters[id] = append(p.waiters[id], mine)
	p.mu.Unlock()
	put(p.urgent)
	select {
	case got := <-mine:
		return got.index, got.err
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-p.ended:
	}
	select {
	case got := <-mine: // it was answered last
		return got.index, got.err
	default:
		return 0, unavailable(errClosed)
	}
}

// AwaitSigned is Await, and then waits for a signed checkpoint that covers the entry.
func (p *Pump) AwaitSigned(ctx context.Context, id string) (index uint64, err error) {
	index, err = p.Await(ctx, id)
	if err != nil {
		return 0, err
	}
	return index, p.log.Await(ctx, index)
}

// Run empties the outbox at once, whenever an entry is waited for, and MaxDelay after it was woken, until ctx ends; then it finishes the
// batch under way and what is left, unless the log or the outbox fails, and returns nil. A failure is told to those who wait and tried
// again later, without end. Run MUST be called once.
func (p *Pump) Run(ctx context.Context) error {
	defer close(p.ended)
	for retry := p.retry; ctx.Err() == nil; {
		err := p.drain(ctx)
		if ctx.Err() != nil {
			break
		}
		if err == nil {
			retry = p.retry
			p.rest(ctx)
			continue
		}
		p.logger.ErrorContext(ctx, "the ledger takes no entries", slog.Any("error", err), slog.Duration("retry", retry))
		p.refuse(err)
		select {
		case <-ctx.Done():
			return nil // the outbox keeps what is left
		case <-time.After(retry):
		}
		retry = min(2*retry, lastRetry)
	}
	if err := p.drain(context.WithoutCancel(ctx)); err != nil {
		p.logger.ErrorContext(ctx, "the ledger has not taken every entry: the next start goes on", slog.Any("error", err))
	}
	return nil
}

// rest returns when somebody waits for an entry, when one that nobody waits for has been left for MaxDelay, or when ctx ends.
func (p *Pump) rest(ctx context.Context) {
	var late <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.urgent:
			return
		case <-late:
			return
		case <-p.wake:
			if late == nil {
				late = time.After(MaxDelay)
			}
		}
	}
}

// drain appends until the outbox is empty.
func (p *Pump) drain(ctx context.Context) error {
	if !p.sure {
		if err := p.find(ctx); err != nil {
			return err
		}
		p.sure = true
	}
	for ctx.Err() == nil {
		asked := p.asked()
		select {
		case <-p.wake: // for what is read now
		default:
		}
		batch, err := p.outbox.Pending(ctx, batchSize)
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			p.dismiss(asked)
			return nil
		}
		if err := p.carry(ctx, batch); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// carry appends a batch and records it. Once begun it is not broken off: an entry that is appended but not recorded has to be looked for
// after the next start.
func (p *Pump) carry(ctx context.Context, batch []Pending) error {
	ctx = context.WithoutCancel(ctx)
	results, err := p.append(ctx, batch)
	if err != nil {
		return err
	}
	var failed error
	done := make([]Placed, 0, len(batch))
	for i, entry := range batch {
		if results[i].err != nil {
			failed = errors.Join(failed, results[i].err)
			continue
		}
		done = append(done, Placed{ID: entry.ID, Index: results[i].index})
	}
	if err := p.outbox.Appended(ctx, done); err != nil {
		return errors.Join(failed, err)
	}
	for _, entry := range done {
		p.recorded(entry.ID, entry.Index)
	}
	return failed
}

// append adds those entries of a batch that this process has not added before. It remembers what it added until the outbox has recorded
// it, so that an outbox that fails to does not make doubles.
func (p *Pump) append(ctx context.Context, batch []Pending) ([]placed, error) {
	results := make([]placed, len(batch))
	var fresh [][32]byte
	var at []int
	p.mu.Lock()
	for i, entry := range batch {
		if index, known := p.added[entry.ID]; known {
			results[i].index = index
			continue
		}
		fresh, at = append(fresh, entry.Commitment), append(at, i)
	}
	p.mu.Unlock()
	if len(fresh) == 0 {
		return results, nil
	}
	added, err := p.log.appendAll(ctx, fresh)
	if err != nil {
		p.sure = false
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, result := range added {
		results[at[i]] = result
		if result.err == nil {
			p.added[batch[at[i]].ID] = result.index
		} else {
			p.sure = false
		}
	}
	return results, nil
}

// recorded answers those who wait for an entry.
func (p *Pump) recorded(id string, index uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.added, id)
	p.recent.put(id, index)
	p.answer(id, placed{index: index})
}

// refuse tells everyone who waits that the log or the outbox fails.
func (p *Pump) refuse(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id := range p.waiters {
		p.answer(id, placed{err: unavailable(cause)})
	}
}

// asked lists the entries that are waited for.
func (p *Pump) asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make([]string, 0, len(p.waiters))
	for id := range p.waiters {
		ids = append(ids, id)
	}
	return ids
}

// dismiss answers those who asked for an entry before the outbox was found empty.
func (p *Pump) dismiss(asked []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range asked {
		p.answer(id, placed{err: enclave.Fail(enclave.NotFound, "LEDGER_NO_ENTRY", "number", id)})
	}
}

// answer MUST be called with mu held.
func (p *Pump) answer(id string, result placed) {
	for _, waiter := range p.waiters[id] {
		waiter <- result
	}
	delete(p.waiters, id)
}

// memory is a map that forgets the oldest beyond a fixed number.
type memory struct {
	index map[string]uint64
	order []string // a ring, once it is full
	next  int
}

func (m *memory) put(id string, index uint64) {
	if _, known := m.index[id]; known {
		return
	}
	m.index[id] = index
	if len(m.order) < remembered {
		m.order = append(m.order, id)
		return
	}
	delete(m.index, m.order[m.next])
	m.order[m.next] = id
	m.next = (m.next + 1) % remembered
}
