package aggregate

import (
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
)

// What was used last stays, within the room; what takes more than half of it is never kept.
func TestKeptTablesHaveTheirRoom(t *testing.T) {
	const besides = 1 << 10
	k := newKept(10 * besides)
	name := func(s string) enclave.Digest { return enclave.DigestOf([]byte(s)) }
	put := func(s string, size int) *learned {
		f := &learned{little: make([]int8, size*besides-besides)}
		if s == "wide" {
			f = &learned{adds: make([]int32, (size*besides-besides)/4)}
		}
		k.put(name(s), f)
		return f
	}
	a, b := put("a", 4), put("wide", 5)
	put("large", 6)
	if k.get(name("large")) != nil {
		t.Error("one of more than half of the room is kept")
	}
	if k.get(name("wide")) != b || k.get(name("a")) != a || k.used != 9*besides {
		t.Fatalf("two of 4 and 5 were put, and %d are used", k.used/besides)
	}
	c := put("c", 2) // of the others, a was used last
	if k.get(name("wide")) != nil || k.get(name("a")) != a || k.get(name("c")) != c || k.used != 6*besides {
		t.Errorf("the one that was not used for longest is there, or another is gone; %d are used", k.used/besides)
	}
	if put("c", 2); k.get(name("c")) != c || k.used != 6*besides {
		t.Errorf("one that was there already counts twice: %d are used", k.used/besides)
	}
	for range 100 {
		put("d", 5)
		put("e", 5)
	}
	if len(k.tables) != 2 || k.order.Len() != 2 || k.used != 10*besides {
		t.Errorf("%d tables, %d in order, %d used", len(k.tables), k.order.Len(), k.used/besides)
	}
}
