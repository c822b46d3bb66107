package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) datasetCommand() *cobra.Command {
	return sh.group("dataset", "CLI_DATASET", sh.datasetDraft(), sh.datasetSample(), sh.datasetCreate(), sh.datasetLoad(), sh.datasetList(), sh.datasetShow())
}

func (sh *shell) datasetCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create FILE.yaml", Short: sh.text("CLI_DATASET_CREATE"), Args: sh.exactly("FILE"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			description, err := sh.readDescription(args[0])
			if err != nil {
				return err
			}
			raw, err := json.Marshal(description)
			if err != nil {
				return err
			}
			dataset, err := c.CreateDataset(ctx, raw)
			if err != nil {
				return err
			}
			sh.say("CLI_DATASET_CREATED", "name", dataset.Name, "owner", dataset.Owner, "columns", strconv.Itoa(len(description.Columns)))
			sh.note("CLI_NEXT", "command", "darkroom dataset load "+dataset.Name+" FILE")
			return nil
		}),
	}
}

// readDescription reads a description as a person wrote it, with the line of a mistake.
func (sh *shell) readDescription(file string) (*enclave.Dataset, error) {
	raw, err := sh.read(file)
	if err != nil {
		return nil, err
	}
	var d enclave.Dataset
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.DisallowUnknownField()).Decode(&d); err != nil {
		return nil, enclave.Fail(enclave.Invalid, "CLI_FILE", "file", file, "problem", yaml.FormatError(err, false, false))
	}
	return &d, d.Validate()
}

func (sh *shell) datasetLoad() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "load NAME FILE", Short: sh.text("CLI_DATASET_LOAD"), Args: sh.exactly("NAME", "FILE"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			file, err := os.Open(args[1])
			if err != nil {
				return fileError(args[1], err)
			}
			defer file.Close() //nolint:errcheck // only read from
			kind, err := formatOf(format, args[1])
			if err != nil {
				return err
			}
			info, err := file.Stat()
			if err != nil {
				return fileError(args[1], err)
			}
			snapshot, err := c.Load(ctx, args[0], kind, file, sh.uploadProgress(info.Size()))
			if err != nil {
				return err
			}
			sh.say("CLI_DATASET_LOADED", "rows", strconv.FormatInt(snapshot.Rows, 10), "subjects", strconv.FormatInt(snapshot.Subjects, 10),
				"name", "datasets/"+snapshot.Dataset+"/snapshots/"+snapshot.Digest)
			return nil
		}),
	}
	c.Flags().StringVar(&format, "format", "", sh.text("CLI_DATASET_FORMAT"))
	return c
}

// uploadProgress prints a line for every sixteenth of a large file.
func (sh *shell) uploadProgress(total int64) func(int64) {
	const mib = 1 << 20
	step, next := max(total/16, 16*mib), max(total/16, 16*mib)
	return func(done int64) {
		if done >= next {
			next += step
			sh.note("CLI_DATASET_SENT", "done", strconv.FormatInt(done/mib, 10), "total", strconv.FormatInt(total/mib, 10))
		}
	}
}

// formatOf takes the stated format, or the file's ending.
func formatOf(stated, file string) (sdk.Format, error) {
	name := stated
	if name == "" {
		name = strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	}
	switch name {
	case "csv", "tsv", "txt":
		return sdk.CSV, nil
	case "parquet":
		return sdk.Parquet, nil
	case "arrow", "arrows", "feather":
		return sdk.Arrow, nil
	}
	return "", enclave.Fail(enclave.Invalid, "CLI_FLAG_BAD", "flag", "format", "expected", "csv, parquet, arrow")
}

func (sh *shell) datasetList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: sh.text("CLI_DATASET_LIST"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			return list(sh, c.ListDatasets(ctx), []string{"NAME", "OWNER", "TITLE", "TIME"}, func(d sdk.Dataset) []string {
				var description enclave.Dataset
				_ = json.Unmarshal(d.Description, &description) // the title is a courtesy
				return []string{d.Name, d.Owner, description.Title, second(d.Created)}
			})
		}),
	}
}

func (sh *shell) datasetShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: sh.text("CLI_DATASET_SHOW"), Args: sh.exactly("NAME"),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, args []string) error {
			dataset, err := c.GetDataset(ctx, args[0])
			if err != nil {
				return err
			}
			text, err := yaml.JSONToYAML(dataset.Description)
			if err != nil {
				return err
			}
			fmt.Fprintf(sh.out, "%s", text)
			for s, err := range c.ListSnapshots(ctx, dataset.Name) {
				if err != nil {
					return err
				}
				fmt.Fprintf(sh.out, "# datasets/%s/snapshots/%s  %s\n", s.Dataset, s.Digest, second(s.Loaded))
			}
			return nil
		}),
	}
}
