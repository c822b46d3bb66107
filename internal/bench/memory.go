package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
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

// foreign tells, when it is called, how many cores other programs have kept busy since, on average; 0 if the system does not tell.
func foreign() (cores func() float64) {
	began, before := time.Now(), busyTime()
	return func() float64 {
		return max(0, (busyTime()-before).Seconds()/time.Since(began).Seconds())
	}
}

// busyTime is for how long the machine's cores have been at work for others than this process and its children that have ended.
func busyTime() time.Duration {
	const tick = 10 * time.Millisecond // in which the kernel counts there, on every architecture that Go knows
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	var all time.Duration
	for i, field := range bytes.Fields(line) {
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		if err == nil && i != 4 && i != 5 && i < 9 { // neither idle, nor waiting for a disk; guests are counted among the rest
			all += time.Duration(ticks) * tick
		}
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if syscall.Getrusage(who, &usage) == nil {
			all -= time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		}
	}
	return all
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
