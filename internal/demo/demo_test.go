package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
)

// placeholder stands in a text for what differs from run to run.
var placeholder = regexp.MustCompile(`\\\{[a-z_]+\\\}`)

// pattern matches a text of the catalogue with anything in its places.
func pattern(lang enclave.Lang, code string) *regexp.Regexp {
	return regexp.MustCompile(placeholder.ReplaceAllString(regexp.QuoteMeta(enclave.Message(lang, code, nil)), `\S.*`))
}

// untold are the texts of this room that a story without Keep, and that comes out as it must, does not tell.
func untold() []string {
	return []string{"DEMO_FAILED", "DEMO_KEEP", "DEMO_KEEP_STOP", "DEMO_KEEP_NOT_EMPTY"}
}

// The whole demonstration comes out as it must, in both languages, and tells every step in the order of the catalogue's titles.
func TestPlay(t *testing.T) {
	for _, lang := range []enclave.Lang{enclave.English, enclave.Chinese} {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := Play(t.Context(), Options{Lang: lang, Out: &out, Log: slog.New(slog.DiscardHandler)}); err != nil {
				t.Fatalf("%v\n%s", err, &out)
			}
			told := 0
			for _, code := range enclave.Codes() {
				if !strings.HasPrefix(code, "DEMO_") || slices.Contains(untold(), code) {
					continue
				}
				told++
				if !pattern(lang, code).MatchString(out.String()) {
					t.Errorf("%s is not told: %s", code, enclave.Message(lang, code, nil))
				}
			}
			if told < 20 {
				t.Errorf("only %d texts were looked for", told)
			}
			at := 0
			for _, title := range []string{
				"DEMO_START", "DEMO_CATALOGUE", "DEMO_GRANT", "DEMO_HONEST", "DEMO_MANIFEST", "DEMO_IDENTITY", "DEMO_ENDLESS", "DEMO_RECEIPT", "DEMO_TAMPER", "DEMO_DONE",
			} {
				next := pattern(lang, title).FindStringIndex(out.String()[at:])
				if next == nil {
					t.Fatalf("%s comes too early or not at all", title)
				}
				at += next[1]
			}
			if strings.Contains(out.String(), "✗") || regexp.MustCompile(`\{[a-z_]+\}`).MatchString(out.String()) {
				t.Errorf("a failure, or a place that was not filled in:\n%s", &out)
			}
		})
	}
}

// A story that is cut short says so and is an error.
func TestPlayFails(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	err := Play(ctx, Options{Lang: enclave.English, Out: &out, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(out.String(), "✗") || pattern(enclave.English, "DEMO_DONE").MatchString(out.String()) {
		t.Errorf("a canceled story ended with %v:\n%s", err, &out)
	}

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err = Play(t.Context(), Options{Lang: enclave.English, Out: io.Discard, Log: slog.New(slog.DiscardHandler), Keep: dir})
	if enclave.AsError(err).Reason != "DEMO_KEEP_NOT_EMPTY" {
		t.Errorf("a directory with files in it: %v", err)
	}
}

// table is an answer with the honest module's columns.
func table(rows ...[]string) answer {
	return answer{header: []string{"district", "age_band", "visits", "patients", "cost"}, rows: rows}
}

// The check of the table notices what must not be in it.
func TestShowTableFails(t *testing.T) {
	t.Parallel()
	whole := func(patients string) [][]string {
		var rows [][]string
		for _, band := range []string{"0-17", "18-44", "45-64", "65+", "(total)"} {
			rows = append(rows, []string{"440303", band, "50", patients, "1"})
		}
		return rows
	}
	for name, c := range map[string]struct {
		answer  answer
		problem string
	}{
		"good":               {table(whole("10")[1:]...), ""},
		"below threshold":    {table([]string{"440303", "0-17", "50", "10", "1"}, []string{"440303", "65+", "50", "9", "1"}), "threshold"},
		"nothing suppressed": {table(whole("10")...), "suppressed"},
		"nothing at all":     {table(), "threshold"},
		"not a number":       {table([]string{"440303", "0-17", "50", "many", "1"}), "patients"},
		"column missing":     {answer{header: []string{"district", "age_band"}}, "columns"},
	} {
		s := &story{Options: Options{Lang: enclave.English, Out: io.Discard}}
		err := s.showTable(c.answer)
		if c.problem == "" && err != nil || c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A refusal that does not come, or for another reason, is a failure.
func TestRefusedFails(t *testing.T) {
	t.Parallel()
	s := &story{Options: Options{Lang: enclave.English, Out: io.Discard}}
	expected := &sdk.Error{Reason: "VALUE_CODE", English: "no such code"}
	if text, err := s.refused(expected, "VALUE_CODE"); err != nil || !strings.Contains(text, "no such code") {
		t.Errorf("%q, %v", text, err)
	}
	for _, err := range []error{nil, &sdk.Error{Reason: "FILE_EMPTY"}, errors.New("VALUE_CODE")} {
		if _, got := s.refused(err, "VALUE_CODE"); got == nil {
			t.Errorf("%v was taken for the refusal", err)
		}
	}
}

// Each step of a story in which something is not as it must be is a failure.
func TestStepsFail(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := &story{Options: Options{Lang: enclave.Chinese, Out: io.Discard, Log: slog.New(slog.DiscardHandler)}, dir: t.TempDir()}
	for _, step := range []func(context.Context) error{s.start, s.catalogue, s.grants, s.honestModule} {
		if err := step(ctx); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	fails := func(name string, step func(context.Context) error) {
		t.Helper()
		if err := step(ctx); err == nil {
			t.Errorf("%s was let pass", name)
		}
	}
	honest := s.honest
	s.honest.rows = honest.rows[1:]
	fails("a table that differs from the module's", s.manifestAlone)
	s.honest = honest
	s.honest.bytes = append([]byte{0}, honest.bytes...)
	fails("a receipt of other bytes", s.receipt)
	s.honest = honest
	s.honest.run.ID = enclave.NewID()
	fails("a receipt of a run that is none", s.receipt)
	s.honest = honest
	fails("an outcome that is another", func(ctx context.Context) error {
		_, err := s.ends(ctx, honest.run.ID, sdk.RunDenied, "GROUP_BY_IDENTITY")
		return err
	})
	m := costManifest(enclave.ManifestKey{Name: "person", Of: &enclave.ColumnRule{Column: "citizen_id"}})
	m.Inputs[0].Columns, m.Margins = []string{"citizen_id", "cost"}, nil
	denied, err := s.submit(ctx, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	fails("a reason that is another", func(ctx context.Context) error {
		_, err := s.ends(ctx, denied.ID, sdk.RunDenied, "KEYSPACE_OVER_PROFILE")
		return err
	})
	fails("a question that is denied", func(ctx context.Context) error {
		m := costManifest(districtKey())
		m.Inputs[0].Columns, m.Margins = append(m.Inputs[0].Columns, "visit_date"), nil // not granted
		_, err := s.ask(ctx, m, nil)
		return err
	})
	fails("a ledger without entries", func(context.Context) error { return flipOneBit(t.TempDir()) })
}
