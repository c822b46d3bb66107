package e2e_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/enclave/admit"
	"github.com/darkroom-project/darkroom/enclave/aggregate"
	"github.com/darkroom-project/darkroom/enclave/load"
	disclosure "github.com/darkroom-project/darkroom/enclave/measure"
	"github.com/darkroom-project/darkroom/policy"
)

// published are the numbers that the rules of the handbook are known with, which are the profiles' own.
func published(kind enclave.SubjectKind) numbers {
	if kind == enclave.Organisation {
		return numbers{Threshold: 3, DominanceN: 1, DominancePercent: 75, PPercent: 10, Homogeneity: 100, RoundCount: 1, RoundSum: 1}
	}
	return numbers{Threshold: 10, DominanceN: 2, DominancePercent: 90, PPercent: 10, Homogeneity: 100, RoundCount: 5, RoundSum: 1}
}

// counter computes tables in this process, by the stages that do so in an enclave, and measures them.
type counter struct {
	dataset  *enclave.Dataset
	profile  enclave.Profile
	snapshot enclave.Snapshot
	rows     enclave.Rows
	records  []record
}

func newCounter(t *testing.T, dataset *enclave.Dataset, file []byte, comma rune) *counter {
	t.Helper()
	rules, err := policy.Default()
	ok(t, err)
	c := &counter{dataset: dataset, records: readRecords(t, file, comma)}
	c.profile, err = rules.Profile(dataset, scenario)
	ok(t, err)
	n := published(dataset.Subject.Kind)
	if got := (numbers{
		c.profile.Threshold, c.profile.DominanceN, c.profile.DominancePercent, c.profile.PPercent, c.profile.HomogeneityPercent, c.profile.RoundCount, c.profile.RoundSum,
	}); got != n {
		t.Fatalf("the numbers of profile %s are %+v, expected %+v", c.profile.Name, got, n)
	}
	store, err := load.Open(t.TempDir(), [32]byte{1}, slog.New(slog.DiscardHandler))
	ok(t, err)
	c.snapshot, err = store.Ingest(t.Context(), dataset, load.CSV, bytes.NewReader(file), nil)
	ok(t, err)
	c.rows, err = store.Open(t.Context(), dataset, c.snapshot.Digest)
	ok(t, err)
	t.Cleanup(func() {
		ok(t, c.rows.Close())
		ok(t, store.Close())
	})
	return c
}

// decide computes a table and its primary risks.
func (c *counter) decide(t *testing.T, q *question) *enclave.Measured {
	t.Helper()
	var columns []string
	for i := range c.dataset.Columns {
		if c.dataset.Columns[i].Class != enclave.Identifier {
			columns = append(columns, c.dataset.Columns[i].Name)
		}
	}
	whole, err := admit.Attach(nil, q.manifest(c.dataset.Name, columns...))
	ok(t, err)
	module, err := admit.Check(whole)
	ok(t, err)
	now := time.Now()
	plan, err := admit.Planner{}.Plan(&enclave.Order{
		Run: enclave.Run{Dataset: c.dataset.Name, Submitted: now, Environment: enclave.Prod}, Module: module, Dataset: c.dataset, Snapshot: c.snapshot,
		Grant: enclave.Grant{
			State: enclave.GrantActive, Forms: []enclave.Form{enclave.Aggregate}, Scopes: []enclave.Scope{{Dataset: c.dataset.Name, Columns: columns}},
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		},
	})
	ok(t, err)
	table, err := aggregate.New(nil, 2).Execute(t.Context(), c.rows, module, plan)
	ok(t, err)
	return disclosure.Measurer{}.Measure(table, c.profile)
}

// tally is what was compared.
type tally struct {
	tables, cells int
	rules         map[string]int
}

// agree holds every cell that the enclave computed against one that the test did: rows, subjects, sums, and which rules it breaks.
func (c *counter) agree(t *testing.T, q *question, count *tally) {
	t.Helper()
	q.protect(c.dataset)
	n, cells, measured := published(c.dataset.Subject.Kind), q.tabulate(t, c.records), c.decide(t, q)
	count.tables++
	if len(measured.Table.Cells) != len(cells) {
		t.Errorf("%s: %d cells, expected %d", q.name, len(measured.Table.Cells), len(cells))
	}
	for i := range measured.Table.Cells {
		got := &measured.Table.Cells[i]
		labels := make([]string, len(got.Codes))
		for k, code := range got.Codes {
			if labels[k] = enclave.LabelTotal; code != enclave.Total {
				labels[k] = measured.Table.Plan.Keys[k].Labels[code]
			}
		}
		id := strings.Join(labels, "|")
		want := cells[id]
		if want == nil {
			t.Errorf("%s: there is no cell %s", q.name, id)
			continue
		}
		if got.Rows != want.rows || got.Subjects != want.subjects() {
			t.Errorf("%s: %s has %d rows of %d subjects, expected %d of %d", q.name, id, got.Rows, got.Subjects, want.rows, want.subjects())
		}
		for j, m := range measured.Table.Plan.Measures {
			if m.Sum >= 0 && got.Sums[m.Sum].Sum != want.sum(j) {
				t.Errorf("%s: %s of %s is %d, expected %d", q.name, m.Name, id, got.Sums[m.Sum].Sum, want.sum(j))
			}
		}
		broken := n.unsafe(q, want)
		if risk := riskOf(broken); measured.Risks[i] != risk {
			t.Errorf("%s: the risks of %s are %b, expected %b: %v", q.name, id, measured.Risks[i], risk, broken)
		}
		count.cells++
		slices.Sort(broken)
		for _, rule := range slices.Compact(broken) {
			count.rules[rule]++
		}
	}
}

