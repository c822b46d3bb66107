package cli

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help prints a command's help: cobra's own is in English only.
func (sh *shell) help(cmd *cobra.Command) {
	fmt.Fprintf(sh.out, "%s\n\n", cmp.Or(cmd.Long, cmd.Short))
	sh.say("CLI_HELP_USAGE")
	fmt.Fprintln(sh.out, "  "+usageLine(cmd))
	if cmd.Example != "" {
		fmt.Fprintln(sh.out)
		sh.say("CLI_HELP_EXAMPLES")
		for line := range strings.Lines(cmd.Example) {
			fmt.Fprint(sh.out, "  ", line)
		}
		fmt.Fprintln(sh.out)
	}
	if cmd.HasAvailableSubCommands() {
		sh.helpCommands(cmd)
	}
	sh.helpFlags("CLI_HELP_FLAGS", cmd.LocalNonPersistentFlags())
	sh.helpFlags("CLI_HELP_GLOBAL", cmd.Root().PersistentFlags())
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintln(sh.out)
		sh.say("CLI_HELP_MORE", "command", cmd.CommandPath())
	}
}

// usageLine is how a command is typed: its path, then its arguments and the flags that it needs.
func usageLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND"
	}
	_, rest, _ := strings.Cut(cmd.Use, " ")
	return strings.TrimSpace(cmd.CommandPath() + " " + rest)
}

// helpCommands lists the commands below, those of one group together.
func (sh *shell) helpCommands(cmd *cobra.Command) {
	list := func(group string) {
		var lines [][2]string
		for _, c := range cmd.Commands() {
			if c.GroupID == group && c.IsAvailableCommand() {
				lines = append(lines, [2]string{c.Name(), c.Short})
			}
		}
		sh.columns(lines)
	}
	if !cmd.ContainsGroup("start") {
		fmt.Fprintln(sh.out)
		sh.say("CLI_HELP_COMMANDS")
		list("")
		return
	}
	for _, group := range cmd.Groups() {
		fmt.Fprintf(sh.out, "\n%s\n", group.Title)
		list(group.ID)
	}
}

func (sh *shell) helpFlags(title string, flags *pflag.FlagSet) {
	var lines [][2]string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "    --" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}
		if f.Value.Type() != "bool" {
			name += " " + value
		}
		switch f.DefValue {
		case "", "false", "0", "[]":
		default:
			usage = sh.text("CLI_HELP_DEFAULT", "usage", usage, "value", f.DefValue)
		}
		lines = append(lines, [2]string{name, usage})
	})
	if len(lines) > 0 {
		fmt.Fprintln(sh.out)
		sh.say(title)
		sh.columns(lines)
	}
}

// columns prints names with what they mean beside them.
func (sh *shell) columns(lines [][2]string) {
	width := 0
	for _, line := range lines {
		width = max(width, runewidth.StringWidth(line[0]))
	}
	for _, line := range lines {
		fmt.Fprintf(sh.out, "  %s  %s\n", runewidth.FillRight(line[0], width), line[1])
	}
}

func (sh *shell) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: sh.text("CLI_HELP"), Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 {
				return sh.noSuchCommand(found, rest)
			}
			return found.Help()
		},
	}
}

// completionCommand writes what a shell needs to complete commands and flags.
func (sh *shell) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: sh.text("CLI_COMPLETION"), Args: sh.exactly("SHELL"),
		Example: "source <(darkroom completion bash)",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(sh.out, true)
			case "zsh":
				return root.GenZshCompletion(sh.out)
			case "fish":
				return root.GenFishCompletion(sh.out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(sh.out)
			}
			return misuse("CLI_ARG_BAD", "argument", args[0], "expected", "bash, zsh, fish, powershell")
		},
	}
}
