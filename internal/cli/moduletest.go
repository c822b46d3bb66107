package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/sdk"
)

// trialFlags are where a test takes what an enclave would know.
type trialFlags struct {
	dataset, profile string // files
	offline          bool
}

func (sh *shell) moduleTest() *cobra.Command {
	var from trialFlags
	var params []string
	var out string
	trial := &scaffold.Trial{}
	c := &cobra.Command{
		Use: "test [DIR|FILE.wasm]", Short: sh.text("CLI_MODULE_TEST"), Long: sh.text("CLI_MODULE_TEST_LONG"), Args: sh.atMost("DIR|FILE.wasm"),
		Example: "darkroom module test cost-by-age --param as_of=2025",
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := assignments("param", params)
			if err != nil {
				return err
			}
			if err := errors.Join(sampleFits(cmd), placed(out)); err != nil {
				return err
			}
			if trial.Scenario != "" && !enclave.ValidName(trial.Scenario) {
				return flagBad("scenario", nameForm)
			}
			trial.Params = map[string]enclave.Scalar{}
			for name, value := range given {
				trial.Params[name] = enclave.Scalar(value)
			}
			path, err := sh.moduleFile(cmd.Context(), folder(args))
			if err != nil {
				return err
			}
			if trial.Module, err = scaffold.Open(path); err != nil {
				return err
			}
			if err := sh.surround(cmd.Context(), trial, from, filepath.Dir(path)); err != nil {
				return err
			}
			trial.Log = sh.logger()
			report, failure := scaffold.Test(cmd.Context(), trial)
			if report == nil {
				return failure
			}
			if out != "" {
				err := sh.write(out, func(w io.Writer) error {
					encoder := json.NewEncoder(w)
					encoder.SetIndent("", "  ")
					return encoder.Encode(report)
				})
				if err != nil {
					return err
				}
			}
			return sh.tested(trial, report, failure, path)
		},
	}
	c.Flags().StringVar(&from.dataset, "dataset", "", sh.text("CLI_MODULE_TEST_DATASET"))
	c.Flags().StringVar(&from.profile, "profile", "", sh.text("CLI_MODULE_TEST_PROFILE"))
	c.Flags().BoolVar(&from.offline, "offline", false, sh.text("CLI_MODULE_TEST_OFFLINE"))
	c.Flags().StringVar(&trial.Scenario, "scenario", "", sh.text("CLI_MODULE_TEST_SCENARIO"))
	c.Flags().StringArrayVar(&params, "param", nil, sh.text("CLI_RUN_PARAM"))
	c.Flags().Int64Var(&trial.Sample.Rows, "rows", 0, sh.text("CLI_MODULE_TEST_ROWS"))
	c.Flags().Int64Var(&trial.Sample.Subjects, "subjects", 0, sh.text("CLI_MODULE_TEST_SUBJECTS"))
	c.Flags().StringVarP(&out, "out", "o", "", sh.text("CLI_MODULE_TEST_OUT"))
	return c
}

// moduleFile is a compiled module's file: a folder is built first, so that a test is never of yesterday's code.
func (sh *shell) moduleFile(ctx context.Context, path string) (string, error) {
	if info, err := os.Stat(path); err != nil {
		return "", fileError(path, err)
	} else if !info.IsDir() {
		return path, nil
	}
	built, _, err := sh.build(ctx, path)
	return built, err
}

// surround finds what the module runs against: of files that are named; of the enclave that the caller has a credential for; or of the module's
// folder and what is built in.
func (sh *shell) surround(ctx context.Context, trial *scaffold.Trial, from trialFlags, dir string) (err error) {
	name := trial.Module.Manifest.Inputs[0].Dataset
	asks := !from.offline && sh.credentialFile() != "" && (from.dataset == "" || from.profile == "")
	if from.profile != "" {
		if trial.Profile, err = sh.readProfile(from.profile); err != nil {
			return err
		}
	}
	if !asks {
		if trial.Dataset, err = sh.localDataset(cmp.Or(from.dataset, scaffold.DescriptionIn(dir, name)), name, from.dataset == ""); err != nil {
			return err
		}
		sh.note("CLI_MODULE_TEST_BUILT_IN")
		rules, err := policy.Default()
		if err != nil {
			return err
		}
		sh.settle(trial, rules, nil)
		return nil
	}
	client, err := sh.dial(ctx)
	if err != nil {
		sh.note("CLI_MODULE_TEST_OFFLINE_HINT")
		return err
	}
	defer client.Close() //nolint:errcheck // nothing is lost when the connection ends
	if from.dataset != "" {
		trial.Dataset, err = sh.localDataset(from.dataset, name, false)
	} else {
		trial.Dataset, err = remoteDataset(ctx, client, name)
	}
	if err != nil {
		return err
	}
	rules, err := sh.remotePolicy(ctx, client)
	if err != nil {
		return err
	}
	granted, err := grantedFor(ctx, client, name)
	if err != nil && sdk.ReasonOf(err) != "METHOD_FORBIDDEN" { // who may not list grants has none
		return err
	}
	sh.settle(trial, rules, granted)
	return nil
}

