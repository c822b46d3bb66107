package synth

import (
	"bufio"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/darkroom-project/darkroom/enclave/load"
)

func set(codes string) map[string]bool {
	all := map[string]bool{}
	for code := range strings.FieldsSeq(codes) {
		all[code] = true
	}
	return all
}

// WriteCSV writes the table as CSV: UTF-8, commas, LF, a header with the names of the columns.
func WriteCSV(w io.Writer, seed uint64, rows int64) error {
	out := bufio.NewWriterSize(w, 1<<20)
	dataset := Dataset()
	var line []byte
	for i := range dataset.Columns {
		line = append(append(line, dataset.Columns[i].Name...), ',')
	}
	line[len(line)-1] = '\n'
	if _, err := out.Write(line); err != nil {
		return err
	}
	for v := range Visits(seed, rows) {
		line = line[:0]
		for i, value := range v.texts() {
			if i > 0 {
				line = append(line, ',')
			}
			line = append(line, value...)
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteParquet writes the table as Parquet.
func WriteParquet(w io.Writer, seed uint64, rows int64) error {
	return load.WriteParquet(w, Dataset(), Rows(seed, rows))
}

// Rows are the table's rows as text, in the order of the columns of [Dataset]; each is valid until the next.
func Rows(seed uint64, rows int64) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for v := range Visits(seed, rows) {
			row := v.texts()
			if !yield(row[:]) {
				return
			}
		}
	}
}

func (v *Visit) texts() [8]string {
	cents := strconv.FormatInt(v.Cost%100+100, 10)[1:]
	return [8]string{
		string(v.CitizenID[:]), v.Hospital, v.District, v.Sex, strconv.Itoa(v.BirthYear), v.ICD10,
		v.Date.Format(time.DateOnly), strconv.FormatInt(v.Cost/100, 10) + "." + cents,
	}
}
