package e2e_test

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/app"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
)

// A30: something changes between the check and the use. The run waits behind some that take long; meanwhile the enclave is stopped, what
// the run was pinned to is replaced, by hand or by those who may, and the enclave starts again. The run is then about exactly what it was
// pinned to, or it fails and nothing of it leaves.
func TestTimeOfCheck(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(d *domain, module string) (outcome sdk.Outcome, reason string){
		"nothing": func(*domain, string) (sdk.Outcome, string) { return sdk.RunReleased, "" },
		"the module's file": func(d *domain, module string) (sdk.Outcome, string) {
			d.spoil(filepath.Join("files", module))
			return sdk.RunFailed, "INTERNAL"
		},
		"a column of the snapshot": func(d *domain, _ string) (sdk.Outcome, string) {
			d.spoil("snapshots")
			return sdk.RunFailed, "INTERNAL"
		},
		"the newest snapshot": func(d *domain, _ string) (sdk.Outcome, string) {
			d.open()
			var file bytes.Buffer
			ok(d.t, synth.WriteCSV(&file, 8, 8000))
			_, err := d.clients[health].Load(d.t.Context(), "visits", sdk.CSV, &file, nil)
			ok(d.t, err)
			d.close()
			return sdk.RunReleased, ""
		},
		"the grant": func(d *domain, _ string) (sdk.Outcome, string) {
			d.open()
			for grant, err := range d.clients["authority"].ListGrants(d.t.Context()) {
				ok(d.t, err)
				_, err = d.clients["authority"].RevokeGrant(d.t.Context(), grant.ID, "misuse")
				ok(d.t, err)
			}
			d.close()
			return sdk.RunFailed, "GRANT_NOT_ACTIVE"
		},
	} {
		if testing.Short() && name != "the newest snapshot" && name != "the grant" {
			continue // the same but for what the files hold meanwhile
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t, app.Config{CallSeconds: 600, Workers: 1})
			d.visits()
			grant := d.grant(acme, synth.Dataset())
			manifest := bands("honest")
			manifest.Keys, manifest.Margins = manifest.Keys[1:], nil
			module := d.upload(acme, manifest, nil)
			want, _, _ := d.result(acme, d.submit(acme, grant, module, nil))

			// The twin of the run: the same module under another name, so that its file and its answer are its own.
			manifest.Name = "pinned"
			module = d.upload(acme, manifest, nil)
			long := bands("endless")
			long.Fuel = enclave.MaxFuel
			endless, before := d.upload(acme, long, guest(t, scaffold.Endless)), []sdk.Run{}
			for range 3 { // the first one may come to its end while the enclave closes
				before = append(before, d.submit(acme, grant, endless, nil))
			}
			waiting := d.submit(acme, grant, module, nil)
			d.close()
			outcome, reason := change(d, module)
			d.open()
			for _, run := range before {
				if _, err := d.clients[acme].Cancel(t.Context(), run.ID); err != nil && sdk.ReasonOf(err) != "RUN_ENDED" {
					t.Fatal(err)
				}
			}
			ended := d.ends(acme, waiting, outcome, reason)
			if outcome != sdk.RunReleased {
				d.nothingOf(ended)
				return
			}
			got, _, _ := d.result(acme, waiting)
			if !bytes.Equal(got, want) || ended.Snapshot != waiting.Snapshot {
				t.Error("the run was about something else than what it was pinned to")
			}
		})
	}
}

// What was released is handed out as it was released, or not at all.
func TestResultChangedOnDisk(t *testing.T) {
	t.Parallel()
	d := start(t, app.Config{})
	d.visits()
	manifest := bands("honest")
	manifest.Keys, manifest.Margins = manifest.Keys[1:], nil
	run := d.submit(acme, d.grant(acme, synth.Dataset()), d.upload(acme, manifest, nil), nil)
	raw, _, _ := d.result(acme, run)
	d.spoil(filepath.Join("files", enclave.DigestOf(raw).String()))
	if got := sdk.ReasonOf(d.clients[acme].FetchTo(t.Context(), run.ID, io.Discard)); got != "INTERNAL" {
		t.Errorf("to fetch a changed result ended with %q", got)
	}
}

// spoil flips a bit in the middle of a file of the data directory, or of each file under a folder.
func (d *domain) spoil(path string) {
	d.t.Helper()
	spoiled := 0
	root, err := os.OpenRoot(d.dir)
	ok(d.t, err)
	defer root.Close() //nolint:errcheck // nothing is buffered
	ok(d.t, fs.WalkDir(root.FS(), path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(file) == ".dir" {
			return err
		}
		content, err := root.ReadFile(file)
		if err != nil || len(content) == 0 {
			return err
		}
		content[len(content)/2] ^= 1
		spoiled++
		return root.WriteFile(file, content, 0o600)
	}))
	if spoiled == 0 {
		d.t.Fatalf("there is nothing to spoil at %s", path)
	}
}
