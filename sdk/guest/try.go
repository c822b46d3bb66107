package guest

// Rows are columns for [Try] and [TryProgram], by name. Every slice has the same length. Missing lists the rows of a column that are empty; what
// stands there in Wide or Narrow is shown as 0.
type Rows struct {
	Wide    map[string][]int64 // int and decimal columns
	Narrow  map[string][]int32 // date and code columns
	Missing map[string][]int
}

// Try runs a setup function natively on a few rows, for an author's unit tests. Params hold int64 and string values. The result has
// the codes of each key that is named; rows are not padded.
func Try(setup Setup, params map[string]any, in Rows, keys ...string) (map[string][]int32, error) {
	assign, err := setup(&Params{values: params})
	if err != nil {
		return nil, err
	}
	b := in.batch()
	codes := make(map[string][]int32, len(keys))
	for _, name := range keys {
		codes[name] = make([]int32, b.rows)
		for i := range codes[name] {
			codes[name][i] = -1
		}
		b.keys = append(b.keys, key{name: name, codes: codes[name]})
	}
	return codes, assign(b)
}

// TryProgram runs a program natively over a few batches, for an author's unit tests. Params hold int64 and string values. The table has
// whatever columns the program asks it for: read them with [Values.At].
func TryProgram(setup ProgramSetup, params map[string]any, batches ...Rows) (*Table, error) {
	steps, err := setup(&Params{values: params})
	if err != nil {
		return nil, err
	}
	for _, in := range batches {
		if steps.Batch == nil {
			break
		}
		if err := steps.Batch(in.batch()); err != nil {
			return nil, err
		}
	}
	out := &Table{open: true}
	if steps.Finish == nil {
		return out, nil
	}
	return out, steps.Finish(out)
}

func (in Rows) batch() *Batch {
	b := &Batch{}
	for name, values := range in.Wide {
		b.rows = len(values)
		b.columns = append(b.columns, column{name: name, wide: blank(values, in.Missing[name]), valid: allBut(len(values), in.Missing[name])})
	}
	for name, values := range in.Narrow {
		b.rows = len(values)
		b.columns = append(b.columns, column{name: name, narrow: blank(values, in.Missing[name]), valid: allBut(len(values), in.Missing[name])})
	}
	return b
}

func blank[T int32 | int64](values []T, missing []int) []T {
	shown := append([]T{}, values...)
	for _, i := range missing {
		shown[i] = 0
	}
	return shown
}

func allBut(rows int, missing []int) Bitmap {
	m := make(Bitmap, (rows+7)/8)
	for i := range rows {
		m[i>>3] |= 1 << (i & 7)
	}
	for _, i := range missing {
		m[i>>3] &^= 1 << (i & 7)
	}
	return m
}
