package main

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/synth"
	"github.com/darkroom-project/darkroom/testdata/honest"
)

// errNoShared says that a sequence is of a shared table that is not here.
var errNoShared = errors.New("there is no folder shared/data above")

// lines are the rows of a source file.
type lines struct {
	header []string
	rows   [][]string
}

// linesOf are all rows of a sequence's data.
func linesOf(s *honest.Sequence, dataset *enclave.Dataset) (lines, error) {
	switch s.Data {
	case "visits":
		return made(dataset, synth.Rows(s.Seed, s.Rows)), nil
	case "residents":
		return made(dataset, synth.ResidentRows(s.Seed, s.Rows)), nil
	case "firms":
		return made(dataset, synth.FirmRows(s.Seed, s.Rows)), nil
	}
	return shared(s.Data, dataset)
}

func made(dataset *enclave.Dataset, rows iter.Seq[[]string]) (all lines) {
	for i := range dataset.Columns {
		all.header = append(all.header, dataset.Columns[i].SourceName())
	}
	for row := range rows {
		all.rows = append(all.rows, slices.Clone(row))
	}
	return all
}

// shared reads a shared table. Where it does not say who its rows are about, each is about somebody of its own.
func shared(name string, dataset *enclave.Dataset) (all lines, err error) {
	dir, err := os.Getwd()
	if err != nil {
		return lines{}, err
	}
	var raw []byte
	for {
		raw, err = os.ReadFile(filepath.Join(dir, "shared", "data", name+".csv")) //nolint:gosec // a fixed name
		if err == nil {
			break
		}
		if filepath.Dir(dir) == dir {
			return lines{}, errNoShared
		}
		dir = filepath.Dir(dir)
	}
	reader := csv.NewReader(bytes.NewReader(raw))
	if head, _, _ := bytes.Cut(raw, []byte("\n")); bytes.Contains(head, []byte(";")) {
		reader.Comma = ';'
	}
	if all.rows, err = reader.ReadAll(); err != nil {
		return lines{}, fmt.Errorf("%s: %w", name, err)
	}
	all.header, all.rows = all.rows[0], all.rows[1:]
	if subject := dataset.Columns[dataset.Column(dataset.Subject.Column)].SourceName(); !slices.Contains(all.header, subject) {
		all.header = append([]string{subject}, all.header...)
		for i, row := range all.rows {
			all.rows[i] = append([]string{strconv.Itoa(i + 1)}, row...)
		}
	}
	return all, nil
}

// csv is the file that a source department hands in.
func (l lines) csv() ([]byte, error) {
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	err := errors.Join(w.Write(l.header), w.WriteAll(l.rows))
	return file.Bytes(), err
}

// at is what the rows were when a snapshot was loaded, by what changed in it and in those after it. Who comes, leaves or is corrected when is
// drawn by a hash of the subject or the row, so that it is the same everywhere.
func (l lines) at(snapshots []honest.Snapshot, when int, dataset *enclave.Dataset) (lines, error) {
	subject, err := l.column(dataset, dataset.Subject.Column)
	if err != nil {
		return lines{}, err
	}
	then := lines{header: l.header}
	before := map[int]string{}
	for name, value := range snapshots[when].Before {
		at, err := l.column(dataset, name)
		if err != nil {
			return lines{}, err
		}
		before[at] = value
	}
	for i, row := range l.rows {
		if !present(snapshots, when, row[subject]) {
			continue
		}
		late := false
		for at, value := range before {
			late = late || row[at] >= value
		}
		if late {
			continue
		}
		row = slices.Clone(row)
		for later := when + 1; later < len(snapshots); later++ {
			for name, percent := range snapshots[later].Corrections {
				at, err := l.column(dataset, name)
				if err != nil {
					return lines{}, err
				}
				if drawn(percent, "corrected "+name, later, strconv.Itoa(i)) {
					row[at] = l.rows[(i+1)%len(l.rows)][at]
				}
			}
		}
		then.rows = append(then.rows, row)
	}
	return then, nil
}

func (l lines) column(dataset *enclave.Dataset, name string) (int, error) {
	at := dataset.Column(name)
	if at >= 0 {
		at = slices.Index(l.header, dataset.Columns[at].SourceName())
	}
	if at < 0 {
		return 0, fmt.Errorf("there is no column %q", name)
	}
	return at, nil
}

// present reports whether a subject has come and has not left.
func present(snapshots []honest.Snapshot, when int, subject string) bool {
	for i, s := range snapshots {
		if i > when && drawn(s.Newcomers, "comes", i, subject) || i <= when && drawn(s.Leavers, "leaves", i, subject) {
			return false
		}
	}
	return true
}

// drawn is true of so many percent of names, for one purpose in one snapshot.
func drawn(percent int64, purpose string, snapshot int, name string) bool {
	if percent == 0 {
		return false
	}
	h := fnv.New128a()
	fmt.Fprintf(h, "%s %d %s", purpose, snapshot, name)
	sum := h.Sum(nil)
	return binary.LittleEndian.Uint64(sum[4:])%100 < uint64(percent) //nolint:gosec // not negative
}
