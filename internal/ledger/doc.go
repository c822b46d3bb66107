// Package ledger keeps the domain's append-only Merkle log of salted commitments to acts (see sdk/verify for what an entry is), on tessera
// with POSIX storage. It appends, waits for signed checkpoints, and proves; the records themselves live in the store.
//
// # What is durable when
//
// [Log.Append] returns when the entry is on disk and has its index for good; a crash does not lose it. A checkpoint that covers it is
// signed at most two checkpoint intervals later, also after a restart; [Log.Await] waits for that. Act records need the former, a
// release needs the latter.
//
// # Outbox
//
// A state change writes its sealed entry into the store's outbox in its own transaction, and [Pump] carries entries from there into the
// log: at once what somebody waits for, with all before it; the rest within [MaxDelay], since an idle log signs at once, but not twice
// in an interval. Until then an act is durable in the store alone. After a crash between append and mark, the pump looks for the outbox's
// entries in the log before it appends any, so that none is there twice.
//
// # One owner
//
// A log directory has one process at a time: Open takes a lock on it. Whoever wants to read copies the directory or serves its files;
// all but the state directory is public, and says nothing about the acts.
package ledger
