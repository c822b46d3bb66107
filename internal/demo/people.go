package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

// programModule runs a module of the other form: it sees rows and computes what it likes, so people decide what becomes of its table.
func (s *story) programModule(ctx context.Context) error {
	code, err := scaffold.Regression.Wasm()
	if err != nil {
		return err
	}
	early, err := s.submit(ctx, regression(), code)
	if err != nil {
		return err
	}
	if _, err := s.ends(ctx, early.ID, sdk.RunDenied, "MODULE_NOT_APPROVED"); err != nil {
		return err
	}
	if err := s.Approve(ctx, early.Module, visits); err != nil {
		return err
	}
	s.ok("DEMO_PROGRAM_APPROVED")
	run, err := s.submit(ctx, regression(), code)
	if err != nil {
		return err
	}
	if run, err = s.ends(ctx, run.ID, sdk.RunHeld, "OUTPUT_OF_PROGRAM"); err != nil {
		return err
	}
	s.ok("DEMO_PROGRAM_HELD", "text", run.Reasons[0].In(string(s.Lang)))
	output := ""
	for _, role := range []sdk.Role{sdk.Reviewer, sdk.Source} {
		seen, err := s.look(ctx, role, run.ID)
		if err != nil {
			return err
		}
		output = seen.Seen.Output
		if role == sdk.Reviewer {
			s.preview(seen)
		}
		review, err := s.Clients[role].CastVote(ctx, run.ID, sdk.Ballot{Choice: sdk.ChooseRelease, Seen: seen.Seen, Public: "Nine lines, each of hundreds of visits."})
		if err != nil {
			return err
		}
		if role == sdk.Reviewer && review.State != sdk.ReviewOpen {
			return fmt.Errorf("one vote alone made the review %s", review.State)
		}
		who := cast()[slices.IndexFunc(cast(), func(i sdk.Identity) bool { return i.Role == role })]
		s.ok("DEMO_PROGRAM_VOTE", "who", who.Name+"@"+who.Org)
	}
	if run, err = s.Clients[sdk.Operator].Wait(ctx, run.ID); err != nil {
		return err
	}
	var table bytes.Buffer
	if err := s.Clients[sdk.Operator].FetchTo(ctx, run.ID, &table); err != nil {
		return err
	}
	if enclave.DigestOf(table.Bytes()).String() != output {
		return errors.New("what was released is not what the reviewers saw")
	}
	s.ok("DEMO_PROGRAM_OK", "outcome", string(run.Outcome), "bytes", strconv.Itoa(table.Len()))
	return nil
}

// look opens a case, and fails if it tells of another's vote.
func (s *story) look(ctx context.Context, role sdk.Role, run string) (sdk.Case, error) {
	seen, err := s.Clients[role].GetCase(ctx, run)
	if err == nil && (len(seen.Votes) > 0 || seen.Voted > 0) {
		err = errors.New("a reviewer sees another's vote before voting")
	}
	return seen, err
}

// preview prints what a reviewer sees of the table.
func (s *story) preview(c sdk.Case) {
	rows := make([][]string, len(c.Preview.Rows))
	for i, row := range c.Preview.Rows {
		for _, cell := range row {
			rows[i] = append(rows[i], cell.Text)
		}
	}
	s.line(s.text("DEMO_PROGRAM_SEEN", "rows", strconv.FormatInt(c.Preview.Total, 10)))
	fmt.Fprintln(s.Out)
	term.Table(term.Indent(s.Out, "       "), c.Preview.Columns, rows)
	fmt.Fprintln(s.Out)
}

// leakModule runs a program that returns rows, in base64.
func (s *story) leakModule(ctx context.Context) error {
	code, err := scaffold.Rows.Wasm()
	if err != nil {
		return err
	}
	module, err := s.upload(ctx, encodedRows(), code)
	if err != nil {
		return err
	}
	if err := s.Approve(ctx, module.Digest, visits); err != nil { // it says nothing of what it does, and nobody looked closely
		return err
	}
	run, err := s.submit(ctx, encodedRows(), code)
	if err != nil {
		return err
	}
	if run, err = s.Clients[sdk.Operator].Wait(ctx, run.ID); err != nil {
		return err
	}
	if run.Outcome != sdk.RunDenied {
		return fmt.Errorf("encoded rows were %s%s", run.Outcome, s.reasons(run))
	}
	s.ok("DEMO_LEAK_OK", "text", strings.TrimPrefix(s.reasons(run), ": "))
	raw, err := s.Clients[sdk.Auditor].Report(ctx, run.ID)
	if err != nil {
		return err
	}
	var report enclave.Report
	if err := json.Unmarshal(raw, &report); err != nil {
		return err
	}
	if report.Facts == nil || report.Facts.Leak.Packed == 0 || !slices.ContainsFunc(report.Reasons, func(r enclave.Reason) bool { return r.Code == "ROWS_PACKED" }) {
		return fmt.Errorf("the report has other facts: %s", raw)
	}
	s.ok("DEMO_LEAK_FACT", "packed", strconv.FormatInt(report.Facts.Leak.Packed, 10), "code", "ROWS_PACKED")
	return nil
}

// regression is the manifest of an honest program: of each district, how the cost of a visit goes with age.
func regression() *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: "cost-over-age", Version: "1.0.0", Form: enclave.Program,
		Inputs: []enclave.ManifestInput{{Dataset: visits, Columns: []string{"district", "birth_year", "cost"}, Show: []string{"cost"}}},
		Params: []enclave.ManifestParam{
			{Name: "as_of", Type: "int64", Min: 2020, Max: 2030, Default: "2024"},
			{Name: "min_visits", Type: "int64", Min: 30, Max: 10_000, Default: "100"},
		},
		Output: &enclave.ManifestOutput{
			About:  "How the cost of a visit grows with the patient's age, a straight line for each district.",
			Behind: "A line is fitted to at least min_visits visits; districts with fewer are left out.",
			Rows:   16, Model: true,
			Columns: []enclave.ManifestColumn{
				{Name: "district", Type: enclave.KindEnum, About: "district of residence", Values: districts()},
				{Name: "visits", Type: enclave.KindInt, About: "visits that the line was fitted to", Max: 1_000_000_000},
				{Name: "base", Type: enclave.KindDecimal, About: "cost in yuan at age 0", Min: -1_000_000, Max: 1_000_000, Decimals: 2},
				{Name: "per_year", Type: enclave.KindDecimal, About: "yuan more for each year of age", Min: -10_000, Max: 10_000, Decimals: 4},
			},
		},
	}
}

// districts are the codes that the catalogue lists.
func districts() []string {
	description := synth.Dataset()
	return description.Columns[description.Column("district")].Codes
}

// encodedRows is the manifest of a program that writes rows into a column of text, in base64.
func encodedRows() *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: "remarks", Version: "1.0.0", Form: enclave.Program,
		Inputs: []enclave.ManifestInput{{Dataset: visits, Columns: granted(), Show: []string{"icd10", "cost"}}},
		Params: []enclave.ManifestParam{
			{Name: "act", Type: "enum", Values: []string{"base64"}, Default: "base64"},
			{Name: "rows", Type: "int64", Max: 100, Default: "100"},
			{Name: "above", Type: "int64", Max: 10_000_000, Default: "0"},
		},
		Output: &enclave.ManifestOutput{
			About: "Remarks on the quality of the data.", Behind: "All visits.", Rows: 100,
			Columns: []enclave.ManifestColumn{{Name: "line", Type: enclave.KindText, About: "a remark", Bytes: 96}},
		},
	}
}
