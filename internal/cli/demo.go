package cli

import (
	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/demo"
)

func (sh *shell) demoCommand() *cobra.Command {
	var keep, listen string
	c := &cobra.Command{
		Use: "demo", Short: sh.text("CLI_DEMO"), Args: sh.exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := sh.logger()
			app.RedirectLogs(log)
			compiler, err := sandbox.ThisProgram()
			if err != nil {
				return err
			}
			return demo.Play(cmd.Context(), demo.Options{Lang: sh.lang, Out: sh.out, Log: log, Keep: keep, Listen: listen, Compiler: compiler})
		},
	}
	c.Flags().StringVar(&keep, "keep", "", sh.text("CLI_DEMO_KEEP"))
	c.Flags().StringVar(&listen, "listen", "", sh.text("CLI_DEMO_LISTEN"))
	return c
}
