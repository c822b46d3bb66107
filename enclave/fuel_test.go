package enclave_test

import (
	"errors"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

func TestFuelOfAManifest(t *testing.T) {
	for asked, want := range map[int64]int64{0: enclave.DefaultFuel, 1: 1, enclave.MaxFuel: enclave.MaxFuel, enclave.MaxFuel + 1: -1, -1: -1} {
		m, err := enclave.ParseManifest([]byte(example))
		if err != nil {
			t.Fatal(err)
		}
		m.Fuel = asked
		err = m.Validate()
		switch failure := enclave.AsError(err); {
		case want < 0 && (!errors.Is(err, enclave.Fail(enclave.Invalid, "MANIFEST_INVALID")) || failure.Args["place"] != "fuel"):
			t.Errorf("%d: %v", asked, err)
		case want >= 0 && (err != nil || m.RowFuel() != want):
			t.Errorf("%d: %v, %d for each row", asked, err, m.RowFuel())
		}
	}
	var none *enclave.Manifest
	if none.RowFuel() != enclave.DefaultFuel {
		t.Error("no manifest")
	}
}
