// Package cli is the darkroom command: the service, the demonstration, and every client command.
//
// Commands hold no logic of their own. They read flags, call the SDK or a room, and print for a person; every text comes from the
// message catalogue, in English or Chinese.
package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/term"
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
	address    string // host:port to dial instead of the credential's
	verbose    bool
}

// Main runs one command line and returns its exit status. An interrupt cancels what it is doing; a second one kills. The command that the
// service gives itself, to compile a module, is no user's: it comes before everything else, and says nothing to people.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == sandbox.CompileCommand {
		return sandbox.CompileMain(ctx, args[1:], stdin, stdout, stderr)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	sh := &shell{in: stdin, out: stdout, err: stderr, lang: languageOf(args, os.Getenv)}
	root := sh.root() //nolint:contextcheck // commands have the context that they are executed with
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil && isFault(err) {
		err = enclave.Fail(enclave.Canceled, "CLI_STOPPED").Because(err)
	}
	sh.printError(err)
	if isMisuse(err) {
		sh.note("CLI_SEE_HELP", "command", cmd.CommandPath())
		return exitMisused
	}
	return exitFailed
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
		Use:               "darkroom",
		Short:             sh.text("CLI_ROOT"),
		Long:              sh.text("CLI_ROOT_LONG"),
		Version:           version(),
		Args:              sh.noSuchCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: sh.checkFlags,
		SilenceErrors:     true,
		SilenceUsage:      true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetVersionTemplate("darkroom {{.Version}}\n")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return sh.flagError(err) })
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { sh.help(cmd) })
	root.SetHelpCommand(sh.helpCommand())
	root.Flags().Bool("version", false, sh.text("CLI_VERSION"))
	flags := root.PersistentFlags()
	flags.BoolP("help", "h", false, sh.text("CLI_FLAG_HELP"))
	flags.String("lang", "", sh.text("CLI_FLAG_LANG"))
	flags.StringVar(&sh.credential, "credential", "", sh.text("CLI_FLAG_CREDENTIAL"))
	flags.StringVar(&sh.address, "address", "", sh.text("CLI_FLAG_ADDRESS"))
	flags.BoolVarP(&sh.verbose, "verbose", "v", false, sh.text("CLI_FLAG_VERBOSE"))
	add := func(group, title string, commands ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: group, Title: sh.text(title)})
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("start", "CLI_GROUP_START", sh.demoCommand(), sh.serveCommand(), sh.identityCommand())
	add("work", "CLI_GROUP_WORK", sh.datasetCommand(), sh.grantCommand(), sh.moduleCommand(), sh.runCommand(),
		sh.reviewCommand(), sh.policyCommand())
	add("check", "CLI_GROUP_CHECK", sh.verifyCommand(), sh.ledgerCommand())
	add("more", "CLI_GROUP_MORE", sh.versionCommand(), sh.completionCommand())
	return root
}

// group is a command that only holds others. An unknown word below it is an error, not its help with status 0.
func (sh *shell) group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: sh.text(short), Args: sh.noSuchCommand, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	c.AddCommand(commands...)
	return c
}

// text is a text of the catalogue in the user's language; args are pairs of name and value.
func (sh *shell) text(code string, args ...string) string { return enclave.Say(sh.lang, code, args...) }

// word is the word for people of a state, a stage, an outcome or a role.
func (sh *shell) word(name string) string {
	if code := "CLI_WORD_" + strings.ToUpper(name); enclave.Known(code) {
		return sh.text(code)
	}
	return name
}

// say prints a text of the catalogue. What others wrote and it is filled with cannot play with the terminal.
func (sh *shell) say(code string, args ...string) {
	fmt.Fprintln(sh.out, term.Text(sh.text(code, args...)))
}

// note prints one line beside the result, so that stdout stays what was asked for.
func (sh *shell) note(code string, args ...string) {
	fmt.Fprintln(sh.err, term.Text(sh.text(code, args...)))
}

// next says what to type next.
func (sh *shell) next(command string) { sh.note("CLI_NEXT", "command", command) }

// logger writes warnings and errors to stderr, and everything with --verbose.
func (sh *shell) logger() *slog.Logger {
	level := slog.LevelWarn
	if sh.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(sh.err, &slog.HandlerOptions{Level: level}))
}
