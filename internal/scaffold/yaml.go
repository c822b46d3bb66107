package scaffold

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/darkroom-project/darkroom/enclave"
)

// ReadManifest reads the manifest of a module's folder. It is the JSON of a manifest written as YAML, with two conveniences: a key's map may
// be the name of a YAML file beside it, and a margin may be the bare name of one key. Errors say at which line.
func ReadManifest(dir string) (*enclave.Manifest, error) {
	document, err := readYAML(dir, ManifestFile)
	if err != nil {
		return nil, err
	}
	r := reader{dir: dir, file: ManifestFile, lines: map[string]int{}}
	value, err := r.value(document, "", plain)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, enclave.Internalf("encode manifest: %w", err)
	}
	manifest, err := enclave.ParseManifest(raw)
	if err != nil {
		return nil, r.located(err)
	}
	return manifest, nil
}

func malformed(file string, line int, problem string) error {
	return enclave.Fail(enclave.Invalid, "MANIFEST_MALFORMED", "problem", fmt.Sprintf("%s:%d: %s", file, line, problem))
}

func readYAML(dir, file string) (ast.Node, error) {
	path := filepath.Join(dir, file)
	text, err := readFile(path, enclave.MaxManifestBytes)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			return nil, malformed(file, at.GetToken().Position.Line, at.GetMessage())
		}
		return nil, malformed(file, 1, "not YAML")
	}
	if len(parsed.Docs) != 1 || parsed.Docs[0].Body == nil {
		return nil, malformed(file, 1, "expected one document")
	}
	return parsed.Docs[0].Body, nil
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return nil, enclave.Fail(enclave.NotFound, "SCAFFOLD_MISSING", "file", path).Because(err)
	}
	if info.Size() > limit {
		return nil, enclave.Fail(enclave.Limit, "SCAFFOLD_FILE_SIZE", "file", path, "limit", strconv.FormatInt(limit, 10))
	}
	text, err := os.ReadFile(path) //nolint:gosec // the author says which
	if err != nil {
		return nil, enclave.Fail(enclave.NotFound, "SCAFFOLD_MISSING", "file", path).Because(err)
	}
	return text, nil
}

// reader turns YAML into the values of encoding/json and remembers the line of every place, in the form in which a manifest's errors
// name places: keys.age_band.values, inputs[0].columns.
type reader struct {
	dir, file string
	lines     map[string]int
}

// mood says how scalars are read: plain as JSON has them, or text everywhere, where a manifest wants labels and codes: 110101 and
// 2024-01 are text there however they look.
type mood bool

const (
	plain mood = false
	text  mood = true
)

func (r *reader) fail(n ast.Node, problem string) error {
	return malformed(r.file, n.GetToken().Position.Line, problem)
}

func (r *reader) value(n ast.Node, place string, as mood) (any, error) {
	r.lines[place] = n.GetToken().Position.Line
	switch n := n.(type) {
	case *ast.MappingNode:
		return r.mapping(n.Values, place, as)
	case *ast.MappingValueNode:
		return r.mapping([]*ast.MappingValueNode{n}, place, as)
	case *ast.SequenceNode:
		return r.sequence(n, place, as)
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode:
		return r.number(n, as)
	case *ast.BoolNode:
		if as == text {
			return n.GetToken().Value, nil
		}
		return n.Value, nil
	}
	return nil, r.fail(n, "expected a plain value, a list or a mapping, without anchors, tags or empty values")
}

// number keeps a number as it is written: 0.10 stays 0.10.
func (r *reader) number(n ast.Node, as mood) (any, error) {
	written := n.GetToken().Value
	if as == text || !json.Valid([]byte(written)) {
		return written, nil
	}
	return json.Number(written), nil
}

