// Package e2e holds tests of whole enclaves: real files, the real gRPC API and SDK, real modules. What they expect they work out
// themselves, from the source files, with code that shares nothing with the product's.
package e2e
