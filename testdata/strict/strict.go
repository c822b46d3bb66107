// Package strict reads the descriptions that tests are made of.
package strict

import (
	"bytes"
	"encoding/json"
	"io/fs"

	"github.com/goccy/go-yaml"
)

// Read decodes a YAML file by the JSON names of fields. A field that there is none of is an error.
func Read(files fs.FS, name string, into any) error {
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	text, err := yaml.YAMLToJSON(raw)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
