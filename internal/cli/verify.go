package cli

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// verifyCommand checks a receipt with no network and no credential: what an auditor runs on a machine of their own.
func (sh *shell) verifyCommand() *cobra.Command {
	var key, result, ledger string
	c := &cobra.Command{
		Use: "verify RECEIPT --key FILE", Short: sh.text("CLI_VERIFY"), Args: sh.exactly("RECEIPT"),
		Example: "darkroom verify receipt.json --key domain.pub --result table.arrow --ledger ledger-copy",
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := sh.read(args[0], maxReceipt)
			if err != nil {
				return err
			}
			publicKey, err := sh.publicKey(key)
			if err != nil {
				return err
			}
			return sh.verify(raw, publicKey, result, ledger)
		},
	}
	c.Flags().StringVar(&key, "key", "", sh.text("CLI_VERIFY_KEY"))
	c.Flags().StringVar(&result, "result", "", sh.text("CLI_VERIFY_RESULT"))
	c.Flags().StringVar(&ledger, "ledger", "", sh.text("CLI_VERIFY_LEDGER"))
	require(c, "key")
	return c
}

func (sh *shell) verify(raw []byte, key, result, ledger string) error {
	receipt, err := verify.ParseReceipt(raw)
	if err != nil {
		return err
	}
	statement, err := receipt.Verify(key)
	if err != nil {
		return err
	}
	act := statement.Act
	sh.say("CLI_VERIFY_OK", "index", strconv.FormatUint(statement.Index, 10), "origin", statement.Origin,
		"verb", act.Verb, "object", act.Object, "time", act.Time.Format("2006-01-02 15:04:05 MST"))
	if revision := act.Detail["policy"]; revision != "" {
		sh.say("CLI_VERIFY_POLICY", "revision", revision, "profile", act.Detail["profile"])
	}
	if count := act.Detail["voters"]; count != "" {
		sh.say("CLI_VERIFY_PEOPLE", "count", count)
	}
	if result != "" {
		content, err := sh.read(result, maxResult)
		if err != nil {
			return err
		}
		if err := statement.VerifyResult(content); err != nil {
			return err
		}
		sh.say("CLI_VERIFY_RESULT_OK")
	}
	if ledger != "" {
		if _, err := os.Stat(ledger); err != nil {
			return fileError(ledger, err)
		}
		_, report, err := verify.Contains(os.DirFS(ledger), key, receipt)
		if err != nil {
			return err
		}
		sh.say("CLI_VERIFY_LEDGER_OK", "size", strconv.FormatUint(report.Size, 10))
	}
	return nil
}

// publicKey reads the domain's key from a file, or takes it as it stands: a note verifier key has plus signs, a path to one rarely.
func (sh *shell) publicKey(fileOrKey string) (string, error) {
	raw, err := sh.read(fileOrKey, maxKey)
	if errors.Is(err, enclave.Fail(enclave.Invalid, "CLI_FILE_MISSING")) && strings.Count(fileOrKey, "+") >= 2 {
		return fileOrKey, nil
	}
	return strings.TrimSpace(string(raw)), err
}
