// Package load turns the files of source departments into immutable snapshots, and snapshots into batches.
//
// A file (CSV, Parquet, Arrow IPC) is read once, every value is checked against the dataset's description, and the first that does
// not fit refuses the whole file: nothing stays on disk. Identifiers are kept only in the subject directory, as keyed hashes.
//
// # On disk
//
// A store is one directory that one process owns:
//
//	directories/person.subjects     pseudonym → number, append-only (see directory.go)
//	snapshots/<digest>/snapshot.json
//	snapshots/<digest>/subjects.col the subject number of every row
//	snapshots/<digest>/<name>.col   one file for each column that is not an identifier (see colfile.go)
//	staging/                        snapshots that are being written, and rows that memory does not hold; emptied when the store is opened
//
// # Reading
//
// A snapshot's files are mapped into the address space, verified then, and stay there for the runs that come: a scan hands out the rows where
// they are, and takes no memory that grows with them. Files are never written once they have their name.
//
// # Order of rows
//
// Rows of one subject lie side by side, in the order of the file. Subjects follow each other in the order of a keyed pseudorandom
// permutation of their numbers, so the place of a row tells nothing of who it is about. The permutation is the same for every
// dataset of one kind of subject, so that two snapshots can be merged by subject without sorting.
package load
