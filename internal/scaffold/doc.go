// Package scaffold helps the authors of modules: it writes the folder of a new module, builds it with the go tool, and tests it on
// synthetic rows. It also carries the compiled guests of the demo.
package scaffold
