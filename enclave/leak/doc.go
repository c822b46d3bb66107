// Package leak measures what the output of a program gives away of the rows that the program could read: whole records, identifiers,
// texts with a row inside, columns that can be turned back. The enclave cannot know what such an output means, so this is what it can
// know: how the output compares with the data. Policy denies what is found; people decide on the rest.
//
// # What is compared
//
// Every value of the output is read in each way in which a value of a shown column could be written: a number as it is or rounded, by
// whatever granule the column's values have in common, to the nearest or downward; a code by its position, its label or the number that
// its label spells; a date as days, as 20240131 or as 2024-01-31; a text as any of these. Rows and columns of the output may be in any
// order.
//
// A coincidence is no leak. A combination of values that a crowd of subjects has, at least the profile's threshold, identifies nobody. And
// small numbers stand in most columns by chance: what is found in the output counts only as far as it exceeds what is found in the same
// output with the values of each column permuted (records, a permutation test), with its values moved a little (verbatim), or what
// independent columns would show (packed).
//
// # What remains possible
//
// A program that encodes some of the rows by a secret bijection, in an order of its own, shows nothing that could be compared: values that all
// differ look like any other numbers, however many columns of a row each of them holds. Injective does not notice it, and nothing here does.
// How much a program can carry off that way is bounded by the bits that its output can carry for each subject, which policy keeps small, and
// people look at what is left: a column without a meaning that anyone can explain is not released. Likewise for a text without separators whose
// columns are in an order of their own, and for three records or fewer of columns that everybody shares.
//
// # Cost
//
// Two passes over the rows. Time and memory are bounded by the number of rows, by the number of different values of each shown column (at most
// 2^23, else INSPECTION_TOO_LARGE) and by the output, whatever it holds. Of more than 20,000 rows, records are sought in an even sample. What
// there is too much of counts as if it had been found:
//
//   - texts whose decodings take more than 1 MiB together;
//   - more than 64 columns of words that can be read as shown columns (all rows, as records);
//   - texts of more than 2^16 windows of words together, and all texts if the rows of the data lie in too many windows: more than 512 for each
//     row on average, and 2^22 (as packed);
//   - more than 2^19 candidates for identifiers, or 2^22 places where they stand (all values).
//
// Every step asks the context. Of products with more than 2^16 values and bytes of texts, one is inspected at a time.
package leak
