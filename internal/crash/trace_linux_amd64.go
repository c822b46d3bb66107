package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// Of ptrace(2), what package syscall does not name.
const (
	exitKill   = 0x100000 // PTRACE_O_EXITKILL: the server does not outlive us
	syscallBit = 0x80     // of the signal of a stop at a system call
)

// tracer runs a server, counts what it writes to its directory, and fails one write. It sees system calls, so that nothing in the server has to
// know of it: SQLite's writes, the log's, and those of files are all the same.
type tracer struct {
	dir     string
	fault   fault
	process int
	writes  int
	failing map[int]bool // threads in the call that is to fail
	said    *os.File
}

// trace is the server's process: it starts another that serves, and does as the fault says.
func trace(dir, text string) int {
	f, err := parseFault(text)
	if err == nil {
		var code int
		if code, err = traced(dir, f); err == nil {
			return code
		}
	}
	fmt.Fprintln(os.Stderr, "crash: trace:", err)
	return 1
}

func traced(dir string, f fault) (code int, err error) {
	runtime.LockOSThread()             // all of ptrace comes from one thread
	said, err := os.Create(tally(dir)) //nolint:gosec // beside the helper's own directory
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, said.Close()) }()
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	process := exec.Command(self) //nolint:gosec,noctx // this program again, which is waited for below
	process.Env = append(os.Environ(), serveDir+"="+dir, failAt+"=")
	process.Stdout, process.Stderr = os.Stdout, os.Stderr
	process.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := process.Start(); err != nil {
		return 0, err
	}
	t := &tracer{dir: dir + "/", fault: f, process: process.Process.Pid, failing: map[int]bool{}, said: said}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	go func() {
		for range asked {
			_ = syscall.Kill(t.process, syscall.SIGTERM) // it may be gone
		}
	}()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(t.process, &status, 0, nil); err != nil {
		return 0, err
	}
	if err := syscall.PtraceSetOptions(t.process, syscall.PTRACE_O_TRACECLONE|syscall.PTRACE_O_TRACESYSGOOD|exitKill); err != nil {
		return 0, err
	}
	if err := syscall.PtraceSyscall(t.process, 0); err != nil {
		return 0, err
	}
	code, err = t.follow()
	fmt.Fprintln(said, "writes", t.writes)
	return code, err
}

// follow lets the server's threads go on from stop to stop until it has ended.
func (t *tracer) follow() (int, error) {
	for {
		var status syscall.WaitStatus
		thread, err := syscall.Wait4(-1, &status, syscall.WALL, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, err
		case status.Exited() && thread == t.process:
			return status.ExitStatus(), nil
		case status.Signaled() && thread == t.process:
			return 128 + int(status.Signal()), nil
		case !status.Stopped():
			continue
		}
		deliver := 0
		if stop := status.StopSignal(); stop == syscall.SIGTRAP|syscallBit {
			if err := t.call(thread); err != nil && !errors.Is(err, syscall.ESRCH) {
				return 0, err
			}
		} else if stop != syscall.SIGTRAP && stop != syscall.SIGSTOP { // which say that a thread begins
			deliver = int(stop)
		}
		if err := syscall.PtraceSyscall(thread, deliver); err != nil && !errors.Is(err, syscall.ESRCH) {
			return 0, err
		}
	}
}

// call is a stop before or after a system call. Before it, the register of the result says that there is no such call.
func (t *tracer) call(thread int) error {
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(thread, &regs); err != nil {
		return err
	}
	result := func(e syscall.Errno) uint64 { return -uint64(e) }
	if t.failing[thread] {
		delete(t.failing, thread)
		regs.Rax = result(syscall.EIO)
		return syscall.PtraceSetRegs(thread, &regs)
	}
	if regs.Rax != result(syscall.ENOSYS) {
		return nil
	}
	name, where := t.written(&regs)
	if where == "" {
		return nil
	}
	if t.writes++; t.writes != t.fault.number {
		return nil
	}
	t.failing[thread] = true
	fmt.Fprintln(t.said, "failed", t.fault, name, strings.TrimPrefix(where, t.dir))
	if t.fault.after {
		return nil
	}
	regs.Orig_rax = ^uint64(0) // no call
	return syscall.PtraceSetRegs(thread, &regs)
}

// written says what a call changes below the directory; "" for nothing.
func (t *tracer) written(r *syscall.PtraceRegs) (name, where string) {
	creates := func(flags uint64) bool { return flags&syscall.O_CREAT != 0 }
	switch r.Orig_rax {
	case syscall.SYS_WRITE, syscall.SYS_PWRITE64, syscall.SYS_WRITEV:
		name, where = "write", t.file(r.Rdi)
	case syscall.SYS_FSYNC, syscall.SYS_FDATASYNC:
		name, where = "sync", t.file(r.Rdi)
	case syscall.SYS_FTRUNCATE:
		name, where = "truncate", t.file(r.Rdi)
	case syscall.SYS_OPEN:
		if name = "create"; creates(r.Rsi) {
			where = t.path(r.Rdi)
		}
	case syscall.SYS_OPENAT:
		if name = "create"; creates(r.Rdx) {
			where = t.pathAt(r.Rdi, r.Rsi)
		}
	case syscall.SYS_RENAME, syscall.SYS_LINK:
		name, where = "rename", t.path(r.Rsi)
	case syscall.SYS_RENAMEAT, syscall.SYS_LINKAT, 316: // renameat2
		name, where = "rename", t.pathAt(r.Rdx, r.R10)
	case syscall.SYS_UNLINK, syscall.SYS_RMDIR:
		name, where = "remove", t.path(r.Rdi)
	case syscall.SYS_UNLINKAT:
		name, where = "remove", t.pathAt(r.Rdi, r.Rsi)
	case syscall.SYS_MKDIR:
		name, where = "mkdir", t.path(r.Rdi)
	case syscall.SYS_MKDIRAT:
		name, where = "mkdir", t.pathAt(r.Rdi, r.Rsi)
	}
	if !strings.HasPrefix(where, t.dir) {
		return "", ""
	}
	return name, where
}

// file is what a descriptor of the server's stands for.
func (t *tracer) file(descriptor uint64) string {
	name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", t.process, descriptor))
	if err != nil {
		return ""
	}
	return name
}

// path is the text at an address of the server's.
func (t *tracer) path(address uint64) string {
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", t.process))
	if err != nil {
		return ""
	}
	defer memory.Close() //nolint:errcheck // only read from
	text := make([]byte, 4096)
	n, _ := memory.ReadAt(text, int64(address)) //nolint:gosec // an address of a user's; the text may end before the buffer
	text, _, _ = bytes.Cut(text[:n], []byte{0})
	return string(text)
}

// pathAt is a path that may begin at a descriptor.
func (t *tracer) pathAt(descriptor, address uint64) string {
	text := t.path(address)
	if strings.HasPrefix(text, "/") {
		return text
	}
	return t.file(descriptor) + "/" + text
}
