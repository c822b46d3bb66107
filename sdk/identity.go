package sdk

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// Role is what a caller is in the domain.
type Role string

// The roles.
const (
	Operator  Role = "operator"  // 授权运营单位
	Authority Role = "authority" // 数据主管部门
	Source    Role = "source"    // 数源部门
	Reviewer  Role = "reviewer"  // 出域审核
	Auditor   Role = "auditor"   // 审计
)

// Identity is a person or service of an organisation.
type Identity struct {
	Role Role
	Org  string // [a-z][a-z0-9-]*
	Name string // [a-z][a-z0-9-]*
}

// WhoAmI returns the caller as its certificate names it.
func (c *Client) WhoAmI(ctx context.Context) (Identity, error) {
	r, err := c.identity.WhoAmI(ctx, &darkroomv1.WhoAmIRequest{})
	return toIdentity(r.GetIdentity()), received(err)
}

func toIdentity(i *darkroomv1.Identity) Identity {
	return Identity{Role: Role(word(i.GetRole().String(), "ROLE_")), Org: i.GetOrg(), Name: i.GetName()}
}

// IssueIdentity makes a key here, has the enclave sign a certificate for it, and returns the credential that its owner needs. The key
// never leaves this process otherwise. Days is 1 to 1096; 0 means 365.
func (c *Client) IssueIdentity(ctx context.Context, who Identity, days int) (Credential, error) {
	key, public, err := GenerateKey()
	if err != nil {
		return Credential{}, err
	}
	r, err := c.identity.IssueIdentity(ctx, &darkroomv1.IssueIdentityRequest{
		Identity: &darkroomv1.Identity{
			Role: darkroomv1.Role(darkroomv1.Role_value["ROLE_"+strings.ToUpper(string(who.Role))]), Org: who.Org, Name: who.Name,
		},
		PublicKey: public, ValidDays: int32(min(max(days, -1), 1<<20)),
	})
	if err != nil {
		return Credential{}, received(err)
	}
	issued := c.credential
	issued.Key = key
	issued.Certificate = EncodeCertificate(r.GetCertificate())
	issued.CA = EncodeCertificate(r.GetCaCertificate())
	return issued, issued.check()
}

// GenerateKey makes a private key for a credential (ECDSA P-256): the key as PKCS #8, PEM, and its public half as PKIX, DER.
func GenerateKey() (keyPEM string, publicDER []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", nil, fail(Internal, "CLIENT_FAULT").because(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", nil, fail(Internal, "CLIENT_FAULT").because(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return "", nil, fail(Internal, "CLIENT_FAULT").because(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), public, nil
}

// EncodeCertificate writes a certificate, DER, as PEM.
func EncodeCertificate(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
