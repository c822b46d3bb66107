package guest

import (
	"encoding/binary"
	"errors"
)

// abiVersion is the version of the exports, of the parameters' JSON and of the batch descriptor.
const abiVersion = 1

// Types of columns in descriptors.
const (
	typeInt32   = 1
	typeInt64   = 2
	typeFloat64 = 3 // of outputs
	typeText    = 4 // likewise
)

// Bytes of the parts of the descriptors.
const (
	headBytes      = 16
	columnBytes    = 16
	keyBytes       = 8
	tableHeadBytes = 12
	outputBytes    = 20
)

var (
	errNoSetup    = errors.New("guest: no module is registered: call guest.Aggregate or guest.Program in an init function")
	errNotReady   = errors.New("guest: a batch came before the parameters")
	errDescriptor = errors.New("guest: the descriptor does not hold")
)

// module is what one instance knows between the host's calls: who the author's functions are, and the names from the manifest.
type module struct {
	aggregate Setup
	program   ProgramSetup
	steps     Steps // of an aggregate: its Assign as Batch
	ready     bool
	columns   []string
	keys      []string
	outputs   []string
	batch     Batch    // the one view that is laid over every batch in turn
	kept      [][]byte // the table's arrays, which the host reads after the call
}

// registered is the instance's only module. WebAssembly exports are plain functions, so there is no other place for it.
var registered module

// Aggregate registers the module. Call it once, in an init function: the host asks for the module before main could run.
func Aggregate(setup Setup) { registered = module{aggregate: setup} }

// Program registers a module of form program, likewise.
func Program(setup ProgramSetup) { registered = module{program: setup} }

// start takes the host's JSON: {"params": {name: value}, "columns": [names], "keys": [names], "output": [names]}.
func (m *module) start(raw []byte) error {
	if m.aggregate == nil && m.program == nil {
		return errNoSetup
	}
	document, err := parseJSON(raw)
	if err != nil {
		return err
	}
	fields, _ := document.(map[string]any)
	params, _ := fields["params"].(map[string]any)
	m.columns, m.keys, m.outputs = names(fields["columns"]), names(fields["keys"]), names(fields["output"])
	m.batch = Batch{columns: make([]column, len(m.columns)), keys: make([]key, len(m.keys))}
	if m.program != nil {
		m.steps, err = m.program(&Params{values: params})
	} else {
		m.steps.Batch, err = m.aggregate(&Params{values: params})
	}
	m.ready = err == nil
	return err
}

func names(list any) []string {
	values, _ := list.([]any)
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i], _ = v.(string)
	}
	return texts
}

// descriptorBytes is the size of a batch descriptor for the module's columns and keys.
func (m *module) descriptorBytes() int {
	return headBytes + columnBytes*len(m.columns) + keyBytes*len(m.keys)
}

// run decodes a descriptor and calls the author's function. Addresses are relative to base, the address of window's first byte.
func (m *module) run(descriptor, window []byte, base uint32) error {
	if !m.ready {
		return errNotReady
	}
	b, err := m.decode(descriptor, window, base)
	if err != nil || m.steps.Batch == nil {
		return err
	}
	return m.steps.Batch(b)
}

func (m *module) decode(descriptor, window []byte, base uint32) (*Batch, error) {
	d := reader{words: descriptor, window: window, base: base}
	version, rows, columns, keys := d.word(), d.word(), d.word(), d.word()
	if d.bad || version != abiVersion || int(columns) != len(m.columns) || int(keys) != len(m.keys) {
		return nil, errDescriptor
	}
	b := &m.batch
	b.rows, b.used = int(rows), 0
	for i := range b.columns {
		c := &b.columns[i]
		*c = column{name: m.columns[i]}
		kind, valid, data, size := d.word(), d.word(), d.word(), d.word()
		c.valid = d.region(valid, (rows+7)/8)
		switch kind {
		case typeInt32:
			c.narrow = cast[int32](d.region(data, size))
		case typeInt64:
			c.wide = cast[int64](d.region(data, size))
		default:
			d.bad = true
		}
		d.bad = d.bad || len(c.narrow)+len(c.wide) != b.rows
	}
	for i := range b.keys {
		data, size := d.word(), d.word()
		b.keys[i] = key{name: m.keys[i], codes: cast[int32](d.region(data, size))}
		d.bad = d.bad || len(b.keys[i].codes) != b.rows
	}
	if d.bad {
		return nil, errDescriptor
	}
	return b, nil
}

// reader reads words and the regions of the window that they name; bad is set where anything lies outside.
type reader struct {
	words  []byte
	window []byte
	base   uint32
	bad    bool
}

func (r *reader) word() uint32 {
	if len(r.words) < 4 {
		r.bad = true
		return 0
	}
	w := binary.LittleEndian.Uint32(r.words)
	r.words = r.words[4:]
	return w
}

func (r *reader) region(address, size uint32) []byte {
	from := uint64(address) - uint64(r.base)
	if address < r.base || from+uint64(size) > uint64(len(r.window)) {
		r.bad = true
		return nil
	}
	return r.window[from : from+uint64(size) : from+uint64(size)]
}
