package guests

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

// Program is a module of form program for tests, over the seeded table of visits: bytes without a manifest, and its manifest, whose
// defaults are what makes it do what it tries. admit.Attach puts the two together.
type Program struct {
	Name   string // the manifest's too
	Tries  string // what it attempts
	Honest bool
	// Leaks: it succeeds in returning rows, disguised or not. Whoever inspects the product must find out.
	Leaks bool
	// Fails is the reason inside the MODULE_FAILED that every run of it must end with; "" if it returns a table.
	Fails    string
	Manifest *enclave.Manifest
	source   string
}

// Code is the module without its manifest. Dir holds what is built for a moment.
func (p Program) Code(ctx context.Context, dir string) ([]byte, error) {
	if strings.HasSuffix(p.source, "-go") {
		return BuildGo(ctx, dir, p.source)
	}
	return Compiled(p.source)
}

// The output columns of the programs, by what they do.
var (
	rowColumns = []enclave.ManifestColumn{
		{Name: "district", Type: enclave.KindEnum, About: "district of residence, GB/T 2260", Values: districts},
		{Name: "sex", Type: enclave.KindEnum, About: "sex", Values: []string{"F", "M"}},
		{Name: "birth_year", Type: enclave.KindInt, About: "year of birth", Min: 1900, Max: 2030},
		{Name: "icd10", Type: enclave.KindInt, About: "position of the diagnosis in the catalogue's list", Max: 1000},
		{Name: "visit_date", Type: enclave.KindInt, About: "days since 1970-01-01", Max: 100_000},
		{Name: "cost", Type: enclave.KindDecimal, About: "cost in yuan", Max: 100_000, Decimals: 2},
	}
	lineColumn   = enclave.ManifestColumn{Name: "line", Type: enclave.KindText, About: "a remark", Bytes: 96}
	scoreColumn  = enclave.ManifestColumn{Name: "score", Type: enclave.KindDecimal, About: "a score", Min: -1_000_000_000, Max: 1_000_000_000, Decimals: 9}
	numberColumn = enclave.ManifestColumn{Name: "number", Type: enclave.KindInt, About: "a number", Min: -1 << 53, Max: 1 << 53}
	probeColumns = []enclave.ManifestColumn{
		{Name: "e", Type: enclave.KindEnum, About: "a label", Values: []string{"a", "b"}},
		{Name: "n", Type: enclave.KindInt, About: "a number", Min: -10, Max: 10},
		{Name: "d", Type: enclave.KindDecimal, About: "a number with a fraction", Min: -10, Max: 10, Decimals: 2},
		{Name: "t", Type: enclave.KindText, About: "a text", Bytes: 8},
	}
	districts = []string{"440303", "440304", "440305", "440306", "440307", "440308", "440309", "440310", "440311"}
)

