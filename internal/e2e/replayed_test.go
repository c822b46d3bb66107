package e2e_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/testdata/guests"
)

// replays has an auditor replay a run, which must end as recorded.
func (b *bench) replays(name string, run sdk.Run, workers int) {
	b.t.Helper()
	replay, err := b.auditor.Replay(b.t.Context(), run.ID, workers)
	ok(b.t, err)
	if !replay.Same() || replay.Stage != "" || replay.Stopped != nil {
		b.t.Errorf("%s on %d workers: %+v", name, workers, replay)
	}
}

// connectAgain is for after a restart, which leaves the bench with clients of the enclave that was.
func (b *bench) connectAgain() {
	b.open()
	b.chen, b.source, b.auditor = b.clients[panel+"/chen"], b.clients[health], b.clients["audit-office/zhao"]
}

// after is how many releases a run's output was audited beside, as an auditor reads it.
func (b *bench) after(run sdk.Run) int64 {
	b.t.Helper()
	raw, err := b.auditor.Report(b.t.Context(), run.ID)
	ok(b.t, err)
	var report enclave.Report
	ok(b.t, json.Unmarshal(raw, &report))
	return report.Facts.History.Releases
}

// program submits a program by its name.
func (b *bench) program(name string) sdk.Run {
	b.t.Helper()
	program := guests.NamedProgram(name)
	code, err := program.Code(b.t.Context(), b.t.TempDir())
	ok(b.t, err)
	return b.submit(acme, b.grant, b.upload(acme, program.Manifest, code), nil)
}

// Whatever the gate decided ends the same once more: on one worker and on several, beside the releases that there were then and not those of
// today, after a restart, without its grant and without its module's approval; and nothing of it happens anew.
func TestDecidedRunsEndTheSameOnceMore(t *testing.T) {
	t.Parallel()
	b := startBench(t)
	alone := bands("alone")
	alone.Keys, alone.Margins = alone.Keys[1:], nil
	table := b.upload(acme, alone, nil)
	first := b.submit(acme, b.grant, table, nil)
	b.result(acme, first)
	overtaken := b.hold() // beside one release; beside those that follow it is not safe
	crafted := b.ends(acme, b.submit(acme, b.grant, overtaken.Module, map[string]string{"as_of": "2025"}), sdk.RunHeld, "OUTPUT_CRAFTED")
	guided := b.submit(acme, b.grant, b.upload(acme, bands("honest"), guest(t, scaffold.AgeBand)), map[string]string{"as_of": "2025"})
	b.result(acme, guided)
	late := b.submit(acme, b.grant, table, nil)
	b.result(acme, late)
	for _, run := range []sdk.Run{crafted, overtaken} {
		b.votes(b.chen, run, sdk.ChooseRelease, "", "")
		b.votes(b.source, run, sdk.ChooseRelease, "", "")
	}
	b.ends(acme, crafted, sdk.RunReleased, "")
	b.ends(acme, overtaken, sdk.RunDenied, "OUTPUT_UNSAFE")
	runs := map[string]sdk.Run{
		"a table without a guest": first, "one with a guest": guided, "the first again": late, "held, then released by people": crafted,
		"held, then no longer safe": overtaken,
		"a program that is held":    b.ends(acme, b.program("regression"), sdk.RunHeld, "OUTPUT_OF_PROGRAM"),
		"one that is denied":        b.ends(acme, b.program("dump"), sdk.RunDenied, "OUTPUT_UNSAFE"),
	}
	withdrawn := b.ends(acme, b.submit(acme, b.grant, overtaken.Module, map[string]string{"as_of": "2025"}), sdk.RunHeld, "OUTPUT_CRAFTED")
	_, err := b.clients[acme].Cancel(t.Context(), withdrawn.ID)
	ok(t, err)
	runs["held, then withdrawn"] = withdrawn
	if b.after(first) != 0 || b.after(guided) != 1 || b.after(late) != 2 {
		t.Errorf("the runs were judged beside %d, %d and %d releases", b.after(first), b.after(guided), b.after(late))
	}
	for name, run := range runs {
		for _, workers := range []int{1, 3} {
			b.replays(name, run, workers)
		}
	}
	b.nothingOf(runs["a program that is held"])

	_, err = b.clients["authority"].RevokeGrant(t.Context(), b.grant, "over")
	ok(t, err)
	for p, err := range b.clients["authority"].ListProposals(t.Context()) {
		ok(t, err)
		if p.State == sdk.ProposalApproved {
			_, err = b.clients["authority"].WithdrawApproval(t.Context(), p.ID, "over")
			ok(t, err)
		}
	}
	b.close()
	b.connectAgain()
	for name, run := range runs {
		if n := b.recorded(run, "run.replay"); n != 2 {
			t.Errorf("%s: %d replays are in the ledger", name, n)
		}
		b.replays(name+", after a restart", run, 0)
	}
	b.ends(acme, runs["a program that is held"], sdk.RunHeld, "OUTPUT_OF_PROGRAM")
	if released := b.recorded(first, "run.release"); released != 1 {
		t.Errorf("%d releases of a replayed run are in the ledger", released)
	}
}

