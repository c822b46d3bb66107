package ballast

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

// TestTake: the collector aims at a heap that holds the ballast and as much again.
func TestTake(t *testing.T) {
	Take()
	Take()
	runtime.GC()
	goal := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(goal)
	live := goal[1].Value.Uint64()
	if live < Size || live > Size+Size/2 {
		t.Errorf("%d bytes are live, the ballast is %d", live, Size)
	}
	if goal[0].Value.Uint64() < 2*Size {
		t.Errorf("the goal is %d bytes", goal[0].Value.Uint64())
	}
}
