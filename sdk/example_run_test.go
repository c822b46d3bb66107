package sdk_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/demo"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// An operator asks how many visits and patients each district has, without writing any code: a manifest alone is a run.
func Example() {
	ctx := context.Background()
	credential, grant, module, stop := enclaveWithGrant(ctx)
	defer stop()

	client, err := sdk.Dial(ctx, credential) // of sdk.ReadCredential("operator.json")
	check(err)
	defer func() { check(client.Close()) }()

	uploaded, err := client.UploadModule(ctx, bytes.NewReader(module)) // what darkroom module build wrote
	check(err)
	run, err := client.Submit(ctx, sdk.Order{Grant: grant, Module: uploaded.Digest})
	check(err)
	run, err = client.Wait(ctx, run.ID)
	check(err)
	fmt.Println(run.Outcome)

	batches, err := client.Fetch(ctx, run.ID)
	check(err)
	header, rows := sdk.Rows(batches)
	fmt.Println(header)
	fmt.Println(rows[0])

	raw, err := client.Receipt(ctx, run.ID)
	check(err)
	receipt, err := verify.ParseReceipt(raw)
	check(err)
	statement, err := receipt.Verify(credential.LedgerKey) // needs no network
	check(err)
	fmt.Println(statement.Act.Verb, statement.Act.Detail["result"] == run.Result)
	// Output:
	// released
	// [district visits patients]
	// [440303 250 65]
	// run.release true
}

// enclaveWithGrant starts an enclave on invented data with an active grant, and makes a module.
func enclaveWithGrant(ctx context.Context) (credential sdk.Credential, grant string, module []byte, stop func()) {
	domain, grant, stop := startEnclave(ctx, "district")
	module, err := admit.Attach(nil, &enclave.Manifest{
		Darkroom: 1, Name: "patients-by-district", Version: "1.0.0", Form: enclave.Aggregate,
		Inputs:   []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"district"}}},
		Keys:     []enclave.ManifestKey{{Name: "district", Of: &enclave.ColumnRule{Column: "district"}}},
		Measures: []enclave.ManifestMeasure{{Name: "visits", Op: enclave.Count}, {Name: "patients", Op: enclave.Subjects}},
	})
	check(err)
	credential, err = sdk.ReadCredential(domain.Credential(sdk.Operator))
	check(err)
	return credential, grant, module, stop
}

// TestMain keeps quiet what libraries log of the examples' enclaves, once for the process.
func TestMain(m *testing.M) {
	app.RedirectLogs(slog.New(slog.DiscardHandler))
	m.Run()
}

// startEnclave starts an enclave on invented data, with an active grant of some columns.
func startEnclave(ctx context.Context, columns ...string) (domain *demo.Domain, grant string, stop func()) {
	dir, err := os.MkdirTemp("", "darkroom-example-")
	check(err)
	domain, err = demo.Start(ctx, dir, app.Config{Listen: "127.0.0.1:0"}, slog.New(slog.DiscardHandler))
	check(err)
	var file bytes.Buffer
	check(synth.WriteCSV(&file, 1, 5000))
	grant, err = domain.Grant(ctx, synth.Dataset(), sdk.CSV, &file, columns...)
	check(err)
	return domain, grant, func() {
		check(domain.Close())
		check(os.RemoveAll(dir))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
