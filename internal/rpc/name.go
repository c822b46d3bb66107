package rpc

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// Resource names are collection/identifier pairs (AIP-122). Their form was validated before they are taken apart here.

func datasetName(name string) string          { return "datasets/" + name }
func grantName(id string) string              { return "grants/" + id }
func runName(id string) string                { return "runs/" + id }
func moduleName(digest enclave.Digest) string { return "modules/" + digest.String() }

func snapshotName(dataset string, digest enclave.Digest) string {
	return datasetName(dataset) + "/snapshots/" + digest.String()
}

// last is the identifier at the end of a name.
func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// splitSnapshot takes the name of a snapshot apart.
func splitSnapshot(name string) (string, enclave.Digest, error) {
	parent, digest, _ := strings.Cut(name, "/snapshots/")
	parsed, err := enclave.ParseDigest(digest)
	return last(parent), parsed, err
}

// The enum's numbers are the roles' places in this list, from 1.
func roles() []enclave.Role {
	return []enclave.Role{"", enclave.Operator, enclave.Authority, enclave.SourceOrg, enclave.Reviewer, enclave.Auditor}
}

func roleOf(r enclave.Role) darkroomv1.Role {
	return darkroomv1.Role(max(0, slices.Index(roles(), r))) //nolint:gosec // a place in a short list
}

func roleFrom(r darkroomv1.Role) enclave.Role {
	if int(r) < 0 || int(r) >= len(roles()) {
		return ""
	}
	return roles()[r]
}

func toJSON(v any) (string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return "", enclave.Internalf("encode: %w", err)
	}
	return string(raw), nil
}
