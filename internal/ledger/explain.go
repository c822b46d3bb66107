package ledger

import (
	"errors"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// Explain turns an error of sdk/verify into one that the message catalogue has texts for, of kind Invalid: what was given does not hold. Other
// errors become what [enclave.AsError] makes of them. Explain(nil) is nil.
func Explain(err error) *enclave.Error {
	found, ok := errors.AsType[*verify.Error](err)
	if !ok {
		return enclave.AsError(err)
	}
	if found.File == "" {
		return enclave.Fail(enclave.Invalid, found.Reason).Because(err)
	}
	return enclave.Fail(enclave.Invalid, found.Reason, "file", found.File).Because(err)
}
