package sdk

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"strconv"
	"time"
)

// CredentialVersion is the version of the credential file that this package writes and reads.
const CredentialVersion = 1

// maxCredential is the largest credential file, in bytes.
const maxCredential = 64 << 10

// Credential is all that a client needs, in one JSON file: where the enclave is, how to know it, and how to be known by it. It holds a
// private key: keep the file readable by its owner alone.
type Credential struct {
	Darkroom    int    `json:"darkroom"`    // CredentialVersion
	Address     string `json:"address"`     // host:port of the enclave
	ServerName  string `json:"server_name"` // name or IP address in the enclave's certificate
	CA          string `json:"ca"`          // the domain CA's certificate, PEM
	Certificate string `json:"certificate"` // the caller's certificate, PEM
	Key         string `json:"key"`         // its private key, PKCS #8, PEM
	LedgerKey   string `json:"ledger_key"`  // the domain's public key, as a note verifier key
}

// ReadCredential reads a credential file. Errors: CREDENTIAL_UNREADABLE, and those of [ParseCredential].
func ReadCredential(path string) (Credential, error) {
	file, err := os.Open(path) //nolint:gosec // the caller's own choice of file
	if err != nil {
		return Credential{}, fail(Invalid, "CREDENTIAL_UNREADABLE", "file", path).because(err)
	}
	defer file.Close() //nolint:errcheck // opened for reading; nothing is lost
	raw := make([]byte, maxCredential+1)
	n, err := readUpTo(file, raw)
	if err != nil {
		return Credential{}, fail(Invalid, "CREDENTIAL_UNREADABLE", "file", path).because(err)
	}
	return ParseCredential(raw[:n])
}

// ParseCredential reads the JSON of a credential and checks it: unknown fields, another version and parts that do not belong together are
// CREDENTIAL_MALFORMED, with what is wrong.
func ParseCredential(raw []byte) (Credential, error) {
	if len(raw) > maxCredential {
		return Credential{}, malformed("CREDENTIAL_TOO_LARGE")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var c Credential
	if err := dec.Decode(&c); err != nil {
		return Credential{}, malformed("CREDENTIAL_NOT_JSON").because(err)
	}
	if dec.More() {
		return Credential{}, malformed("CREDENTIAL_MORE")
	}
	return c, c.check()
}

// WriteFile writes the credential to a new file that its owner alone can read. It never overwrites: CREDENTIAL_EXISTS.
func (c Credential) WriteFile(path string) error {
	if err := c.check(); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fail(Internal, "CLIENT_FAULT").because(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the caller's own choice of file
	if errors.Is(err, fs.ErrExist) {
		return fail(State, "CREDENTIAL_EXISTS", "file", path)
	}
	if err != nil {
		return fail(Invalid, "CREDENTIAL_UNWRITABLE", "file", path).because(err)
	}
	_, err = file.Write(append(raw, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fail(Invalid, "CREDENTIAL_UNWRITABLE", "file", path).because(errors.Join(err, os.Remove(path)))
	}
	return nil
}

// String names the credential without its secret, so that it may be printed.
func (c Credential) String() string { return "credential for " + c.Address }

// GoString is String.
func (c Credential) GoString() string { return c.String() }

// check reports the first thing wrong.
func (c *Credential) check() error {
	if c.Darkroom != CredentialVersion {
		return malformed("CREDENTIAL_VERSION", "version", strconv.Itoa(c.Darkroom), "reads", strconv.Itoa(CredentialVersion))
	}
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		return malformed("CREDENTIAL_ADDRESS")
	}
	if c.ServerName == "" {
		return malformed("CREDENTIAL_EMPTY", "field", "server_name")
	}
	if c.LedgerKey == "" {
		return malformed("CREDENTIAL_EMPTY", "field", "ledger_key")
	}
	_, err := c.tls()
	return err
}

// tls is the client's side of the connection.
func (c *Credential) tls() (*tls.Config, error) {
	trust := x509.NewCertPool()
	if !trust.AppendCertsFromPEM([]byte(c.CA)) {
		return nil, malformed("CREDENTIAL_CA")
	}
	pair, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
	if err != nil {
		return nil, malformed("CREDENTIAL_PAIR").because(err)
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: trust, ServerName: c.ServerName,
		// Shown whatever the server asks for: a server that does not accept it then says so, instead of taking the call for a stranger's.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil },
	}, nil
}

// Expires is when the certificate ends; the zero time if there is none.
func (c *Credential) Expires() time.Time {
	pair, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
	if err != nil {
		return time.Time{}
	}
	return pair.Leaf.NotAfter
}

// malformed is CREDENTIAL_MALFORMED with a problem that is a text of the catalogue itself.
func malformed(problem string, args ...string) *Error {
	said := fail(Invalid, problem, args...)
	e := fail(Invalid, "CREDENTIAL_MALFORMED", "problem", said.English)
	e.Chinese = fail(Invalid, "CREDENTIAL_MALFORMED", "problem", said.Chinese).Chinese
	return e
}
