package aggregate

import (
	"container/list"
	"sync"

	"github.com/darkroom-project/darkroom/enclave"
)

// question is everything that a learned table depends on, and so its digest is the table's name.
//
// It is complete. The sandbox takes from module and plan the code, the parameters, the fuel, which shown columns are narrow, and how many keys
// the guest computes; the guest has no clock, no randomness and no memory of other batches, and batches are of one fixed size in one fixed
// order of the tuples, which follow from the domains. What it emitted is then read with the keys' positions, offsets and numbers of labels;
// from those of all keys, the enclave's own too, follow the strides of the cells. Rows, and what is counted of them, are not in it. The
// sandbox's limits can only end a run, and what ends keeps nothing.
//
// A run that finds a table is faster, which its operator can see; it tells which functions of the catalogue he asked for before. As the operator
// is in the question, it does not tell what others asked; that they were busy, what is no longer there may tell, as any machine does. Whether the module may run at all was decided before, at admission.
type question struct {
	Operator string
	Module   enclave.Digest // of its bytes, see [enclave.Order]
	Fuel     int64
	Params   []byte
	Domains  []domain
	Keys     []answered
}

// answered is what the codes of a key become part of a cell's number by; Module is -1 for a key of the enclave's own.
type answered struct {
	Module int
	Offset int64
	Labels int
}

// asks writes down what a run asks its module.
func (l *layout) asks(module *enclave.Module) (question, error) {
	q := question{Operator: l.plan.Operator, Module: module.Digest, Fuel: l.plan.Manifest.RowFuel(), Params: l.plan.Params}
	for _, c := range l.plan.Shown {
		d, err := domainOf(&l.plan.Dataset.Columns[c])
		if err != nil {
			return q, err
		}
		q.Domains = append(q.Domains, d)
	}
	for i := range l.plan.Keys {
		key := &l.plan.Keys[i]
		q.Keys = append(q.Keys, answered{Module: key.Module, Offset: key.Offset, Labels: len(key.Labels)})
	}
	return q, nil
}

// keptBytes is how much memory an executor's learned tables take between runs. Of the largest key spaces, 16 million tuples in four bytes
// each, none is kept.
const keptBytes = 64 << 20

// kept are learned tables between runs: those that were used last, as far as there is room. It is safe for concurrent use. Runs that
// ask the same at the same time each compute the table, so that none waits for another or ends with it.
type kept struct {
	room int64 // in bytes

	mu     sync.Mutex
	used   int64
	tables map[enclave.Digest]*list.Element // of order
	order  *list.List                       // of *named, the one used last in front
}

type named struct {
	name  enclave.Digest
	table *learned
}

func newKept(room int64) *kept {
	return &kept{room: room, tables: map[enclave.Digest]*list.Element{}, order: list.New()}
}

// get returns a table, nil if it is not there.
func (k *kept) get(name enclave.Digest) *learned {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := k.tables[name]
	if at == nil {
		return nil
	}
	k.order.MoveToFront(at)
	return at.Value.(*named).table //nolint:forcetypeassert,errcheck // nothing else is in it
}

// put keeps a table, unless it takes more than half of the room.
func (k *kept) put(name enclave.Digest, table *learned) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tables[name] != nil || table.bytes() > k.room/2 {
		return
	}
	k.tables[name] = k.order.PushFront(&named{name, table})
	for k.used += table.bytes(); k.used > k.room; {
		last := k.order.Remove(k.order.Back()).(*named) //nolint:forcetypeassert,errcheck // nothing else is in it
		delete(k.tables, last.name)
		k.used -= last.table.bytes()
	}
}

// bytes is about how much memory a table takes, with what it takes to keep it.
func (f *learned) bytes() int64 {
	const besides = 1 << 10
	all := int64(4*len(f.adds)+len(f.little)) + besides
	for _, factor := range f.factors {
		all += int64(4 * len(factor))
	}
	return all
}
