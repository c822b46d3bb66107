package enclave_test

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

func TestVisible(t *testing.T) {
	for _, text := range []string{"", "Fair premiums, 公平定价　é e\u0301 ½ € ≥", "no-break\u00a0space", "\ufffd", "<b>&"} {
		if !enclave.Visible(text, "") {
			t.Errorf("%q is hidden", text)
		}
	}
	for _, text := range []string{
		"\x1b[2J", "\u009b31m", "a\rb", "\b", "\x00", "\x7f", "a\nb", "a\tb", "a\u202eb", "\u2066a\u2069", "\u200b", "\ufeff", "\u00ad", "a\u2028b",
		"\u3164", "\uffa0", "\u115f", "\u034f", "\ufe0f", "\u180e", "\U000e0041", "\ue000", "\U0010ffff", "\u2800", "\xff", "a\xc3",
	} {
		if enclave.Visible("x"+text, "") {
			t.Errorf("%q is visible", text)
		}
	}
	if !enclave.Visible("one\n\ttwo", "\n\t") || enclave.Visible("one\r\n", "\n\t") {
		t.Error("text of several lines")
	}
}

// What an author writes for reviewers to read is what they see, wherever it stands in a manifest.
func TestManifestTextsAreVisible(t *testing.T) {
	for name, change := range map[string]func(m *enclave.Manifest, text string){
		"version": func(m *enclave.Manifest, text string) { m.Version = text },
		"title":   func(m *enclave.Manifest, text string) { m.Title = text },
		"param": func(m *enclave.Manifest, text string) {
			m.Params[0].Values, m.Params[0].Default = []string{text}, enclave.Scalar(text)
		},
		"about":         func(m *enclave.Manifest, text string) { m.Output.About = text },
		"behind":        func(m *enclave.Manifest, text string) { m.Output.Behind = text },
		"column about":  func(m *enclave.Manifest, text string) { m.Output.Columns[0].About = text },
		"column values": func(m *enclave.Manifest, text string) { m.Output.Columns[0].Values = []string{text} },
		"key values":    func(m *enclave.Manifest, text string) { tabled(m); m.Keys[0].Values = []string{text} },
		"map": func(m *enclave.Manifest, text string) {
			tabled(m)
			m.Keys[0] = enclave.ManifestKey{Name: "k", Of: &enclave.ColumnRule{Column: "c", Map: map[string]string{"x": text}}}
		},
		"code of a map": func(m *enclave.Manifest, text string) {
			tabled(m)
			m.Keys[0] = enclave.ManifestKey{Name: "k", Of: &enclave.ColumnRule{Column: "c", Map: map[string]string{text: "x"}}}
		},
		"cut": func(m *enclave.Manifest, text string) {
			tabled(m)
			m.Keys[0] = enclave.ManifestKey{Name: "k", Of: &enclave.ColumnRule{Column: "c", Cuts: []enclave.Scalar{enclave.Scalar(text)}}}
		},
		"column": func(m *enclave.Manifest, text string) { m.Inputs[0].Columns = []string{text} },
	} {
		with := func(text string) error {
			m := &enclave.Manifest{
				Darkroom: 1, Name: "a", Version: "1", Form: enclave.Program, Inputs: []enclave.ManifestInput{{Dataset: "d", Columns: []string{"c"}}},
				Params: []enclave.ManifestParam{{Name: "p", Type: "enum", Values: []string{"x"}, Default: "x"}},
				Output: &enclave.ManifestOutput{About: "a", Behind: "b", Rows: 1, Columns: []enclave.ManifestColumn{
					{Name: "o", Type: enclave.KindEnum, About: "c", Values: []string{"x"}},
				}},
			}
			change(m, text)
			return m.Validate()
		}
		if err := with("7é"); err != nil && name != "column" {
			t.Errorf("%s: %v", name, err)
		}
		for _, text := range []string{"a\x1b[2J\x1b]0;x\x07b", "a\u202eb", "a\rb", "a\u3164", "\x80"} {
			if e := enclave.AsError(with(text)); e == nil || e.Reason != "MANIFEST_INVALID" {
				t.Errorf("%s %q: %v", name, text, e)
			}
		}
	}
}

// tabled makes a program's manifest an aggregate's.
func tabled(m *enclave.Manifest) {
	m.Form, m.Output = enclave.Aggregate, nil
	m.Keys = []enclave.ManifestKey{{Name: "k"}}
	m.Measures = []enclave.ManifestMeasure{{Name: "n", Op: enclave.Count}}
}
