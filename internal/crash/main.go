// Command crash kills a serving enclave at random moments, again and again, amid a stream of runs of several operators, and checks after
// each start and at the end that nothing was lost, changed or done twice. Meanwhile two people decide on what is held.
//
//	go run ./internal/crash                      # 100 kills: a few minutes
//	go run ./internal/crash -kills 1000 -seed 7
//	go run ./internal/crash -kills 0 -fail 50    # no kills: 50 of the server's writes fail, each in a server of its own (Linux on amd64)
//	go run ./internal/crash -kills 0 -storm 200  # no kills: 200 runs at once, their order and their memory
//
// What is killed is the real `darkroom serve`, in a process of its own and a directory of its own; what is checked, anybody could check with
// a credential and the domain's public key. The seed decides what is asked and when the process is killed, but not how the machine
// schedules it: the same seed meets other moments. The exit status is 1 if anything was not as it must be; then the directory is kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/darkroom-project/darkroom/internal/term"
)

func main() {
	if code, served := asServer(); served {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("crash", flag.ContinueOnError)
	kills := flags.Int("kills", 100, "how often the enclave is killed; 0 for not at all")
	fails := flags.Int("fail", 0, "how many of a server's writes, evenly chosen, fail in turn")
	storm := flags.Int("storm", 0, "how many runs are submitted at once to an enclave that is left alone")
	seed := flags.Uint64("seed", uint64(time.Now().UnixNano()), "of the choices that are made")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "darkroom-crash-")
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			err = os.RemoveAll(dir)
		} else {
			err = errors.Join(err, fmt.Errorf("see %s", dir))
		}
	}()
	fmt.Fprintf(out, "seed %d\n", *seed)
	var violations []string
	show := func(f figures, err error) error {
		f.print(out)
		violations = append(violations, f.violations...)
		return err
	}
	if *kills > 0 {
		if err := show(kill(ctx, dir, *kills, *seed)); err != nil {
			return err
		}
	}
	if *fails > 0 {
		if err := show(fail(ctx, filepath.Join(dir, "faults"), *fails)); err != nil {
			return err
		}
	}
	if *storm > 0 {
		if err := show(rush(ctx, dir, *storm)); err != nil {
			return err
		}
	}
	if len(violations) > 0 {
		return fmt.Errorf("%d violations", len(violations))
	}
	return nil
}

// figures are what there is to tell, in order, and what was not as it must be.
type figures struct {
	rows       [][]string
	violations []string
}

func (f *figures) add(name string, value any) {
	f.rows = append(f.rows, []string{name, fmt.Sprint(value)})
}

func (f *figures) print(out io.Writer) {
	term.Table(out, []string{"figure", "value"}, f.rows)
	for _, v := range f.violations[:min(len(f.violations), tooMany)] {
		fmt.Fprintln(out, "VIOLATION:", v)
	}
}
