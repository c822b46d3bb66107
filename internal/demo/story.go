package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// Options say how the story is told.
type Options struct {
	Lang enclave.Lang
	Out  io.Writer
	Log  *slog.Logger
	Keep string // directory to keep the enclave in; "" plays in a temporary one
	// Listen is the address to listen on; "" is a free port, or with Keep the service's default.
	Listen string
	// Compiler is [app.Config.Compiler].
	Compiler []string
}

// story is the demonstration under way: the enclave, and what one step leaves to the next.
type story struct {
	Options
	*Domain
	dir    string
	grant  string
	honest answer
}

// Play tells the whole story. Its error is nil only if every step came out as it must. With Keep it goes on serving afterwards, until
// ctx ends.
func Play(ctx context.Context, options Options) (err error) {
	s := &story{Options: options, dir: options.Keep}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "darkroom-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	} else if err := newDirectory(s.dir); err != nil {
		return err
	}
	began := time.Now()
	s.print("DEMO_WELCOME")
	defer func() {
		if s.Domain != nil {
			err = errors.Join(err, s.Domain.Close())
		}
	}()
	for n, step := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"DEMO_START", s.start},
		{"DEMO_CATALOGUE", s.catalogue},
		{"DEMO_GRANT", s.grants},
		{"DEMO_HONEST", s.honestModule},
		{"DEMO_MANIFEST", s.manifestAlone},
		{"DEMO_DIFFERENCE", s.difference},
		{"DEMO_IDENTITY", s.identityModule},
		{"DEMO_ENDLESS", s.endlessModule},
		{"DEMO_PROGRAM", s.programModule},
		{"DEMO_LEAK", s.leakModule},
		{"DEMO_RECEIPT", s.receipt},
		{"DEMO_TAMPER", s.tamper},
	} {
		fmt.Fprintln(s.Out)
		s.print("DEMO_STEP", "n", strconv.Itoa(n+1), "title", s.text(step.title))
		if err := step.play(ctx); err != nil {
			s.print("DEMO_FAILED", "problem", s.words(err))
			if s.Keep != "" && s.Domain == nil { // nothing has started: the directory is free for another try
				err = errors.Join(err, os.RemoveAll(s.dir))
			}
			return err
		}
	}
	fmt.Fprintln(s.Out)
	s.print("DEMO_DONE", "seconds", strconv.Itoa(int(time.Since(began).Round(time.Second).Seconds())))
	if s.Keep == "" {
		return nil
	}
	s.next()
	<-ctx.Done()
	return nil
}

func newDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return enclave.Fail(enclave.Invalid, "DEMO_KEEP_NOT_EMPTY", "dir", dir)
	}
	return nil
}

// config is that of the embedded defaults, but for a port that is free.
func (s *story) config() app.Config {
	c := app.Config{Listen: s.Listen, Compiler: s.Compiler}
	if c.Listen == "" && s.Keep == "" {
		c.Listen = "127.0.0.1:0"
	}
	return c
}

// next prints what to type in another terminal.
func (s *story) next() {
	s.print("DEMO_KEEP", "address", s.App.Address())
	for _, command := range []string{
		"export DARKROOM_CREDENTIAL=" + s.Credential(sdk.Operator),
		"darkroom dataset show " + visits,
		"darkroom module new cost-by-age && darkroom module build cost-by-age",
		"darkroom run submit cost-by-age/cost-by-age.wasm --grant grants/" + s.grant + " --wait",
		"darkroom run fetch runs/" + s.honest.run.ID,
		"darkroom run receipt runs/" + s.honest.run.ID + " --out receipt.json",
		"darkroom verify receipt.json --key " + app.PublicKey(s.dir) + " --ledger " + app.Ledger(s.dir),
		"darkroom policy show --credential " + s.Credential(sdk.Auditor),
	} {
		fmt.Fprintln(s.Out, "  "+command)
	}
	again := "darkroom serve --data " + s.dir
	if s.Listen != "" {
		again += " --listen " + s.App.Address() // the credentials name it
	}
	s.print("DEMO_KEEP_STOP", "command", again)
}

func (s *story) text(code string, args ...string) string { return enclave.Say(s.Lang, code, args...) }

func (s *story) print(code string, args ...string) { fmt.Fprintln(s.Out, s.text(code, args...)) }

// ok prints that something came out as it must.
func (s *story) ok(code string, args ...string) { s.print("DEMO_OK", "text", s.text(code, args...)) }

// line prints what belongs to the line before.
func (s *story) line(text string) { s.print("DEMO_LINE", "text", text) }

// words is an error's text in the story's language.
func (s *story) words(err error) string {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e.In(string(s.Lang)) + " [" + e.Reason + "]"
	}
	if e, ok := errors.AsType[*verify.Error](err); ok {
		return s.text(e.Reason, "file", e.File) + " [" + e.Reason + "]"
	}
	return err.Error()
}

// refused fails unless err has the reason, and returns its text.
func (s *story) refused(err error, reason string) (string, error) {
	if sdk.ReasonOf(err) == reason {
		return s.words(err), nil
	}
	if err == nil {
		return "", fmt.Errorf("expected a refusal with %s, but it was let through", reason)
	}
	return "", fmt.Errorf("expected a refusal with %s: %w", reason, err)
}
