package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"

	"github.com/darkroom-project/darkroom/sdk/verify"
)

// table is an outbox in memory, which can be told to fail.
type table struct {
	mu         sync.Mutex
	pending    []Pending
	index      map[string]uint64
	failList   error
	failRecord error
	listed     func() // called with every Pending
}

var _ Outbox = (*table)(nil)

func newTable(count int) *table {
	o := &table{index: map[string]uint64{}}
	for n := range count {
		o.insert(n)
	}
	return o
}

func idOf(n int) string { return fmt.Sprintf("act%06d", n) }

// insert is a committed transaction.
func (o *table) insert(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending = append(o.pending, Pending{ID: idOf(n), Commitment: number(n)})
}

func (o *table) fail(list, record error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failList, o.failRecord = list, record
}

func (o *table) Pending(_ context.Context, limit int) ([]Pending, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.listed != nil {
		o.listed()
	}
	if o.failList != nil {
		return nil, o.failList
	}
	return slices.Clone(o.pending[:min(limit, len(o.pending))]), nil
}

func (o *table) Appended(_ context.Context, entries []Placed) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failRecord != nil {
		return o.failRecord
	}
	for _, entry := range entries {
		o.index[entry.ID] = entry.Index
		o.pending = slices.DeleteFunc(o.pending, func(p Pending) bool { return p.ID == entry.ID })
	}
	return nil
}

// startPump runs a pump until the test ends or stop is called.
func startPump(t *testing.T, l *Log, o Outbox) (p *Pump, stop func()) {
	t.Helper()
	p = NewPump(l, o, quietLog())
	p.retry = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); group.Wait() }
	t.Cleanup(stop)
	return p, stop
}

// leaves reads the log's entries from its files.
func leaves(t *testing.T, l *Log) [][32]byte {
	t.Helper()
	size, err := l.size(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all [][32]byte
	for bundle := uint64(0); bundle*256 < size; bundle++ {
		var got api.EntryBundle
		got, err := client.GetEntryBundle(t.Context(), l.reader.ReadEntryBundle, bundle, size)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range got.Entries {
			all = append(all, [32]byte(entry))
		}
	}
	return all
}

func TestPumpDrainsInOrder(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t)
	l := openLog(t, dir, private)
	const count = 700
	o := newTable(count) // left from before the start
	p, _ := startPump(t, l, o)
	if index, err := p.AwaitSigned(t.Context(), idOf(count-1)); err != nil || index != count-1 {
		t.Fatal(index, err)
	}
	for n, leaf := range leaves(t, l) {
		if leaf != number(n) || o.index[idOf(n)] != uint64(n) {
			t.Fatalf("entry %d is out of order", n)
		}
	}
	o.insert(count)
	if index, err := p.Await(t.Context(), idOf(count)); err != nil || index != count {
		t.Fatal(index, err)
	}
	if index, err := p.Await(t.Context(), idOf(5)); err != nil || index != 5 {
		t.Errorf("an entry of before: %d, %v", index, err)
	}
	_, err := p.Await(t.Context(), "unknown")
	wantReason(t, err, "LEDGER_NO_ENTRY")
	closeLog(t, l)
	if report, err := verify.Log(os.DirFS(dir), public); err != nil || report.Size != count+1 {
		t.Error(report.Size, err)
	}
}

func TestPumpManyWriters(t *testing.T) {
	private, _ := newKey(t)
	l := openLog(t, t.TempDir(), private)
	o := newTable(0)
	p, _ := startPump(t, l, o)
	const writers, each = 16, 20
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				n := w*each + i
				o.insert(n)
				if _, err := p.Await(t.Context(), idOf(n)); err != nil {
					t.Error(err)
					return
				}
			}
			if _, err := p.AwaitSigned(t.Context(), idOf(w*each)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(o.pending) != 0 || len(o.index) != writers*each {
		t.Errorf("%d pending, %d recorded", len(o.pending), len(o.index))
	}
}

