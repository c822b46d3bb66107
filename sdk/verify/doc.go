// Package verify checks what a Darkroom domain has signed: receipts, checkpoints and whole copies of its ledger. It needs files and the
// domain's public key, no network and no service, and it imports nothing else of Darkroom, so that an auditor can build it alone.
//
// # What is in the ledger
//
// Each entry of the ledger is 32 bytes, a salted commitment to the record of one act:
//
//	commitment = SHA-256("darkroom/leaf/v1\n" || salt || body)
//
// where salt is 32 random bytes and body is the record, a JSON object in UTF-8, taken as it is: nothing here writes it again before it
// is hashed. A log that anyone may read so tells nothing about the acts in it, not even whether two are alike, and a body that
// must be forgotten can be destroyed without harm to a proof.
//
// The log over these entries is a Merkle tree as in RFC 6962: the hash of a leaf is SHA-256(0x00 || commitment). Its head, the
// checkpoint, is a signed note (C2SP tlog-checkpoint) and its files are laid out as in C2SP tlog-tiles.
//
// # Keys
//
// A key is a verifier key of golang.org/x/mod/sumdb/note, one line of text. Its name is the ledger's origin.
package verify
