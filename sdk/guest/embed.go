//go:build !wasip1

package guest

import "embed"

// Source is this package as files, for "darkroom module new": a new module carries the package in a folder of its own, so that it builds
// without this repository and without a network.
//
//go:embed doc.go exports.go guest.go json.go module.go table.go try.go
var Source embed.FS
