package run

import "github.com/darkroom-project/darkroom/enclave"

// Shown is the table of the reasons that an operator may see in prod.
func Shown() map[string][]string { return shown() }

// Sight is what everybody sees of a run that is not at work.
func Sight(state State) enclave.Run { return New(Config{}).sight(&state) }
