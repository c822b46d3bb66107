package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/sdk"
)

const (
	seed     = 2024
	rows     = 40_000
	visits   = "visits"
	scenario = "insurance-pricing"
)

// granted are the columns that the operator applies for.
func granted() []string { return []string{"district", "sex", "birth_year", "icd10", "cost"} }

// start opens the enclave and issues a credential for each role.
func (s *story) start(ctx context.Context) error {
	domain, err := Start(ctx, s.dir, s.config(), s.Log)
	if err != nil {
		return err
	}
	s.Domain = domain
	s.ok("DEMO_START_OK", "address", s.App.Address())
	var who []string
	for _, person := range cast() {
		who = append(who, fmt.Sprintf("%s %s@%s", person.Role, person.Name, person.Org))
	}
	s.ok("DEMO_START_IDENTITIES", "who", strings.Join(who, ", "))
	return nil
}

// catalogue describes the dataset, loads it, and shows that one bad value refuses a whole file.
func (s *story) catalogue(ctx context.Context) error {
	description := synth.Dataset()
	raw, err := json.Marshal(description)
	if err != nil {
		return err
	}
	if _, err := s.Clients[sdk.Authority].CreateDataset(ctx, raw); err != nil {
		return err
	}
	s.ok("DEMO_CATALOGUE_OK", "dataset", description.Name, "columns", strconv.Itoa(len(description.Columns)), "grade", strconv.Itoa(description.Grade))

	var file bytes.Buffer
	if err := synth.WriteCSV(&file, seed, rows); err != nil {
		return err
	}
	bad := bytes.Replace(file.Bytes(), []byte(",M,"), []byte(",?,"), 1)
	_, err = s.Clients[sdk.Source].Load(ctx, visits, sdk.CSV, bytes.NewReader(bad), nil)
	text, err := s.refused(err, "VALUE_CODE")
	if err != nil {
		return err
	}
	s.ok("DEMO_LOAD_BAD", "text", text)

	snapshot, err := s.Clients[sdk.Source].Load(ctx, visits, sdk.CSV, &file, nil)
	if err != nil {
		return err
	}
	if snapshot.Rows != rows {
		return fmt.Errorf("loaded %d rows of %d", snapshot.Rows, rows)
	}
	s.ok("DEMO_LOAD_OK", "rows", strconv.FormatInt(snapshot.Rows, 10), "subjects", strconv.FormatInt(snapshot.Subjects, 10))
	return nil
}

// grants takes a grant through its chain, and shows that nothing runs before its end.
func (s *story) grants(ctx context.Context) error {
	grant, err := s.Clients[sdk.Operator].ApplyGrant(ctx, sdk.Application{
		Scenario: scenario, Purpose: "Fair premiums for supplementary health insurance, by district and age band.",
		Scopes: []sdk.Scope{{Dataset: visits, Columns: granted()}}, Forms: []string{"aggregate", "program"}, TermDays: 365,
	})
	if err != nil {
		return err
	}
	s.grant = grant.ID
	if grant, err = s.Clients[sdk.Authority].AssessGrant(ctx, grant.ID, true, ""); err != nil {
		return err
	}
	module, err := s.upload(ctx, costManifest(cutKeys()...), nil)
	if err != nil {
		return err
	}
	_, err = s.Clients[sdk.Operator].Submit(ctx, sdk.Order{Grant: grant.ID, Module: module.Digest})
	text, err := s.refused(err, "GRANT_NOT_ACTIVE")
	if err != nil {
		return err
	}
	s.ok("DEMO_GRANT_EARLY", "text", text)
	if grant, err = s.Clients[sdk.Source].ConfirmGrant(ctx, grant.ID, true, ""); err != nil {
		return err
	}
	if grant.State != sdk.GrantActive {
		return fmt.Errorf("the grant is %s, not active", grant.State)
	}
	s.ok("DEMO_GRANT_OK", "scenario", grant.Scenario, "columns", strings.Join(granted(), ", "), "dataset", visits, "state", string(grant.State))
	return nil
}
