package program

// What the package's tests look at by itself.
var (
	Round     = round
	Readable  = readable
	ProductOf = productOf
)
