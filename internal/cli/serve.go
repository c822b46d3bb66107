package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/internal/app"
)

func (sh *shell) serveCommand() *cobra.Command {
	var dir, listen string
	c := &cobra.Command{
		Use: "serve --data DIR", Short: sh.text("CLI_SERVE"), Args: sh.exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := app.ReadConfig(dir)
			if err != nil {
				return err
			}
			if listen != "" {
				config.Listen = listen
			}
			log := sh.logger()
			app.RedirectLogs(log)
			service, err := app.Open(cmd.Context(), dir, config, log)
			if err != nil {
				return err
			}
			sh.say("CLI_SERVING", "address", service.Address())
			sh.say("CLI_SERVE_CREDENTIAL", "file", app.AuthorityCredential(dir))
			sh.say("CLI_SERVE_KEY", "file", app.PublicKey(dir))
			return service.Serve(cmd.Context())
		},
	}
	c.Flags().StringVar(&dir, "data", "", sh.text("CLI_SERVE_DATA"))
	c.Flags().StringVar(&listen, "listen", "", sh.text("CLI_SERVE_LISTEN"))
	must(c.MarkFlagRequired("data"))
	return c
}

func (sh *shell) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: sh.text("CLI_VERSION"), Args: sh.exactly(),
		RunE: func(*cobra.Command, []string) error {
			version := "(devel)"
			if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
				version = info.Main.Version
			}
			_, err := fmt.Fprintln(sh.out, "darkroom", version)
			return err
		},
	}
}
