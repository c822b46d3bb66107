package scaffold

import (
	"bytes"
	"io"

	"github.com/goccy/go-yaml"

	"github.com/darkroom-project/darkroom/enclave"
)

// ParseDescription reads a dataset's description as a person wrote it, in YAML; file is what it is called where an error names the line.
func ParseDescription(raw []byte, file string) (*enclave.Dataset, error) {
	var d enclave.Dataset
	if err := yaml.NewDecoder(bytes.NewReader(raw), yaml.DisallowUnknownField()).Decode(&d); err != nil {
		return nil, enclave.Fail(enclave.Invalid, "SCAFFOLD_DESCRIPTION", "file", file, "problem", yaml.FormatError(err, false, true))
	}
	return &d, d.Validate()
}

// WriteDescription writes a description as YAML, each column on lines of its own and its code list on one.
func WriteDescription(w io.Writer, d *enclave.Dataset) error {
	type column struct {
		Name     string         `yaml:"name"`
		Header   string         `yaml:"header,omitempty"`
		Type     enclave.Type   `yaml:"type"`
		Class    enclave.Class  `yaml:"class"`
		Scale    int            `yaml:"scale,omitempty"`
		Codes    []string       `yaml:"codes,flow,omitempty"`
		Min      enclave.Scalar `yaml:"min,omitempty"`
		Max      enclave.Scalar `yaml:"max,omitempty"`
		Nullable bool           `yaml:"nullable,omitempty"`
		Check    enclave.Check  `yaml:"check,omitempty"`
	}
	file := struct {
		Name    string          `yaml:"name"`
		Title   string          `yaml:"title,omitempty"`
		Owner   string          `yaml:"owner"`
		Grade   int             `yaml:"grade"`
		Sharing enclave.Sharing `yaml:"sharing"`
		Subject enclave.Subject `yaml:"subject"`
		Columns []column        `yaml:"columns"`
	}{Name: d.Name, Title: d.Title, Owner: d.Owner, Grade: d.Grade, Sharing: d.Sharing, Subject: d.Subject}
	for _, c := range d.Columns {
		file.Columns = append(file.Columns, column(c))
	}
	return yaml.NewEncoder(w, yaml.IndentSequence(true)).Encode(file)
}
