package identity

import "testing"

func FuzzParseName(f *testing.F) {
	for _, seed := range []string{
		"darkroom://domain/operator/a/b", "darkroom://domain/auditor/a-1/b-2", "darkroom://domain/operator/a/b/", "darkroom://domain/%6fperator/a/b", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		who, err := parseName(text)
		if err == nil && nameOf(who).String() != text {
			t.Fatalf("%q read as %v, which is written %q", text, who, nameOf(who))
		}
	})
}
