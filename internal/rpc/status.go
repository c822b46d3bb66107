package rpc

import (
	"context"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/darkroom-project/darkroom/enclave"
)

// errorDomain qualifies our reasons in google.rpc.ErrorInfo.
const errorDomain = "darkroom"

// maxAlso is how many further reasons of a refusal are told.
const maxAlso = 50

// toStatus turns an error into what crosses the boundary: code, reason, arguments, both texts. Causes stay here. An unexpected failure of
// a call that was given up is told as that.
func toStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := enclave.AsError(err)
	if e.Kind == enclave.Internal {
		switch ctx.Err() {
		case context.Canceled:
			e = enclave.Fail(enclave.Canceled, "CALL_CANCELED")
		case context.DeadlineExceeded:
			e = enclave.Fail(enclave.Canceled, "CALL_DEADLINE")
		default:
			e = enclave.Fail(enclave.Internal, "INTERNAL")
		}
	}
	details := []proto.Message{
		&errdetails.ErrorInfo{Reason: e.Reason, Domain: errorDomain, Metadata: e.Args},
		&errdetails.LocalizedMessage{Locale: string(enclave.English), Message: e.In(enclave.English)},
		&errdetails.LocalizedMessage{Locale: string(enclave.Chinese), Message: e.In(enclave.Chinese)},
	}
	if bad, ok := errors.AsType[*fieldsError](err); ok {
		details = append(details, &errdetails.BadRequest{FieldViolations: bad.fields})
	}
	for _, also := range e.Also[:min(len(e.Also), maxAlso)] {
		details = append(details, seenReason(also))
	}
	full := &spb.Status{Code: int32(codeOf(e.Kind)), Message: e.In(enclave.English)} //nolint:gosec // a small number
	for _, detail := range details {
		// Always the same bytes: arguments in an order of chance would make refusals that are alike look different.
		packed := new(anypb.Any)
		if err := anypb.MarshalFrom(packed, detail, proto.MarshalOptions{Deterministic: true}); err != nil {
			return status.Error(codeOf(e.Kind), e.Reason) // text that is not UTF-8: the code must arrive all the same
		}
		full.Details = append(full.Details, packed)
	}
	return status.FromProto(full).Err()
}

func codeOf(kind enclave.Kind) codes.Code {
	switch kind {
	case enclave.Invalid:
		return codes.InvalidArgument
	case enclave.NotFound:
		return codes.NotFound
	case enclave.Unauthenticated:
		return codes.Unauthenticated
	case enclave.State:
		return codes.FailedPrecondition
	case enclave.Refused:
		return codes.PermissionDenied
	case enclave.Limit:
		return codes.ResourceExhausted
	case enclave.Canceled:
		return codes.Canceled
	case enclave.Unavailable:
		return codes.Unavailable
	case enclave.Internal:
	}
	return codes.Internal
}
