package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/sandbox"
	"github.com/darkroom-project/darkroom/internal/ledger"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/sdk"
)

// TestMain makes this test binary the darkroom command too, found on the path, so that scripts and the service are real processes.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == sandbox.CompileCommand { // the service's child, whatever its file is called
		os.Exit(Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) //nolint:forbidigo // a main of its own
	}
	testscript.Main(m, map[string]func(){
		"darkroom": func() { os.Exit(Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }, //nolint:forbidigo // a main of its own
	})
}

// domain is a running service with a credential for each role, a dataset, a grant, and one released run.
type domain struct {
	dir     string
	env     map[string]string // what scripts and bad inputs name: $GRANT, $OPERATOR, $RESULT …
	stopped func() (status int, stderr string)
}

// startDomain starts a service as a user does, and plays both walks of the README on it as far as the tests need.
func startDomain(t *testing.T) *domain {
	t.Helper()
	t.Setenv("LANG", "en_US.UTF-8")
	t.Setenv("DARKROOM_CREDENTIAL", "")
	d := &domain{dir: t.TempDir(), env: map[string]string{}}
	d.env["DATA"] = filepath.Join(d.dir, "data")
	d.env["ADDRESS"], d.stopped = serve(t, d.env["DATA"])
	d.env["KEY"] = filepath.Join(d.env["DATA"], "domain.pub")
	d.env["LEDGER"] = filepath.Join(d.env["DATA"], "ledger")
	d.env["AUTHORITY"] = filepath.Join(d.env["DATA"], "credentials", "authority.json")
	bundle, err := filepath.Abs(filepath.Join("..", "..", "policy", "bundle"))
	if err != nil {
		t.Fatal(err)
	}
	d.env["BUNDLE"], d.env["POLICYKEY"] = bundle, filepath.Join(d.env["DATA"], "credentials", "policy.pem")
	for role, org := range map[string]string{"source": "health-commission", "operator": "acme-analytics", "reviewer": "expert-panel", "auditor": "audit-office"} {
		name := strings.ToUpper(role)
		d.env[name] = d.file(role + ".json")
		d.dr(t, "identity issue --role "+role+" --org "+org+" --name someone --out $"+name+" --credential $AUTHORITY")
	}
	d.env["RIVAL"] = d.file("rival.json")
	d.dr(t, "identity issue --role operator --org rival --name someone --out $RIVAL --credential $AUTHORITY")

	d.env["CSV"], d.env["YAML"] = d.file("visits.csv"), d.file("visits.yaml")
	d.dr(t, "dataset sample --rows 8000 --out $CSV")
	d.dr(t, "dataset create $YAML --credential $AUTHORITY")
	d.dr(t, "dataset load visits $CSV --credential $SOURCE")
	d.env["GRANT"] = d.name(t, "grants", "grant apply --scenario pricing --purpose premiums --dataset visits:district,birth_year,cost --credential $OPERATOR")
	d.dr(t, "grant assess $GRANT --credential $AUTHORITY")
	d.dr(t, "grant confirm $GRANT --credential $SOURCE")
	d.env["FOLDER"], d.env["WASM"] = d.file("by-district"), d.file("by-district/by-district.wasm")
	d.dr(t, "module new $FOLDER --manifest-only")
	d.env["MODULE"] = d.name(t, "modules", "module build $FOLDER")
	d.env["RUN"] = d.name(t, "runs", "run submit $WASM --grant $GRANT --wait --credential $OPERATOR")
	d.env["PROPOSAL"] = d.name(t, "proposals", "module propose $MODULE --dataset visits --credential $OPERATOR")
	d.env["SEEN"] = strings.Repeat("0", 64) + ":1"
	d.env["RESULT"], d.env["RECEIPT"] = d.file("table.arrow"), d.file("receipt.json")
	d.dr(t, "run fetch $RUN --out $RESULT --credential $OPERATOR")
	d.dr(t, "run receipt $RUN --out $RECEIPT --credential $OPERATOR")
	d.modules(t)
	d.write(t, "bad/darkroom.yaml", "darkroom: 1\nname: bad\nkeys: everything\n")
	d.env["BADFOLDER"] = d.file("bad")
	_, other, err := ledger.GenerateKey("darkroom.local")
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, "other.pub", other+"\n")
	d.env["OTHERKEY"] = d.file("other.pub")
	d.env["FOREIGN"] = d.file("foreign.json")
	d.foreign(t)
	d.env["HUGE"] = d.file("huge.bin")
	d.huge(t, d.env["HUGE"])
	return d
}

func (d *domain) file(name string) string { return filepath.Join(d.dir, name) }

