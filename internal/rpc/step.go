package rpc

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/darkroom-project/darkroom/enclave"
)

// step is one layer around a call. It calls next at most once, with its own or a richer context.
type step func(ctx context.Context, method string, next func(context.Context) error) error

// check judges a message.
type check func(message proto.Message) error

// unary is the steps as interceptors, the message checked after the first of them and before the last.
func unary(before []step, valid check, after step) []grpc.UnaryServerInterceptor {
	var chain []grpc.UnaryServerInterceptor
	add := func(s step) {
		chain = append(chain, func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (response any, err error) {
			err = s(ctx, info.FullMethod, func(ctx context.Context) (err error) {
				response, err = handler(ctx, request)
				return err
			})
			if err != nil {
				return nil, err
			}
			return response, nil
		})
	}
	for _, s := range before {
		add(s)
	}
	chain = append(chain, func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if message, ok := request.(proto.Message); ok {
			if err := valid(message); err != nil {
				return nil, err
			}
		}
		return handler(ctx, request)
	})
	add(after)
	return chain
}

// streaming is the same for streams: their messages come later, and each is checked as it comes.
func streaming(before []step, valid check, after step) []grpc.StreamServerInterceptor {
	var chain []grpc.StreamServerInterceptor
	add := func(s step) {
		chain = append(chain, func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			return s(stream.Context(), info.FullMethod, func(ctx context.Context) error {
				return handler(server, &checkedStream{ServerStream: stream, ctx: ctx})
			})
		})
	}
	for _, s := range before {
		add(s)
	}
	chain = append(chain, func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		return handler(server, &checkedStream{ServerStream: stream, ctx: stream.Context(), valid: valid})
	})
	add(after)
	return chain
}

// checkedStream carries the steps' context, and checks what is received if it has a check.
type checkedStream struct {
	grpc.ServerStream
	ctx   context.Context //nolint:containedctx // how gRPC hands a stream's context on
	valid check
}

func (s *checkedStream) Context() context.Context { return s.ctx }

func (s *checkedStream) RecvMsg(message any) error {
	err := s.ServerStream.RecvMsg(message)
	if s.valid == nil {
		return err
	}
	if err != nil {
		return receiving(err)
	}
	if m, ok := message.(proto.Message); ok {
		return s.valid(m)
	}
	return nil
}

// receiving words what gRPC says of a message that did not arrive. The stream's end, io.EOF, stays as it is.
func receiving(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // gRPC documents io.EOF itself
		return err
	}
	switch status.Code(err) { //nolint:exhaustive // the rest is one case
	case codes.Canceled:
		return enclave.Fail(enclave.Canceled, "CALL_CANCELED").Because(err)
	case codes.DeadlineExceeded:
		return enclave.Fail(enclave.Canceled, "CALL_DEADLINE").Because(err)
	case codes.ResourceExhausted:
		return enclave.Fail(enclave.Limit, "MESSAGE_TOO_LARGE").Because(err)
	default:
		return enclave.Fail(enclave.Invalid, "MESSAGE_MALFORMED").Because(err)
	}
}
