package enclave_test

import (
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

func TestCoarse(t *testing.T) {
	whole := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct{ in, want time.Time }{
		"zero":           {time.Time{}, time.Time{}},
		"whole":          {whole, whole},
		"just after":     {whole.Add(time.Nanosecond), whole.Add(enclave.TimeStep)},
		"just before":    {whole.Add(enclave.TimeStep - time.Nanosecond), whole.Add(enclave.TimeStep)},
		"elsewhere":      {whole.Add(time.Second).In(time.FixedZone("", 8*3600+1800)), whole.Add(enclave.TimeStep)},
		"once and again": {enclave.Coarse(whole.Add(time.Second)), whole.Add(enclave.TimeStep)},
	} {
		if got := enclave.Coarse(c.in); !got.Equal(c.want) || !got.IsZero() && got.Location() != time.UTC {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
