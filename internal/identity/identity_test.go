package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/identity"
)

var li = enclave.Caller{Role: enclave.Operator, Org: "city-health", Name: "li"}

func open(t *testing.T, dir string, clock func() time.Time) *identity.CA {
	t.Helper()
	ca, err := identity.Open(dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func newKey(t *testing.T) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key, marshal(t, key.Public())
}

func marshal(t *testing.T, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func issue(t *testing.T, ca *identity.CA, who enclave.Caller) tls.Certificate {
	t.Helper()
	key, public := newKey(t)
	der, err := ca.Issue(who, public, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTheCAIsMadeOnceAndKeptPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ca")
	var together sync.WaitGroup
	made := make([]*identity.CA, 8)
	for i := range made {
		together.Go(func() { made[i], _ = identity.Open(dir, time.Now) })
	}
	together.Wait()
	for i, ca := range made {
		if ca == nil || string(ca.CertificatePEM()) != string(made[0].CertificatePEM()) {
			t.Fatalf("opening %d has another CA", i)
		}
	}
	if again := open(t, dir, time.Now); string(again.Certificate()) != string(made[0].Certificate()) {
		t.Error("the CA changed when it was opened again")
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("the directory holds %d files, err %v", len(files), err)
	}
	info, err := files[0].Info()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, err %v", info.Mode(), err)
	}
	if info, err = os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory mode %v, err %v", info.Mode(), err)
	}
}

func TestADamagedCAIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, time.Now)
	path := filepath.Join(dir, "ca.pem")
	whole, err := os.ReadFile(path) //nolint:gosec // a directory of this test
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	open(t, other, time.Now)
	foreign, err := os.ReadFile(filepath.Join(other, "ca.pem")) //nolint:gosec // a directory of this test
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(whole), "-----BEGIN CERTIFICATE")
	foreignAt := strings.Index(string(foreign), "-----BEGIN CERTIFICATE")
	for name, damaged := range map[string]string{
		"empty": "", "key alone": string(whole[:at]), "certificate alone": string(whole[at:]),
		"two certificates": string(whole) + string(whole[at:]), "another's certificate": string(whole[:at]) + string(foreign[foreignAt:]),
		"no DER": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + string(whole[at:]),
	} {
		if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := identity.Open(dir, time.Now); enclave.KindOf(err) != enclave.Internal || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIssueNamesTheCaller(t *testing.T) {
	ca := open(t, t.TempDir(), time.Now)
	for _, role := range enclave.Roles() {
		who := enclave.Caller{Role: role, Org: "o-1", Name: "n-2"}
		certificate, err := x509.ParseCertificate(issue(t, ca, who).Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := identity.CallerOf(certificate); err != nil || got != who {
			t.Errorf("%v became %v, err %v", who, got, err)
		}
		if certificate.IsCA || len(certificate.ExtKeyUsage) != 1 || certificate.ExtKeyUsage[0] != x509.ExtKeyUsageClientAuth {
			t.Errorf("%v may be used for more than a client's", who)
		}
	}
}

func TestIssueRefusesWhatIsNotAllowed(t *testing.T) {
	ca := open(t, t.TempDir(), time.Now)
	_, good := newKey(t)
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		who      enclave.Caller
		key      []byte
		validity time.Duration
		reason   string
	}{
		{"good", li, good, time.Hour, ""},
		{"ed25519", li, marshal(t, ed), time.Hour, ""},
		{"rsa", li, marshal(t, long.Public()), time.Hour, ""},
		{"the longest", li, good, identity.MaxValidity, ""},
		{"no role", enclave.Caller{Org: "a", Name: "b"}, good, time.Hour, "IDENTITY_INVALID"},
		{"unknown role", enclave.Caller{Role: "root", Org: "a", Name: "b"}, good, time.Hour, "IDENTITY_INVALID"},
		{"org with a slash", enclave.Caller{Role: enclave.Operator, Org: "a/b", Name: "b"}, good, time.Hour, "IDENTITY_INVALID"},
		{"the enclave itself", enclave.Caller{Role: enclave.Auditor, Org: "enclave", Name: "b"}, good, time.Hour, "IDENTITY_RESERVED"},
		{"no name", enclave.Caller{Role: enclave.Operator, Org: "a"}, good, time.Hour, "IDENTITY_INVALID"},
		{"no key", li, nil, time.Hour, "PUBLIC_KEY_INVALID"},
		{"weak curve", li, marshal(t, weak.Public()), time.Hour, "PUBLIC_KEY_INVALID"},
		{"no time", li, good, 0, "VALIDITY_INVALID"},
		{"the past", li, good, -time.Hour, "VALIDITY_INVALID"},
		{"too long", li, good, identity.MaxValidity + 1, "VALIDITY_INVALID"},
	} {
		_, err := ca.Issue(c.who, c.key, c.validity)
		if c.reason == "" && err != nil || c.reason != "" && !errors.Is(err, enclave.Fail(enclave.Invalid, c.reason)) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.reason != "" && !enclave.Known(c.reason) {
			t.Errorf("%s has no text", c.reason)
		}
	}
}

func TestIssueNeverOutlivesTheCA(t *testing.T) {
	now := time.Now()
	ca := open(t, t.TempDir(), func() time.Time { return now })
	_, key := newKey(t)
	now = now.Add(20*365*24*time.Hour - time.Minute)
	if _, err := ca.Issue(li, key, time.Hour); !errors.Is(err, enclave.Fail(enclave.Invalid, "VALIDITY_INVALID")) {
		t.Errorf("issued beyond the CA's end: %v", err)
	}
}

func TestCallerOfIsStrict(t *testing.T) {
	for _, texts := range [][]string{
		{},
		{"darkroom://domain/operator/a/b", "darkroom://domain/authority/a/b"},
		{"darkroom://domain/operator/a"},
		{"darkroom://domain/operator/a/b/c"},
		{"darkroom://domain/operator/a/b/"},
		{"darkroom://other/operator/a/b"},
		{"https://domain/operator/a/b"},
		{"darkroom://domain/root/a/b"},
		{"darkroom://domain/%6fperator/a/b"},
		{"darkroom://domain/operator/a/b?x=1"},
		{"darkroom://domain/operator/a/b#x"},
		{"darkroom://user@domain/operator/a/b"},
		{"darkroom://domain:1/operator/a/b"},
		{"darkroom://domain//operator/a/b"},
		{"darkroom://domain/operator/../authority/a/b"},
		{"darkroom://domain/Operator/a/b"},
		{"darkroom://domain/operator//b"},
	} {
		var uris []*url.URL
		for _, text := range texts {
			uri, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			uris = append(uris, uri)
		}
		who, err := identity.CallerOf(&x509.Certificate{URIs: uris})
		if !errors.Is(err, enclave.Fail(enclave.Unauthenticated, "CREDENTIAL_NAME")) || who != (enclave.Caller{}) {
			t.Errorf("%q named %v, err %v", texts, who, err)
		}
	}
}

// shake runs one handshake and returns the certificates that the server saw of the client.
func shake(t *testing.T, server, client *tls.Config) ([]*x509.Certificate, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's listener
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	type end struct {
		seen []*x509.Certificate
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		raw, err := listener.Accept()
		if err != nil {
			ended <- end{err: err}
			return
		}
		conn := tls.Server(raw, server)
		err = conn.HandshakeContext(t.Context())
		ended <- end{conn.ConnectionState().PeerCertificates, err}
		_ = conn.Close()
	}()
	raw, err := net.Dial("tcp", listener.Addr().String()) //nolint:noctx // a test's connection
	if err != nil {
		t.Fatal(err)
	}
	conn := tls.Client(raw, client)
	err = conn.HandshakeContext(t.Context())
	if err == nil {
		_, _ = conn.Read(make([]byte, 1)) // a client of TLS 1.3 hears of its refusal only when it reads
	}
	_ = conn.Close()
	got := <-ended
	return got.seen, errors.Join(err, got.err)
}

func TestMutualTLS(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	ca, foreign := open(t, t.TempDir(), clock), open(t, t.TempDir(), clock)
	server, err := ca.ServerTLS([]string{"darkroom.example", "192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	trust := x509.NewCertPool()
	trust.AppendCertsFromPEM(ca.CertificatePEM())
	client := func(host string, pairs ...tls.Certificate) *tls.Config {
		return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trust, ServerName: host, Certificates: pairs, Time: clock}
	}
	own := issue(t, ca, li)
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "darkroom.example", "192.0.2.7"} {
		seen, err := shake(t, server, client(host, own))
		if err != nil || len(seen) != 1 {
			t.Fatalf("%s: %d certificates, err %v", host, len(seen), err)
		}
		if who, err := identity.CallerOf(seen[0]); err != nil || who != li {
			t.Errorf("%s: %v, err %v", host, who, err)
		}
	}
	if seen, err := shake(t, server, client("localhost")); err != nil || len(seen) != 0 {
		t.Errorf("without a certificate: %d certificates, err %v", len(seen), err)
	}
	if _, err := shake(t, server, client("other.example", own)); err == nil {
		t.Error("the server passed for another host")
	}
	stranger := issue(t, foreign, li)
	force := client("localhost")
	force.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }
	if _, err := shake(t, server, force); err == nil {
		t.Error("a certificate of another CA was taken")
	}
	old := client("localhost", own)
	old.MaxVersion = tls.VersionTLS12
	if _, err := shake(t, server, old); err == nil {
		t.Error("TLS 1.2 was spoken")
	}
	now = now.Add(2 * time.Hour) // the client's certificate is over, the server's is not
	if _, err := shake(t, server, client("localhost", own)); err == nil {
		t.Error("an expired certificate was taken")
	}
	now = now.Add(300 * 24 * time.Hour) // the server's first certificate would be over too
	if _, err := shake(t, server, client("localhost", issue(t, ca, li))); err != nil {
		t.Errorf("the server's certificate was not renewed: %v", err)
	}
}
