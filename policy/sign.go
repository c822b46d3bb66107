package policy

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/bundle"

	"github.com/darkroom-project/darkroom/enclave"
)

// Bundles are signed in OPA's own format: .signatures.json holds one JWT over the digests of all other files. The algorithm is ECDSA on P-256
// with SHA-256, which OPA calls ES256; it knows no EdDSA.
const (
	signatureName = ".signatures.json"
	algorithm     = "ES256"
	// keyID is not asked for in signatures: a domain has one key.
	keyID = "darkroom"
)

// GenerateKey makes a key for signing bundles and the key to verify them with, both as PEM.
func GenerateKey() (private, public []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, enclave.Internalf("make a policy key: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, enclave.Internalf("encode a policy key: %w", err)
	}
	open, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, nil, enclave.Internalf("encode a policy key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}), nil
}

// Sign returns the files with a signature over all of them, in the place of any that was there. POLICY_KEY_UNUSABLE if private is no key
// of [GenerateKey]'s kind; POLICY_BUNDLE_INVALID for files that OPA does not take for a bundle.
func Sign(files []File, private []byte) ([]File, error) {
	if !isPrivate(private) {
		return nil, enclave.Fail(enclave.Invalid, "POLICY_KEY_UNUSABLE")
	}
	bare := Unsigned(files)
	hasher, err := opa.NewSignatureHasher(opa.SHA256)
	if err != nil {
		return nil, enclave.Internalf("sign a bundle: %w", err)
	}
	var infos []opa.FileInfo
	for _, f := range bare {
		info, err := digestOf(hasher, f)
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	token, err := opa.GenerateSignedToken(infos, opa.NewSigningConfig(string(private), algorithm, ""), "")
	if err != nil {
		return nil, enclave.Internalf("sign a bundle: %w", err)
	}
	signed := append(slices.Clip(bare), File{Path: signatureName, Text: `{"signatures":["` + token + `"]}` + "\n"})
	sortFiles(signed)
	return signed, nil
}

// Verify checks that a signature of the key covers exactly these files; the reason of any other answer is POLICY_BUNDLE_UNSIGNED or
// POLICY_SIGNATURE_INVALID. public is PEM.
func Verify(files []File, public []byte) error {
	if !slices.ContainsFunc(files, func(f File) bool { return f.Path == signatureName }) {
		return enclave.Fail(enclave.Refused, "POLICY_BUNDLE_UNSIGNED")
	}
	raw, err := EncodeArchive(files)
	if err != nil {
		return err
	}
	config := opa.NewVerificationConfig(map[string]*opa.KeyConfig{keyID: {Key: string(public), Algorithm: algorithm}}, keyID, "", nil)
	reader := opa.NewReader(bytes.NewReader(raw)).WithBundleVerificationConfig(config).WithRegoVersion(ast.RegoV1).WithCapabilities(capabilities())
	if _, err := reader.Read(); err != nil {
		return enclave.Fail(enclave.Refused, "POLICY_SIGNATURE_INVALID", "problem", err.Error())
	}
	return nil
}

// Unsigned is files without a signature, by path.
func Unsigned(files []File) []File {
	bare := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.Path == signatureName })
	sortFiles(bare)
	return bare
}

// digestOf is what a signature says of a file: of JSON the digest of what it means, of anything else that of its bytes.
func digestOf(hasher opa.SignatureHasher, f File) (opa.FileInfo, error) {
	var content any = []byte(f.Text)
	if opa.IsStructuredDoc(f.Path) {
		value, err := parseJSON(f)
		if err != nil {
			return opa.FileInfo{}, err
		}
		content = value
	}
	sum, err := hasher.HashFile(content)
	if err != nil {
		return opa.FileInfo{}, enclave.Internalf("digest %s: %w", f.Path, err)
	}
	return opa.NewFile(f.Path, hex.EncodeToString(sum), string(opa.SHA256)), nil
}

func isPrivate(raw []byte) bool {
	block, _ := pem.Decode(raw)
	if block == nil {
		return false
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = x509.ParseECPrivateKey(block.Bytes)
	}
	pair, ok := key.(*ecdsa.PrivateKey)
	return err == nil && ok && pair.Curve == elliptic.P256()
}
