package identity

import (
	"crypto/x509"
	"net/url"
	"slices"
	"strings"

	"github.com/darkroom-project/darkroom/enclave"
)

const namePrefix = "darkroom://domain/"

// CallerOf reads who a certificate names. The certificate MUST already be verified against the domain's CA. It is strict: exactly one
// URI, of exactly the form that [CA.Issue] writes; anything else is CREDENTIAL_NAME.
func CallerOf(certificate *x509.Certificate) (enclave.Caller, error) {
	if len(certificate.URIs) != 1 {
		return enclave.Caller{}, enclave.Fail(enclave.Unauthenticated, "CREDENTIAL_NAME")
	}
	return parseName(certificate.URIs[0].String())
}

// parseName is the inverse of nameOf. Names have no character that a URI would escape, so the text is compared as it is and nothing
// is decoded.
func parseName(text string) (enclave.Caller, error) {
	path, ours := strings.CutPrefix(text, namePrefix)
	parts := strings.Split(path, "/")
	if !ours || len(parts) != 3 {
		return enclave.Caller{}, enclave.Fail(enclave.Unauthenticated, "CREDENTIAL_NAME")
	}
	who := enclave.Caller{Role: enclave.Role(parts[0]), Org: parts[1], Name: parts[2]}
	if err := check(who); err != nil {
		return enclave.Caller{}, enclave.Fail(enclave.Unauthenticated, "CREDENTIAL_NAME").Because(err)
	}
	return who, nil
}

func nameOf(who enclave.Caller) *url.URL {
	return &url.URL{Scheme: "darkroom", Host: "domain", Path: "/" + string(who.Role) + "/" + who.Org + "/" + who.Name}
}

func check(who enclave.Caller) error {
	switch {
	case !slices.Contains(enclave.Roles(), who.Role):
		return enclave.Fail(enclave.Invalid, "IDENTITY_INVALID", "place", "role")
	case !enclave.ValidName(who.Org):
		return enclave.Fail(enclave.Invalid, "IDENTITY_INVALID", "place", "org")
	case !enclave.ValidName(who.Name):
		return enclave.Fail(enclave.Invalid, "IDENTITY_INVALID", "place", "name")
	case who.Org == enclave.SelfOrg: // or its holder would read the entries of the enclave's own acts
		return enclave.Fail(enclave.Invalid, "IDENTITY_RESERVED", "org", who.Org)
	}
	return nil
}

// Conflict is the error for a credential by which an organisation would both ask and decide (see [enclave.Role.Asks]).
func Conflict(who enclave.Caller) *enclave.Error {
	return enclave.Fail(enclave.Refused, "ORG_ROLE_CONFLICT", "org", who.Org, "role", string(who.Role))
}
