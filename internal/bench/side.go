package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

// A side is a process of its own that answers the questions: lines of JSON in, lines of JSON out. So peak memory is that of the side
// named, and sides take turns in one run of the benchmark.

// task is what a side is asked.
type task struct {
	Question string `json:"question"`
	How      string `json:"how"` // one of the side's ways: "none", "c", "go"; or SQL
	Threads  int    `json:"threads"`
	Tidy     bool   `json:"tidy"` // give unused memory back first: memory is watched
}

// result is what it answers. The first result of a side comes without a task, when it is ready.
type result struct {
	Lines   []string `json:"lines"` // sorted
	Wall    float64  `json:"wall"`  // seconds
	CPU     float64  `json:"cpu"`   // seconds of all threads
	Problem string   `json:"problem,omitempty"`
	Note    string   `json:"note,omitempty"`
}

// side is the benchmark's end of such a process.
type side struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *json.Decoder
	note string
}

// startSide starts a side and waits until it is ready.
func startSide(ctx context.Context, name, program string, args ...string) (*side, error) {
	s := &side{name: name, cmd: exec.CommandContext(ctx, program, args...)} //nolint:gosec // this program, or node
	s.cmd.Stderr = os.Stderr
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.out = json.NewDecoder(bufio.NewReader(out))
	ready, err := s.receive()
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.note = ready.Note
	return s, nil
}

func (s *side) ask(t task) (*result, error) {
	if err := json.NewEncoder(s.in).Encode(t); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return s.receive()
}

func (s *side) receive() (*result, error) {
	var r result
	if err := s.out.Decode(&r); err != nil {
		return nil, fmt.Errorf("%s ended: %w", s.name, err)
	}
	if r.Problem != "" {
		return nil, fmt.Errorf("%s: %s", s.name, r.Problem)
	}
	return &r, nil
}

// stop ends the process by ending its input, and waits.
func (s *side) stop() error { return errors.Join(s.in.Close(), s.cmd.Wait()) }

// serveSide is the process's end, for the sides that are this program again.
func serveSide(out io.Writer, note string, answer func(t task) ([]string, error)) error {
	reply := json.NewEncoder(out)
	if err := reply.Encode(result{Note: note}); err != nil {
		return err
	}
	in := json.NewDecoder(os.Stdin)
	for {
		var t task
		if err := in.Decode(&t); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		runtime.GOMAXPROCS(t.Threads)
		if t.Tidy {
			debug.FreeOSMemory()
		}
		var r result
		began, used := time.Now(), cpuTime()
		lines, err := answer(t)
		r.Wall, r.CPU, r.Lines = time.Since(began).Seconds(), (cpuTime() - used).Seconds(), lines
		if err != nil {
			r.Problem = err.Error()
		}
		if err := reply.Encode(r); err != nil {
			return err
		}
	}
}

// cpuTime is what all threads of the process used.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
