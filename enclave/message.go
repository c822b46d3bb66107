package enclave

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Lang is a language in which Darkroom speaks to people.
type Lang string

// The languages of the message catalogue.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

//go:embed messages/*.json
var messageFiles embed.FS

// catalogue holds every text that a person may read: code → language → text with {name} places. One file a room, one code
// in one file only. A broken catalogue is a programming error that the first test meets.
var catalogue = sync.OnceValue(func() map[string]map[Lang]string {
	all := map[string]map[Lang]string{}
	names, err := fs.Glob(messageFiles, "messages/*.json")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		raw, err := messageFiles.ReadFile(name)
		if err != nil {
			panic(err)
		}
		var file map[string]map[Lang]string
		if err := json.Unmarshal(raw, &file); err != nil {
			panic(fmt.Sprintf("%s: %v", name, err))
		}
		for code, texts := range file {
			if _, twice := all[code]; twice {
				panic(fmt.Sprintf("%s: %s stands in two files", name, code))
			}
			all[code] = texts
		}
	}
	return all
})

// Message is the catalogue's text of a code in a language, its {name} places filled from args. An unknown code is shown as
// itself, so that a reason from a newer bundle still reads.
func Message(lang Lang, code string, args map[string]string) string {
	text, ok := catalogue()[code][lang]
	if !ok {
		return strings.TrimSpace(code + " " + joinArgs(args))
	}
	fill := make([]string, 0, 2*len(args))
	for _, name := range slices.Sorted(maps.Keys(args)) {
		fill = append(fill, "{"+name+"}", phrase(lang, name, args[name]))
	}
	return strings.NewReplacer(fill...).Replace(text)
}

// Say is Message with args as pairs of name and value.
func Say(lang Lang, code string, args ...string) string { return Message(lang, code, pairs(args)) }

// Codes lists the catalogue's codes in order, for tests of completeness.
func Codes() []string { return slices.Sorted(maps.Keys(catalogue())) }

// Known reports whether the catalogue has a code in both languages.
func Known(code string) bool {
	texts := catalogue()[code]
	return texts[English] != "" && texts[Chinese] != ""
}

func pairs(args []string) map[string]string {
	if len(args) == 0 {
		return nil
	}
	m := make(map[string]string, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		m[args[i]] = args[i+1]
	}
	return m
}

func joinArgs(args map[string]string) string {
	parts := make([]string, 0, len(args))
	for _, name := range slices.Sorted(maps.Keys(args)) {
		parts = append(parts, name+"="+args[name])
	}
	return strings.Join(parts, " ")
}
