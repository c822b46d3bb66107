package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
)

// caFile holds the CA's key and certificate together, so that there is never one without the other.
const caFile = "ca.pem"

const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
)

// Open reads the domain's CA from a directory, and makes it there if there is none yet. The directory and the file are readable by their
// owner alone. Several processes may open the same directory at once: one of them makes the CA. Clock says what time it is.
func Open(dir string, clock func() time.Time) (*CA, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, enclave.Internalf("make the CA's directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, enclave.Internalf("open the CA's directory: %w", err)
	}
	defer root.Close() //nolint:errcheck // opened for reading; nothing is lost
	raw, err := root.ReadFile(caFile)
	if errors.Is(err, fs.ErrNotExist) {
		ca, err := create(clock)
		if err != nil {
			return nil, err
		}
		if err := ca.write(root); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, enclave.Internalf("keep the CA: %w", err)
		}
		raw, err = root.ReadFile(caFile)
		if err != nil {
			return nil, enclave.Internalf("read the CA: %w", err)
		}
		return parse(raw, clock)
	}
	if err != nil {
		return nil, enclave.Internalf("read the CA: %w", err)
	}
	return parse(raw, clock)
}

// write keeps the CA durably, all or nothing: a complete file is linked to its name, which fails with fs.ErrExist if another process was
// first.
func (ca *CA) write(root *os.Root) error {
	key, err := x509.MarshalPKCS8PrivateKey(ca.key)
	if err != nil {
		return fmt.Errorf("encode the key: %w", err)
	}
	raw := append(pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: key}), ca.CertificatePEM()...)
	temporary := fmt.Sprintf("%s.%s", caFile, enclave.NewID())
	file, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(raw)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = root.Link(temporary, caFile)
	}
	return errors.Join(err, root.Remove(temporary), syncDir(root.Name()))
}

// syncDir makes a new name in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// parse reads the file that write wrote.
func parse(raw []byte, clock func() time.Time) (*CA, error) {
	first, rest := pem.Decode(raw)
	if first == nil || first.Type != pemKey {
		return nil, enclave.Internalf("%s holds no private key", caFile)
	}
	second, rest := pem.Decode(rest)
	if second == nil || second.Type != pemCertificate || len(bytes.TrimSpace(rest)) != 0 {
		return nil, enclave.Internalf("%s holds no certificate, or more than one", caFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(first.Bytes)
	if err != nil {
		return nil, enclave.Internalf("%s: %w", caFile, err)
	}
	certificate, err := x509.ParseCertificate(second.Bytes)
	if err != nil {
		return nil, enclave.Internalf("%s: %w", caFile, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !certificate.IsCA || !key.PublicKey.Equal(certificate.PublicKey) {
		return nil, enclave.Internalf("%s: key and certificate do not belong together", caFile)
	}
	return &CA{key: key, certificate: certificate, clock: clock}, nil
}
