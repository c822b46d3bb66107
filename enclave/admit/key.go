package admit

import (
	"maps"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
)

// moduleKey is a key that the guest emits as its code number emitted.
func moduleKey(declared *enclave.ManifestKey, emitted int) enclave.Key {
	key := enclave.Key{Name: declared.Name, Module: emitted, Column: -1, Missing: -1}
	if declared.Values != nil {
		key.Labels = slices.Clone(declared.Values)
		return key
	}
	key.Offset = *declared.Min
	key.Labels = make([]string, *declared.Max-*declared.Min+1)
	for i := range key.Labels {
		key.Labels[i] = strconv.FormatInt(key.Offset+int64(i), 10)
	}
	return key
}

// columnKey is a key that the enclave evaluates. A key over an identifier has no labels: its size is measured, it is never planned.
func columnKey(declared *enclave.ManifestKey, dataset *enclave.Dataset) (enclave.Key, error) {
	rule := declared.Of
	at := dataset.Column(rule.Column)
	if at < 0 {
		return enclave.Key{}, enclave.Fail(enclave.Invalid, "COLUMN_UNKNOWN", "dataset", dataset.Name, "column", rule.Column)
	}
	column := &dataset.Columns[at]
	key := enclave.Key{Name: declared.Name, Module: -1, Column: at, Missing: -1}
	if column.Class == enclave.Identifier {
		return key, nil
	}
	var err error
	switch {
	case rule.Inside && !column.Class.Shown():
		err = enclave.Fail(enclave.Invalid, "INSIDE_PROTECTED", "key", key.Name, "column", column.Name, "class", string(column.Class))
	case column.Type == enclave.Code && rule.Cuts != nil:
		err = enclave.Fail(enclave.Invalid, "CUTS_TYPE", "key", key.Name, "column", column.Name)
	case column.Type != enclave.Code && rule.Map != nil:
		err = enclave.Fail(enclave.Invalid, "COLUMN_MAP_TYPE", "key", key.Name, "column", column.Name)
	case rule.Map != nil:
		err = mapped(&key, column, rule)
	case rule.Cuts != nil:
		err = cut(&key, column, rule)
	case column.Type == enclave.Code:
		listed(&key, column)
	default:
		err = everyValue(&key, column)
	}
	if err != nil {
		return enclave.Key{}, err
	}
	if column.Nullable && !rule.Inside {
		key.Missing = int32(len(key.Labels)) //nolint:gosec // at most MaxKeyValues + 1
		key.Labels = append(key.Labels, enclave.LabelMissing)
	}
	return key, nil
}

// listed makes each code of the list a value of the key.
func listed(key *enclave.Key, column *enclave.Column) {
	key.Labels = slices.Clone(column.Codes)
	key.Lookup = make([]int32, len(column.Codes))
	for i := range key.Lookup {
		key.Lookup[i] = int32(i)
	}
}

// mapped makes the different targets of a map, sorted, the values of the key; what it leaves out is "(other)", or in no cell.
func mapped(key *enclave.Key, column *enclave.Column, rule *enclave.ColumnRule) error {
	key.Labels = slices.Compact(slices.Sorted(maps.Values(rule.Map)))
	position := make(map[string]int32, len(key.Labels))
	for i, label := range key.Labels {
		position[label] = int32(i)
	}
	other := int32(len(key.Labels)) //nolint:gosec // at most MaxCodes
	if rule.Inside {
		other = -1
	}
	key.Lookup = make([]int32, len(column.Codes))
	found := 0
	for i, code := range column.Codes {
		target, ok := rule.Map[code]
		if !ok {
			key.Lookup[i] = other
			continue
		}
		key.Lookup[i] = position[target]
		found++
	}
	if found < len(rule.Map) {
		return enclave.Fail(enclave.Invalid, "COLUMN_MAP_UNKNOWN",
			"key", key.Name, "column", column.Name, "code", quoted(firstUnknown(column, rule.Map)))
	}
	if found < len(column.Codes) && !rule.Inside {
		key.Labels = append(key.Labels, enclave.LabelOther)
	}
	return nil
}

func firstUnknown(column *enclave.Column, rule map[string]string) string {
	known := make(map[string]bool, len(column.Codes))
	for _, code := range column.Codes {
		known[code] = true
	}
	for _, code := range slices.Sorted(maps.Keys(rule)) {
		if !known[code] {
			return code
		}
	}
	return ""
}

// cut makes the intervals between cuts the values of the key: "<18", "[18,45)", ">=45"; inside, without the first and the last.
func cut(key *enclave.Key, column *enclave.Column, rule *enclave.ColumnRule) error {
	cuts := rule.Cuts
	key.Inside = rule.Inside
	key.Cuts = make([]int64, len(cuts))
	key.Labels = make([]string, 0, len(cuts)+1)
	for i, text := range cuts {
		v, err := column.Parse(string(text))
		if err != nil || i > 0 && v <= key.Cuts[i-1] {
			return enclave.Fail(enclave.Invalid, "CUTS_VALUE", "key", key.Name, "column", column.Name, "cut", quoted(string(text)))
		}
		key.Cuts[i] = v
		if i == 0 {
			key.Labels = append(key.Labels, "<"+column.Format(v))
		} else {
			key.Labels = append(key.Labels, "["+column.Format(key.Cuts[i-1])+","+column.Format(v)+")")
		}
	}
	if rule.Inside {
		key.Labels = key.Labels[1:]
		return nil
	}
	key.Labels = append(key.Labels, ">="+column.Format(key.Cuts[len(cuts)-1]))
	return nil
}

// everyValue makes each value between the bounds of a whole number or date a value of the key, as if there were a cut at each of
// them but the least. A measure needs cuts: its exact values are what its sums must not tell.
func everyValue(key *enclave.Key, column *enclave.Column) error {
	low, high, err := column.Bounds()
	if err != nil {
		return enclave.Internalf("bounds of %s: %w", column.Name, err)
	}
	span := uint64(high) - uint64(low) //nolint:gosec // two's complement difference is what is meant
	if column.Class == enclave.Measure || column.Type == enclave.Decimal || span >= enclave.MaxKeyValues {
		return enclave.Fail(enclave.Invalid, "KEY_NEEDS_CUTS", "key", key.Name, "column", column.Name)
	}
	key.Labels = []string{column.Format(low)}
	key.Cuts = []int64{}
	for v := low; v < high; v++ {
		key.Cuts = append(key.Cuts, v+1)
		key.Labels = append(key.Labels, column.Format(v+1))
	}
	return nil
}
