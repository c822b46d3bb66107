// Package sdk is the client of a Darkroom enclave. An operator reads its credential, connects, uploads a module, submits a run under a
// grant, waits, and fetches what was released as Arrow record batches:
//
//	credential, err := sdk.ReadCredential("operator.json")
//	client, err := sdk.Dial(ctx, credential)
//	defer client.Close()
//	module, err := client.UploadModule(ctx, file)
//	run, err := client.Submit(ctx, sdk.Order{Grant: grant, Module: module.Digest})
//	run, err = client.Wait(ctx, run.ID)
//	batches, err := client.Fetch(ctx, run.ID)
//
// Objects are plain Go values. Where a method asks for an identifier it takes it with or without its collection: "k3…" and
// "grants/k3…" are the same grant. Every error is an [*Error] with a stable reason and a text in English and Chinese.
//
// Package sdk/verify checks receipts without a network.
package sdk
