package cli

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/darkroom-project/darkroom/enclave"
)

// misuseError is an error of the command line itself, which ends with a status of its own.
type misuseError struct{ what *enclave.Error }

func (e misuseError) Error() string { return e.what.Error() }
func (e misuseError) Unwrap() error { return e.what }

func misuse(code string, args ...string) error {
	return misuseError{enclave.Fail(enclave.Invalid, code, args...)}
}

// flagBad says what a flag should have been.
func flagBad(flag, expected string) error {
	return misuse("CLI_FLAG_BAD", "flag", flag, "expected", expected)
}

func isMisuse(err error) bool {
	_, yes := errors.AsType[misuseError](err)
	return yes
}

func (sh *shell) noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	unknown := enclave.Fail(enclave.Invalid, "CLI_COMMAND_UNKNOWN", "word", args[0], "command", cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		unknown.Also = []enclave.Reason{{Code: "CLI_DID_YOU_MEAN", Args: map[string]string{"near": strings.Join(near, ", ")}}}
	}
	return misuseError{unknown}
}

// exactly asks for a fixed number of arguments and says what they are where they are missing.
func (sh *shell) exactly(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return misuse("CLI_ARGS", "expected", strconv.Itoa(len(names)), "given", strconv.Itoa(len(args)), "usage", usageLine(cmd))
	}
}

// atMost asks for one argument or none.
func (sh *shell) atMost(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return sh.exactly(name)(cmd, args)
	}
}

// flagError words what pflag found wrong.
func (sh *shell) flagError(err error) error {
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return misuse("CLI_FLAG_UNKNOWN", "flag", dashed(e.GetSpecifiedName(), e.GetSpecifiedShortnames()))
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return misuse("CLI_FLAG_EMPTY", "flag", dashed(e.GetSpecifiedName(), e.GetSpecifiedShortnames()))
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		expected := sh.text("CLI_EXPECTED_NUMBER")
		if e.GetFlag().Value.Type() == "bool" {
			expected = "true, false"
		}
		return flagBad(e.GetFlag().Name, expected)
	}
	return misuse("CLI_FLAG_SYNTAX", "problem", err.Error())
}

func dashed(name, short string) string {
	if short != "" {
		return "-" + name
	}
	return "--" + name
}

// checkFlags runs before every command: what cobra would check later and word in English.
func (sh *shell) checkFlags(cmd *cobra.Command, _ []string) error {
	var missing []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Annotations[cobra.BashCompOneRequiredFlag] != nil && !f.Changed {
			missing = append(missing, "--"+f.Name)
		}
	})
	if len(missing) > 0 {
		return misuse("CLI_FLAG_MISSING", "flags", strings.Join(missing, ", "), "usage", usageLine(cmd))
	}
	if lang := cmd.Flag("lang"); lang.Changed && lang.Value.String() != string(enclave.English) && lang.Value.String() != string(enclave.Chinese) {
		return flagBad("lang", "en, zh")
	}
	return nil
}

// require marks flags that a command cannot do without.
func require(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a mistake of the program, which its first start shows
		}
	}
}

// nameForm is what names of organisations, people, datasets and purposes look like, for people.
const nameForm = "[a-z][a-z0-9-]*"

// form is what an identifier of a collection looks like.
func form(collection string) *regexp.Regexp {
	switch collection {
	case "datasets":
		return regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)
	case "modules":
		return regexp.MustCompile(`^[0-9a-f]{64}$`)
	default:
		return regexp.MustCompile(`^[a-z2-7]{26}$`)
	}
}

// id takes the identifier out of a resource name as a person types it, with or without its collection.
func id(collection, name string) (string, error) {
	id := strings.TrimPrefix(name, collection+"/")
	if !form(collection).MatchString(id) {
		return "", misuse("CLI_NAME_BAD", "name", name, "collection", collection, "list", "darkroom "+strings.TrimSuffix(collection, "s")+" list")
	}
	return id, nil
}
