package enclave

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure an [Error] is, and so what its receiver can do about it.
// Kinds map one to one to gRPC status codes in internal/rpc.
type Kind string

// The kinds of failure.
const (
	Invalid         Kind = "invalid"         // the input is malformed; correct it
	NotFound        Kind = "not-found"       // missing, or not for this caller: the two look the same from outside
	Unauthenticated Kind = "unauthenticated" // no valid credential
	State           Kind = "state"           // well-formed, but not in this state of the object
	Refused         Kind = "refused"         // policy says no
	Limit           Kind = "limit"           // larger than a stated limit
	Canceled        Kind = "canceled"        // the caller or the authority stopped it
	Unavailable     Kind = "unavailable"     // passing; try again
	Internal        Kind = "internal"        // a fault of Darkroom; its text stays inside
)

// Error is the one error type of Darkroom. Reason is a stable code in UPPER_SNAKE, the key of its English and Chinese text
// in the message catalogue (see [Message]); Args fill that text in.
//
// Toward an operator, Args MUST NOT hold data or anything derived from data. The cause is for logs and tests inside the
// enclave; it never crosses the RPC boundary.
type Error struct {
	Kind   Kind
	Reason string
	Args   map[string]string
	Also   []Reason // further reasons of the same refusal
	cause  error
}

// Fail makes an Error. Args are pairs of a name in the catalogue's text and its value.
func Fail(kind Kind, reason string, args ...string) *Error {
	return &Error{Kind: kind, Reason: reason, Args: pairs(args)}
}

// Refusal is the error of a judgement that did not let something pass, with all of its reasons.
func Refusal(j Judgement) *Error {
	if len(j.Reasons) == 0 {
		return Fail(Refused, "POLICY_FAULT")
	}
	first := j.Reasons[0]
	return &Error{Kind: Refused, Reason: first.Code, Args: first.Args, Also: j.Reasons[1:]}
}

// Reasons are the error's own reason and those beside it.
func (e *Error) Reasons() []Reason {
	return append([]Reason{{Code: e.Reason, Args: e.Args}}, e.Also...)
}

// Because attaches the inner cause and returns e.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// Error is the English text, followed by the cause if there is one.
func (e *Error) Error() string {
	text := e.In(English)
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// In is the text for a person in the given language, without the cause.
func (e *Error) In(lang Lang) string { return Message(lang, e.Reason, e.Args) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is an *Error of the same reason, so that errors.Is(err, Fail(kind, "REASON")) asks for a reason.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Reason == e.Reason
}

// AsError finds the *Error in err's chain; anything else is Internal, with err as its cause. AsError(nil) is nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return Fail(Internal, "INTERNAL").Because(err)
}

// KindOf is the kind of an error, Internal if it is not one of ours. A nil error has none, "".
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	return AsError(err).Kind
}

// Internalf wraps an unexpected failure: its text is for the log only.
func Internalf(format string, args ...any) *Error {
	return Fail(Internal, "INTERNAL").Because(fmt.Errorf(format, args...))
}
