package sandbox_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// Every thread of a compiler gives way to the service.
func TestCompilersYield(t *testing.T) {
	s, begun := begins(t, compiling(t, sandbox.Config{CompileSeconds: 1}))
	ended := make(chan error)
	go func() { ended <- s.Compile(t.Context(), "acme", moduleOf(guests.SlowToCompile())) }()
	<-begun
	threads, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, of := range threads {
		children, err := os.ReadFile(of) //nolint:gosec // the test's own
		if err != nil {
			t.Skip("the system does not tell who started whom")
		}
		for child := range strings.FieldsSeq(string(children)) {
			tasks, err := os.ReadDir(filepath.Join("/proc", child, "task"))
			if err != nil {
				t.Fatal(err)
			}
			for _, task := range tasks {
				id, err := strconv.Atoi(task.Name())
				if err != nil {
					t.Fatal(err)
				}
				inverse, err := syscall.Getpriority(syscall.PRIO_PROCESS, id) // 20 less the niceness
				if err != nil {
					t.Fatal(err)
				}
				if found++; 20-inverse < 10 {
					t.Errorf("thread %d has niceness %d", id, 20-inverse)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no compiler is at work")
	}
	if err := <-ended; err == nil {
		t.Error("a bomb was compiled")
	}
}
