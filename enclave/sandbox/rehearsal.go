package sandbox

import (
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/darkroom-project/darkroom/enclave"
)

// Rehearsal is a sandbox for synthetic rows alone. It tells what guests write to their standard streams and what they burn, either of which
// tells of the rows. A [Sandbox], and the guests that it opens, have nothing that would tell: so that nobody hears of real rows, it is enough
// that they are shown to guests of a Sandbox. One Rehearsal for each run keeps runs from being heard in each other's.
type Rehearsal struct{ *Sandbox }

// NewRehearsal makes a sandbox for synthetic rows. Its owner MUST close it, after every guest.
func NewRehearsal(ctx context.Context, config Config, log *slog.Logger) (*Rehearsal, error) {
	s, err := New(ctx, config, log)
	if err != nil {
		return nil, err
	}
	s.observer = &observer{}
	return &Rehearsal{s}, nil
}

// Said is what guests wrote, as far as MaxSaid, without the space around it; what is not UTF-8 is "?".
func (r *Rehearsal) Said() string {
	o := r.observer
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.ToValidUTF8(strings.TrimSpace(string(o.said)), "?")
}

// Burnt is what guests burnt so far.
func (r *Rehearsal) Burnt() Fuel {
	o := r.observer
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fuel
}

// MaxSaid is how much of what guests write a [Rehearsal] keeps, in bytes.
const MaxSaid = 64 << 10

// Fuel is what guests burnt, in units; see [enclave.DefaultFuel] for what they may.
type Fuel struct {
	Total int64 // all of them together
	Start int64 // at most, an instance before its first row
	// Row is at most, an instance after a call, its start not counted, for each row that it had been shown by then, rounded up.
	Row int64
	// Needed is the least fuel for each row with which a manifest has enough for all of that, its starts included; at least 1 once rows were
	// shown. A program whose start takes more than BaseFuel has never enough.
	Needed int64
}

// observer writes down what a Rehearsal tells. A Sandbox has none, a nil one, which does nothing. It is safe for concurrent use.
type observer struct {
	mu   sync.Mutex
	said []byte
	fuel Fuel
}

// hear takes down what a guest writes, as far as there is room.
func (o *observer) hear(bytes []byte) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, bytes[:min(len(bytes), MaxSaid-len(o.said))]...)
}

// weigh takes down what an instance has burnt that was shown so many rows, and looks at it after each call.
func (o *observer) weigh(t *tank, rows int64) {
	if o == nil {
		return
	}
	burnt := t.burnt()
	start := burnt
	if t.started {
		start = t.start
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	f := &o.fuel
	f.Total += burnt - t.weighed
	t.weighed = burnt
	f.Start = max(f.Start, start)
	if rows > 0 {
		f.Row = max(f.Row, perRow(burnt-start, rows))
		f.Needed = max(f.Needed, perRow(burnt-enclave.BaseFuel, rows), 1)
	}
}

// perRow is rounded up.
func perRow(units, rows int64) int64 { return (max(units, 0) + rows - 1) / rows }
