package rpc

import (
	"context"
	"crypto/x509"
	"strconv"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

const defaultValidDays = 365

// identities issues credentials.
type identities struct {
	darkroomv1.UnimplementedIdentityServiceServer
	Config
}

// IssueIdentity records the certificate before it hands it out, and refuses one by which an organisation would both ask and decide.
func (i *identities) IssueIdentity(ctx context.Context, r *darkroomv1.IssueIdentityRequest) (*darkroomv1.IssueIdentityResponse, error) {
	who := enclave.Caller{Role: roleFrom(r.GetIdentity().GetRole()), Org: r.GetIdentity().GetOrg(), Name: r.GetIdentity().GetName()}
	days := int(r.GetValidDays())
	if days == 0 {
		days = defaultValidDays
	}
	der, err := i.CA.Issue(who, r.GetPublicKey(), time.Duration(days)*24*time.Hour)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, enclave.Internalf("read a certificate back: %w", err)
	}
	act := enclave.NewAct(i.Clock(), callerOf(ctx), "identity.issue", "identities/"+who.Org+"/"+who.Name,
		"role", string(who.Role), "certificate", enclave.DigestOf(der).String(), "days", strconv.Itoa(days))
	if err := i.Issue(ctx, who, act); err != nil {
		return nil, err
	}
	return &darkroomv1.IssueIdentityResponse{
		Certificate: der, CaCertificate: i.CA.Certificate(), ExpireTime: seenTime(certificate.NotAfter),
	}, nil
}

func (i *identities) WhoAmI(ctx context.Context, _ *darkroomv1.WhoAmIRequest) (*darkroomv1.WhoAmIResponse, error) {
	return &darkroomv1.WhoAmIResponse{Identity: seenIdentity(callerOf(ctx))}, nil
}
