package sdk

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	darkroomv1 "github.com/darkroom-project/darkroom/proto/darkroom/v1"
)

// Fetch returns a released result. The batches belong to Go's collector: releasing them is allowed and not needed. Errors: those of
// [Client.FetchTo] and of [ReadResult].
func (c *Client) Fetch(ctx context.Context, id string) ([]arrow.RecordBatch, error) {
	var stream bytes.Buffer
	if err := c.FetchTo(ctx, id, &stream); err != nil {
		return nil, err
	}
	return ReadResult(&stream)
}

// ReadResult reads a result's bytes, an Arrow IPC stream. Errors: RESULT_MALFORMED.
func ReadResult(stream io.Reader) ([]arrow.RecordBatch, error) {
	reader, err := ipc.NewReader(stream)
	if err != nil {
		return nil, fail(Internal, "RESULT_MALFORMED").because(err)
	}
	defer reader.Release()
	var batches []arrow.RecordBatch
	for reader.Next() {
		batch := reader.RecordBatch()
		batch.Retain() // the reader lets go of it at the next one
		batches = append(batches, batch)
	}
	if err := reader.Err(); err != nil && !errors.Is(err, io.EOF) {
		return nil, fail(Internal, "RESULT_MALFORMED").because(err)
	}
	return batches, nil
}

// FetchTo writes a released result to w as the Arrow IPC stream that it is, and checks that what arrived has the digest that the run
// names. RESULT_MISMATCH comes after everything was written: do not use what was.
func (c *Client) FetchTo(ctx context.Context, id string, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	run, err := c.GetRun(ctx, id)
	if err != nil {
		return err
	}
	stream, err := c.runs.FetchResult(ctx, &darkroomv1.FetchResultRequest{Name: in("runs", id)})
	if err != nil {
		return received(err)
	}
	sum := sha256.New()
	for {
		r, err := stream.Recv()
		if err == io.EOF { //nolint:errorlint // gRPC documents io.EOF itself
			break
		}
		if err != nil {
			return received(err)
		}
		_, _ = sum.Write(r.GetChunk()) // a hash never fails
		if _, err := w.Write(r.GetChunk()); err != nil {
			return fail(Invalid, "TARGET_UNWRITABLE").because(err)
		}
	}
	if hex.EncodeToString(sum.Sum(nil)) != run.Result {
		return fail(Internal, "RESULT_MISMATCH")
	}
	return nil
}

// ended is the error of a stream that stopped before it should have.
func ended(err error) error {
	if err == io.EOF { //nolint:errorlint // gRPC documents io.EOF itself
		return fail(Unavailable, "WATCH_ENDED")
	}
	return received(err)
}
