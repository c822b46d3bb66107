package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/ballast"
)

func (sh *shell) serveCommand() *cobra.Command {
	var dir, listen string
	c := &cobra.Command{
		Use: "serve --data DIR", Short: sh.text("CLI_SERVE"), Args: sh.exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			config, err := app.ReadConfig(dir)
			if err != nil {
				return err
			}
			if listen != "" {
				config.Listen = listen
			}
			if config.Compiler, err = sandbox.ThisProgram(); err != nil {
				return err
			}
			log := sh.logger()
			app.RedirectLogs(log)
			ballast.Take()
			service, err := app.Open(ctx, dir, config, log)
			switch {
			case err != nil && ctx.Err() != nil:
				return nil //nolint:nilerr // told to stop before it had started
			case err != nil:
				return err
			}
			done := make(chan error, 1)
			go func() { done <- service.Serve(ctx) }()
			sh.say("CLI_SERVING", "address", service.Address())
			sh.say("CLI_SERVE_CREDENTIAL", "file", app.AuthorityCredential(dir))
			sh.say("CLI_SERVE_KEY", "file", app.PublicKey(dir))
			select {
			case err := <-done:
				return err
			case <-ctx.Done():
				sh.note("CLI_SERVE_STOPPING")
				return <-done
			}
		},
	}
	c.Flags().StringVar(&dir, "data", "", sh.text("CLI_SERVE_DATA"))
	c.Flags().StringVar(&listen, "listen", "", sh.text("CLI_SERVE_LISTEN"))
	require(c, "data")
	return c
}

func (sh *shell) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: sh.text("CLI_VERSION"), Args: sh.exactly(),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(sh.out, "darkroom", version())
			return err
		},
	}
}

// version is the module's version as Go recorded it in the binary.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
