package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/cli"
)

// serveDir is the environment variable that makes this program a server on that directory. It is the darkroom command itself then: the
// helper needs no other binary, and its tests none but their own.
const serveDir = "DARKROOM_CRASH_SERVE"

// asServer serves if the environment says so, or is the compiler that a server started, and returns the exit status.
func asServer() (code int, served bool) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.CompileCommand {
		return cli.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr), true
	}
	dir := os.Getenv(serveDir)
	if dir == "" {
		return 0, false
	}
	if fault := os.Getenv(failAt); fault != "" {
		return trace(dir, fault), true
	}
	return serve(dir), true
}

func serve(dir string) int {
	args := []string{"serve", "--lang", "en", "--data", dir, "--listen", "127.0.0.1:0"}
	return cli.Main(context.Background(), args, strings.NewReader(""), os.Stdout, os.Stderr)
}

// server is one process that serves.
type server struct {
	process *exec.Cmd
	ready   chan string // its address, once
	ended   chan error  // how it ended, once; after that ready says nothing more
}

var loopback = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// launch starts a server on a directory. What it logs is appended to a file beside the directory.
func launch(dir string, env ...string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(logFile(dir), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()             //nolint:errcheck // the child has its own
	process := exec.Command(self) //nolint:gosec,noctx // this program again, which kill and stop end
	process.Env = append(append(os.Environ(), env...), serveDir+"="+dir)
	process.Stderr = log
	out, err := process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := process.Start(); err != nil {
		return nil, err
	}
	s := &server{process: process, ready: make(chan string, 1), ended: make(chan error, 1)}
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if address := loopback.FindString(lines.Text()); address != "" && len(s.ready) == 0 {
				s.ready <- address
			}
		}
		s.ended <- errors.Join(lines.Err(), process.Wait())
	}()
	return s, nil
}

func logFile(dir string) string { return filepath.Clean(dir) + ".log" }

// up waits until the server listens and returns where.
func (s *server) up(ctx context.Context) (string, error) {
	select {
	case address := <-s.ready:
		return address, nil
	case err := <-s.ended:
		s.ended <- err
		return "", fmt.Errorf("the server did not start: %w", err)
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// kill ends the process as the system does, with no word to it, and waits until it is gone.
func (s *server) kill() error {
	if err := s.process.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	err := <-s.ended
	if status, ok := s.process.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return nil
	}
	return fmt.Errorf("the server ended by itself: %w", err)
}

// stop asks the process to end and waits for it.
func (s *server) stop() error {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return <-s.ended
}

// stopWithin asks the process to end and waits for it, but not for ever. It is nil also if the process ended with an error.
func (s *server) stopWithin(limit time.Duration) error {
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err // gone already
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-s.ended:
		_ = err // what it complains of at its end is nobody's matter here
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("the server did not stop in %v", limit), s.kill())
	}
}

// peak is the most memory that the process has had resident, in MiB, after it has ended.
func (s *server) peak() int64 {
	if usage, ok := s.process.ProcessState.SysUsage().(*syscall.Rusage); ok {
		return usage.Maxrss / 1024
	}
	return 0
}
