package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

const (
	snapshotFile     = "snapshot.json"
	snapshotVersion  = 1
	contentVersion   = 2
	maxSnapshotBytes = 1 << 20
	subjectsFile     = "subjects.col"
)

// record is snapshot.json. The snapshot's digest is that of the JSON of its content, so it does not depend on when it was loaded.
type record struct {
	Darkroom int              `json:"darkroom"` // version of this format: 1
	Snapshot enclave.Snapshot `json:"snapshot"`
	Content  content          `json:"content"`
	Known    int64            `json:"known"` // how many subjects the directory of the kind had: it can only grow
}

// content is what a snapshot's digest covers.
type content struct {
	Version     int                 `json:"version"` // of column files and order: 2
	Dataset     string              `json:"dataset"`
	Description enclave.Digest      `json:"description"`
	Kind        enclave.SubjectKind `json:"kind"`
	Rows        int64               `json:"rows"`
	Subjects    int64               `json:"subjects"`
	Files       []fileEntry         `json:"files"`
}

// fileEntry is one file of a snapshot.
type fileEntry struct {
	Name   string         `json:"name"`
	Digest enclave.Digest `json:"digest"`
	Size   int64          `json:"size"`
}

// columnSpec is a column file that a description asks for.
type columnSpec struct {
	file string
	shape
	column int // position in the description, -1 for subjects
}

// columnsOf lists the column files of a dataset's snapshots: subjects, then every column that is not an identifier.
func columnsOf(d *enclave.Dataset) ([]columnSpec, error) {
	specs := []columnSpec{{file: subjectsFile, shape: subjectShape, column: -1}}
	for i := range d.Columns {
		c := &d.Columns[i]
		if c.Type == enclave.Text {
			continue
		}
		s, err := shapeOf(c)
		if err != nil {
			return nil, err
		}
		specs = append(specs, columnSpec{file: "column-" + c.Name + ".col", shape: s, column: i})
	}
	return specs, nil
}

// parseRecord reads snapshot.json and checks that it is consistent by itself and of the given digest.
func parseRecord(raw []byte, digest enclave.Digest) (*record, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var r record
	if err := dec.Decode(&r); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	computed, err := enclave.DigestJSON(r.Content)
	if err != nil {
		return nil, err
	}
	c, s := &r.Content, &r.Snapshot
	switch {
	case r.Darkroom != snapshotVersion || c.Version != contentVersion:
		return nil, errors.New("unknown version")
	case computed != digest || s.Digest != digest:
		return nil, errors.New("another digest")
	case s.Dataset != c.Dataset || s.Description != c.Description || s.Rows != c.Rows || s.Subjects != c.Subjects:
		return nil, errors.New("the snapshot is not that of the content")
	case c.Rows < 1 || c.Rows > MaxRows || c.Subjects < 1 || c.Subjects > c.Rows || r.Known < c.Subjects:
		return nil, errors.New("impossible numbers of rows or subjects")
	}
	return &r, nil
}

// matches reports whether the files are exactly those that the description asks for, by name and size.
func (c *content) matches(specs []columnSpec) bool {
	return slices.EqualFunc(c.Files, specs, func(f fileEntry, s columnSpec) bool {
		return f.Name == s.file && f.Size == s.size(c.Rows)
	})
}