// TestPumpAfterCrash loses the mark between append and record. Neither the living process nor the next one appends again, and the index is
// the one that is recorded and proved.
func TestPumpAfterCrash(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t)
	l := openLog(t, dir, private)
	sealed, err := Seal(act(0))
	if err != nil {
		t.Fatal(err)
	}
	o := newTable(0)
	for n := range 2*batchSize + 3 { // so that it has to be looked for
		o.insert(n)
	}
	p, stop := startPump(t, l, o)
	if _, err := p.Await(t.Context(), idOf(2*batchSize+2)); err != nil {
		t.Fatal(err)
	}
	stop()
	o.pending = []Pending{{ID: sealed.ID, Commitment: sealed.Commitment}}
	o.fail(nil, errors.New("the store is gone"))
	p, stop = startPump(t, l, o)
	for range 3 {
		_, err := p.Await(t.Context(), sealed.ID)
		wantReason(t, err, "LEDGER_UNAVAILABLE")
	}
	stop()
	closeLog(t, l)

	l = openLog(t, dir, private)
	const want = 2*batchSize + 3
	if got := leaves(t, l); len(got) != want+1 {
		t.Fatalf("%d entries before the second start", len(got))
	}
	o.fail(nil, nil)
	p, _ = startPump(t, l, o)
	index, err := p.AwaitSigned(t.Context(), sealed.ID)
	if err != nil || index != want || o.index[sealed.ID] != want {
		t.Fatal(index, err)
	}
	if got := leaves(t, l); len(got) != want+1 {
		t.Fatalf("%d entries", len(got))
	}
	receipt, err := l.Receipt(t.Context(), sealed.Body, sealed.Salt, index)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := verify.Contains(os.DirFS(dir), public, receipt); err != nil {
		t.Error(err)
	}
}

// TestPumpOutboxHeals is the same fault without a crash: nothing is appended twice.
func TestPumpOutboxHeals(t *testing.T) {
	private, _ := newKey(t)
	l := openLog(t, t.TempDir(), private)
	o := newTable(3)
	o.fail(nil, errors.New("busy"))
	p, _ := startPump(t, l, o)
	_, err := p.Await(t.Context(), idOf(2))
	wantReason(t, err, "LEDGER_UNAVAILABLE")
	o.fail(nil, nil)
	if index, err := awaitHealed(t, p, idOf(2)); err != nil || index != 2 {
		t.Fatal(index, err)
	}
	if err := l.Await(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if got := leaves(t, l); len(got) != 3 {
		t.Errorf("%d entries, want 3", len(got))
	}
}

// TestPumpLogFails makes the disk refuse, and heals it.
func TestPumpLogFails(t *testing.T) {
	dir := t.TempDir()
	private, _ := newKey(t)
	l := openLog(t, dir, private)
	obstacle := filepath.Join(dir, "tile")
	write(t, obstacle, []byte("not a directory"))
	o := newTable(2)
	p, _ := startPump(t, l, o)
	_, err := p.Await(t.Context(), idOf(0))
	wantReason(t, err, "LEDGER_UNAVAILABLE")
	remove(t, obstacle)
	if index, err := awaitHealed(t, p, idOf(1)); err != nil || index != 1 {
		t.Fatal(index, err)
	}
}

// TestPumpAppendThatFailsAfterItTookEffect is told that nothing was written, when all of it was.
func TestPumpAppendThatFailsAfterItTookEffect(t *testing.T) {
	private, _ := newKey(t)
	l := openLog(t, t.TempDir(), private)
	add, left := l.add, 2
	l.add = func(ctx context.Context, entry *tessera.Entry) tessera.IndexFuture {
		future := add(ctx, entry)
		if left == 0 {
			return future
		}
		left--
		return func() (tessera.Index, error) {
			_, err := future()
			return tessera.Index{}, errors.Join(err, errors.New("the disk says no"))
		}
	}
	o := newTable(3)
	p, _ := startPump(t, l, o)
	for n := range uint64(3) {
		if index, err := awaitHealed(t, p, idOf(int(n))); err != nil || index != n {
			t.Fatal(index, err)
		}
	}
	if err := l.Await(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if got := leaves(t, l); len(got) != 3 {
		t.Errorf("%d entries", len(got))
	}
}

// awaitHealed awaits an entry through failures that were under way when the cause was removed.
func awaitHealed(t *testing.T, p *Pump, id string) (uint64, error) {
	t.Helper()
	for {
		index, err := p.Await(t.Context(), id)
		if err == nil || t.Context().Err() != nil {
			return index, err
		}
	}
}

func TestPumpEnds(t *testing.T) {
	private, _ := newKey(t)
	l := openLog(t, t.TempDir(), private)
	p, stop := startPump(t, l, newTable(0))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Await(ctx, "x"); err != nil && !errors.Is(err, context.Canceled) {
		wantReason(t, err, "LEDGER_NO_ENTRY") // it may be answered first
	}
	stop()
	_, err := p.Await(t.Context(), "x")
	wantReason(t, err, "LEDGER_UNAVAILABLE")
}

// TestPumpBacksOff counts the waits between attempts on a virtual clock.
func TestPumpBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newTable(1)
		o.fail(errors.New("the store is gone"), nil)
		var attempts []time.Time
		o.listed = func() { attempts = append(attempts, time.Now()) }
		p := NewPump(nil, o, quietLog()) // the log is never reached
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		want := firstRetry
		for i := 1; i < len(attempts); i++ {
			if got := attempts[i].Sub(attempts[i-1]); got != want {
				t.Errorf("wait %d was %v, want %v", i, got, want)
			}
			want = min(2*want, lastRetry)
		}
		if len(attempts) < 15 {
			t.Errorf("%d attempts in a minute", len(attempts))
		}
	})
}

