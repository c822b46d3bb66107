package verify

// Error says why something did not hold. Reason is a stable code, one of the Reason constants; File is set where one file of a ledger
// copy is to blame. The wrapped cause is for a person who digs deeper.
type Error struct {
	Reason string
	File   string
	cause  error
}

// The reasons of an Error. They are keys of Darkroom's message catalogue.
const (
	ReasonKey            = "LEDGER_KEY_MALFORMED"        // the public key is not a verifier key
	ReasonCheckpoint     = "LEDGER_CHECKPOINT_MALFORMED" // not a checkpoint
	ReasonSignature      = "LEDGER_CHECKPOINT_SIGNATURE" // not signed with this key
	ReasonOrigin         = "LEDGER_ORIGIN"               // of another ledger than the key's
	ReasonConsistency    = "LEDGER_INCONSISTENT"         // the proof does not lead from the older checkpoint to the newer
	ReasonForked         = "LEDGER_FORKED"               // two signed checkpoints that no one log can have
	ReasonFileMissing    = "LEDGER_FILE_MISSING"         // a file that the checkpoint needs is not in the copy
	ReasonFileMalformed  = "LEDGER_FILE_MALFORMED"       // of a size or form that it cannot have
	ReasonFileChanged    = "LEDGER_FILE_CHANGED"         // its hashes are not those of the entries
	ReasonEntriesChanged = "LEDGER_ENTRIES_CHANGED"      // the entries do not hash to the signed root
	ReasonCopyOlder      = "LEDGER_COPY_OLDER"           // the copy ends before the checkpoint that it is compared with
	ReasonReceiptLarge   = "RECEIPT_TOO_LARGE"           // larger than MaxReceipt
	ReasonReceipt        = "RECEIPT_MALFORMED"           // not a receipt
	ReasonProof          = "RECEIPT_PROOF"               // body, salt, index and proof do not lead to the signed root
	ReasonAct            = "RECEIPT_ACT"                 // the body is not the record of an act that this version knows
	ReasonNoResult       = "RECEIPT_NO_RESULT"           // the act does not name a result
	ReasonResult         = "RECEIPT_RESULT"              // the result is not the one that the act names
)

func fail(reason string, cause error) *Error { return &Error{Reason: reason, cause: cause} }

func failFile(reason, file string, cause error) *Error {
	return &Error{Reason: reason, File: file, cause: cause}
}

// Error is the reason, the file and the cause.
func (e *Error) Error() string {
	text := e.Reason
	if e.File != "" {
		text += " " + e.File
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is an *Error of the same reason, so that errors.Is(err, &Error{Reason: ReasonForked}) asks for a reason.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Reason == e.Reason
}
