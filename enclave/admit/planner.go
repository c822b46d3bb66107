package admit

import (
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// Planner resolves manifests against datasets. It has no state; its zero value is ready.
type Planner struct{}

var _ enclave.Planner = Planner{}

// Facts measures what an order's manifest asks of its dataset, for policy to judge. It does so even where Plan would refuse for an
// identifier, so that the authority's own rule can give the reason. Errors are those of Plan that leave nothing to measure: no grant,
// an unknown column, a key without a domain.
func (Planner) Facts(order *enclave.Order) (enclave.AdmissionFacts, error) {
	use, err := resolve(order)
	if err != nil {
		return enclave.AdmissionFacts{}, err
	}
	facts := enclave.AdmissionFacts{
		Version: 1, Form: use.manifest.Form, Operator: order.Grant.Operator, Scenario: order.Grant.Scenario,
		Dataset: order.Dataset.Name, Grade: order.Dataset.Grade, SubjectKind: order.Dataset.Subject.Kind, Sharing: order.Dataset.Sharing,
		Module: order.Module.Facts, Cells: use.cells(), Subjects: coarse(order.Snapshot.Subjects),
		HasCode: order.Module.HasCode, Approved: order.Approved,
	}
	for _, at := range use.columns {
		column := &order.Dataset.Columns[at]
		facts.Columns = append(facts.Columns, enclave.UseFacts{
			Column: column.Name, Class: column.Class, Shown: slices.Contains(use.manifest.Shown(use.dataset), at),
			Key:    slices.ContainsFunc(use.keys, func(k enclave.Key) bool { return k.Module < 0 && k.Column == at }),
			Summed: slices.ContainsFunc(use.manifest.Measures, func(m enclave.ManifestMeasure) bool { return m.Of == column.Name }),
		})
	}
	return facts, nil
}

// Plan resolves an order's manifest. Below any policy it refuses identifiers, sums of what is not a measure or could overflow, and
// key spaces above [enclave.MaxCells]; and of a program, columns that it would be granted but never see.
//
// Reasons of errors: those of [enclave.Grant.Permits], DATASET_NOT_INPUT, COLUMN_UNKNOWN, COLUMN_MAP_UNKNOWN, COLUMN_MAP_TYPE,
// CUTS_TYPE, CUTS_VALUE, KEY_NEEDS_CUTS, GROUP_BY_IDENTITY, INPUT_IDENTIFIER, COLUMN_NOT_SHOWN, SUM_NOT_MEASURE, SUM_OVERFLOW,
// PARAM_UNKNOWN, PARAM_OUT_OF_DOMAIN, KEYSPACE_TOO_LARGE, SHOWN_TOO_WIDE.
func (Planner) Plan(order *enclave.Order) (*enclave.Plan, error) {
	use, err := resolve(order)
	if err != nil {
		return nil, err
	}
	if err := use.refuseIdentifiers(); err != nil {
		return nil, err
	}
	if use.manifest.Form == enclave.Program {
		return use.program(order.Run.Params)
	}
	if use.cells() > enclave.MaxCells {
		return nil, enclave.Fail(enclave.Limit, "KEYSPACE_TOO_LARGE", "limit", strconv.Itoa(enclave.MaxCells))
	}
	plan := &enclave.Plan{
		Dataset: order.Dataset, Manifest: use.manifest, Shown: use.manifest.Shown(use.dataset), Keys: use.keys, Sets: use.sets(),
	}
	for _, at := range plan.Shown {
		plan.Crafted = plan.Crafted || !order.Dataset.Columns[at].Class.Shown()
	}
	if plan.TooWide() {
		return nil, enclave.Fail(enclave.Limit, "SHOWN_TOO_WIDE", "columns", strings.Join(names(order.Dataset, plan.Shown), ", "))
	}
	if plan.Summed, plan.Measures, err = use.measures(order.Snapshot.Rows); err != nil {
		return nil, err
	}
	if plan.Params, err = params(use.manifest, order.Run.Params, names(order.Dataset, plan.Shown)); err != nil {
		return nil, err
	}
	return plan, nil
}

// program is the plan of a program, which sees rows and says anything of them: no exact release, and nothing to group or to sum.
func (u *use) program(given map[string]enclave.Scalar) (*enclave.Plan, error) {
	plan := &enclave.Plan{Dataset: u.dataset, Manifest: u.manifest, Shown: u.manifest.Shown(u.dataset), Crafted: true}
	for _, at := range u.columns {
		if column := &u.dataset.Columns[at]; !slices.Contains(plan.Shown, at) {
			return nil, enclave.Fail(enclave.Invalid, "COLUMN_NOT_SHOWN", "column", column.Name, "class", string(column.Class))
		}
	}
	var err error
	plan.Params, err = params(u.manifest, given, names(u.dataset, plan.Shown))
	return plan, err
}

// coarse rounds a number of subjects down to a power of two: whether a key space is refused for it would otherwise tell the number
// exactly, to whoever tries ranges.
func coarse(subjects int64) int64 {
	if subjects <= 0 {
		return 0
	}
	return 1 << (bits.Len64(uint64(subjects)) - 1)
}

// use is a manifest whose columns and keys were found in a dataset.
type use struct {
	manifest *enclave.Manifest
	dataset  *enclave.Dataset
	subjects int64
	columns  []int // inputs[0].columns, as positions in the dataset
	keys     []enclave.Key
}

// resolve checks the grant and finds the manifest's columns and keys.
func resolve(order *enclave.Order) (*use, error) {
	u := &use{manifest: order.Module.Manifest, dataset: order.Dataset, subjects: order.Snapshot.Subjects}
	in := u.manifest.Inputs[0]
	if in.Dataset != u.dataset.Name {
		return nil, enclave.Fail(enclave.Invalid, "DATASET_NOT_INPUT", "dataset", u.dataset.Name, "input", in.Dataset)
	}
	// An identifier is refused in any case, and for a better reason than that the grant lacks it: asking for one would be in vain.
	needed := slices.DeleteFunc(slices.Clone(in.Columns), func(name string) bool {
		at := u.dataset.Column(name)
		return at >= 0 && u.dataset.Columns[at].Class == enclave.Identifier
	})
	if err := order.Grant.Permits(order.Run.Submitted, u.manifest.Form, in.Dataset, needed); err != nil {
		return nil, err
	}
	for _, name := range in.Columns {
		at := u.dataset.Column(name)
		if at < 0 {
			return nil, enclave.Fail(enclave.Invalid, "COLUMN_UNKNOWN", "dataset", u.dataset.Name, "column", name)
		}
		u.columns = append(u.columns, at)
	}
	emitted := 0
	for i := range u.manifest.Keys {
		declared := &u.manifest.Keys[i]
		if declared.Of == nil {
			u.keys = append(u.keys, moduleKey(declared, emitted))
			emitted++
			continue
		}
		key, err := columnKey(declared, u.dataset)
		if err != nil {
			return nil, err
		}
		u.keys = append(u.keys, key)
	}
	return u, nil
}

// cells is the size of the key space, MaxInt64 if it is larger. An identifier has as many values as there are subjects.
func (u *use) cells() int64 {
	product := uint64(1)
	for i := range u.keys {
		domain := uint64(len(u.keys[i].Labels))
		if u.isIdentity(&u.keys[i]) {
			domain = uint64(max(u.subjects, 1))
		}
		high, low := bits.Mul64(product, domain)
		if high != 0 || low > math.MaxInt64 {
			return math.MaxInt64
		}
		product = low
	}
	return int64(product)
}

func (u *use) isIdentity(key *enclave.Key) bool {
	return key.Module < 0 && u.dataset.Columns[key.Column].Class == enclave.Identifier
}

func (u *use) refuseIdentifiers() error {
	for i := range u.keys {
		if u.isIdentity(&u.keys[i]) {
			return enclave.Fail(enclave.Refused, "GROUP_BY_IDENTITY",
				"key", u.keys[i].Name, "column", u.dataset.Columns[u.keys[i].Column].Name)
		}
	}
	for _, at := range u.columns {
		if column := &u.dataset.Columns[at]; column.Class == enclave.Identifier {
			return enclave.Fail(enclave.Refused, "INPUT_IDENTIFIER", "column", column.Name)
		}
	}
	return nil
}

// sets are the full table and then the margins in the manifest's order.
func (u *use) sets() []enclave.Set {
	full := make(enclave.Set, len(u.keys))
	for i := range full {
		full[i] = i
	}
	sets := []enclave.Set{full}
	for _, margin := range u.manifest.Margins {
		set := enclave.Set{}
		for i := range u.keys {
			if slices.Contains(margin, u.keys[i].Name) {
				set = append(set, i)
			}
		}
		sets = append(sets, set)
	}
	return sets
}

// measures are the columns to sum, each once, and the measures over them.
func (u *use) measures(rows int64) (summed []int, measures []enclave.PlannedMeasure, err error) {
	for _, m := range u.manifest.Measures {
		planned := enclave.PlannedMeasure{Name: m.Name, Op: m.Op, Sum: -1}
		if m.Of != "" {
			at := u.dataset.Column(m.Of)
			if err := summable(&u.dataset.Columns[at], rows); err != nil {
				return nil, nil, err
			}
			if planned.Sum = slices.Index(summed, at); planned.Sum < 0 {
				planned.Sum = len(summed)
				summed = append(summed, at)
			}
		}
		measures = append(measures, planned)
	}
	return summed, measures, nil
}

// summable refuses columns that the source did not declare to be measures, and sums that int64 could not hold. Half of the range is
// left for sums of sums.
func summable(column *enclave.Column, rows int64) error {
	if column.Class != enclave.Measure {
		return enclave.Fail(enclave.Invalid, "SUM_NOT_MEASURE", "column", column.Name, "class", string(column.Class))
	}
	low, high, err := column.Bounds()
	if err != nil {
		return enclave.Internalf("bounds of %s: %w", column.Name, err)
	}
	over, total := bits.Mul64(max(magnitude(low), magnitude(high)), uint64(max(rows, 0)))
	if over != 0 || total > math.MaxInt64/2 {
		return enclave.Fail(enclave.Limit, "SUM_OVERFLOW", "column", column.Name)
	}
	return nil
}

// magnitude is |v|, of the least int64 too.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v) //nolint:gosec // two's complement negation is what is meant
	}
	return uint64(v)
}

func names(dataset *enclave.Dataset, columns []int) []string {
	list := make([]string, 0, len(columns))
	for _, at := range columns {
		list = append(list, dataset.Columns[at].Name)
	}
	return list
}