// Programs lists the honest programs and the hostile ones. The hostile ones are rows-c, each with the act that it is named after.
func Programs() []Program {
	list := []Program{
		{Name: "regression", Tries: "of each district, cost over age", Honest: true, source: "regression", Manifest: honestManifest("regression",
			enclave.ManifestInput{Dataset: "visits", Columns: []string{"district", "birth_year", "cost"}, Show: []string{"cost"}},
			enclave.ManifestOutput{Rows: 16, Model: true, Columns: []enclave.ManifestColumn{
				{Name: "district", Type: enclave.KindEnum, About: "district of residence, GB/T 2260", Values: districts},
				{Name: "visits", Type: enclave.KindInt, About: "visits that the line was fitted to", Max: 1_000_000_000},
				{Name: "base", Type: enclave.KindDecimal, About: "cost in yuan at age 0", Min: -1_000_000, Max: 1_000_000, Decimals: 2},
				{Name: "per_year", Type: enclave.KindDecimal, About: "yuan more for each year of age", Min: -10_000, Max: 10_000, Decimals: 4},
			}})},
		{Name: "histogram", Tries: "of each sex, ten groups of equal size by cost", Honest: true, source: "histogram-go", Manifest: honestManifest("histogram",
			enclave.ManifestInput{Dataset: "visits", Columns: []string{"sex", "birth_year", "cost"}, Show: []string{"cost"}},
			enclave.ManifestOutput{Rows: 20, Columns: []enclave.ManifestColumn{
				{Name: "sex", Type: enclave.KindEnum, About: "sex", Values: []string{"F", "M"}},
				{Name: "tenth", Type: enclave.KindInt, About: "1: the cheapest tenth of visits, 10: the dearest", Min: 1, Max: 10},
				{Name: "visits", Type: enclave.KindInt, About: "visits in the tenth", Max: 1_000_000_000},
				{Name: "mean_cost", Type: enclave.KindDecimal, About: "mean cost in yuan", Max: 100_000, Decimals: 1},
				{Name: "mean_age", Type: enclave.KindDecimal, About: "mean age in years", Min: -10, Max: 150, Decimals: 1},
			}})},
	}
	leak := func(act, tries string, columns ...enclave.ManifestColumn) {
		list = append(list, Program{Name: act, Tries: tries, Leaks: true, source: "rows", Manifest: rowsManifest(act, 100_000, columns)})
	}
	shuffled := slices.Clone(rowColumns)
	slices.Reverse(shuffled)
	shuffled[0].Decimals = 0
	leak("dump", "to return the rows as they are", rowColumns...)
	leak("shuffled", "to return the rows in another order, the columns in another order, and costs rounded to whole yuan", shuffled...)
	leak("csv", "to return each row as a line of text, of codes and numbers", lineColumn)
	leak("base64", "the same in base64", lineColumn)
	leak("hex", "the same in hexadecimal digits", lineColumn)
	leak("xor", "the same in hexadecimal digits, each byte xor 0x5a", lineColumn)
	leak("packed", "to pack each row into the 53 bits of a decimal's mantissa", scoreColumn)
	leak("packed-int", "to pack each row into a whole number", numberColumn)
	leak("injective", "to return 7919 times each cost, plus 104729", numberColumn)

	probe := func(fails, act, tries string) {
		list = append(list, Program{Name: act, Tries: tries, Fails: fails, source: "rows", Manifest: rowsManifest(act, 8, probeColumns)})
	}
	probe("", "null-slots", "to hide a row in what stands in place of empty values: numbers, NaN payloads, texts, bits behind the last row")
	probe("", "minus-zero", "to hide a row in the signs of zeros, in decimals that round to the same, and in empty texts beside empty values")
	probe("", "row-order", "to hide a row in the order of rows")
	probe("", "print", "to write rows to its standard output")
	probe("", "overlaps", "columns that share their memory, which is allowed: they are copied")
	probe("", "version-changed", "to change what the host wrote into the descriptor, which is not read again")
	probe("MODULE_TRAP", "trap-on-row", "to trap if a row costs at least the parameter above")
	probe("MODULE_TRAP", "exit-on-row", "then to exit with the cost as its code")
	probe("MODULE_CONTRACT", "fail-on-row", "then to fail with the year of birth as its status")
	probe("MODULE_FUEL", "loop-on-row", "then to loop forever")
	probe("MODULE_MEMORY", "grow-on-row", "then to take memory until it is refused")
	probe("MODULE_CONTRACT", "fail-finish", "to fail instead of returning a table")
	probe("MODULE_CONTRACT", "wild-validity", "a bitmap outside the memory")
	probe("MODULE_CONTRACT", "wild-data", "values outside the memory")
	probe("MODULE_CONTRACT", "null-data", "values at address 0")
	probe("MODULE_CONTRACT", "overhangs", "values of which the last byte is outside the memory")
	probe("MODULE_CONTRACT", "wraps", "values whose end wraps around")
	probe("MODULE_CONTRACT", "rows-too-many", "one row more than the manifest declares")
	probe("MODULE_CONTRACT", "rows-huge", "2^32-1 rows")
	probe("MODULE_CONTRACT", "offsets-fall", "a text that ends before it begins")
	probe("MODULE_CONTRACT", "offsets-beyond", "a text that ends behind the last byte")
	probe("MODULE_CONTRACT", "offsets-negative", "a text that begins at -1")
	probe("MODULE_CONTRACT", "offsets-late", "a byte before the first text")
	probe("MODULE_CONTRACT", "offsets-wild", "offsets that begin inside the memory and end outside")
	probe("MODULE_CONTRACT", "bytes-behind", "a byte behind the last text")
	probe("MODULE_CONTRACT", "bytes-huge", "2^32-1 bytes of text")
	probe("PROGRAM_OUTPUT", "enum-outside", "a position behind an enumeration's last value")
	probe("PROGRAM_OUTPUT", "enum-negative", "the position -1")
	probe("PROGRAM_OUTPUT", "int-outside", "a whole number above its column's max")
	probe("PROGRAM_OUTPUT", "decimal-outside", "a decimal that is below its column's min once it is rounded")
	probe("PROGRAM_OUTPUT", "infinite", "an infinite decimal")
	probe("PROGRAM_OUTPUT", "not-utf-8", "a text that is not UTF-8")
	probe("PROGRAM_OUTPUT", "invisible", "a text with a zero-width space")
	probe("PROGRAM_OUTPUT", "control", "a text with an escape character")
	probe("PROGRAM_OUTPUT", "long-text", "a text of a byte more than its column allows")
	return list
}

// NamedProgram is one of [Programs]; it panics if there is none of that name.
func NamedProgram(name string) Program {
	for _, p := range Programs() {
		if p.Name == name {
			return p
		}
	}
	panic("guests: no program " + name)
}

func honestManifest(name string, in enclave.ManifestInput, out enclave.ManifestOutput) *enclave.Manifest {
	out.About = "How much outpatient visits cost, for planning of budgets."
	out.Behind = "At least 30 visits stand behind each row: smaller groups are left out by the module."
	return &enclave.Manifest{
		Darkroom: 1, Name: name, Version: "1.0.0", Form: enclave.Program, Inputs: []enclave.ManifestInput{in}, Output: &out,
		Params: []enclave.ManifestParam{
			{Name: "as_of", Type: "int64", Min: 2020, Max: 2030, Default: "2024"},
			{Name: "min_visits", Type: "int64", Min: 30, Max: 1_000_000, Default: "30"},
		},
	}
}

func rowsManifest(act string, rows int64, columns []enclave.ManifestColumn) *enclave.Manifest {
	return &enclave.Manifest{
		Darkroom: 1, Name: act, Version: "1.0.0", Form: enclave.Program,
		Inputs: []enclave.ManifestInput{{
			Dataset: "visits", Columns: []string{"district", "sex", "birth_year", "icd10", "visit_date", "cost"}, Show: []string{"icd10", "cost"},
		}},
		Params: []enclave.ManifestParam{
			{Name: "act", Type: "enum", Values: []string{act}, Default: enclave.Scalar(act)},
			{Name: "rows", Type: "int64", Max: 100_000, Default: "1000"}, // how many it keeps
			{Name: "above", Type: "int64", Max: 10_000_000, Default: "0"},
		},
		Output: &enclave.ManifestOutput{
			About: "Figures about visits.", Behind: fmt.Sprintf("So many subjects that %s need not say.", act), Rows: rows, Columns: columns,
		},
	}
}
