package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) ledgerCommand() *cobra.Command {
	checkpoint := &cobra.Command{
		Use: "checkpoint", Short: sh.text("CLI_LEDGER_CHECKPOINT"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			head, err := c.Checkpoint(ctx)
			if err != nil {
				return err
			}
			_, err = sh.out.Write(head.Signed)
			return err
		}),
	}
	entry := &cobra.Command{
		Use: "entry INDEX", Short: sh.text("CLI_LEDGER_ENTRY"), Args: sh.exactly("INDEX"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			index, err := strconv.ParseUint(strings.TrimPrefix(args[0], "entries/"), 10, 63)
			if err != nil {
				return enclave.Fail(enclave.Invalid, "CLI_FLAG_BAD", "flag", "INDEX", "expected", "0, 1, 2, …")
			}
			entry, err := c.Entry(ctx, index)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(sh.out, "%s\n", entry.Body)
			return err
		}),
	}
	return sh.group("ledger", "CLI_LEDGER", checkpoint, entry)
}
