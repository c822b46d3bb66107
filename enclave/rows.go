package enclave

import "context"

// BatchRows is the number of rows of every batch. The last batch of a range is padded; a guest always sees whole batches.
const BatchRows = 1 << 16

// Vector is the values of one column in a batch as guests see them: Narrow for date and code columns, Wide for int and decimal, the other is
// nil. It has BatchRows values. Valid is a bitmap, least significant bit first, always there; the value of an invalid row is 0.
type Vector struct {
	Wide   []int64
	Narrow []int32
	Valid  []byte
}

// Batch is consecutive rows as guests see them. Rows beyond Rows are padding: zero and invalid. Subjects has Rows numbers, equal ones side by side.
type Batch struct {
	Rows     int
	Subjects []uint32
	Columns  []Vector // in the order the scan asked for
}

// Range is rows First to First+Count-1 of a snapshot.
type Range struct {
	First, Count int64
}

// Rows reads one snapshot. It is safe for concurrent use. Close releases its files; the owner MUST call it once, after every Scan.
type Rows interface {
	Snapshot() Snapshot
	// Split cuts the snapshot into at most n ranges, in order, none empty, none cutting a subject's rows in two.
	Split(n int) ([]Range, error)
	// Scan calls visit for each batch of a range in order, none of more than BatchRows rows. The batch is reused: visit MUST NOT keep it.
	// An error of visit ends the scan and is returned as it is; a cancelled context ends it with the context's error.
	Scan(ctx context.Context, r Range, columns []int, visit func(*PackedBatch) error) error
	Close() error
}

// Loader finds the snapshot that a run is pinned to, verified against its digest.
type Loader interface {
	Open(ctx context.Context, dataset *Dataset, snapshot Digest) (Rows, error)
}

// Guest is a module that is ready to run for one worker. It is not safe for concurrent use.
type Guest interface {
	// Assign runs the module on one batch, of tuples that the catalogue allows or, in a crafted run, of rows, and fills codes, one slice of batch.Rows values for each key of the module, with what it
	// emitted. The batch holds the shown columns only. Values are the guest's: the caller MUST check them against the key's domain.
	// No state survives from one call to the next.
	Assign(ctx context.Context, batch *Batch, codes [][]int32) error
	Close(ctx context.Context) error
}

// Sandbox is the only place that runs guest code.
type Sandbox interface {
	// Open prepares the plan's module for one worker. Errors name the module's fault by reason: MODULE_FUEL, MODULE_STOPPED (time), MODULE_MEMORY,
	// MODULE_TRAP, MODULE_CONTRACT (wild addresses, wrong version, failed init).
	Open(ctx context.Context, module *Module, plan *Plan) (Guest, error)
}

// Instance is the one instance of a run of a program: it keeps what it likes from batch to batch. It is not safe for concurrent use, and
// after an error nothing but Close may be called.
type Instance interface {
	// Show gives the guest the next batch: the shown columns of batch.Rows rows, which it is told the number of.
	Show(ctx context.Context, batch *Batch) error
	// Finish asks the guest for its table and copies it out of its memory. It is called once, after every batch.
	Finish(ctx context.Context) (*Returned, error)
	// Close gives the instance's room to others. It MUST be called, once.
	Close(ctx context.Context) error
}

// Returned is the table of a program as the guest left it. Its shape is the manifest's, its values are the guest's: the caller MUST check
// each of them.
type Returned struct {
	Rows    int
	Columns []ReturnedColumn // as the manifest's output columns
}

// ReturnedColumn is the values of one column, with one slice beside Valid: Ints of whole numbers and of an enumeration's positions,
// Floats of decimals, Texts of texts. What the guest left where a value is not Valid was not read: it is 0 or "".
type ReturnedColumn struct {
	Valid  []bool
	Ints   []int64
	Floats []float64
	Texts  []string
}
