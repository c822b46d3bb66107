package cli

import (
	"context"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/policy"
)

// bundle reads a bundle that lies in a folder, or is packed.
func (sh *shell) bundle(name string) ([]policy.File, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return policy.ReadFiles(os.DirFS(name))
	}
	raw, err := sh.read(name, policy.MaxArchive)
	if err != nil {
		return nil, err
	}
	return policy.ParseArchive(raw)
}

func (sh *shell) policyCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check BUNDLE", Short: sh.text("CLI_POLICY_CHECK"), Args: sh.exactly("BUNDLE"),
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := sh.bundle(args[0])
			if err != nil {
				return err
			}
			rules, err := policy.LoadFiles(files, policy.WithLogger(sh.logger()))
			if err != nil {
				return err
			}
			sh.say("CLI_POLICY_REVISION", "revision", rules.Revision().String())
			return nil
		},
	}
}

func (sh *shell) policyTest() *cobra.Command {
	return &cobra.Command{
		Use: "test BUNDLE", Short: sh.text("CLI_POLICY_TEST"), Args: sh.exactly("BUNDLE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := sh.bundle(args[0])
			if err != nil {
				return err
			}
			return sh.tryBundle(cmd.Context(), files)
		},
	}
}

// tryBundle takes a bundle through everything that activation does, but for its signature.
func (sh *shell) tryBundle(ctx context.Context, files []policy.File) error {
	rules, tested, err := policy.Activate(ctx, files, policy.WithLogger(sh.logger()))
	for _, name := range tested.Failed {
		sh.say("CLI_POLICY_TEST_FAILED", "test", name)
	}
	if err != nil {
		return err
	}
	sh.say("CLI_POLICY_TESTED", "passed", strconv.Itoa(tested.Passed))
	sh.say("CLI_POLICY_REVISION", "revision", rules.Revision().String())
	return nil
}

func (sh *shell) policyBuild() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "build DIR --out FILE", Short: sh.text("CLI_POLICY_BUILD"), Args: sh.exactly("DIR"),
		Example: "darkroom policy build policy/bundle --out bundle.tar.gz",
		RunE: func(cmd *cobra.Command, args []string) error {
			files, err := sh.bundle(args[0])
			if err != nil {
				return err
			}
			if err := sh.tryBundle(cmd.Context(), files); err != nil {
				return err
			}
			archive, err := policy.EncodeArchive(policy.Unsigned(files))
			if err != nil {
				return err
			}
			return sh.writeBytes(out, archive)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_POLICY_OUT"))
	require(c, "out")
	return c
}

func (sh *shell) policySign() *cobra.Command {
	var out, key string
	c := &cobra.Command{
		Use: "sign BUNDLE --out FILE", Short: sh.text("CLI_POLICY_SIGN"), Args: sh.exactly("BUNDLE"),
		Example: "darkroom policy sign bundle.tar.gz --out signed.tar.gz",
		RunE: func(_ *cobra.Command, args []string) error {
			files, err := sh.bundle(args[0])
			if err != nil {
				return err
			}
			if _, err := policy.LoadFiles(files); err != nil {
				return err
			}
			archive, err := sh.signed(files, key)
			if err != nil {
				return err
			}
			return sh.writeBytes(out, archive)
		},
	}
	c.Flags().StringVar(&key, "key", "", sh.text("CLI_POLICY_KEY"))
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_POLICY_OUT"))
	require(c, "out")
	return c
}

func (sh *shell) writeBytes(name string, content []byte) error {
	if len(content) == 0 {
		return enclave.Internalf("nothing to write")
	}
	return sh.write(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}
