package app

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/identity"
	"github.com/darkroom-project/darkroom/sdk"
)

// first is the first credential's holder: it issues all others, for people by their names.
func first() enclave.Caller {
	return enclave.Caller{Role: enclave.Authority, Org: "data-authority", Name: "first"}
}

const firstValidity = 365 * 24 * time.Hour

// bootstrap writes the authority's first credential, once. Whoever can read the data directory could make one anyway.
func (a *App) bootstrap(at layout, ca *identity.CA, ledgerKey string, hosts []string) error {
	path := AuthorityCredential(at.root)
	if exists(path) {
		return nil
	}
	key, public, err := sdk.GenerateKey()
	if err != nil {
		return err
	}
	certificate, err := ca.Issue(first(), public, firstValidity)
	if err != nil {
		return err
	}
	address, name := a.reachable(hosts)
	// A start that is killed here must not leave half a file in its place: the next would take it for the whole.
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return enclave.Internalf("clear an unfinished credential: %w", err)
	}
	err = sdk.Credential{
		Darkroom: sdk.CredentialVersion, Address: address, ServerName: name,
		CA: string(ca.CertificatePEM()), Certificate: sdk.EncodeCertificate(certificate), Key: key, LedgerKey: ledgerKey,
	}.WriteFile(fresh)
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, path); err != nil {
		return enclave.Internalf("keep the authority's credential: %w", err)
	}
	return nil
}

// reachable is the address that clients dial: the one listened on, or, where that is every address of the machine, the first
// configured host.
func (a *App) reachable(hosts []string) (address, name string) {
	host, port, err := net.SplitHostPort(a.Address())
	if err != nil {
		return a.Address(), hosts[0]
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = hosts[len(hosts)-1]
	}
	return net.JoinHostPort(host, port), host
}
