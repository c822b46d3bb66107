// Package adversary plays the operator who wants to know something about somebody: it makes of everything that an operator saw the best guess
// that it can. It knows the catalogue, the rules, its own modules, who is in the data, everybody's open and quasi values, which rows changed from
// one snapshot to the next, and how protected values are distributed. It does not know protected values.
//
// What it does is generic. Every released number is a linear equation, within its rounding, over what is not known: how many rows of each group
// of people that no question told apart have each protected value, and what these sum up to (see [System]). From these equations follow an
// interval for the secret, by linear programming, and the best linear guess at it, by regression; and, for all people at once, whether any sum over fewer than
// so many people is determined, by elimination and a search for words of low weight. What is no number (outcomes, reasons, which cells
// there are, times) is learned from: see [Learn].
//
// Nothing here is used by the product.
package adversary
