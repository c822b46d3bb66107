package sdk

import (
	"context"
	_ "embed" // the texts
	"encoding/json"
	"errors"
	"strings"
	"sync"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// Kind says what sort of failure an [Error] is, and so what can be done about it.
type Kind string

// The kinds of failure.
const (
	Invalid         Kind = "invalid"         // the input is malformed; correct it
	NotFound        Kind = "not-found"       // missing, or not for this caller: the two look the same
	Unauthenticated Kind = "unauthenticated" // no valid credential
	State           Kind = "state"           // well-formed, but not in this state of the object
	Refused         Kind = "refused"         // policy says no
	Limit           Kind = "limit"           // larger than a stated limit
	Canceled        Kind = "canceled"        // the caller or the authority stopped it, or its deadline passed
	Unavailable     Kind = "unavailable"     // passing; try again
	Internal        Kind = "internal"        // a fault of Darkroom
)

// Error is the one error type of this package; errors.As finds it. Reason is stable and meant for programs; English and Chinese are for
// people and say what to do.
type Error struct {
	Kind    Kind
	Reason  string
	Args    map[string]string // the values in the texts
	English string
	Chinese string
	Fields  []Field  // which fields of a request were wrong, where Reason is INVALID_REQUEST
	Also    []Reason // further reasons of the same refusal
	cause   error
}

// Field is a field of a request that was wrong.
type Field struct {
	Name string // path, "scopes[0].columns"
	Rule string // what it must keep to
}

// Reason is why, as a stable code with its texts.
type Reason struct {
	Code    string
	Args    map[string]string
	English string
	Chinese string
}

// In is the text in a language: "zh" is Chinese, anything else English.
func (r Reason) In(lang string) string {
	if lang == "zh" {
		return r.Chinese
	}
	return r.English
}

// Error is the reason and the English text, with the cause if there is one.
func (e *Error) Error() string {
	text := e.Reason + ": " + e.English
	if e.cause != nil {
		text += " (" + e.cause.Error() + ")"
	}
	return text
}

// In is the text for a person: "zh" is Chinese, anything else English.
func (e *Error) In(lang string) string {
	if lang == "zh" {
		return e.Chinese
	}
	return e.English
}

// Unwrap returns the cause: the context's error if the caller's own context ended the call.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is an *Error of the same reason: errors.Is(err, &sdk.Error{Reason: "OBJECT_NOT_FOUND"}).
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Reason == e.Reason
}

// ReasonOf is the stable reason of an error of this package, "" for any other.
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}

func (e *Error) because(cause error) *Error {
	e.cause = cause
	return e
}

//go:embed messages.json
var messages []byte

// texts are of the errors that arise on this side of the connection; the enclave sends its own.
var texts = sync.OnceValue(func() map[string]struct{ EN, ZH string } {
	var all map[string]struct{ EN, ZH string }
	if err := json.Unmarshal(messages, &all); err != nil {
		panic(err) // a broken embedded file, which the first test meets
	}
	return all
})

// fail makes an error of this side. Args are pairs of name and value.
func fail(kind Kind, reason string, args ...string) *Error {
	e := &Error{Kind: kind, Reason: reason, Args: map[string]string{}}
	fill := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		e.Args[args[i]] = args[i+1]
		fill = append(fill, "{"+args[i]+"}", args[i+1])
	}
	text := texts()[reason]
	replace := strings.NewReplacer(fill...)
	e.English, e.Chinese = replace.Replace(text.EN), replace.Replace(text.ZH)
	return e
}

// received turns what gRPC returned into an *Error. It is nil for nil.
func received(err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	s := status.Convert(err)
	e := &Error{Kind: kinds()[s.Code()], English: s.Message()}
	if e.Kind == "" {
		e.Kind = Internal
	}
	for _, detail := range s.Details() {
		e.take(detail)
	}
	if e.Reason == "" {
		return bare(s)
	}
	switch s.Code() { //nolint:exhaustive // the two ends of a context
	case codes.Canceled:
		e.cause = context.Canceled
	case codes.DeadlineExceeded:
		e.cause = context.DeadlineExceeded
	}
	return e
}

func (e *Error) take(detail any) {
	switch d := detail.(type) {
	case *errdetails.ErrorInfo:
		e.Reason, e.Args = d.GetReason(), d.GetMetadata()
	case *errdetails.LocalizedMessage:
		switch d.GetLocale() {
		case "en":
			e.English = d.GetMessage()
		case "zh":
			e.Chinese = d.GetMessage()
		}
	case *errdetails.BadRequest:
		for _, v := range d.GetFieldViolations() {
			e.Fields = append(e.Fields, Field{Name: v.GetField(), Rule: v.GetDescription()})
		}
	case *darkroomv1.Reason:
		e.Also = append(e.Also, reasonOf(d))
	}
}

// bare is for a status that did not come from Darkroom's own code but from gRPC on either side.
func bare(s *status.Status) *Error {
	switch s.Code() { //nolint:exhaustive // the rest is one case
	case codes.Canceled:
		return fail(Canceled, "CALL_CANCELED").because(context.Canceled)
	case codes.DeadlineExceeded:
		return fail(Canceled, "CALL_DEADLINE").because(context.DeadlineExceeded)
	case codes.ResourceExhausted:
		return fail(Limit, "MESSAGE_TOO_LARGE").because(s.Err())
	case codes.Unimplemented:
		return fail(Invalid, "METHOD_UNKNOWN").because(s.Err())
	case codes.Unavailable:
		// A handshake that broke off, because the enclave was just stopped, says nothing about trust.
		if strings.Contains(s.Message(), "tls: ") || strings.Contains(s.Message(), "x509: ") {
			return fail(Unauthenticated, "CONNECTION_UNTRUSTED").because(s.Err())
		}
		return fail(Unavailable, "SERVER_UNREACHABLE").because(s.Err())
	}
	return fail(Internal, "CLIENT_FAULT").because(s.Err())
}

func kinds() map[codes.Code]Kind {
	return map[codes.Code]Kind{
		codes.InvalidArgument: Invalid, codes.NotFound: NotFound, codes.Unauthenticated: Unauthenticated, codes.FailedPrecondition: State,
		codes.PermissionDenied: Refused, codes.ResourceExhausted: Limit, codes.Canceled: Canceled, codes.DeadlineExceeded: Canceled,
		codes.Unavailable: Unavailable, codes.Internal: Internal,
	}
}

func reasonOf(r *darkroomv1.Reason) Reason {
	return Reason{Code: r.GetCode(), Args: r.GetArgs(), English: r.GetTextEn(), Chinese: r.GetTextZh()}
}
