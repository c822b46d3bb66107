// Package guest is the Go side of Darkroom's module ABI, version 1. A module of form aggregate says which group each row of
// protected data belongs to; the enclave, not the module, counts and sums. A module of form program sees every row and returns one table,
// which people release. The package needs the standard library alone.
//
// A module is a main package that registers one setup function. An aggregate:
//
//	package main
//
//	import "example.org/age-band/guest"
//
//	func init() { guest.Aggregate(setup) }
//
//	func main() {} // the linker wants it; it is never called
//
//	func setup(p *guest.Params) (guest.Assign, error) {
//		asOf := p.Int64("as_of")
//		return func(b *guest.Batch) error {
//			born, band := b.Int64("birth_year"), b.Key("age_band")
//			for i := range b.Valid("birth_year").Rows() {
//				if band[i] = 0; asOf-born[i] >= 65 {
//					band[i] = 1
//				}
//			}
//			return nil
//		}, nil
//	}
//
// A program, whose table's columns the manifest declares:
//
//	func init() { guest.Program(setup) }
//
//	func setup(p *guest.Params) (guest.Steps, error) {
//		var sum, visits [64]int64 // by district
//		return guest.Steps{
//			Batch: func(b *guest.Batch) error {
//				district, cost := b.Code("district"), b.Int64("cost")
//				for i := range b.Valid("district", "cost").Rows() {
//					sum[district[i]] += cost[i]
//					visits[district[i]]++
//				}
//				return nil
//			},
//			Finish: func(out *guest.Table) error {
//				for code, n := range visits {
//					if n >= p.Int64("min_visits") {
//						out.Enum("district").Append(int32(code))
//						out.Decimal("mean_cost").Append(float64(sum[code]) / float64(n) / 100)
//					}
//				}
//				return nil
//			},
//		}, nil
//	}
//
// Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags="-s -w" -o age-band.wasm .
//
// or with "darkroom module build", which attaches the manifest too.
//
// # What a module can rely on
//
// Empty values are 0 and not valid. Text is shown as the position in the catalogue's code list, dates as days since 1970-01-01, decimals
// as whole numbers scaled as the catalogue says. The clock stands still, randomness is fixed, there are no files, no network, no
// arguments. Instructions are counted, and there are 5,000 for each row, unless the manifest asks for another number with "fuel": the examples
// take 50 in C and 300 in Go.
//
// Of an aggregate, every batch has the same number of rows, padding included, which is empty. A key starts out as -1 everywhere, which
// drops the row. The instance is fresh for every batch: package variables keep nothing from one batch to the next.
//
// Of a program, one instance sees every batch, in an order of rows that says nothing, and variables keep what they hold. There is no
// padding. What the table may say, the manifest declares; see [Table]. Whatever goes wrong ends the run, without a word about what.
//
// # Speed
//
// [Bitmap.Rows] is the fastest way through a batch, and the shortest. Of a sum, it can be left away: empty values are 0. Nothing is allocated for a
// batch. What a loop writes to is best a small array or slice that the setup made; a map is looked up for every row.
//
// # Other languages
//
// Beside this package lie darkroom.h, for C and C++, and rust/darkroom.rs. Any language that compiles to WebAssembly without imports can
// follow the header. Tests compile the same guest as C11, C++11, C++20, Go and Rust (edition 2021, rustc 1.63 and later) and compare their
// tables; Zig, which can import the header, was not tried.
//
// # What to avoid
//
// What opens a file or a connection (os.Open, net) imports more of the operating system than the enclave offers, and such a module is
// refused at upload. fmt, log, time and encoding/json may be used; what is printed is shown by "darkroom module test" and nowhere else. They
// make a module larger and slower to start: prefer strconv and strings where they do.
//
// [Try] and [TryProgram] run a setup function natively, for ordinary unit tests.
package guest