// riskOf are the rules as the enclave notes them.
func riskOf(broken []string) (risk enclave.Risk) {
	for _, rule := range broken {
		risk |= map[string]enclave.Risk{
			"threshold": enclave.RiskThreshold, "dominance": enclave.RiskDominance, "p-percent": enclave.RiskPPercent,
			"homogeneity": enclave.RiskHomogeneity, "same value": enclave.RiskHomogeneity,
		}[rule]
	}
	return risk
}

// subsets are all sets of one to three of some keys.
func subsets(keys []key) (all [][]key) {
	for set := 1; set < 1<<len(keys); set++ {
		var chosen []key
		for i := range keys {
			if set>>i&1 == 1 {
				chosen = append(chosen, keys[i])
			}
		}
		if len(chosen) <= 3 {
			all = append(all, chosen)
		}
	}
	return all
}

func summed(column, header string) measure {
	return measure{enclave.ManifestMeasure{Name: column + "_sum", Op: enclave.Sum, Of: column}, header, 0}
}

// TestAgreement decides of every cell of every table of up to three keys of the shared tables which rules it breaks, by code of its own, and
// holds the enclave's decisions against it. In short mode that is each thirtieth table.
func TestAgreement(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]func(t *testing.T) (*counter, []key, []measure){
		"adult": func(t *testing.T) (*counter, []key, []measure) {
			t.Helper()
			file := numbered(sharedData(t, "adult.csv"), ";", "\r\n")
			d := draft(t, file, "adult", 3)
			d.Columns[d.Column("age")].Class = enclave.Measure
			return newCounter(t, d, file, ';'), []key{
				of("sex", "sex", "sex"), of("race", "race", "race"), of("marital", "marital_status", "marital-status"), of("education", "education", "education"),
				of("country", "native_country", "native-country"), of("work", "workclass", "workclass"), of("occupation", "occupation", "occupation"),
				of("salary", "salary_class", "salary-class"),
			}, []measure{count(), summed("age", "age")}
		},
		"eia": func(t *testing.T) (*counter, []key, []measure) {
			t.Helper()
			file := sharedData(t, "eia.csv")
			measures := []measure{count(), subjects()}
			for _, header := range []string{"RESREVENUE", "RESSALES", "COMREVENUE", "COMSALES", "INDREVENUE", "INDSALES", "OTHREVENUE", "OTHRSALES", "TOTREVENUE", "TOTSALES"} {
				measures = append(measures, summed(strings.ToLower(header), header))
			}
			return newCounter(t, draft(t, file, "eia", 3), file, ','), []key{
				of("state", "state", "STATE"), of("year", "year", "YEAR"), of("month", "month", "MONTH"), mapped("division", "state", "STATE", divisions()),
				cut("quarter", "month", "MONTH", "", 4, 7, 10), cut("size", "totrevenue", "TOTREVENUE", "", 1000, 10000, 50000),
			}, measures
		},
		"tarragona": func(t *testing.T) (*counter, []key, []measure) {
			t.Helper()
			file := numbered(sharedData(t, "tarragona.csv"), ",", "\n")
			d := draft(t, file, "tarragona", 3)
			d.Subject.Kind = enclave.Organisation
			measures := []measure{count()}
			for _, header := range []string{
				"FIXED.ASSETS", "CURRENT.ASSETS", "TREASURY", "UNCOMMITTED.FUNDS", "PAID.UP.CAPITAL", "SHORT.TERM.DEBT", "SALES", "LABOR.COSTS", "DEPRECIATION",
				"OPERATING.PROFIT", "FINANCIAL.OUTCOME", "GROSS.PROFIT", "NET.PROFIT",
			} {
				measures = append(measures, summed(strings.ToLower(strings.ReplaceAll(header, ".", "_")), header))
			}
			return newCounter(t, d, file, ','), []key{
				cut("sales", "sales", "SALES", "", 10_000, 100_000, 1_000_000), cut("labour", "labor_costs", "LABOR.COSTS", "", 5000, 20_000, 100_000),
				cut("assets", "fixed_assets", "FIXED.ASSETS", "", 1000, 10_000, 100_000), cut("profit", "net_profit", "NET.PROFIT", "", 0, 10_000),
				cut("debt", "short_term_debt", "SHORT.TERM.DEBT", "", 10_000, 100_000),
			}, measures
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			counter, keys, measures := c(t)
			done := tally{rules: map[string]int{}}
			for i, chosen := range subsets(keys) {
				if testing.Short() && i%30 != 0 {
					continue
				}
				q := &question{name: fmt.Sprintf("%s-%d", name, i), subject: counter.subject(), keys: chosen, measures: measures}
				counter.agree(t, q, &done)
			}
			t.Logf("%d tables, %d cells; they break %v", done.tables, done.cells, done.rules)
		})
	}
}

// subject is the header of the column that says whose a row is.
func (c *counter) subject() string {
	return c.dataset.Columns[c.dataset.Column(c.dataset.Subject.Column)].SourceName()
}
