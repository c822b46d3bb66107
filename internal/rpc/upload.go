package rpc

import (
	"errors"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/darkroom-project/darkroom/enclave"
)

// spoolPattern names the files of uploads under way.
const spoolPattern = "upload-*"

// maxModule is the largest module, in bytes. Profiles may set less.
const maxModule = 32 << 20

// transfers counts the uploads, or the fetched results, under way, so that no organisation fills disk and memory for all.
type transfers struct {
	limit  int
	reason string     // of the error beyond it
	mu     sync.Mutex // guards perOrg
	perOrg map[string]int
}

func newTransfers(limit int, reason string) *transfers {
	return &transfers{limit: limit, reason: reason, perOrg: map[string]int{}}
}

// enter takes a place for an organisation until leave is called, or fails with the reason.
func (u *transfers) enter(org string) (leave func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.perOrg[org] >= u.limit {
		return nil, enclave.Fail(enclave.Unavailable, u.reason, "limit", strconv.Itoa(u.limit))
	}
	u.perOrg[org]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.perOrg[org]--; u.perOrg[org] == 0 {
			delete(u.perOrg, org)
		}
	}, nil
}

// receive writes the chunks of a stream until its end, at most limit bytes.
func receive(next func() ([]byte, error), to io.Writer, limit int64) error {
	for left := limit; ; {
		chunk, err := next()
		if err == io.EOF { //nolint:errorlint // gRPC documents io.EOF itself
			return nil
		}
		if err != nil {
			return err
		}
		if left -= int64(len(chunk)); left < 0 {
			return enclave.Fail(enclave.Limit, "UPLOAD_TOO_LARGE", "limit", strconv.FormatInt(limit, 10))
		}
		if _, err := to.Write(chunk); err != nil {
			if errors.Is(err, syscall.ENOSPC) {
				return enclave.Fail(enclave.Unavailable, "UPLOAD_NO_SPACE").Because(err)
			}
			return enclave.Internalf("write an upload: %w", err)
		}
	}
}

// spool receives a stream into a file of its own, uses it, and removes it whatever happens.
func spool(dir string, next func() ([]byte, error), limit int64, use func(path string) error) (err error) {
	file, err := os.CreateTemp(dir, spoolPattern)
	if err != nil {
		return enclave.Internalf("make a spool file: %w", err)
	}
	defer func() {
		if removing := os.Remove(file.Name()); removing != nil && err == nil {
			err = enclave.Internalf("remove a spool file: %w", removing)
		}
	}()
	err = receive(next, file, limit)
	if closing := file.Close(); closing != nil && err == nil {
		err = enclave.Internalf("close a spool file: %w", closing)
	}
	if err != nil {
		return err
	}
	return use(file.Name())
}
