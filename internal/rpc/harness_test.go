package rpc_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/identity"
	"github.com/darkroom-project/darkroom/internal/rpc"
	"github.com/darkroom-project/darkroom/policy"
	"github.com/darkroom-project/darkroom/sdk"
)

// domain is a real server on loopback, over fake registers and the real access policy.
type domain struct {
	*fakes
	ca      *identity.CA
	server  *rpc.Server
	address string
	spool   string
	key     string
	now     atomic.Int64 // nanoseconds added to the clock
	log     lockedBuffer
	served  chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type realAccess struct{ engine *policy.Engine }

func (a realAccess) Access(ctx context.Context, r rpc.AccessRequest) (bool, error) {
	return a.engine.Access(ctx, policy.AccessInput{Caller: r.Caller, Method: r.Method, Owner: r.Owner, Parties: r.Parties})
}

var engine = sync.OnceValues(func() (*policy.Engine, error) { return policy.Default() })

func start(t *testing.T, change ...func(*rpc.Config)) *domain {
	t.Helper()
	rules, err := engine()
	if err != nil {
		t.Fatal(err)
	}
	d := &domain{fakes: &fakes{}, spool: t.TempDir(), served: make(chan error, 1)}
	clock := func() time.Time { return time.Now().Add(time.Duration(d.now.Load())) }
	if d.ca, err = identity.Open(t.TempDir(), clock); err != nil {
		t.Fatal(err)
	}
	secret, key, err := note.GenerateKey(rand.Reader, "darkroom.test")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := note.Sign(&note.Note{Text: "darkroom.test\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	d.key = key
	config := rpc.Config{
		Catalog: fakeCatalog{d.fakes}, Grants: fakeGrants{d.fakes}, Modules: fakeModules{d.fakes}, Approvals: fakeApprovals{d.fakes}, Runs: fakeRuns{d.fakes}, Reviews: fakeReviews{d.fakes},
		Policy: fakePolicy{}, Rulebook: fakeRulebook{d.fakes}, DryRun: d.fakes.dryRun, Ledger: fakeLedger{d.fakes, string(checkpoint), key}, Access: realAccess{rules}, CA: d.ca,
		Issue: func(_ context.Context, _ enclave.Caller, act enclave.Act) error {
			if err := d.err(nil); err != nil {
				return err
			}
			d.set(func(f *fakes) { f.acts = append(f.acts, act) })
			return nil
		},
		Clock: clock, Log: slog.New(slog.NewJSONHandler(&d.log, nil)), Spool: d.spool, MaxFile: 3 << 20, MaxUploads: 1,
	}
	if config.TLS, err = d.ca.ServerTLS(nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(&config)
	}
	if d.server, err = rpc.New(config); err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.address = listener.Addr().String()
	go func() { d.served <- d.server.Serve(listener) }()
	t.Cleanup(func() {
		d.stop(t)
		d.emptySpool(t)
	})
	return d
}

// stop shuts the server down at once and waits for all of it.
func (d *domain) stop(t *testing.T) {
	t.Helper()
	at, cancel := context.WithCancel(context.Background())
	cancel()
	d.server.Shutdown(at)
	if err := <-d.served; err != nil {
		t.Errorf("serve: %v", err)
	}
	d.served <- nil
}

func (d *domain) emptySpool(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(d.spool)
	if err != nil || len(left) != 0 {
		t.Errorf("%d files are left in the spool, err %v", len(left), err)
	}
}

func issued(t *testing.T, ca *identity.CA, who enclave.Caller) (certificate, key string) {
	t.Helper()
	key, public, err := sdk.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	der, err := ca.Issue(who, public, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return sdk.EncodeCertificate(der), key
}

func (d *domain) credential(t *testing.T, who enclave.Caller) sdk.Credential {
	t.Helper()
	c := sdk.Credential{
		Darkroom: sdk.CredentialVersion, Address: d.address, ServerName: "localhost", CA: string(d.ca.CertificatePEM()), LedgerKey: d.key,
	}
	c.Certificate, c.Key = issued(t, d.ca, who)
	return c
}

// connect opens a plain gRPC connection; nobody has no certificate.
func (d *domain) connect(t *testing.T, who enclave.Caller) *grpc.ClientConn {
	t.Helper()
	trust := x509.NewCertPool()
	trust.AppendCertsFromPEM(d.ca.CertificatePEM())
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: trust, ServerName: "localhost"}
	if who != nobody {
		certificate, key := issued(t, d.ca, who)
		pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	conn, err := grpc.NewClient("passthrough:///"+d.address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// call makes any call, unary or streaming, and returns everything that it answered.
func call(t *testing.T, conn *grpc.ClientConn, m protoreflect.MethodDescriptor, requests ...proto.Message) ([]proto.Message, error) {
	t.Helper()
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, methodName(m))
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		if err := stream.SendMsg(r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	var answers []proto.Message
	for {
		answer := dynamicpb.NewMessage(m.Output())
		if err := stream.RecvMsg(answer); errors.Is(err, io.EOF) {
			return answers, nil
		} else if err != nil {
			return answers, err
		}
		answers = append(answers, answer)
	}
}

func methodName(m protoreflect.MethodDescriptor) string {
	return "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
}

// details takes an error apart.
type details struct {
	info    *errdetails.ErrorInfo
	bad     *errdetails.BadRequest
	locales map[string]string
	others  []any
}

func detailsOf(err error) details {
	d := details{locales: map[string]string{}}
	for _, detail := range status.Convert(err).Details() {
		switch v := detail.(type) {
		case *errdetails.ErrorInfo:
			d.info = v
		case *errdetails.BadRequest:
			d.bad = v
		case *errdetails.LocalizedMessage:
			d.locales[v.GetLocale()] = v.GetMessage()
		default:
			d.others = append(d.others, v)
		}
	}
	return d
}

func reasonOf(err error) string { return detailsOf(err).info.GetReason() }
