package enclave

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

//go:embed phrases.json
var phraseFile []byte

// phrases are the Chinese of what descriptions and manifests are expected to hold, by the English, in which # stands for any number. Errors carry
// the English, as their argument "expected", since that is what a client's program reads.
var phrases = sync.OnceValue(func() map[string]string {
	var all map[string]string
	if err := json.Unmarshal(phraseFile, &all); err != nil {
		panic(fmt.Sprintf("phrases.json: %v", err)) // which the first test meets
	}
	return all
})

var number = regexp.MustCompile(`-?\d+`)

// phrase is an argument of a text, as it reads in a language.
func phrase(lang Lang, name, value string) string {
	if lang != Chinese || name != "expected" {
		return value
	}
	if same, ok := phrases()[value]; ok {
		return same
	}
	chinese, ok := phrases()[number.ReplaceAllString(value, "#")]
	if !ok {
		return value
	}
	for _, n := range number.FindAllString(value, -1) {
		chinese = strings.Replace(chinese, "#", n, 1)
	}
	return chinese
}
