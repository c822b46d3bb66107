// Package history audits what all exact releases of a dataset determine together: every sum that follows from them by linear algebra,
// other than nothing, is about at least k subjects. README.md states the promise, proves it and says what it does not cover.
//
// An [Audit] holds the releases. [Audit.Try] judges a further table and names the cells of it that have to be suppressed,
// [Audit.Accept] makes it one of the releases. Of a table that passed, [Result.Leverage] says how well single subjects can be guessed,
// [Result.Estimates] whose amounts somebody could estimate, and [Result.Alike] who is told what others are told to have as well.
package history
