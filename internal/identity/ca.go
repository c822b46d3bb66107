package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// MaxValidity is the longest time that a certificate is issued for: three years.
const MaxValidity = 1096 * 24 * time.Hour

const (
	caValidity     = 20 * 365 * 24 * time.Hour
	serverValidity = 90 * 24 * time.Hour
	clockSkew      = 5 * time.Minute // certificates are valid from this long ago, for machines whose clocks differ
)

// CA is the domain's certificate authority: an ECDSA P-256 key and its self-signed certificate. It is safe for concurrent use.
type CA struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	clock       func() time.Time
}

// Certificate is the CA's own certificate, DER.
func (ca *CA) Certificate() []byte { return ca.certificate.Raw }

// CertificatePEM is the CA's own certificate, PEM: what clients trust.
func (ca *CA) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: ca.certificate.Raw})
}

// Issue signs a client certificate, DER, for a PKIX public key, DER, valid from now for validity (more than 0, at most [MaxValidity] and
// at most as long as the CA itself). Keys are Ed25519, ECDSA P-256 or P-384, or RSA of 2048 to 8192 bits. Errors: IDENTITY_INVALID,
// IDENTITY_RESERVED, PUBLIC_KEY_INVALID, VALIDITY_INVALID.
func (ca *CA) Issue(who enclave.Caller, publicKeyDER []byte, validity time.Duration) ([]byte, error) {
	if err := check(who); err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(publicKeyDER)
	if err != nil {
		return nil, enclave.Fail(enclave.Invalid, "PUBLIC_KEY_INVALID").Because(err)
	}
	if !strong(public) {
		return nil, enclave.Fail(enclave.Invalid, "PUBLIC_KEY_INVALID")
	}
	if validity <= 0 || validity > MaxValidity || ca.clock().Add(validity).After(ca.certificate.NotAfter) {
		return nil, enclave.Fail(enclave.Invalid, "VALIDITY_INVALID")
	}
	return ca.sign(&x509.Certificate{
		Subject:     pkix.Name{Organization: []string{who.Org}, OrganizationalUnit: []string{string(who.Role)}, CommonName: who.Name},
		URIs:        []*url.URL{nameOf(who)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, public, validity)
}

// sign fills in what every certificate of the domain has in common and signs it.
func (ca *CA) sign(template *x509.Certificate, public crypto.PublicKey, validity time.Duration) ([]byte, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := ca.clock()
	template.SerialNumber, template.BasicConstraintsValid = serial, true
	template.NotBefore, template.NotAfter = now.Add(-clockSkew), now.Add(validity)
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, public, ca.key)
	if err != nil {
		return nil, enclave.Internalf("sign a certificate: %w", err)
	}
	return der, nil
}

// create makes a new authority.
func create(clock func() time.Time) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, enclave.Internalf("make the CA's key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := clock()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{Organization: []string{"Darkroom"}, CommonName: "Darkroom domain CA"},
		NotBefore: now.Add(-clockSkew), NotAfter: now.Add(caValidity), KeyUsage: x509.KeyUsageCertSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, enclave.Internalf("sign the CA's certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, enclave.Internalf("read the CA's certificate back: %w", err)
	}
	return &CA{key: key, certificate: certificate, clock: clock}, nil
}

// newSerial is 127 random bits (RFC 5280: positive, at most 20 bytes).
func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, enclave.Internalf("make a serial number: %w", err)
	}
	return serial.Add(serial, big.NewInt(1)), nil
}

func strong(public crypto.PublicKey) bool {
	switch key := public.(type) {
	case ed25519.PublicKey:
		return true
	case *ecdsa.PublicKey:
		return key.Curve == elliptic.P256() || key.Curve == elliptic.P384()
	case *rsa.PublicKey:
		return key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192
	}
	return false
}
