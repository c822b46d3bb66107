package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/scaffold"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
)

// threshold is the default profile's number of distinct persons that a published cell has at least.
const threshold = 10

// honestModule asks with a module, and shows the released table.
func (s *story) honestModule(ctx context.Context) error {
	code, err := scaffold.AgeBand.Wasm()
	if err != nil {
		return err
	}
	s.line(s.text("DEMO_HONEST_MODULE", "bytes", strconv.Itoa(len(code))))
	if s.honest, err = s.ask(ctx, moduleManifest(), code); err != nil {
		return err
	}
	s.line(s.text("DEMO_STAGES", "stages", strings.Join(s.honest.stages, " → ")))
	return s.showTable(s.honest)
}

// showTable prints the published cells, the age bands of a district side by side, and checks that none is below the threshold and
// that something was suppressed.
func (s *story) showTable(a answer) error {
	district, band, patients := slices.Index(a.header, "district"), slices.Index(a.header, "age_band"), slices.Index(a.header, "patients")
	if district < 0 || band < 0 || patients < 0 {
		return fmt.Errorf("the table has the columns %v", a.header)
	}
	bands := []string{"0-17", "18-44", "45-64", "65+", enclave.LabelTotal}
	shown, smallest := map[string][]string{}, 0
	for _, row := range a.rows {
		count, err := strconv.Atoi(row[patients])
		if err != nil {
			return fmt.Errorf("patients: %w", err)
		}
		if smallest == 0 || count < smallest {
			smallest = count
		}
		line, ok := shown[row[district]]
		if !ok {
			line = append([]string{row[district]}, slices.Repeat([]string{"·"}, len(bands))...)
			shown[row[district]] = line
		}
		if at := slices.Index(bands, row[band]); at >= 0 {
			line[1+at] = row[patients]
		}
	}
	if smallest < threshold {
		return fmt.Errorf("a published cell has %d patients, below the threshold of %d", smallest, threshold)
	}
	var lines [][]string
	tiny := ""
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		lines = append(lines, shown[name])
		if tiny == "" && slices.Contains(shown[name], "·") {
			tiny = name
		}
	}
	if tiny == "" {
		return errors.New("nothing was suppressed: the demonstration's data has a district that is too small")
	}
	fmt.Fprintln(s.Out)
	term.Table(term.Indent(s.Out, "       "), append([]string{"patients"}, bands...), lines)
	fmt.Fprintln(s.Out)
	s.ok("DEMO_RELEASED", "cells", strconv.Itoa(len(lines)*len(bands)), "shown", strconv.Itoa(len(a.rows)))
	s.ok("DEMO_SUPPRESSED", "patients", strconv.Itoa(smallest), "threshold", strconv.Itoa(threshold), "tiny", tiny)
	return nil
}

// manifestAlone asks the same question without a module, and compares the answers.
func (s *story) manifestAlone(ctx context.Context) error {
	alone, err := s.ask(ctx, costManifest(cutKeys()...), nil)
	if err != nil {
		return err
	}
	byBand := map[string]string{"<1960": "65+", "[1960,1980)": "45-64", "[1980,2007)": "18-44", ">=2007": "0-17", enclave.LabelTotal: enclave.LabelTotal}
	for _, row := range alone.rows {
		row[1] = byBand[row[1]]
	}
	sorted := func(rows [][]string) []string {
		lines := make([]string, len(rows))
		for i, row := range rows {
			lines[i] = strings.Join(row, " ")
		}
		slices.Sort(lines)
		return lines
	}
	if !slices.Equal(sorted(alone.rows), sorted(s.honest.rows)) {
		return errors.New("the two tables differ")
	}
	s.ok("DEMO_MANIFEST_OK")
	return nil
}

// difference asks again with one band moved by a year. Both tables are safe alone; together they would tell about a handful of people
// in each district.
func (s *story) difference(ctx context.Context) error {
	shifted, err := s.ask(ctx, costManifest(shiftedKeys()...), nil)
	if err != nil {
		return err
	}
	if len(shifted.rows) >= len(s.honest.rows) {
		return fmt.Errorf("%d cells were published, as many as before: people born in 1980 can be told from the difference", len(shifted.rows))
	}
	s.ok("DEMO_DIFFERENCE_OK", "shown", strconv.Itoa(len(shifted.rows)), "before", strconv.Itoa(len(s.honest.rows)))
	return nil
}

// identityModule asks for a group for each person.
func (s *story) identityModule(ctx context.Context) error {
	m := costManifest(enclave.ManifestKey{Name: "person", Of: &enclave.ColumnRule{Column: "citizen_id"}})
	m.Name, m.Inputs[0].Columns, m.Margins = "by-person", []string{"citizen_id", "cost"}, nil
	run, err := s.submit(ctx, m, nil)
	if err != nil {
		return err
	}
	if run, err = s.ends(ctx, run.ID, sdk.RunDenied, "GROUP_BY_IDENTITY"); err != nil {
		return err
	}
	s.ok("DEMO_IDENTITY_OK", "code", run.Reasons[0].Code)
	s.line(run.Reasons[0].English)
	s.line(run.Reasons[0].Chinese)
	return nil
}

// endlessModule starts a module that never ends, and asks an honest question meanwhile.
func (s *story) endlessModule(ctx context.Context) error {
	code, err := scaffold.Endless.Wasm()
	if err != nil {
		return err
	}
	m := costManifest(bandKeys()...)
	m.Name = "endless"
	endless, err := s.submit(ctx, m, code)
	if err != nil {
		return err
	}
	if _, err := s.ask(ctx, costManifest(cutKeys()...), nil); err != nil {
		return err
	}
	s.ok("DEMO_ENDLESS_OTHER")
	if endless, err = s.ends(ctx, endless.ID, sdk.RunFailed, "MODULE_FUEL"); err != nil {
		return err
	}
	s.ok("DEMO_ENDLESS_OK", "text", endless.Reasons[0].In(string(s.Lang)))
	return nil
}
