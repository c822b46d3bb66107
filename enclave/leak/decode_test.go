package leak

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"testing"
)

// FuzzMeanings decodes any bytes: it ends within its budget, keeps the text itself first, and finds what was hidden in it once.
func FuzzMeanings(f *testing.F) {
	f.Add([]byte("440303,F,1980,E11,2023-05-01,123.45"))
	f.Add([]byte("%41%zz%"))
	f.Add([]byte(base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString([]byte("110101199003078515"))))))
	f.Add([]byte("====----____++++////"))
	f.Fuzz(func(t *testing.T, value []byte) {
		budget := 1 << 16
		all := meanings(value, &budget)
		if len(all) == 0 || !bytes.Equal(all[0], value) {
			t.Fatal("the text itself is not the first")
		}
		total := 0
		for _, m := range all {
			total += len(m)
		}
		if total != 1<<16-budget {
			t.Errorf("%d bytes, but %d are left", total, budget)
		}
		if len(value) < 16 || len(value) > 1000 {
			return
		}
		budget = 1 << 24
		for _, hidden := range [][]byte{
			[]byte(hex.EncodeToString(value)), []byte("x: " + base64.StdEncoding.EncodeToString(value)), []byte(base64.RawURLEncoding.EncodeToString(value) + "."),
		} {
			if !slices.ContainsFunc(meanings(hidden, &budget), func(m []byte) bool { return bytes.Equal(m, value) }) {
				// Bytes whose base64 happens to be hexadecimal digits alone are read as such.
				if _, err := hex.DecodeString(string(bytes.Trim(hidden, "x: .="))[:16]); err != nil {
					t.Errorf("%q is not found in %q", value, hidden)
				}
			}
		}
	})
}
