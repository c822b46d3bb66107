package load

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
)

// job is a part on its way: read by one goroutine, decoded by a worker, taken in order by the caller.
type job struct {
	part  part
	block *block
	err   error
	done  chan struct{} // receives once for every time the job is decoded
}

// decodeAll reads a table and gives its decoded blocks to take in the order of the file, decoding on all cores. The block is reused
// after take returns. The first thing wrong, in the order of the file, ends it. No goroutine outlives it.
func decodeAll(ctx context.Context, t table, l *layout, key []byte, format Format, take func(*block) error) error {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	depth := 2*workers + 2
	free, work, ordered := make(chan *job, depth), make(chan *job, depth), make(chan *job, depth)
	for range depth {
		free <- &job{block: l.newBlock(), done: make(chan struct{}, 1)}
	}
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	wait.Go(func() {
		defer close(ordered)
		defer close(work)
		read(ctx, t, free, work, ordered)
	})
	for range workers {
		wait.Go(func() {
			h := newHasher(key)
			for j := range work {
				j.err = guarded(format, func() error {
					defer j.part.release()
					j.block.decode(j.part, h)
					return nil
				})
				j.done <- struct{}{}
			}
		})
	}
	for j := range ordered {
		<-j.done
		if j.err != nil {
			return j.err
		}
		if err := take(j.block); err != nil {
			return err
		}
		free <- j
	}
	return ctx.Err()
}

// read gives the parts of a table to the workers. Jobs are as many as the channels hold, so only waiting for a free one blocks.
func read(ctx context.Context, t table, free <-chan *job, work, ordered chan<- *job) {
	for {
		var j *job
		select {
		case <-ctx.Done():
			return
		case j = <-free:
		}
		if ctx.Err() != nil {
			return
		}
		j.part, j.err = t.next(j.part)
		switch {
		case errors.Is(j.err, io.EOF):
			return
		case j.err != nil:
			j.done <- struct{}{}
			ordered <- j
			return
		}
		ordered <- j
		work <- j
	}
}
