package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sync/errgroup"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
)

// loops is the peer without any machinery: a developer's Go loops over plain arrays in memory, in the order of the snapshot, where the
// rows of a person lie side by side. Reading the arrays is not timed.
type loops struct {
	subject                               []uint32
	district, department, region, visited []int32
	discount, quantity, cost              []int64
	rows                                  enclave.Rows
}

const cells = districts * departments

func newLoops(ctx context.Context, store *load.Store, snapshot enclave.Snapshot) (*loops, error) {
	rows, err := store.Open(ctx, visitsTable(), snapshot.Digest)
	if err != nil {
		return nil, err
	}
	n := snapshot.Rows
	l := &loops{
		rows: rows, subject: make([]uint32, n), district: make([]int32, n), department: make([]int32, n), region: make([]int32, n),
		visited: make([]int32, n), discount: make([]int64, n), quantity: make([]int64, n), cost: make([]int64, n),
	}
	at := 0
	err = enclave.Scan(ctx, rows, enclave.Range{Count: n}, []int{1, 2, 3, 4, 5, 6, 7}, func(b *enclave.Batch) error {
		copy(l.subject[at:], b.Subjects[:b.Rows])
		for i, to := range [][]int32{l.district, l.department, l.region, l.visited} {
			copy(to[at:], b.Columns[i].Narrow[:b.Rows])
		}
		for i, to := range [][]int64{l.discount, l.quantity, l.cost} {
			copy(to[at:], b.Columns[4+i].Wide[:b.Rows])
		}
		at += b.Rows
		return nil
	})
	return l, err
}

// readOnly is the way in which nothing is computed: what the question needs is read and added up, as fast as memory gives it.
const readOnly = "read"

// answer splits the rows between threads, and adds their parts up.
func (l *loops) answer(t task) ([]string, error) {
	ranges, err := l.rows.Split(t.Threads)
	if err != nil {
		return nil, err
	}
	loop, ok := map[string]func(r enclave.Range) []fact{"a": l.group, "b": l.filter, "c": l.facts}[t.Question]
	if !ok {
		return nil, errors.New("no such question")
	}
	if t.How == readOnly {
		loop = func(r enclave.Range) []fact { return []fact{{sum: l.read(t.Question, r)}} }
	}
	parts := make([][]fact, len(ranges))
	var group errgroup.Group
	for i, r := range ranges {
		group.Go(func() error {
			parts[i] = loop(r)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, part := range parts[1:] {
		for i := range part {
			parts[0][i].join(&part[i])
		}
	}
	return lines(t.Question, parts[0]), nil
}

// read adds up the arrays that a question needs, eight bytes at a time.
func (l *loops) read(question string, r enclave.Range) int64 {
	first, last := r.First, r.First+r.Count
	sum := total(l.cost[first:last])
	if question == "b" {
		return sum + total(l.visited[first:last]) + total(l.region[first:last]) + total(l.discount[first:last]) + total(l.quantity[first:last])
	}
	sum += total(l.district[first:last]) + total(l.department[first:last])
	if question == "c" {
		sum += total(l.subject[first:last])
	}
	return sum
}

func total[T int32 | uint32 | int64](values []T) int64 {
	n := len(values) * int(unsafe.Sizeof(values[0])) / 8
	words := unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(values))), n) //nolint:gosec // of plain numbers, no longer than they are
	var a, b, c, d int64
	for ; len(words) >= 4; words = words[4:] {
		a, b, c, d = a+words[0], b+words[1], c+words[2], d+words[3]
	}
	return a + b + c + d
}

// fact is what a loop knows of a cell.
type fact struct {
	rows, subjects, sum, largest, second int64
	running                              int64
	last                                 uint32 // subject number, plus one
}

func (f *fact) flush() {
	f.sum += f.running
	if f.running > f.largest {
		f.largest, f.second = f.running, f.largest
	} else if f.running > f.second {
		f.second = f.running
	}
	f.running = 0
}

func (f *fact) join(other *fact) {
	f.rows, f.subjects, f.sum = f.rows+other.rows, f.subjects+other.subjects, f.sum+other.sum
	f.second = max(min(f.largest, other.largest), f.second, other.second)
	f.largest = max(f.largest, other.largest)
}

func (l *loops) group(r enclave.Range) []fact {
	first, last := r.First, r.First+r.Count
	district, department, cost := l.district[first:last], l.department[first:last], l.cost[first:last]
	var sums [cells]int64
	for i, d := range district {
		sums[d*departments+department[i]] += cost[i]
	}
	facts := make([]fact, cells)
	for i, sum := range sums {
		facts[i].sum = sum
	}
	return facts
}

func (l *loops) filter(r enclave.Range) []fact {
	first, last := r.First, r.First+r.Count
	visited, discount, quantity := l.visited[first:last], l.discount[first:last], l.quantity[first:last]
	region, cost := l.region[first:last], l.cost[first:last]
	sum := int64(0)
	for i, day := range visited {
		if day >= 19539 && day < 19631 && discount[i] >= 4 && discount[i] < 7 && quantity[i] < 24 && region[i] != 3 {
			sum += cost[i]
		}
	}
	return []fact{{sum: sum}}
}

func (l *loops) facts(r enclave.Range) []fact {
	first, last := r.First, r.First+r.Count
	district, department, cost, subject := l.district[first:last], l.department[first:last], l.cost[first:last], l.subject[first:last]
	facts := make([]fact, cells)
	for i, d := range district {
		f := &facts[d*departments+department[i]]
		f.rows++
		if who := subject[i] + 1; f.last != who {
			f.last = who
			f.subjects++
			f.flush()
		}
		f.running += cost[i]
	}
	for i := range facts {
		facts[i].flush()
	}
	return facts
}

func lines(question string, facts []fact) []string {
	var lines []string
	for i := range facts {
		f := &facts[i]
		switch {
		case question == "b":
			lines = append(lines, fmt.Sprint(f.sum))
		case question == "a" && f.sum > 0:
			lines = append(lines, fmt.Sprintf("%d,%d,%d", i/departments, i%departments, f.sum))
		case f.rows > 0:
			lines = append(lines, fmt.Sprintf("%d,%d,%d,%d,%d,%d,%d", i/departments, i%departments, f.rows, f.subjects, f.sum, f.largest, f.second))
		}
	}
	slices.Sort(lines)
	return lines
}
