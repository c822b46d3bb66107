package rpc

import (
	"errors"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	"github.com/darkroom-project/darkroom/enclave"
)

// maxFields is how many wrong fields of a request are told.
const maxFields = 20

// fieldsError is the cause of INVALID_REQUEST: it becomes the status's google.rpc.BadRequest.
type fieldsError struct {
	fields []*errdetails.BadRequest_FieldViolation
}

func (*fieldsError) Error() string { return "fields of the request break their rules" }

// badField is INVALID_REQUEST for one field.
func badField(field, rule, expected string) *enclave.Error {
	return badRequest([]*errdetails.BadRequest_FieldViolation{{Field: field, Reason: rule, Description: expected}})
}

func badRequest(fields []*errdetails.BadRequest_FieldViolation) *enclave.Error {
	first := fields[0]
	return enclave.Fail(enclave.Invalid, "INVALID_REQUEST",
		"field", first.GetField(), "rule", first.GetReason(), "expected", first.GetDescription()).Because(&fieldsError{fields})
}

// validated checks messages against the rules in their descriptors. What it tells are the rules, never the values.
func validated(validator protovalidate.Validator) check {
	return func(message proto.Message) error {
		err := validator.Validate(message)
		if err == nil {
			return nil
		}
		invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
		if !ok || len(invalid.Violations) == 0 {
			return enclave.Internalf("validate: %w", err)
		}
		var fields []*errdetails.BadRequest_FieldViolation
		for _, v := range invalid.Violations[:min(len(invalid.Violations), maxFields)] {
			fields = append(fields, &errdetails.BadRequest_FieldViolation{
				Field: protovalidate.FieldPathString(v.Proto.GetField()), Reason: v.Proto.GetRuleId(), Description: v.Proto.GetMessage(),
			})
		}
		return badRequest(fields)
	}
}
