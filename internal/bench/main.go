// Command bench measures the main job and prints what it found. Nothing but equal answers is asserted: the figures are for people. See the
// README beside it.
//
//	go run ./internal/bench                    # from column files to facts, against DuckDB and Go loops, on 10 million rows
//	go run ./internal/bench -rows 100000000    # 100 million: 14 GB of disk, 20 GB of memory for the peers
//	go run ./internal/bench -served            # submission to release over gRPC, and a small run's latency
//	go run ./internal/bench -latency           # small runs alone, with the share of each stage
//	go run ./internal/bench -hostile           # honest runs alone and beside every hostile module, and what memory is left behind
//
// Loading and each side run in a process of their own, so that peak memory is that of the work named.
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

	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/app"
)

const seed = 7

func main() {
	if len(os.Args) > 1 && os.Args[1] == sandbox.CompileCommand { // the enclave's child
		os.Exit(sandbox.CompileMain(context.Background(), os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	rows := flags.Int64("rows", 10_000_000, "rows of the seeded table")
	repeat := flags.Int("repeat", 5, "turns of each kind")
	threads := flags.Int("threads", runtime.GOMAXPROCS(0), "threads of every side")
	dir := flags.String("dir", "", "directory to keep the rows in, for the next time too (default: a temporary one)")
	ask := flags.String("ask", "abc", "which questions to ask")
	duck := flags.Bool("duckdb", true, "compare with DuckDB, which npm installs")
	profile := flags.String("profile", "", "file for a CPU profile of the enclave's side")
	served := flags.Bool("served", false, "measure submission to release over gRPC instead")
	small := flags.Bool("latency", false, "measure small runs alone instead, with the share of each stage")
	attacked := flags.Bool("hostile", false, "measure honest runs beside hostile ones instead")
	phase := flags.String("phase", "", "internal: what a process of its own does")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	if *small {
		return latency(ctx, out)
	}
	b := bench{rows: *rows, repeat: *repeat, threads: *threads, ask: *ask, duck: *duck, profile: *profile, dir: *dir, out: out}
	switch *phase {
	case "load":
		return b.load(ctx)
	case "run":
		return b.runs(ctx)
	case "ingest", "enclave", "loops":
		return b.serve(ctx, *phase)
	case "":
	default:
		return fmt.Errorf("no phase %q", *phase)
	}
	if *served {
		return b.both(ctx)
	}
	if *attacked {
		return b.hostile(ctx)
	}
	return b.compare(ctx)
}

type bench struct {
	rows      int64
	repeat    int
	threads   int
	ask       string
	duck      bool
	profile   string
	dir       string
	temporary bool // dir is this process's own
	out       io.Writer
}

// both runs the phases one after the other.
func (b bench) both(ctx context.Context) (err error) {
	if err := b.ownDir(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.clean()) }()
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