// What a run was made from, or what was kept of it, is changed on the disk by somebody who can: a replay says so. Undone, it is the same again.
func TestReplaysNoticeWhatChanged(t *testing.T) {
	t.Parallel()
	b := startBench(t)
	manifest := bands("alone")
	manifest.Keys, manifest.Margins = manifest.Keys[1:], nil
	module := b.upload(acme, manifest, nil)
	first := b.submit(acme, b.grant, module, nil)
	raw, _, _ := b.result(acme, first)
	second := b.submit(acme, b.grant, module, nil)
	b.result(acme, second)
	footprints := b.files()
	footprints = slices.DeleteFunc(footprints, func(name string) bool { // modules, results and bundles of rules are there too
		content, err := os.ReadFile(filepath.Join(b.dir, "files", name)) //nolint:gosec // a file of the test
		ok(t, err)
		return !bytes.HasPrefix(content, []byte("DRFP"))
	})
	if len(footprints) != 1 {
		t.Fatalf("which are the footprints? %v", footprints)
	}
	for name, c := range map[string]struct {
		path  string
		stage string // of the second run's replay
		whole bool   // whether its record is
	}{
		"a column":                       {"snapshots", "load", true},
		"the module":                     {filepath.Join("files", module), "admit", true},
		"the output":                     {filepath.Join("files", enclave.DigestOf(raw).String()), "record", false},
		"an earlier release's footprint": {filepath.Join("files", footprints[0]), "treat", false}, // and its own: both are the same
	} {
		b.spoil(c.path)
		replay, err := b.auditor.Replay(t.Context(), second.ID, 0)
		if err != nil || replay.Same() || replay.Stage != c.stage || replay.SameRecord != c.whole || (replay.Stopped == nil) != (c.stage == "record") {
			t.Errorf("%s: %+v, %v", name, replay, err)
		}
		b.spoil(c.path) // the same bits, back
		b.replays(name+" as it was", second, 0)
	}
}

// files are the names in the folder of files.
func (d *domain) files() (names []string) {
	d.t.Helper()
	entries, err := fs.ReadDir(os.DirFS(d.dir), "files")
	ok(d.t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// Who may not replay, and what cannot be.
func TestReplaysThatAreRefused(t *testing.T) {
	t.Parallel()
	b := startBench(t)
	ctx := t.Context()
	table := b.submit(acme, b.grant, b.upload(acme, bands("honest"), guest(t, scaffold.AgeBand)), nil)
	b.result(acme, table)
	for name, who := range map[string]*sdk.Client{"its operator": b.clients[acme], "a rival": b.clients[rival], "its source": b.source, "a reviewer": b.chen} {
		if _, err := who.Replay(ctx, table.ID, 0); sdk.ReasonOf(err) != "METHOD_FORBIDDEN" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if replay, err := b.clients["authority"].Replay(ctx, table.ID, 0); err != nil || !replay.Same() {
		t.Errorf("the authority: %+v, %v", replay, err)
	}
	_, err := b.auditor.Replay(ctx, "aaaaaaaaaaaaaaaaaaaaaaaaaa", 0)
	refused(t, err, "RUN_NOT_FOUND")

	rehearsed, err := b.clients[acme].Submit(ctx, sdk.Order{Grant: b.grant, Module: table.Module, Dev: &sdk.Sample{Rows: 1000}})
	ok(t, err)
	_, err = b.clients[acme].Wait(ctx, rehearsed.ID)
	ok(t, err)
	_, err = b.auditor.Replay(ctx, rehearsed.ID, 0)
	refused(t, err, "REPLAY_IN_DEV")

	failed := b.ends(acme, b.program("trap-on-row"), sdk.RunDenied, "OUTPUT_UNSAFE")
	_, err = b.auditor.Replay(ctx, failed.ID, 0)
	refused(t, err, "REPLAY_NOT_DECIDED")

	long := bands("endless")
	long.Fuel = enclave.MaxFuel // time enough to ask about it
	endless := b.submit(acme, b.grant, b.upload(acme, long, guest(t, scaffold.Endless)), nil)
	_, err = b.auditor.Replay(ctx, endless.ID, 0)
	refused(t, err, "RUN_NOT_ENDED")
	_, err = b.clients[acme].Cancel(ctx, endless.ID)
	ok(t, err)
	_, err = b.auditor.Replay(ctx, endless.ID, 0)
	refused(t, err, "REPLAY_NOT_DECIDED")
}
