package sdk

import (
	"context"
	"io"
	"iter"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/protobuf/types/known/timestamppb"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// maxMessage is the largest message that is received, in bytes: a page of descriptions with their code lists.
const maxMessage = 64 << 20

// Client speaks with one enclave as one caller. It is safe for concurrent use. Close it when done.
type Client struct {
	credential Credential
	connection *grpc.ClientConn
	datasets   darkroomv1.DatasetServiceClient
	grants     darkroomv1.GrantServiceClient
	modules    darkroomv1.ModuleServiceClient
	approvals  darkroomv1.ApprovalServiceClient
	runs       darkroomv1.RunServiceClient
	reviews    darkroomv1.ReviewServiceClient
	policy     darkroomv1.PolicyServiceClient
	ledger     darkroomv1.LedgerServiceClient
	identity   darkroomv1.IdentityServiceClient
}

// Option changes how [Dial] connects.
type Option func(*options)

type options struct {
	address string
	grpc    []grpc.DialOption
}

// WithAddress dials another host:port than the credential's; the server must still show the credential's server name.
func WithAddress(address string) Option { return func(o *options) { o.address = address } }

// WithGRPC adds options of gRPC: interceptors, statistics, a dialer.
func WithGRPC(add ...grpc.DialOption) Option {
	return func(o *options) { o.grpc = append(o.grpc, add...) }
}

// Dial connects and asks the enclave who the credential names, so that a wrong address or credential shows at once. Errors:
// CREDENTIAL_MALFORMED, CREDENTIAL_EXPIRED, SERVER_UNREACHABLE, CONNECTION_UNTRUSTED.
func Dial(ctx context.Context, credential Credential, opts ...Option) (*Client, error) {
	if err := credential.check(); err != nil {
		return nil, err
	}
	if end := credential.Expires(); time.Now().After(end) {
		return nil, fail(Unauthenticated, "CREDENTIAL_EXPIRED", "date", end.UTC().Format(time.DateOnly))
	}
	config, err := credential.tls()
	if err != nil {
		return nil, err
	}
	o := options{address: credential.Address}
	for _, opt := range opts {
		opt(&o)
	}
	connection, err := grpc.NewClient("passthrough:///"+o.address, append([]grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute, Timeout: 20 * time.Second}),
	}, o.grpc...)...)
	if err != nil {
		return nil, received(err)
	}
	c := &Client{
		credential: credential,
		connection: connection,
		datasets:   darkroomv1.NewDatasetServiceClient(connection),
		grants:     darkroomv1.NewGrantServiceClient(connection),
		modules:    darkroomv1.NewModuleServiceClient(connection),
		approvals:  darkroomv1.NewApprovalServiceClient(connection),
		runs:       darkroomv1.NewRunServiceClient(connection),
		reviews:    darkroomv1.NewReviewServiceClient(connection),
		policy:     darkroomv1.NewPolicyServiceClient(connection),
		ledger:     darkroomv1.NewLedgerServiceClient(connection),
		identity:   darkroomv1.NewIdentityServiceClient(connection),
	}
	if _, err := c.WhoAmI(ctx); err != nil {
		_ = connection.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the connection; calls under way fail.
func (c *Client) Close() error { return received(c.connection.Close()) }

// in puts an identifier into its collection, if it is not there already: in("grants", "k3…") is "grants/k3…".
func in(collection, id string) string {
	if strings.HasPrefix(id, collection+"/") {
		return id
	}
	return collection + "/" + id
}

// last is the identifier at the end of a resource name.
func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// at is a time, the zero time if there is none.
func at(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// pages iterates over a list, asking for the next page when it is needed. An error is the last thing yielded.
func pages[T any](fetch func(token string) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for token := ""; ; {
			items, next, err := fetch(token)
			if err != nil {
				var none T
				yield(none, received(err))
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			token = next
		}
	}
}

// each converts a list.
func each[In, Out any](items []In, convert func(In) Out) []Out {
	out := make([]Out, len(items))
	for i, item := range items {
		out[i] = convert(item)
	}
	return out
}

// chunkSize is how many bytes go in one message of a stream; the enclave takes at most 1 MiB.
const chunkSize = 512 << 10

// pump sends what a reader holds, in chunks. A send that fails with io.EOF means that the enclave has answered already: the caller asks
// for that answer.
func pump(from io.Reader, send func([]byte) error, progress func(sent int64)) error {
	var sent int64
	for {
		buffer := make([]byte, chunkSize) // gRPC may still hold the one before
		n, err := readUpTo(from, buffer)
		if err != nil {
			return fail(Invalid, "SOURCE_UNREADABLE").because(err)
		}
		if n == 0 {
			return nil
		}
		if err := send(buffer[:n]); err == io.EOF { //nolint:errorlint // gRPC documents io.EOF itself
			return nil
		} else if err != nil {
			return received(err)
		}
		sent += int64(n)
		if progress != nil {
			progress(sent)
		}
	}
}

// readUpTo fills the buffer or reads to the end, whichever comes first.
func readUpTo(from io.Reader, buffer []byte) (int, error) {
	n, err := io.ReadFull(from, buffer)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return n, err
}
