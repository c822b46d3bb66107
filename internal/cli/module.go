package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) moduleCommand() *cobra.Command {
	return sh.group("module", "CLI_MODULE", sh.moduleNew(), sh.moduleBuild(), sh.moduleTest(), sh.moduleUpload(), sh.moduleList(), sh.moduleShow(),
		sh.modulePropose(), sh.moduleReview())
}

func (sh *shell) moduleUpload() *cobra.Command {
	return &cobra.Command{
		Use: "upload FILE.wasm", Short: sh.text("CLI_MODULE_UPLOAD"), Args: sh.exactly("FILE"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			module, err := sh.uploadModule(ctx, c, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(sh.out, "modules/"+module.Digest)
			return err
		}),
	}
}

func (sh *shell) uploadModule(ctx context.Context, c *sdk.Client, name string) (sdk.Module, error) {
	file, err := open(name)
	if err != nil {
		return sdk.Module{}, err
	}
	defer file.Close() //nolint:errcheck // only read from
	return c.UploadModule(ctx, file)
}

func (sh *shell) moduleList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: sh.text("CLI_MODULE_LIST"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			return list(sh, c.ListModules(ctx), []string{"CLI_HEAD_MODULE", "CLI_HEAD_NAME", "CLI_HEAD_OWNER", "CLI_HEAD_SIZE", "CLI_HEAD_TIME"}, func(m sdk.Module) []string {
				var manifest enclave.Manifest
				_ = json.Unmarshal(m.Manifest, &manifest) // its name is a courtesy
				return []string{"modules/" + m.Digest, manifest.Name, m.Owner, strconv.FormatInt(m.Size, 10), second(m.Created)}
			})
		}),
	}
}

func (sh *shell) moduleShow() *cobra.Command {
	return &cobra.Command{
		Use: "show MODULE", Short: sh.text("CLI_MODULE_SHOW"), Args: sh.exactly("MODULE"),
		RunE: sh.on("modules", func(ctx context.Context, c *sdk.Client, digest string, _ []string) error {
			module, err := c.GetModule(ctx, digest)
			if err != nil {
				return err
			}
			manifest, err := yaml.JSONToYAML(module.Manifest)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(sh.out, "# modules/%s\n%s", module.Digest, term.Text(string(manifest)))
			return err
		}),
	}
}

// baseName is a name for what lies at a path: its last part without the ending, in the form that names have.
func baseName(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	base := strings.ToLower(filepath.Base(path))
	base = strings.TrimSuffix(base, filepath.Ext(base))
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, base), "-0123456789")
}
