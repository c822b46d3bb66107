package sandbox

import (
	"strings"
	"sync"
)

// MaxSaid is how much of what a guest writes a [Listener] keeps, in bytes.
const MaxSaid = 64 << 10

// Listener keeps the beginning of what guests write, for a [Config.Output] where data is synthetic. A sandbox of its own for each run keeps
// runs from being heard in each other's. It is safe for concurrent use.
type Listener struct {
	mu   sync.Mutex
	said []byte
}

// Write keeps what there is room for, and takes everything.
func (l *Listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, b[:min(len(b), MaxSaid-len(l.said))]...)
	return len(b), nil
}

// Reset forgets what was said.
func (l *Listener) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = nil
}

// Text is what was said, without the space around it; what is not UTF-8 is "?".
func (l *Listener) Text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.ToValidUTF8(strings.TrimSpace(string(l.said)), "?")
}
