package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"github.com/tetratelabs/wazero"
)

// CompileCommand is the first argument that asks a program to be a compiler; see CompileMain.
const CompileCommand = "compile-module"

// ThisProgram is the [Config.Compiler] of a program that hands over to CompileMain when its first argument is CompileCommand. Where it
// can, it names the file that is being executed, not its path, where a newer version may lie by now: what that compiles would be of no use.
func ThisProgram() ([]string, error) {
	const running = "/proc/self/exe" // the child's own, before it executes anything else: the same file
	if _, err := os.Stat(running); err == nil {
		return []string{running, CompileCommand}, nil
	}
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return []string{path, CompileCommand}, nil
}

// How a child ends. Go's runtime ends with 2 when memory runs out.
const (
	exitInvalid = 3 // the module is not valid
	exitBroken  = 4 // the child could not do its work
	exitLimit   = 5 // the system refused it memory
)

// childReady is what a child says once its limits hold. Whatever ends it before is not the module's doing.
const childReady = "ready\n"

// CompileMain is the whole of a program that the sandbox started to compile one module. The arguments are a directory and the limits,
// seconds of processor time and MiB of memory, which it sets for itself before it reads the module from in. It returns the status to exit
// with. The process is not fit for anything else afterwards.
func CompileMain(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	status, err := compileChild(ctx, args, in, out)
	if err != nil {
		fmt.Fprintln(errs, err)
	}
	return status
}

func compileChild(ctx context.Context, args []string, in io.Reader, out io.Writer) (status int, err error) {
	if len(args) != 3 {
		return exitBroken, fmt.Errorf("%s takes a directory, seconds and MiB", CompileCommand)
	}
	seconds, err1 := strconv.ParseUint(args[1], 10, 16)
	mib, err2 := strconv.ParseUint(args[2], 10, 24)
	if err := errors.Join(err1, err2); err != nil {
		return exitBroken, err
	}
	if err := limitProcess(seconds, mib<<20); err != nil {
		return exitBroken, fmt.Errorf("set limits: %w", err)
	}
	if _, err := io.WriteString(out, childReady); err != nil {
		return exitBroken, err
	}
	wasm, err := io.ReadAll(in)
	if err != nil {
		return exitBroken, err
	}
	defer func() {
		if r := recover(); r != nil {
			status, err = exitInvalid, fmt.Errorf("it panicked: %v", r)
		}
	}()
	err = compileInto(ctx, args[0], wasm)
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case err == nil:
		return 0, nil
	case errors.Is(err, syscall.ENOMEM):
		return exitLimit, err
	case errors.As(err, &path), errors.As(err, &link):
		return exitBroken, err
	}
	return exitInvalid, err
}

// compileInto compiles a module as a sandbox does, and leaves the code in a directory.
func compileInto(ctx context.Context, dir string, wasm []byte) error {
	disk, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	compiling := wazero.NewRuntimeWithConfig(ctx, runtimeConfig(disk))
	_, err = compiling.CompileModule(ctx, wasm)
	return errors.Join(err, compiling.Close(ctx), disk.Close(ctx))
}
