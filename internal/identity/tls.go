package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// ServerTLS is the server's side of mutual TLS 1.3. Its certificate is for the given hosts (names or IP addresses) and for localhost,
// has a key of its own that is never written anywhere, and is renewed by itself in a server that runs for months. A client that shows a
// certificate MUST show one of this CA that is valid now; one that shows none connects, so that health answers, and is no caller.
func (ca *CA) ServerTLS(hosts []string) (*tls.Config, error) {
	server := &serverCertificate{ca: ca, hosts: append([]string{"localhost", "127.0.0.1", "::1"}, hosts...)}
	if _, err := server.current(nil); err != nil {
		return nil, err
	}
	clients := x509.NewCertPool()
	clients.AddCert(ca.certificate)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, Time: ca.clock,
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: clients,
		GetCertificate: server.current, SessionTicketsDisabled: true,
	}, nil
}

// serverCertificate renews itself when half of its validity is over.
type serverCertificate struct {
	ca    *CA
	hosts []string

	mu    sync.Mutex // guards the two below
	pair  *tls.Certificate
	renew time.Time
}

func (s *serverCertificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.ca.clock(); s.pair == nil || now.After(s.renew) {
		pair, err := s.ca.issueServer(s.hosts)
		if err != nil {
			return nil, err
		}
		s.pair, s.renew = pair, now.Add(serverValidity/2)
	}
	return s.pair, nil
}

func (ca *CA) issueServer(hosts []string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, enclave.Internalf("make the server's key: %w", err)
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{Organization: []string{"Darkroom"}, CommonName: "Darkroom server"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if host != "" && !slices.Contains(template.DNSNames, host) {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := ca.sign(template, key.Public(), serverValidity)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
