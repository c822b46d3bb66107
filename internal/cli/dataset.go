package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/sdk"
)

func (sh *shell) datasetCommand() *cobra.Command {
	return sh.group("dataset", "CLI_DATASET", sh.datasetDraft(), sh.datasetSample(), sh.datasetCreate(), sh.datasetLoad(), sh.datasetList(), sh.datasetShow(), sh.datasetHistory())
}

func (sh *shell) datasetCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create FILE.yaml", Short: sh.text("CLI_DATASET_CREATE"), Args: sh.exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			description, err := sh.readDescription(args[0])
			if err != nil {
				return err
			}
			raw, err := json.Marshal(description)
			if err != nil {
				return err
			}
			return sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
				before, missing := c.GetDataset(ctx, description.Name)
				if missing != nil && sdk.ReasonOf(missing) != "DATASET_NOT_FOUND" {
					return missing
				}
				dataset, err := c.CreateDataset(ctx, raw)
				if err != nil {
					return err
				}
				if missing == nil && before.Digest == dataset.Digest {
					sh.say("CLI_DATASET_SAME", "name", dataset.Name)
					return nil
				}
				sh.say("CLI_DATASET_CREATED", "name", dataset.Name, "owner", dataset.Owner, "columns", strconv.Itoa(len(description.Columns)))
				if missing == nil {
					if err := sh.replaced(before.Description, description); err != nil {
						return err
					}
				}
				sh.note("CLI_DATASET_CREATED_NEXT", "owner", dataset.Owner, "command", "darkroom dataset load "+dataset.Name+" FILE")
				return nil
			})(cmd, args)
		},
	}
}

// replaced says that a description took the place of an earlier one, and whether it protects the data as that did. The owner cannot change.
func (sh *shell) replaced(raw json.RawMessage, after *enclave.Dataset) error {
	var before enclave.Dataset
	if err := json.Unmarshal(raw, &before); err != nil {
		return err
	}
	change := func(from, to string) string {
		if from == to {
			return sh.text("CLI_UNCHANGED", "value", to)
		}
		return from + " → " + to
	}
	sh.say("CLI_DATASET_REPLACED", "grade", change(strconv.Itoa(before.Grade), strconv.Itoa(after.Grade)),
		"sharing", change(string(before.Sharing), string(after.Sharing)))
	return nil
}

// readDescription reads a description as a person wrote it, with the line of a mistake.
func (sh *shell) readDescription(file string) (*enclave.Dataset, error) {
	raw, err := sh.read(file, maxDescription)
	if err != nil {
		return nil, err
	}
	return scaffold.ParseDescription(raw, file)
}

func (sh *shell) datasetLoad() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "load DATASET FILE", Short: sh.text("CLI_DATASET_LOAD"), Args: sh.exactly("DATASET", "FILE"),
		RunE: sh.on("datasets", func(ctx context.Context, c *sdk.Client, dataset string, rest []string) error {
			kind, err := formatOf(format, rest[0])
			if err != nil {
				return err
			}
			file, err := open(rest[0])
			if err != nil {
				return err
			}
			defer file.Close() //nolint:errcheck // only read from
			info, err := file.Stat()
			if err != nil {
				return fileError(rest[0], err)
			}
			snapshot, err := c.Load(ctx, dataset, kind, file, sh.uploadProgress(info.Size()))
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

// uploadProgress prints a line for every sixteenth of a large file, and one when the enclave has it all and works on it.
func (sh *shell) uploadProgress(total int64) func(int64) {
	step := max(total/16, 16*mib)
	next := step
	return func(done int64) {
		if done >= next && done < total {
			next += step
			sh.note("CLI_PROGRESS_SENT", "done", strconv.FormatInt(done/mib, 10), "total", strconv.FormatInt(total/mib, 10))
		}
		if done == total && total >= mib {
			sh.note("CLI_PROGRESS_LOADING", "total", strconv.FormatInt(total/mib, 10))
		}
	}
}

// formatOf takes the stated format, or the file's ending.
func formatOf(stated, file string) (sdk.Format, error) {
	if err := noFolder(file); err != nil {
		return "", err
	}
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
	return "", flagBad("format", "csv, parquet, arrow")
}

func (sh *shell) datasetList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: sh.text("CLI_DATASET_LIST"), Args: sh.exactly(),
		RunE: sh.client(func(ctx context.Context, c *sdk.Client, _ []string) error {
			return list(sh, c.ListDatasets(ctx), []string{"CLI_HEAD_NAME", "CLI_HEAD_OWNER", "CLI_HEAD_TITLE", "CLI_HEAD_TIME"}, func(d sdk.Dataset) []string {
				var description enclave.Dataset
				_ = json.Unmarshal(d.Description, &description) // the title is a courtesy
				return []string{d.Name, d.Owner, description.Title, second(d.Created)}
			})
		}),
	}
}

func (sh *shell) datasetShow() *cobra.Command {
	return &cobra.Command{
		Use: "show DATASET", Short: sh.text("CLI_DATASET_SHOW"), Args: sh.exactly("DATASET"),
		RunE: sh.on("datasets", func(ctx context.Context, c *sdk.Client, name string, _ []string) error {
			dataset, err := c.GetDataset(ctx, name)
			if err != nil {
				return err
			}
			var description enclave.Dataset
			if err := json.Unmarshal(dataset.Description, &description); err != nil {
				return err
			}
			if err := scaffold.WriteDescription(sh.out, &description); err != nil {
				return err
			}
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
