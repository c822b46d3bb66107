package enclave

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible reports whether people see a text for what it is: UTF-8 of characters that have a shape and of spaces. Nothing in it is obeyed by a
// terminal, turns the order of other text, or shows nothing. Characters of also are let through besides: "\n\t" for text of several lines.
func Visible(text, also string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool { return hidden(c) && !strings.ContainsRune(also, c) })
}

// hidden is a character that is not graphic by Unicode, or that is but that fonts show nothing for (its Default_Ignorable_Code_Point, and
// the Braille pattern without dots).
func hidden(c rune) bool {
	return !unicode.IsGraphic(c) || unicode.In(c, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || c == '\u2800'
}

// textProblem refuses texts that reviewers would not see for what they are (see [Visible]). Names were checked before.
func (m *Manifest) textProblem() (place, expected string) {
	check := func(at, also string, texts ...string) {
		if place == "" && slices.ContainsFunc(texts, func(text string) bool { return !Visible(text, also) }) {
			place, expected = at, "text without control characters and others that nobody sees"
		}
	}
	check("version", "", m.Version)
	check("title", "", m.Title)
	check("inputs[0].columns", "", m.Inputs[0].Columns...)
	for _, p := range m.Params {
		check("params."+p.Name+".values", "", p.Values...)
	}
	for _, k := range m.Keys {
		check("keys."+k.Name+".values", "", k.Values...)
		if k.Of == nil {
			continue
		}
		for _, cut := range k.Of.Cuts {
			check("keys."+k.Name+".of.cuts", "", string(cut))
		}
		check("keys."+k.Name+".of.map", "", slices.Collect(maps.Keys(k.Of.Map))...)
		check("keys."+k.Name+".of.map", "", slices.Collect(maps.Values(k.Of.Map))...)
	}
	if m.Output == nil {
		return place, expected
	}
	check("output.about", "\n", m.Output.About)
	check("output.behind", "\n", m.Output.Behind)
	for _, c := range m.Output.Columns {
		check("output.columns."+c.Name+".about", "\n", c.About)
		check("output.columns."+c.Name+".values", "", c.Values...)
	}
	return place, expected
}
