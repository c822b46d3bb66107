package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// anonymous is the resident memory of a process that no file backs, in bytes; 0 if the system does not tell.
func anonymous(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("RssAnon:"))
	fields := bytes.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// watch looks at a process's anonymous memory every step until the function it returns is called, which gives the most that it saw.
func watch(pid int, step time.Duration) (most func() int64) {
	var wait sync.WaitGroup
	done, peak := make(chan struct{}), int64(0)
	wait.Go(func() {
		for {
			peak = max(peak, anonymous(pid))
			select {
			case <-done:
				return
			case <-time.After(step):
			}
		}
	})
	return func() int64 {
		close(done)
		wait.Wait()
		return peak
	}
}

// processor is what the machine calls its processor.
func processor() string {
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	_, rest, _ := bytes.Cut(raw, []byte("model name"))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	if name := string(bytes.Trim(line, "\t :")); name != "" {
		return name
	}
	return runtime.GOARCH
}
