// Package cli is the darkroom command: the service, the demonstration, and every client command.
//
// Commands hold no logic of their own. They read flags, call the SDK or a room, and print for a person; every text comes from the
// message catalogue, in English or Chinese.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
)

// Exit statuses.
const (
	exitDone    = 0
	exitFailed  = 1 // refused, not found, broken
	exitMisused = 2 // the command line itself is wrong
)

// shell is what every command has at hand: where it reads and writes, and the language it speaks.
type shell struct {
	in         io.Reader
	out, err   io.Writer
	lang       enclave.Lang
	credential string // path of the credential file
	verbose    bool
}

// Main runs one command line and returns its exit status. An interrupt cancels what it is doing.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	sh := &shell{in: stdin, out: stdout, err: stderr, lang: languageOf(args, os.Getenv)}
	root := sh.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errMisused):
		fmt.Fprintln(stderr, "darkroom:", err)
		return exitMisused
	default:
		sh.printError(err)
		return exitFailed
	}
}

// errMisused marks an error of the command line itself, which cobra words.
var errMisused = errors.New("")

func misused(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w%w", errMisused, err)
}

// languageOf finds the language before the command line is parsed, since the help text is in it too: --lang, DARKROOM_LANG, or the
// locale.
func languageOf(args []string, env func(string) string) enclave.Lang {
	for i, arg := range args {
		value, isFlag := strings.CutPrefix(arg, "--lang")
		if !isFlag {
			continue
		}
		if value == "" && i+1 < len(args) {
			value = args[i+1]
		}
		return language(strings.TrimPrefix(value, "="))
	}
	for _, name := range []string{"DARKROOM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := env(name); value != "" {
			return language(value)
		}
	}
	return enclave.English
}

func language(value string) enclave.Lang {
	if strings.HasPrefix(strings.ToLower(value), "zh") {
		return enclave.Chinese
	}
	return enclave.English
}

func (sh *shell) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "darkroom",
		Short:         sh.text("CLI_ROOT"),
		Long:          sh.text("CLI_ROOT_LONG"),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().String("lang", string(sh.lang), sh.text("CLI_FLAG_LANG"))
	root.PersistentFlags().StringVar(&sh.credential, "credential", os.Getenv("DARKROOM_CREDENTIAL"), sh.text("CLI_FLAG_CREDENTIAL"))
	root.PersistentFlags().BoolVarP(&sh.verbose, "verbose", "v", false, sh.text("CLI_FLAG_VERBOSE"))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misused(fmt.Errorf("%w\n%s", err, sh.text("CLI_SEE_HELP", "command", cmd.CommandPath())))
	})
	for _, group := range []string{"start", "work", "check"} {
		root.AddGroup(&cobra.Group{ID: group, Title: sh.text("CLI_GROUP_" + strings.ToUpper(group))})
	}
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("start", sh.demoCommand(), sh.serveCommand(), sh.identityCommand())
	add("work", sh.datasetCommand(), sh.grantCommand(), sh.moduleCommand(), sh.runCommand(), sh.policyCommand())
	add("check", sh.verifyCommand(), sh.ledgerCommand(), sh.versionCommand())
	return root
}

// group is a command that only holds others. An unknown word below it is an error, not its help with status 0.
func (sh *shell) group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: sh.text(short), Args: sh.noSuchCommand, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(commands...)
	return c
}

func (sh *shell) noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misused(errors.New(sh.text("CLI_UNKNOWN_COMMAND", "word", args[0], "command", cmd.CommandPath())))
	}
	return nil
}

// exactly asks for a fixed number of arguments and says what they are where they are missing.
func (sh *shell) exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return misused(errors.New(sh.text("CLI_ARGS", "usage", cmd.UseLine(), "command", cmd.CommandPath())))
	}
}

// text is a text of the catalogue in the user's language; args are pairs of name and value.
func (sh *shell) text(code string, args ...string) string { return say(sh.lang, code, args...) }

func say(lang enclave.Lang, code string, args ...string) string {
	named := make(map[string]string, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		named[args[i]] = args[i+1]
	}
	return enclave.Message(lang, code, named)
}

// say prints one line of the catalogue.
func (sh *shell) say(code string, args ...string) { fmt.Fprintln(sh.out, sh.text(code, args...)) }

// note prints one line beside the result, so that stdout stays what was asked for.
func (sh *shell) note(code string, args ...string) { fmt.Fprintln(sh.err, sh.text(code, args...)) }

// logger writes warnings and errors to stderr, and everything with --verbose.
func (sh *shell) logger() *slog.Logger {
	level := slog.LevelWarn
	if sh.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(sh.err, &slog.HandlerOptions{Level: level}))
}
