// Package rpc is the enclave's gRPC API: it authenticates, checks and authorises every call, turns protobuf into nouns and back, and error
// kinds into statuses. Protobuf and gRPC go no further in.
//
// A call passes these steps, in this order, unary or streaming alike:
//
//	guard         recovers panics, turns errors into statuses
//	log           who called what, how it ended; never data
//	authenticate  the peer's certificate is a caller, or the call ends (health alone answers without one)
//	validate      every message against its protovalidate rules
//	authorise     may this role call this method at all?
//	handler       looks the object up, and asks again with its real owner
//
// A method that a role may never call is METHOD_FORBIDDEN. An object that exists but is not for this caller looks exactly like one that
// does not exist.
package rpc
