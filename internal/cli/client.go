package cli

import (
	"cmp"
	"context"
	"iter"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

// client is a command's body that talks to the enclave: it connects with the caller's credential and hangs up afterwards.
func (sh *shell) client(run func(ctx context.Context, c *sdk.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		client, err := sh.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer client.Close() //nolint:errcheck // nothing is lost when the connection ends
		return run(cmd.Context(), client, args)
	}
}

// on is client for a command whose first argument names something in a collection; run is given its identifier.
func (sh *shell) on(collection string, run func(ctx context.Context, c *sdk.Client, id string, rest []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		id, err := id(collection, args[0])
		if err != nil {
			return err
		}
		return sh.client(func(ctx context.Context, c *sdk.Client, args []string) error { return run(ctx, c, id, args[1:]) })(cmd, args)
	}
}

func (sh *shell) dial(ctx context.Context) (*sdk.Client, error) {
	credential, err := sh.readCredential()
	if err != nil {
		return nil, err
	}
	client, err := sdk.Dial(ctx, credential)
	if reason := sdk.ReasonOf(err); reason == "SERVER_UNREACHABLE" || reason == "CONNECTION_UNTRUSTED" {
		sh.note("CLI_TRIED", "address", credential.Address, "file", sh.credential)
	}
	return client, err
}

// credentialFile is the path of the caller's credential, "" if there is none.
func (sh *shell) credentialFile() string {
	return cmp.Or(sh.credential, os.Getenv("DARKROOM_CREDENTIAL"))
}

func (sh *shell) readCredential() (sdk.Credential, error) {
	sh.credential = sh.credentialFile()
	if sh.credential == "" {
		return sdk.Credential{}, misuse("CLI_NO_CREDENTIAL")
	}
	if _, _, err := net.SplitHostPort(sh.address); sh.address != "" && err != nil {
		return sdk.Credential{}, flagBad("address", "HOST:PORT")
	}
	credential, err := sdk.ReadCredential(sh.credential)
	credential.Address = cmp.Or(sh.address, credential.Address)
	return credential, err
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
	if len(rows) == 0 {
		sh.note("CLI_LIST_EMPTY")
		return nil
	}
	header := make([]string, len(heads))
	for i, head := range heads {
		header[i] = sh.text(head)
	}
	term.Table(sh.out, header, rows)
	return nil
}

// fields prints labelled values, those that there are, each on one line whatever it holds.
func (sh *shell) fields(fields ...[2]string) {
	var lines [][2]string
	for _, f := range fields {
		if f[1] != "" {
			lines = append(lines, [2]string{sh.text(f[0]), term.Line(f[1])})
		}
	}
	sh.columns(lines)
}

// assignments reads name=value flags.
func assignments(flag string, pairs []string) (map[string]string, error) {
	named := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if _, twice := named[name]; !ok || name == "" || twice {
			return nil, flagBad(flag, "NAME=VALUE")
		}
		named[name] = value
	}
	return named, nil
}
