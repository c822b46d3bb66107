package main

import (
	"fmt"
	"strconv"
	"strings"
)

// failAt is the environment variable that makes a server fail at one of its writes: "17 before" fails the 17th without doing it, "17 after" does
// it and says that it failed. "0 before" only counts.
const failAt = "DARKROOM_CRASH_FAIL"

// fault is which write fails, and how.
type fault struct {
	number int // from 1; 0 for none
	after  bool
}

func (f fault) String() string {
	if f.after {
		return fmt.Sprintf("%d after", f.number)
	}
	return fmt.Sprintf("%d before", f.number)
}

func (f fault) env() string { return failAt + "=" + f.String() }

func parseFault(text string) (fault, error) {
	number, how, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	return fault{n, how == "after"}, err
}

// tally is the file beside a server's directory in which a server that fails writes says, at its end, how many it made, and before that
// which one failed.
func tally(dir string) string { return logFile(dir) + ".writes" }
