package policy

import (
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
)

// Description is a revision of the rules for people to read.
type Description struct {
	Revision enclave.Digest `json:"revision"`
	Files    []File         `json:"files"` // by path
	// Profiles are the effective numbers by name: the kind of subject, then what makes it stricter, "person/grade-4/census". A
	// grade or scenario that changes nothing is not listed.
	Profiles []enclave.Profile `json:"profiles"`
}

// Describe shows the rules and their effective numbers. The caller may keep and change what it gets.
func (e *Engine) Describe() Description {
	return Description{Revision: e.bundle.revision, Files: slices.Clone(e.bundle.files), Profiles: e.profiles.effective()}
}
