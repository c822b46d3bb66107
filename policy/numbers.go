package policy

import "strings"

// Number describes one number of a profile, for whoever sets it.
type Number struct {
	Name     string
	Min, Max int64  // whatever a bundle says
	Larger   bool   // whether a larger one is the stricter
	Text     string // code of the text in the catalogue that says what it is
}

// Numbers describes the numbers of a profile, in its order.
func Numbers() []Number {
	var all []Number
	for _, n := range numbers() {
		all = append(all, Number{n.name, n.min, n.max, n.stricter == larger, "NUMBER_" + strings.ToUpper(n.name)})
	}
	return all
}