func TestMemoryForgets(t *testing.T) {
	m := memory{index: map[string]uint64{}}
	for n := range remembered + 10 {
		m.put(idOf(n), uint64(n))
	}
	_, first := m.index[idOf(9)]
	_, kept := m.index[idOf(10)]
	if first || !kept || len(m.index) != remembered || len(m.order) != remembered {
		t.Errorf("%v %v %d", first, kept, len(m.index))
	}
}

// carried notes, on a virtual clock, when the log took which entry.
type carried struct {
	n  int
	at time.Duration
}

// inVirtualTime runs a pump over a log that takes every entry at once, and an outbox that is empty at first.
func inVirtualTime(t *testing.T, act func(t *testing.T, p *Pump, o *table)) (log []carried) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start, ended, o := time.Now(), make(chan struct{}), newTable(0)
		l := &Log{ended: ended, add: func(_ context.Context, entry *tessera.Entry) tessera.IndexFuture {
			index := uint64(len(log))
			for n := range 10 {
				if number(n) == [32]byte(entry.Data()) {
					log = append(log, carried{n, time.Since(start)})
				}
			}
			return func() (tessera.Index, error) { return tessera.Index{Index: index}, nil }
		}}
		p, stop := startPump(t, l, o)
		synctest.Wait()
		act(t, p, o)
		stop()
		if len(o.pending) != 0 {
			t.Errorf("%d entries are left", len(o.pending))
		}
	})
	return log
}

// TestPumpLeavesWhatNobodyWaitsFor until the oldest has been left for MaxDelay, and no longer.
func TestPumpLeavesWhatNobodyWaitsFor(t *testing.T) {
	got := inVirtualTime(t, func(_ *testing.T, p *Pump, o *table) {
		for n := range 2 {
			o.insert(n)
			p.Wake()
			<-time.After(MaxDelay * 6 / 10)
		}
		o.insert(2)
		p.Wake()
		<-time.After(MaxDelay * 3 / 2)
	})
	want := []carried{{0, MaxDelay}, {1, MaxDelay}, {2, MaxDelay * 22 / 10}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestPumpCarriesWhatIsWaitedForAtOnce, with all that is before it; and that leaves no appointment behind, which would carry a later entry
// ahead of one that somebody waits for.
func TestPumpCarriesWhatIsWaitedForAtOnce(t *testing.T) {
	got := inVirtualTime(t, func(t *testing.T, p *Pump, o *table) {
		t.Helper()
		o.insert(0)
		p.Wake()
		<-time.After(MaxDelay / 4)
		o.insert(1)
		o.listed = sync.OnceFunc(p.Wake) // whoever relays the commit may come late
		if index, err := p.Await(t.Context(), idOf(1)); err != nil || index != 1 {
			t.Error(index, err)
		}
		<-time.After(MaxDelay / 4)
		o.insert(2)
		p.Wake()
		<-time.After(2 * MaxDelay)
	})
	want := []carried{{0, MaxDelay / 4}, {1, MaxDelay / 4}, {2, MaxDelay * 3 / 2}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestPumpEndsWithAnEmptyOutbox: what nobody waited for is not left to the next start.
func TestPumpEndsWithAnEmptyOutbox(t *testing.T) {
	got := inVirtualTime(t, func(_ *testing.T, p *Pump, o *table) {
		for n := range 2 {
			o.insert(n)
			p.Wake()
		}
	})
	if want := []carried{{0, 0}, {1, 0}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
