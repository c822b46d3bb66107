package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

// printError words an error for a person, in their language, with its stable reason.
func (sh *shell) printError(err error) {
	texts, reason := sh.words(err)
	fmt.Fprintln(sh.err, sh.text("CLI_ERROR", "text", texts[0]))
	for _, also := range texts[1:] {
		fmt.Fprintln(sh.err, sh.text("CLI_ALSO", "text", also))
	}
	if reason != "" {
		fmt.Fprintln(sh.err, sh.text("CLI_ERROR_REASON", "reason", reason))
	}
	if sh.verbose {
		fmt.Fprintln(sh.err, err)
	}
}

// words finds the texts and the reason of whatever a command may return: an error of the service, of verification, of a room that
// ran here, or of the machine.
func (sh *shell) words(err error) (texts []string, reason string) {
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return []string{e.In(string(sh.lang))}, e.Reason
	}
	if e, ok := errors.AsType[*verify.Error](err); ok {
		return []string{sh.text(e.Reason, "file", e.File)}, e.Reason
	}
	if e, ok := errors.AsType[*enclave.Error](err); ok {
		for _, r := range e.Reasons() {
			texts = append(texts, r.In(sh.lang))
		}
		return texts, e.Reason
	}
	return []string{err.Error()}, ""
}

func readAll(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, fileError("-", err)
	}
	return raw, nil
}

// must is for mistakes of the program that the first start shows.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
