package cli

import (
	"context"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

// client is a command's body that talks to the enclave: it connects with the caller's credential and hangs up afterwards.
func (sh *shell) client(run func(ctx context.Context, c *sdk.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if sh.credential == "" {
			return enclave.Fail(enclave.Unauthenticated, "CLI_NO_CREDENTIAL")
		}
		credential, err := sdk.ReadCredential(sh.credential)
		if err != nil {
			return err
		}
		client, err := sdk.Dial(cmd.Context(), credential)
		if err != nil {
			return err
		}
		defer client.Close() //nolint:errcheck // nothing is lost when the connection ends
		return run(cmd.Context(), client, args)
	}
}

// list prints a list as a table, one row an item.
func list[T any](sh *shell, items iter.Seq2[T, error], heads []string, row func(T) []string) error {
	var rows [][]string
	for item, err := range items {
		if err != nil {
			return err
		}
		rows = append(rows, row(item))
	}
	header := make([]string, len(heads))
	for i, head := range heads {
		header[i] = sh.text("CLI_HEAD_" + head)
	}
	term.Table(sh.out, header, rows)
	return nil
}

// assignments reads name=value flags.
func assignments(flag string, pairs []string) (map[string]string, error) {
	named := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if _, twice := named[name]; !ok || name == "" || twice {
			return nil, enclave.Fail(enclave.Invalid, "CLI_FLAG_BAD", "flag", flag, "expected", "name=value, each name once")
		}
		named[name] = value
	}
	return named, nil
}
