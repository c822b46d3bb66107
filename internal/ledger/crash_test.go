package ledger

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/darkroom-project/darkroom/sdk/verify"
)

// The environment of a child that appends until it is killed.
const childDir, childKey = "LEDGER_CHILD_DIR", "LEDGER_CHILD_KEY"

// appendForEver is the child: it says each index that it was told is durable.
func appendForEver() error {
	ctx := context.Background()
	l, err := Open(ctx, Config{Dir: os.Getenv(childDir), PrivateKey: os.Getenv(childKey)}, quietLog())
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		index, err := l.Append(ctx, number(n))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(os.Stdout, "%d %d\n", n, index); err != nil {
			return err
		}
	}
}

// TestKill kills a process amid appends: what it was told is durable is in the log, at the index that it was told, and the log is whole.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t)
	promised := map[uint64][32]byte{}
	for _, lines := range []int{1, 3, 7, 12} {
		child := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // G204: this test itself
		child.Env = append(os.Environ(), childDir+"="+dir, childKey+"="+private)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(out)
		for seen := 0; scanner.Scan(); seen++ {
			left, right, _ := strings.Cut(scanner.Text(), " ")
			n, err1 := strconv.ParseUint(left, 10, 64)
			index, err2 := strconv.ParseUint(right, 10, 64)
			if err1 != nil || err2 != nil {
				t.Fatalf("the child says %q", scanner.Text())
			}
			promised[index] = number(n)
			if seen == lines {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed
	}
	l := openLog(t, dir, private)
	size := uint64(len(promised))
	index, err := l.Append(t.Context(), number(0))
	if err != nil || index < size {
		t.Fatal(index, size, err)
	}
	if err := l.Await(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	all := leaves(t, l)
	for index, commitment := range promised {
		if all[index] != commitment {
			t.Errorf("entry %d was lost", index)
		}
	}
	if _, err := verify.Log(os.DirFS(dir), public); err != nil {
		t.Error(err)
	}
}

// TestFork signs two histories with one key: each is whole, and together they convict.
func TestFork(t *testing.T) {
	private, public := newKey(t)
	trunk, branch := t.TempDir(), t.TempDir()
	l := openLog(t, trunk, private)
	grow(t, l, 0, 10)
	closeLog(t, l)
	copyDir(t, trunk, branch)
	l = openLog(t, trunk, private)
	grow(t, l, 10, 10)
	sealed, err := Seal(act(1))
	if err != nil {
		t.Fatal(err)
	}
	other := openLog(t, branch, private)
	index, err := other.Append(t.Context(), sealed.Commitment)
	if err != nil {
		t.Fatal(err)
	}
	grow(t, other, index+1, 5)
	receipt, err := other.Receipt(t.Context(), sealed.Body, sealed.Salt, index)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := verify.Contains(os.DirFS(branch), public, receipt); err != nil {
		t.Error(err)
	}
	_, _, err = verify.Contains(os.DirFS(trunk), public, receipt)
	wantReason(t, err, verify.ReasonForked)
	grow(t, l, 20, 1)
	_, err = verify.Extends(os.DirFS(branch), public, mustCheckpoint(t, l))
	wantReason(t, err, verify.ReasonCopyOlder)
}

func mustCheckpoint(t *testing.T, l *Log) []byte {
	t.Helper()
	signed, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestEveryByteOfARealLog flips a bit of each byte of every file that a small log has, with the partial tiles of its past, except the
// service's own state.
func TestEveryByteOfARealLog(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t)
	l := openLog(t, dir, private)
	for n := range uint64(6) {
		grow(t, l, n, 1)
	}
	closeLog(t, l)
	whole := fstest.MapFS{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(name, ".state/") {
			return err
		}
		raw, err := fs.ReadFile(os.DirFS(dir), name)
		whole[name] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := verify.Log(whole, public); err != nil || report.Files != 13 || len(report.Unchecked) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	for name, entry := range whole {
		for at := range entry.Data {
			entry.Data[at] ^= 4
			if _, err := verify.Log(whole, public); err == nil {
				t.Errorf("byte %d of %s was changed", at, name)
			}
			entry.Data[at] ^= 4
		}
	}
}
