package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/internal/term"
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
	return sh.group("ledger", "CLI_LEDGER", checkpoint, sh.ledgerEntry())
}

func (sh *shell) ledgerEntry() *cobra.Command {
	return &cobra.Command{
		Use: "entry INDEX", Short: sh.text("CLI_LEDGER_ENTRY"), Args: sh.exactly("INDEX"),
		RunE: func(cmd *cobra.Command, args []string) error {
			index, err := strconv.ParseUint(strings.TrimPrefix(args[0], "entries/"), 10, 59)
			if err != nil {
				return misuse("CLI_ARG_BAD", "argument", args[0], "expected", "0, 1, 2, …")
			}
			return sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
				entry, err := c.Entry(ctx, index)
				if err != nil {
					return err
				}
				var pretty bytes.Buffer
				if err := json.Indent(&pretty, entry.Body, "", "  "); err != nil {
					return err
				}
				_, err = fmt.Fprintln(sh.out, term.Text(pretty.String()))
				return err
			})(cmd, args)
		},
	}
}
