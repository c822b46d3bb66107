package enclave

// Fuel is what a guest may do, counted and not timed: one unit is about one simple instruction, and what each costs is fixed (see package
// sandbox/meter). The same module burns the same fuel on the same rows, on any machine; whether it has enough is no question of luck.
//
// A manifest says how much the module needs for each row, with "fuel". A batch of an aggregate, with the start of its fresh instance, may
// burn BaseFuel + [BatchRows] × that; a batch is always that large. The run of a program has one budget for all of its calls: BaseFuel + the
// rows it has been shown so far × that, so that its end may use what its batches left. A module that needs more ends with MODULE_FUEL.
//
// What is burnt is exact and so tells of the rows: nobody is told how much it was where data is real. Where it is synthetic, [FuelUse] tells.
const (
	// BaseFuel is for the start, and for the end of a program. A guest in Go takes 2,400,000 to start.
	BaseFuel = 100_000_000
	// DefaultFuel is for each row, unless the manifest asks for another. The example guests burn 50 in C and 300 in Go.
	DefaultFuel = 5_000
	// MaxFuel is the most that a manifest may ask for each row. A batch that burns all of it takes about 5 s, and 20 s if it does nothing but
	// copy memory.
	MaxFuel = 100_000
)

// RowFuel is what the module may burn for each row.
func (m *Manifest) RowFuel() int64 {
	if m == nil || m.Fuel == 0 {
		return DefaultFuel
	}
	return m.Fuel
}
