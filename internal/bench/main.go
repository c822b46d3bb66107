// Command bench measures the main job end to end and prints what it found: rows per second of aggregate runs with a Go guest, a C guest
// and no guest, against a plain Go loop over the same rows; submission to release of a small run; peak memory.
//
//	go run ./internal/bench                # 10 million rows: a few minutes, 2 GB of disk
//	go run ./internal/bench -rows 1000000
//
// Nothing is asserted: the figures are for people, and for a change to be compared with the one before it on the same machine.
// Loading and running happen in a process of their own each, so that peak memory is that of the work named.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"github.com/darkroom-project/darkroom/internal/app"
)

const seed = 7

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rows := flags.Int64("rows", 10_000_000, "rows of the seeded table")
	repeat := flags.Int("repeat", 3, "runs of each kind; the fastest counts")
	dir := flags.String("dir", "", "directory of the enclave (default: a temporary one)")
	phase := flags.String("phase", "", "internal: load or run, in a process of its own")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	b := bench{rows: *rows, repeat: *repeat, dir: *dir, out: out}
	switch *phase {
	case "load":
		return b.load(ctx)
	case "run":
		return b.runs(ctx)
	case "":
	default:
		return fmt.Errorf("no phase %q", *phase)
	}
	return b.both(ctx)
}

type bench struct {
	rows   int64
	repeat int
	dir    string
	out    io.Writer
}

// both runs the phases one after the other.
func (b bench) both(ctx context.Context) (err error) {
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "darkroom-bench-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	}
	fmt.Fprintf(b.out, "%s, %d cores, %d rows\n", runtime.Version(), runtime.GOMAXPROCS(0), b.rows)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, phase := range []string{"load", "run"} {
		child := exec.CommandContext(ctx, self, "-phase", phase, "-dir", b.dir, //nolint:gosec // this program again
			"-rows", strconv.FormatInt(b.rows, 10), "-repeat", strconv.Itoa(b.repeat))
		child.Stdout, child.Stderr = b.out, os.Stderr
		if err := child.Run(); err != nil {
			return fmt.Errorf("%s: %w", phase, err)
		}
	}
	return nil
}

func (b bench) config() app.Config { return app.Config{Listen: "127.0.0.1:0"} }

func (b bench) home() string { return filepath.Join(b.dir, "domain") }

func (b bench) log() *slog.Logger {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	app.RedirectLogs(log)
	return log
}

// peak prints the most memory that the process has had resident.
func (b bench) peak(of string) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return
	}
	fmt.Fprintf(b.out, "%-34s %10.0f MiB\n", "peak memory, "+of, float64(usage.Maxrss)/1024)
}
