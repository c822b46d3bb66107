package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
)

// Commands that need no enclave: they work on the files of whoever types them.

func (sh *shell) moduleNew() *cobra.Command {
	var name string
	var manifestOnly bool
	c := &cobra.Command{
		Use: "new DIR", Short: sh.text("CLI_MODULE_NEW"), Args: sh.exactly("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			if name == "" {
				name = baseName(args[0])
			}
			lang := scaffold.Go
			if manifestOnly {
				lang = scaffold.None
			}
			if err := scaffold.New(args[0], name, lang); err != nil {
				return err
			}
			sh.say("CLI_MODULE_NEW_DONE", "dir", args[0])
			fmt.Fprintf(sh.out, "  darkroom module build %s\n  darkroom module check %s\n", args[0], filepath.Join(args[0], name+".wasm"))
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", sh.text("CLI_MODULE_NAME"))
	c.Flags().BoolVar(&manifestOnly, "manifest-only", false, sh.text("CLI_MODULE_MANIFEST_ONLY"))
	return c
}

func (sh *shell) moduleBuild() *cobra.Command {
	return &cobra.Command{
		Use: "build DIR", Short: sh.text("CLI_MODULE_BUILD"), Args: sh.exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, digest, err := scaffold.Build(cmd.Context(), args[0], sh.err)
			if err != nil {
				return err
			}
			sh.say("CLI_MODULE_BUILT", "file", path, "digest", digest.String())
			return nil
		},
	}
}

func (sh *shell) moduleCheck() *cobra.Command {
	var description string
	c := &cobra.Command{
		Use: "check FILE.wasm", Short: sh.text("CLI_MODULE_CHECK"), Args: sh.exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var dataset *enclave.Dataset
			if description != "" {
				var err error
				if dataset, err = sh.readDescription(description); err != nil {
					return err
				}
			}
			report, err := scaffold.Check(cmd.Context(), args[0], dataset)
			if err != nil {
				return err
			}
			fmt.Fprintln(sh.out, report.Text(sh.lang))
			return report.Failed
		},
	}
	c.Flags().StringVar(&description, "dataset", "", sh.text("CLI_MODULE_CHECK_DATASET"))
	return c
}

func (sh *shell) datasetDraft() *cobra.Command {
	var name, owner, format string
	c := &cobra.Command{
		Use: "draft FILE", Short: sh.text("CLI_DATASET_DRAFT"), Args: sh.exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, err := formatOf(format, args[0])
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return fileError(args[0], err)
			}
			defer file.Close() //nolint:errcheck // only read from
			source, err := load.FileSource(file)
			if err != nil {
				return err
			}
			if name == "" {
				name = baseName(args[0])
			}
			draft, notes, err := load.Draft(cmd.Context(), load.Format(kind), source, name)
			if err != nil {
				return err
			}
			draft.Owner = owner
			sh.note("CLI_DATASET_DRAFT_CHECK")
			for _, note := range notes {
				fmt.Fprintln(sh.err, "  -", note)
			}
			return writeDescription(sh.out, draft)
		},
	}
	c.Flags().StringVar(&name, "name", "", sh.text("CLI_DATASET_NAME"))
	c.Flags().StringVar(&owner, "owner", "", sh.text("CLI_DATASET_OWNER"))
	c.Flags().StringVar(&format, "format", "", sh.text("CLI_DATASET_FORMAT"))
	return c
}

// writeDescription writes a description as YAML, each column on lines of its own and its code list on one.
func writeDescription(w io.Writer, d *enclave.Dataset) error {
	type column struct {
		Name     string         `yaml:"name"`
		Header   string         `yaml:"header,omitempty"`
		Type     enclave.Type   `yaml:"type"`
		Class    enclave.Class  `yaml:"class"`
		Scale    int            `yaml:"scale,omitempty"`
		Codes    []string       `yaml:"codes,flow,omitempty"`
		Min      enclave.Scalar `yaml:"min,omitempty"`
		Max      enclave.Scalar `yaml:"max,omitempty"`
		Nullable bool           `yaml:"nullable,omitempty"`
		Check    enclave.Check  `yaml:"check,omitempty"`
	}
	file := struct {
		Name    string          `yaml:"name"`
		Title   string          `yaml:"title,omitempty"`
		Owner   string          `yaml:"owner"`
		Grade   int             `yaml:"grade"`
		Sharing enclave.Sharing `yaml:"sharing"`
		Subject enclave.Subject `yaml:"subject"`
		Columns []column        `yaml:"columns"`
	}{Name: d.Name, Title: d.Title, Owner: d.Owner, Grade: d.Grade, Sharing: d.Sharing, Subject: d.Subject}
	for _, c := range d.Columns {
		file.Columns = append(file.Columns, column(c))
	}
	return yaml.NewEncoder(w, yaml.IndentSequence(true)).Encode(file)
}

func (sh *shell) datasetSample() *cobra.Command {
	var out string
	var rows int64
	var seed uint64
	c := &cobra.Command{
		Use: "sample --out FILE.csv|FILE.parquet", Short: sh.text("CLI_DATASET_SAMPLE"), Args: sh.exactly(),
		RunE: func(*cobra.Command, []string) error {
			write := synth.WriteCSV
			switch filepath.Ext(out) {
			case ".csv":
			case ".parquet":
				write = synth.WriteParquet
			default:
				return enclave.Fail(enclave.Invalid, "CLI_FLAG_BAD", "flag", "out", "expected", "FILE.csv, FILE.parquet")
			}
			if rows < 1 {
				return enclave.Fail(enclave.Invalid, "CLI_FLAG_BAD", "flag", "rows", "expected", "1, 2, …")
			}
			err := sh.write(out, func(w io.Writer) error {
				buffered := bufio.NewWriterSize(w, 1<<20)
				return errors.Join(write(buffered, seed, rows), buffered.Flush())
			})
			if err != nil {
				return err
			}
			return sh.write(strings.TrimSuffix(out, filepath.Ext(out))+".yaml", func(w io.Writer) error {
				return writeDescription(w, synth.Dataset())
			})
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_OUT_FLAG"))
	c.Flags().Int64Var(&rows, "rows", 10_000, sh.text("CLI_DATASET_ROWS"))
	c.Flags().Uint64Var(&seed, "seed", 1, sh.text("CLI_DATASET_SEED"))
	must(c.MarkFlagRequired("out"))
	return c
}
