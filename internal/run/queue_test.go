package run

import (
	"strings"
	"testing"
)

func TestTheQueueTakesTurns(t *testing.T) {
	t.Parallel()
	q := newQueue(2, 10, 1)
	for id := range strings.FieldsSeq("a1 a2 a3 b1 b2 c1 a1") {
		q.put(job{id[:1], id})
	}
	q.remove(job{"b", "b2"})
	q.remove(job{"b", "b9"})
	var order []string
	take := func() job {
		j, ok := q.take()
		if !ok {
			t.Fatal("the queue is closed")
		}
		order = append(order, j.id)
		return j
	}
	first := take()
	for range 3 {
		take()
	}
	if got := strings.Join(order, " "); got != "a1 b1 c1 a2" {
		t.Errorf("order %s", got)
	}
	q.put(job{"b", "b3"}) // a has its share at work: b goes first though a waits longer
	take()
	q.done(first, false)
	take()
	if got := strings.Join(order, " "); got != "a1 b1 c1 a2 b3 a3" {
		t.Errorf("order %s", got)
	}
	if q.leave(job{"b", "b3"}) != true || q.leave(job{"b", "b1"}) { // one may wait for the ledger
		t.Errorf("%d wait for the ledger", q.left)
	}
	q.put(job{"b", "b4"})
	take()
	q.done(job{"b", "b3"}, true)
	if q.left != 0 || q.atWork["b"] != 2 { // b1 and b4
		t.Errorf("%d wait for the ledger, at work %v", q.left, q.atWork)
	}
	q.put(first) // done before: may come again
	if q.full("a") || len(q.waiting["a"]) != 1 {
		t.Errorf("waiting %v", q.waiting)
	}
	q.close()
	q.put(job{"d", "d1"})
	if _, ok := q.take(); ok {
		t.Error("a closed queue gave a run out")
	}
}
