package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/load"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
)

// Commands that need no enclave: they work on the files of whoever types them.

func (sh *shell) moduleNew() *cobra.Command {
	var name, form string
	var manifestOnly bool
	c := &cobra.Command{
		Use: "new DIR", Short: sh.text("CLI_MODULE_NEW"), Args: sh.exactly("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			if name == "" {
				name = baseName(args[0])
			}
			lang, done := scaffold.Go, "CLI_MODULE_NEW_DONE"
			switch {
			case form == string(enclave.Program) && !manifestOnly:
				lang, done = scaffold.Program, "CLI_MODULE_NEW_PROGRAM"
			case form != string(enclave.Aggregate):
				return flagBad("form", "aggregate; program (without --manifest-only)")
			case manifestOnly:
				lang, done = scaffold.None, "CLI_MODULE_NEW_MANIFEST"
			}
			if err := scaffold.New(args[0], name, lang); err != nil {
				return err
			}
			dir := filepath.Clean(args[0])
			sh.say(done, "dir", dir)
			sh.next("cd " + dir + " && darkroom module test")
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", sh.text("CLI_MODULE_NAME"))
	c.Flags().StringVar(&form, "form", string(enclave.Aggregate), sh.text("CLI_MODULE_FORM"))
	c.Flags().BoolVar(&manifestOnly, "manifest-only", false, sh.text("CLI_MODULE_MANIFEST_ONLY"))
	return c
}

func (sh *shell) moduleBuild() *cobra.Command {
	var code string
	c := &cobra.Command{
		Use: "build [DIR]", Short: sh.text("CLI_MODULE_BUILD"), Args: sh.atMost("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := folder(args)
			test := strings.TrimSuffix("darkroom module test "+dir, " .")
			build := func() (string, enclave.Digest, error) { return sh.build(cmd.Context(), dir) }
			if code != "" {
				build = func() (string, enclave.Digest, error) { return scaffold.Join(dir, code) }
			}
			path, digest, err := build()
			if err != nil {
				return err
			}
			sh.say("CLI_MODULE_BUILT", "file", path, "digest", digest.String())
			if code != "" {
				test = "darkroom module test " + path
			}
			sh.next(test)
			return nil
		},
	}
	c.Flags().StringVar(&code, "code", "", sh.text("CLI_MODULE_CODE"))
	return c
}

// folder is the folder that a command is about: the one named, or the one that it is typed in.
func folder(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// build makes the module of a folder.
func (sh *shell) build(ctx context.Context, dir string) (path string, digest enclave.Digest, err error) {
	if code, err := filepath.Glob(filepath.Join(dir, "*.go")); err == nil && len(code) > 0 {
		sh.note("CLI_MODULE_BUILDING")
	}
	return scaffold.Build(ctx, dir, sh.err)
}

func (sh *shell) datasetDraft() *cobra.Command {
	var name, owner, format, out string
	c := &cobra.Command{
		Use: "draft FILE", Short: sh.text("CLI_DATASET_DRAFT"), Args: sh.exactly("FILE"),
		Example: "darkroom dataset draft visits.csv --owner health-commission --out visits.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			kind, err := formatOf(format, args[0])
			if err != nil {
				return err
			}
			if owner != "" && !enclave.ValidName(owner) {
				return flagBad("owner", nameForm)
			}
			if out != "" {
				if err := missing(out); err != nil {
					return err
				}
			}
			file, err := open(args[0])
			if err != nil {
				return err
			}
			defer file.Close() //nolint:errcheck // only read from
			source, err := load.FileSource(file)
			if err != nil {
				return err
			}
			if name == "" {
				name = baseName(args[0])
			}
			draft, notes, err := load.Draft(cmd.Context(), load.Format(kind), watched{source, sh, cmd.Context().Err}, name)
			if err != nil {
				return err
			}
			draft.Owner = owner
			sh.note("CLI_DATASET_DRAFT_CHECK")
			for _, note := range notes {
				fmt.Fprintln(sh.err, "  -", note.In(sh.lang))
			}
			return sh.write(out, func(w io.Writer) error { return scaffold.WriteDescription(w, draft) })
		},
	}
	c.Flags().StringVar(&name, "name", "", sh.text("CLI_DATASET_NAME"))
	c.Flags().StringVar(&owner, "owner", "", sh.text("CLI_DATASET_OWNER"))
	c.Flags().StringVar(&format, "format", "", sh.text("CLI_DATASET_FORMAT"))
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_OUT_NEW"))
	return c
}

// watched is a source that says after every step how far it was read, and ends with a context whose error it is given. A CSV file is read twice: for its encoding, and for its rows.
type watched struct {
	load.Source
	sh    *shell
	ended func() error
}

func (w watched) ReadAt(b []byte, offset int64) (int, error) {
	if err := w.ended(); err != nil {
		return 0, err
	}
	n, err := w.Source.ReadAt(b, offset)
	if end := offset + int64(n); end/step > offset/step {
		w.sh.note("CLI_PROGRESS_READ", "done", strconv.FormatInt(end/mib, 10), "total", strconv.FormatInt(w.Size()/mib, 10))
	}
	return n, err
}

// maxSample is the most rows of a sample: about 60 GB.
const maxSample = 1_000_000_000

func (sh *shell) datasetSample() *cobra.Command {
	var out string
	var rows int64
	var seed uint64
	c := &cobra.Command{
		Use: "sample --out FILE.csv|FILE.parquet", Short: sh.text("CLI_DATASET_SAMPLE"), Args: sh.exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			write := synth.WriteCSV
			switch filepath.Ext(out) {
			case ".csv":
			case ".parquet":
				write = synth.WriteParquet
			default:
				return flagBad("out", "FILE.csv, FILE.parquet")
			}
			if rows < 1 || rows > maxSample {
				return flagBad("rows", "1 … 1000000000")
			}
			// A description that a person may have corrected is not lost to a second sample.
			description := strings.TrimSuffix(out, filepath.Ext(out)) + ".yaml"
			if err := errors.Join(missing(out), missing(description)); err != nil {
				return err
			}
			err := sh.write(out, func(w io.Writer) error {
				buffered := bufio.NewWriterSize(until{w, cmd.Context().Err}, 1<<20)
				return errors.Join(write(buffered, seed, rows), buffered.Flush())
			})
			if err != nil {
				return err
			}
			return sh.write(description, func(w io.Writer) error { return scaffold.WriteDescription(w, synth.Dataset()) })
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_OUT_NEW"))
	c.Flags().Int64Var(&rows, "rows", 10_000, sh.text("CLI_DATASET_ROWS"))
	c.Flags().Uint64Var(&seed, "seed", 1, sh.text("CLI_DATASET_SEED"))
	require(c, "out")
	return c
}
