//go:build race

package main

// raced is whether the race detector is in the program, and so in the server that it starts. What a process takes is then the detector's, which
// keeps 5 to 10 times what the program itself does (https://go.dev/doc/articles/race_detector), and is not judged.
const raced = true