func (r *reader) mapping(fields []*ast.MappingValueNode, place string, as mood) (any, error) {
	out := make(map[string]any, len(fields))
	for _, f := range fields {
		if !isScalar(f.Key) {
			return nil, r.fail(f, "expected a plain name before the colon")
		}
		name := f.Key.GetToken().Value
		if _, twice := out[name]; twice {
			return nil, r.fail(f.Key, fmt.Sprintf("%q stands here twice", name))
		}
		at := strings.TrimPrefix(place+"."+name, ".")
		value, err := r.field(f.Value, name, at, as)
		if err != nil {
			return nil, err
		}
		out[name] = value
		r.lines[at] = f.Key.GetToken().Position.Line
	}
	return out, nil
}

func isScalar(key ast.MapKeyNode) bool {
	switch key.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return true
	}
	return false
}

// field reads one field, with what a manifest's own names mean: values and maps hold text, a map may be a file's name.
func (r *reader) field(n ast.Node, name, place string, as mood) (any, error) {
	switch {
	case as == text:
		return r.value(n, place, text)
	case name == "map":
		if file, ok := n.(*ast.StringNode); ok {
			return r.mapFile(file)
		}
		return r.value(n, place, text)
	case name == "values":
		return r.value(n, place, text)
	}
	return r.value(n, place, plain)
}

// mapFile reads a declared map from the file beside the manifest that a key's rule names.
func (r *reader) mapFile(name *ast.StringNode) (any, error) {
	if !filepath.IsLocal(name.Value) {
		return nil, r.fail(name, "expected the name of a file in the module's folder")
	}
	document, err := readYAML(r.dir, name.Value)
	if err != nil {
		return nil, err
	}
	inner := reader{dir: r.dir, file: name.Value, lines: map[string]int{}}
	value, err := inner.value(document, "", text)
	if err != nil {
		return nil, err
	}
	if _, ok := value.(map[string]any); !ok {
		return nil, inner.fail(document, "expected a mapping from code to label")
	}
	return value, nil
}

func (r *reader) sequence(n *ast.SequenceNode, place string, as mood) (any, error) {
	out := make([]any, 0, len(n.Values))
	for i, item := range n.Values {
		at := fmt.Sprintf("%s[%d]", place, i)
		// The items of these lists are called by their names in a manifest's errors.
		if name := nameOf(item); name != "" && (place == "params" || place == "keys" || place == "measures" || place == "output.columns") {
			at = place + "." + name
		}
		value, err := r.value(item, at, as)
		if err != nil {
			return nil, err
		}
		if bare, ok := value.(string); ok && place == "margins" {
			value = []any{bare}
		}
		out = append(out, value)
	}
	return out, nil
}

// nameOf is the scalar in the field "name" of a mapping, or "".
func nameOf(n ast.Node) string {
	var fields []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		fields = n.Values
	case *ast.MappingValueNode:
		fields = []*ast.MappingValueNode{n}
	}
	for _, f := range fields {
		if f.Key.GetToken().Value == "name" {
			return f.Value.GetToken().Value
		}
	}
	return ""
}

// located adds file and line to an error of enclave.ParseManifest.
func (r *reader) located(err error) error {
	e := enclave.AsError(err)
	switch e.Reason {
	case "MANIFEST_INVALID":
		place := e.Args["place"]
		e.Args["place"] = fmt.Sprintf("%s:%d: %s", r.file, r.line(place), place)
	case "MANIFEST_MALFORMED":
		problem := e.Args["problem"]
		for place, line := range r.lines {
			if _, field, _ := cutLast(place, "."); strings.HasSuffix(problem, "unknown field "+strconv.Quote(field)) {
				return malformed(r.file, line, strings.TrimPrefix(problem, "json: "))
			}
		}
		e.Args["problem"] = r.file + ": " + strings.TrimPrefix(problem, "json: ")
	}
	return e
}

// line is the line of a place, or of the innermost place around it that was written.
func (r *reader) line(place string) int {
	for {
		if line, ok := r.lines[place]; ok {
			return line
		}
		cut := strings.LastIndexAny(place, ".[")
		if cut < 0 {
			return max(r.lines[""], 1)
		}
		place = place[:cut]
	}
}

func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return "", s, false
}
