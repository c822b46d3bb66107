package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/term"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// printError words an error for a person, in their language, with its stable reason.
func (sh *shell) printError(err error) {
	texts, reason := sh.words(err)
	sh.note("CLI_ERROR", "text", texts[0])
	for _, also := range texts[1:] {
		sh.note("CLI_ALSO", "text", also)
	}
	sh.note("CLI_ERROR_REASON", "reason", reason)
	if sh.verbose {
		fmt.Fprintln(sh.err, term.Text(err.Error()))
	}
}

// words finds the texts and the reason of whatever a command may return: an error of the service, of verification, of a room that
// ran here, or of the machine.
func (sh *shell) words(err error) (texts []string, reason string) {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		texts = []string{e.In(string(sh.lang))}
		for _, also := range e.Also {
			texts = append(texts, also.In(string(sh.lang)))
		}
		return append(texts, cause(e, e.Kind == sdk.Internal)...), e.Reason
	}
	if e, ok := errors.AsType[*verify.Error](err); ok {
		return []string{sh.text(e.Reason, "file", e.File)}, e.Reason
	}
	if e, ok := errors.AsType[*enclave.Error](err); ok {
		for _, r := range e.Reasons() {
			texts = append(texts, r.In(sh.lang))
		}
		return append(texts, cause(e, e.Kind == enclave.Internal)...), e.Reason
	}
	return []string{sh.text("CLI_FAULT", "problem", err.Error())}, "CLI_FAULT"
}

// isFault reports whether an error arose on this machine and its text, if it has one, does not say that somebody stopped it.
func isFault(err error) bool {
	_, ofCall := errors.AsType[*sdk.Error](err)
	_, ofProof := errors.AsType[*verify.Error](err)
	kind := enclave.KindOf(err)
	return !ofCall && !ofProof && (kind == enclave.Internal || errors.Is(err, context.Canceled) && kind != enclave.Canceled)
}

// cause is what lies beneath an error that arose on this machine: whoever types the command may read it, and needs it where a file
// cannot be used or something failed inside. The enclave sends no causes.
func cause(err error, inside bool) []string {
	inner := errors.Unwrap(err)
	if file, ok := errors.AsType[*os.PathError](inner); ok {
		return []string{file.Error()}
	}
	if inner != nil && inside {
		return []string{inner.Error()}
	}
	return nil
}