func (d *domain) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.file(name)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.file(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// modules writes one that never ends, and one that asks to be shown costs, so that what it makes waits for people.
func (d *domain) modules(t *testing.T) {
	t.Helper()
	d.env["ENDLESS"] = d.module(t, scaffold.Endless, &enclave.Manifest{
		Darkroom: 1, Name: "endless", Version: "1.0.0", Form: enclave.Aggregate, Fuel: enclave.MaxFuel, // seconds of it
		Inputs:   []enclave.ManifestInput{{Dataset: "visits", Columns: []string{"birth_year"}}},
		Keys:     []enclave.ManifestKey{{Name: "parity", Values: []string{"even", "odd"}}},
		Measures: []enclave.ManifestMeasure{{Name: "visits", Op: enclave.Count}},
	})
	d.env["PEEPING"] = d.module(t, scaffold.AgeBand, &enclave.Manifest{
		Darkroom: 1, Name: "peeping", Version: "1.0.0", Form: enclave.Aggregate,
		Inputs:   []enclave.ManifestInput{{Dataset: "clinic", Columns: []string{"district", "birth_year", "cost"}, Show: []string{"cost"}}},
		Params:   []enclave.ManifestParam{{Name: "as_of", Type: "int64", Min: 2020, Max: 2026, Default: "2024"}},
		Keys:     []enclave.ManifestKey{{Name: "age_band", Values: []string{"0-17", "18-44", "45-64", "65+"}}},
		Measures: []enclave.ManifestMeasure{{Name: "visits", Op: enclave.Count}},
	})
}

func (d *domain) module(t *testing.T, guest scaffold.Guest, manifest *enclave.Manifest) (file string) {
	t.Helper()
	code, err := guest.Wasm()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := admit.Attach(code, manifest)
	if err != nil {
		t.Fatal(err)
	}
	d.write(t, manifest.Name+".wasm", string(whole))
	return d.file(manifest.Name + ".wasm")
}

// foreign writes a credential that names this domain's address, but whose certificate is of another domain.
func (d *domain) foreign(t *testing.T) {
	t.Helper()
	other := t.TempDir()
	_, stopped := serve(t, other)
	stopped()
	own, err := sdk.ReadCredential(d.env["OPERATOR"])
	if err != nil {
		t.Fatal(err)
	}
	credential, err := sdk.ReadCredential(filepath.Join(other, "credentials", "authority.json"))
	if err != nil {
		t.Fatal(err)
	}
	credential.Address, credential.ServerName, credential.CA = own.Address, own.ServerName, own.CA
	if err := credential.WriteFile(d.env["FOREIGN"]); err != nil {
		t.Fatal(err)
	}
}

// huge is a file that is too large for every command that reads one whole; it has holes, so it takes no room.
func (d *domain) huge(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name) //nolint:gosec // a test's own
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(64 * mib); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// words splits a command line at blanks, and fills in the domain's names.
func (d *domain) words(line string) []string {
	words := strings.Fields(line)
	for i := range words {
		words[i] = os.Expand(words[i], func(name string) string { return d.env[name] })
	}
	return words
}

// dr runs a command that must succeed, and returns what it printed.
func (d *domain) dr(t *testing.T, line string) string {
	t.Helper()
	status, out, errs := command(t, d.words(line)...)
	if status != exitDone {
		t.Fatalf("darkroom %s: status %d\n%s%s", line, status, out, errs)
	}
	return out
}

// name runs a command that must succeed, and returns the name in a collection that it printed.
func (d *domain) name(t *testing.T, collection, line string) string {
	t.Helper()
	out := d.dr(t, line)
	name := regexp.MustCompile(collection + `/[a-z0-9]+`).FindString(out)
	if name == "" {
		t.Fatalf("darkroom %s names nothing in %s/:\n%s", line, collection, out)
	}
	return name
}

// command runs one command line in this process.
func command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = Main(t.Context(), args, strings.NewReader(""), &out, &errs)
	return status, out.String(), errs.String()
}

// serve starts a service in a process of its own, on a free port, and waits until it answers. It is told to stop when the test ends, or
// when stopped is called, and must then end well.
func serve(t *testing.T, data string, flags ...string) (address string, stopped func() (int, string)) {
	t.Helper()
	cmd := exec.Command("darkroom", append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, flags...)...) //nolint:gosec,noctx // this binary itself, stopped by a signal
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n') // printed when it listens
	if address = regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(first); err != nil || address == "" {
		t.Fatalf("the service did not start: %q, %v\n%v %s", first, err, cmd.Wait(), errs.String())
	}
	stop := func() (int, string) {
		if cmd.ProcessState == nil {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			_, _ = io.Copy(io.Discard, lines)
			_ = cmd.Wait() // the status tells
		}
		return cmd.ProcessState.ExitCode(), errs.String()
	}
	t.Cleanup(func() {
		if status, errs := stop(); status != exitDone {
			t.Errorf("the service ended with status %d: %s", status, errs)
		}
	})
	return address, stop
}
