package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/identity"
	"github.com/darkroom-project/darkroom/internal/run"
	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// Config is what a server works with. Every port must be set.
type Config struct {
	Catalog   Catalog
	Grants    Grants
	Modules   Modules
	Approvals Approvals
	Runs      Runs
	Reviews   Reviews
	Policy    Policy
	Rulebook  Rulebook
	Ledger    Ledger
	Access    Access
	CA        *identity.CA
	// Issue appends the act of a credential for somebody to the ledger, durably before it returns; or ORG_ROLE_CONFLICT: an organisation
	// either asks or decides (see [enclave.Role.Asks]).
	Issue func(ctx context.Context, who enclave.Caller, act enclave.Act) error
	// DryRun judges the last outputs anew by a bundle that is not in force (see [run.Register.DryRun]).
	DryRun func(ctx context.Context, caller enclave.Caller, bundle []byte, last int, exact bool) (*run.WhatIf, error)
	Clock  func() time.Time
	Log    *slog.Logger
	// TLS is of [identity.CA.ServerTLS].
	TLS *tls.Config
	// Spool is a directory that this server alone uses, for files under way. What a killed server left there is removed at the start.
	Spool string
	// MaxFile is the largest dataset file, in bytes. Default 16 GiB.
	MaxFile int64
	// MaxUploads is how many uploads an organisation may have under way at once, and how many results it may fetch at once: each is held in
	// memory until its last byte is taken. Default 4.
	MaxUploads int
}

// Limits of the connection.
const (
	defaultMaxFile    = 16 << 30
	defaultMaxUploads = 4
	maxReceived       = 4<<20 + 64<<10 // bytes of a message: a description with what is around it
	maxStreams        = 128            // at once on one connection
)

// Server is the gRPC server. It is safe for concurrent use.
type Server struct {
	server   *grpc.Server
	health   *health.Server
	stopping chan struct{} // closed by Shutdown, so that watchers leave
	once     sync.Once
}

// New makes a server; Serve starts it.
func New(c Config) (*Server, error) {
	if c.MaxFile <= 0 {
		c.MaxFile = defaultMaxFile
	}
	if c.MaxUploads <= 0 {
		c.MaxUploads = defaultMaxUploads
	}
	if err := sweep(c.Spool); err != nil {
		return nil, err
	}
	validator, err := protovalidate.New()
	if err != nil {
		return nil, enclave.Internalf("make the validator: %w", err)
	}
	s := &Server{health: health.NewServer(), stopping: make(chan struct{})}
	gate := &gate{access: c.Access, clock: c.Clock}
	steps := []step{guard(c.Log), logged(c.Log, c.Clock), gate.authenticate}
	s.server = grpc.NewServer(
		grpc.Creds(credentials.NewTLS(c.TLS)),
		grpc.ChainUnaryInterceptor(unary(steps, validated(validator), gate.authorise)...),
		grpc.ChainStreamInterceptor(streaming(steps, validated(validator), gate.authorise)...),
		grpc.MaxRecvMsgSize(maxReceived), grpc.MaxConcurrentStreams(maxStreams), grpc.ConnectionTimeout(20*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 20 * time.Second, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
	)
	uploads, fetches := newTransfers(c.MaxUploads, "UPLOADS_BUSY"), newTransfers(c.MaxUploads, "FETCHES_BUSY")
	darkroomv1.RegisterDatasetServiceServer(s.server, &datasets{Config: c, gate: gate, uploads: uploads})
	darkroomv1.RegisterGrantServiceServer(s.server, &grants{Config: c, gate: gate})
	darkroomv1.RegisterModuleServiceServer(s.server, &modules{Config: c, gate: gate, uploads: uploads})
	darkroomv1.RegisterApprovalServiceServer(s.server, &approvals{Config: c, gate: gate, fetches: fetches})
	darkroomv1.RegisterRunServiceServer(s.server, &runs{Config: c, gate: gate, stopping: s.stopping, fetches: fetches})
	darkroomv1.RegisterReviewServiceServer(s.server, &reviews{Config: c, gate: gate})
	darkroomv1.RegisterPolicyServiceServer(s.server, &policies{Config: c})
	darkroomv1.RegisterLedgerServiceServer(s.server, &ledger{Config: c, gate: gate})
	darkroomv1.RegisterIdentityServiceServer(s.server, &identities{Config: c})
	healthv1.RegisterHealthServer(s.server, s.health)
	reflection.Register(s.server)
	return s, nil
}

// Serve answers calls on a listener until Shutdown, and then returns nil, also if that came first. It closes the listener.
func (s *Server) Serve(listener net.Listener) error {
	if err := s.server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return enclave.Internalf("serve: %w", err)
	}
	return nil
}

// Shutdown takes no new calls, ends watchers, and waits for the calls under way, until ctx is done; then it cancels them and still waits
// until every handler has returned. It may be called more than once.
func (s *Server) Shutdown(ctx context.Context) {
	s.once.Do(func() {
		s.health.Shutdown()
		close(s.stopping)
	})
	hurry := context.AfterFunc(ctx, s.server.Stop)
	s.server.GracefulStop()
	hurry()
}

// sweep removes what a killed server left of its uploads.
func sweep(spool string) error {
	left, err := filepath.Glob(filepath.Join(spool, spoolPattern))
	if err != nil {
		return enclave.Internalf("sweep the spool: %w", err)
	}
	for _, file := range left {
		if err := os.Remove(file); err != nil {
			return enclave.Internalf("sweep the spool: %w", err)
		}
	}
	return nil
}
