package sandbox

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// wallPerSecond is the most time that a child may take for a second of processor time. It is a backstop: on a busy machine a child of low
// priority waits, which is not the module's fault.
const wallPerSecond = 20 * time.Second

// isolate gives a child a process group of its own: an interrupt at the terminal is for the service, which kills the whole group when it is to
// end. A child that outlives a killed service ends at its limits.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
			return os.ErrProcessDone
		}
		return nil
	}
}

// niceness is that of a child: where all cores are busy it has a tenth of one, which takes it less time than it may take.
const niceness = 10

// yield has a child that was just started give way to the service, with all threads that it has and will have.
func yield(cmd *exec.Cmd) error {
	return syscall.Setpriority(syscall.PRIO_PGRP, cmd.Process.Pid, niceness)
}

// limitProcess bounds what this process may use from now on: processor time, memory that it can write to, the size of files, and how many
// are open. The soft and the hard limit are the same, so that the end is a kill and needs no cooperation. Of memory it is RLIMIT_DATA and
// not RLIMIT_AS, since Go reserves much more address space than it ever uses.
func limitProcess(seconds, bytes uint64) error {
	for _, limit := range []struct {
		what int
		most uint64
	}{
		{syscall.RLIMIT_CORE, 0},
		{syscall.RLIMIT_CPU, seconds},
		{syscall.RLIMIT_DATA, bytes},
		{syscall.RLIMIT_FSIZE, maxCodeBytes},
		{syscall.RLIMIT_NOFILE, 32},
	} {
		if err := syscall.Setrlimit(limit.what, &syscall.Rlimit{Cur: limit.most, Max: limit.most}); err != nil {
			return err
		}
	}
	return nil
}

// private reports whether nobody but the service's user may use a file.
func private(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