// settle takes the rules, and the scenario that they judge by: the one that was named, or that of the caller's only grant. Where neither
// says, or the one named is nobody's, the numbers may be others than those of the run to come.
func (sh *shell) settle(trial *scaffold.Trial, rules *policy.Engine, granted []string) {
	trial.Policy = rules
	known := slices.Compact(slices.Sorted(slices.Values(append(rules.Scenarios(trial.Dataset.Subject.Kind), granted...))))
	switch {
	case trial.Scenario == "" && len(granted) == 1:
		trial.Scenario = granted[0]
	case trial.Scenario == "" && len(granted) > 1:
		sh.note("CLI_MODULE_TEST_SCENARIOS", "dataset", trial.Dataset.Name, "scenarios", strings.Join(granted, ", "))
	case trial.Scenario != "" && !slices.Contains(known, trial.Scenario):
		sh.note("CLI_MODULE_TEST_NO_SCENARIO", "scenario", trial.Scenario, "known", cmp.Or(strings.Join(known, ", "), "–"))
	}
}

// localDataset reads the description of the dataset that the manifest names. A project without one is told how to come by it.
func (sh *shell) localDataset(file, name string, expected bool) (*enclave.Dataset, error) {
	if _, err := os.Stat(file); expected && err != nil {
		return nil, enclave.Fail(enclave.Invalid, "CLI_MODULE_TEST_NO_DATASET", "dataset", name, "file", file)
	}
	dataset, err := sh.readDescription(file)
	if err == nil && dataset.Name != name {
		return nil, enclave.Fail(enclave.Invalid, "CLI_MODULE_TEST_OTHER_DATASET", "file", file, "described", dataset.Name, "dataset", name)
	}
	return dataset, err
}

// readProfile reads the numbers that 'policy show --profile' writes.
func (sh *shell) readProfile(file string) (*enclave.Profile, error) {
	raw, err := sh.read(file, maxDescription)
	if err != nil {
		return nil, err
	}
	profile, err := policy.ParseProfile(raw, file)
	return &profile, err
}

func remoteDataset(ctx context.Context, client *sdk.Client, name string) (*enclave.Dataset, error) {
	remote, err := client.GetDataset(ctx, name)
	if err != nil {
		return nil, err
	}
	var dataset enclave.Dataset
	if err := json.Unmarshal(remote.Description, &dataset); err != nil {
		return nil, enclave.Internalf("read the description of %s: %w", name, err)
	}
	return &dataset, nil
}

// remotePolicy is the enclave's active rules, which anybody with a credential may read, compiled here.
func (sh *shell) remotePolicy(ctx context.Context, client *sdk.Client) (*policy.Engine, error) {
	_, rules, err := sh.rulesOf(ctx, client, "")
	if err != nil {
		return nil, err
	}
	sh.note("CLI_MODULE_TEST_ACTIVE", "revision", rules.Revision().String())
	return rules, nil
}

// tested prints a test's report, and its outcome last. What would not come to a release or to people is an error, so that a script notices.
func (sh *shell) tested(trial *scaffold.Trial, report *enclave.Report, failure error, path string) error {
	if failure != nil && report.Stage == enclave.StageAdmit { // nothing ran
		sh.advice(report.Rehearsal)
		return failure
	}
	manifest := trial.Module.Manifest
	sh.say("CLI_MODULE_TESTED", "name", manifest.Name, "version", manifest.Version, "digest", trial.Module.Digest.String())
	switch {
	case report.Profile == nil:
	case trial.Scenario == "":
		sh.say("CLI_MODULE_TEST_PROFILED", "profile", report.Profile.Name)
	default:
		sh.say("CLI_MODULE_TEST_PROFILED_FOR", "profile", report.Profile.Name, "scenario", trial.Scenario)
	}
	shown := *report
	shown.Stage = "" // it goes without saying but of a failure
	if failure != nil {
		shown.Stage, shown.Reasons, shown.Cause = report.Stage, nil, ""
		if inner := errors.Unwrap(failure); inner != nil {
			shown.Cause, _, _ = strings.Cut(inner.Error(), "\n")
		}
	}
	sh.happened(&shown)
	switch {
	case failure != nil:
		return failure
	case report.Outcome == enclave.Denied:
		return enclave.Fail(enclave.State, "CLI_MODULE_TEST_DENIED")
	case report.Outcome == enclave.Held:
		sh.say("CLI_MODULE_TEST_HELD")
	case len(report.Rehearsal.Suppressed) > 0:
		sh.say("CLI_MODULE_TEST_SUPPRESSED", "left", number(report.Rehearsal.Cells.LeftOut()), "published", number(report.Rehearsal.Cells.Published))
	default:
		sh.say("CLI_MODULE_TEST_PASSED", "published", number(report.Rehearsal.Cells.Published))
	}
	sh.next("darkroom run submit " + path + " --grant GRANT --wait")
	return nil
}
