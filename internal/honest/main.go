// Command honest releases what a statistical office would publish, and prints what each sequence of testdata/honest lost, and to what.
//
//	go run ./internal/honest                     # every sequence, a line for each
//	go run ./internal/honest -v -only adult      # those whose name has it, with each table
//	go run ./internal/honest -served             # over gRPC, on an enclave that is served
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/testdata/honest"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == sandbox.CompileCommand { // the enclave's child
		os.Exit(sandbox.CompileMain(context.Background(), os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "honest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("honest", flag.ContinueOnError)
	only := flags.String("only", "", "play the sequences whose name has this")
	served := flags.Bool("served", false, "play them over gRPC, on an enclave that is served")
	detailed := flags.Bool("v", false, "print each table")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	sequences, err := honest.All()
	if err != nil {
		return err
	}
	sequences = slices.DeleteFunc(sequences, func(s *honest.Sequence) bool { return !strings.Contains(s.Name, *only) })
	dir, err := os.MkdirTemp("", "darkroom-honest-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var all []*played
	if *served {
		all, err = serve(ctx, dir, log, sequences)
	} else {
		all, err = playAll(ctx, dir, log, sequences)
	}
	if err != nil {
		return err
	}
	return report(out, all, *detailed)
}

// playAll plays sequences in an office with files in a directory.
func playAll(ctx context.Context, dir string, log *slog.Logger, sequences []*honest.Sequence) (all []*played, err error) {
	o, err := openOffice(ctx, dir, log)
	if err != nil {
		return nil, err
	}
	o.alone = true
	defer func() { err = errors.Join(err, o.close(context.WithoutCancel(ctx))) }()
	return each(ctx, log, sequences, func(s *honest.Sequence) (*played, error) { return o.play(ctx, s) })
}

// each plays sequences one after the other, but those whose data is not here.
func each(ctx context.Context, log *slog.Logger, sequences []*honest.Sequence, play func(*honest.Sequence) (*played, error)) (all []*played, err error) {
	for _, s := range sequences {
		p, err := play(s)
		if errors.Is(err, errNoShared) {
			log.WarnContext(ctx, "not played", slog.String("sequence", s.Name), slog.Any("error", err))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		all = append(all, p)
	}
	return all, nil
}
