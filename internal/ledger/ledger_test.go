package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/sdk/verify"
)

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestMain(m *testing.M) {
	RedirectLogs(quietLog())
	if os.Getenv(childDir) != "" {
		if err := appendForEver(); err != nil {
			panic(err)
		}
		return
	}
	m.Run()
}

// newKey is a key pair of a test domain.
func newKey(tb testing.TB) (private, public string) {
	tb.Helper()
	private, public, err := GenerateKey("test.example/darkroom")
	if err != nil {
		tb.Fatal(err)
	}
	return private, public
}

func openLog(tb testing.TB, dir, private string) *Log {
	tb.Helper()
	l, err := Open(tb.Context(), Config{Dir: dir, PrivateKey: private}, quietLog())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closeLog(tb, l) })
	return l
}

func closeLog(tb testing.TB, l *Log) {
	tb.Helper()
	if err := l.Close(context.WithoutCancel(tb.Context())); err != nil {
		tb.Error(err)
	}
}

// number is the commitment that the tests use as their nth.
func number[T int | uint64](n T) [32]byte { return sha256.Sum256(fmt.Append(nil, n)) }

// grow appends entries first to first+count-1 and waits until they are signed.
func grow(tb testing.TB, l *Log, first, count uint64) {
	tb.Helper()
	for start := first; start < first+count; start += batchSize {
		var batch [][32]byte
		for n := start; n < min(start+batchSize, first+count); n++ {
			batch = append(batch, number(n))
		}
		results, err := l.appendAll(tb.Context(), batch)
		if err != nil {
			tb.Fatal(err)
		}
		for i, result := range results {
			if result.err != nil || result.index != start+uint64(i) {
				tb.Fatalf("entry %d: index %d, %v", start+uint64(i), result.index, result.err)
			}
		}
	}
	if err := l.Await(tb.Context(), first+count-1); err != nil {
		tb.Fatal(err)
	}
}

func wantReason(t *testing.T, err error, reason string) {
	t.Helper()
	if !errors.Is(err, enclave.Fail("", reason)) && !errors.Is(err, &verify.Error{Reason: reason}) {
		t.Errorf("got %v, want %s", err, reason)
	}
}

func act(n int) enclave.Act {
	who := enclave.Caller{Role: enclave.Operator, Org: "有限公司 <&>", Name: "li"}
	when := time.Date(2026, 1, 2, 3, 4, 5, int(6*time.Millisecond), time.UTC)
	return enclave.NewAct(when, who, "run.release", "runs/"+string(rune('a'+n%26)), "result", enclave.DigestOf([]byte("result")).String())
}

// TestReceipt walks the whole way: seal, append, await, receipt, file, offline verification against a copy of the log.
func TestReceipt(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t)
	l := openLog(t, dir, private)
	if l.Key() != public {
		t.Fatalf("key %q, generated %q", l.Key(), public)
	}
	grow(t, l, 0, 300)
	record := act(0)
	sealed, err := Seal(record)
	if err != nil {
		t.Fatal(err)
	}
	index, err := l.Append(t.Context(), sealed.Commitment)
	if err != nil || index != 300 {
		t.Fatal(index, err)
	}
	if err := l.Await(t.Context(), index); err != nil {
		t.Fatal(err)
	}
	receipt, err := l.Receipt(t.Context(), sealed.Body, sealed.Salt, index)
	if err != nil {
		t.Fatal(err)
	}
	file, err := receipt.Encode()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := verify.ParseReceipt(file)
	if err != nil {
		t.Fatal(err)
	}
	grow(t, l, 301, 10)
	statement, report, err := verify.Contains(os.DirFS(dir), public, parsed)
	if err != nil {
		t.Fatal(err)
	}
	if report.Size != 311 || statement.Index != 300 || statement.Act.ID != record.ID || statement.Act.Actor.Org != record.Actor.Org ||
		!statement.Act.Time.Equal(record.Time) || statement.Act.Verb != record.Verb || statement.Act.Object != record.Object {
		t.Errorf("statement %+v, report %+v", statement, report)
	}
	if err := statement.VerifyResult([]byte("result")); err != nil {
		t.Error(err)
	}
	wantReason(t, statement.VerifyResult([]byte("another")), verify.ReasonResult)

	_, otherKey := newKey(t)
	_, err = parsed.Verify(otherKey)
	wantReason(t, err, verify.ReasonSignature)
	_, err = l.Receipt(t.Context(), sealed.Body+" ", sealed.Salt, index)
	wantReason(t, err, "INTERNAL")
	_, err = l.Receipt(t.Context(), sealed.Body, sealed.Salt, 100000)
	wantReason(t, err, "LEDGER_NO_ENTRY")
}

// TestSeal is attack A36: equal records are not alike in the log, and the body is what verification reads.
func TestSeal(t *testing.T) {
	record := act(0)
	one, err := Seal(record)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Seal(record)
	if err != nil {
		t.Fatal(err)
	}
	if one.Body != two.Body {
		t.Errorf("bodies differ:\n%s\n%s", one.Body, two.Body)
	}
	if one.Salt == two.Salt || one.Commitment == two.Commitment {
		t.Error("equal acts have equal salts or commitments")
	}
	if one.Commitment != verify.Commit(one.Salt, []byte(one.Body)) {
		t.Error("the commitment is not that of the salt and the body")
	}
	want := `{"id":"` + record.ID + `","time":"2026-01-02T03:04:05.006Z","actor":{"role":"operator","org":"有限公司 <&>","name":"li"},` +
		`"verb":"run.release","object":"runs/a","detail":{"result":"` + record.Detail["result"] + `"}}`
	if one.Body != want {
		t.Errorf("body\n%s\nwant\n%s", one.Body, want)
	}
	record.Detail = map[string]string{"long": strings.Repeat("x", verify.MaxBody)}
	_, err = Seal(record)
	wantReason(t, err, "LEDGER_RECORD_TOO_LARGE")
}

func TestRestartKeepsLogAndKey(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t)
	first := openLog(t, dir, private)
	grow(t, first, 0, 5)
	before, err := first.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Config{Dir: dir, PrivateKey: private}, quietLog())
	wantReason(t, err, "LEDGER_IN_USE")
	closeLog(t, first)
	_, err = first.Append(t.Context(), number(0))
	wantReason(t, err, "LEDGER_UNAVAILABLE")
	wantReason(t, first.Await(t.Context(), 1000), "LEDGER_UNAVAILABLE")

	second := openLog(t, dir, private)
	grow(t, second, 5, 5)
	if _, err := verify.Extends(os.DirFS(dir), public, before); err != nil {
		t.Error(err)
	}
	closeLog(t, second)

	other, _ := newKey(t)
	_, err = Open(t.Context(), Config{Dir: dir, PrivateKey: other}, quietLog())
	wantReason(t, err, "LEDGER_OTHER_KEY")
	_, err = Open(t.Context(), Config{Dir: dir, PrivateKey: "PRIVATE+KEY+x"}, quietLog())
	wantReason(t, err, "LEDGER_SIGNING_KEY")
	_, err = Open(t.Context(), Config{Dir: dir, PrivateKey: private, CheckpointInterval: time.Millisecond}, quietLog())
	wantReason(t, err, "LEDGER_INTERVAL")
	openLog(t, dir, private)
}

func TestGenerateKeyRefusesBadOrigins(t *testing.T) {
	for _, origin := range []string{"", "with space", "with+plus", "tab\t", "\xff", strings.Repeat("x", MaxOrigin+1)} {
		_, _, err := GenerateKey(origin)
		wantReason(t, err, "LEDGER_ORIGIN_INVALID")
	}
}

// TestOpenRefusesDamage changes what Open looks at, each in a copy.
func TestOpenRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	private, _ := newKey(t)
	l := openLog(t, dir, private)
	grow(t, l, 0, 5)
	closeLog(t, l)
	const tile, checkpoint, state = "tile/0/000.p/5", "checkpoint", ".state/treeState"
	older := `{"size":0,"root":"` + verify.Hash(sha256.Sum256(nil)).String() + `"}`
	for name, damage := range map[string]func(tb testing.TB, dir string){
		"tile":        func(tb testing.TB, dir string) { tb.Helper(); flip(tb, filepath.Join(dir, tile), 40) },
		"tile lost":   func(tb testing.TB, dir string) { tb.Helper(); remove(tb, filepath.Join(dir, tile)) },
		"checkpoint":  func(tb testing.TB, dir string) { tb.Helper(); write(tb, filepath.Join(dir, checkpoint), []byte("x")) },
		"state root":  func(tb testing.TB, dir string) { tb.Helper(); flip(tb, filepath.Join(dir, state), 24) },
		"state lost":  func(tb testing.TB, dir string) { tb.Helper(); remove(tb, filepath.Join(dir, state)) },
		"state older": func(tb testing.TB, dir string) { tb.Helper(); write(tb, filepath.Join(dir, state), []byte(older)) },
	} {
		t.Run(name, func(t *testing.T) {
			into := t.TempDir()
			copyDir(t, dir, into)
			damage(t, into)
			_, err := Open(t.Context(), Config{Dir: into, PrivateKey: private}, quietLog())
			wantReason(t, err, "LEDGER_DAMAGED")
		})
	}
}

// TestOpenSweepsLeftovers plays a crash between writing entries and making them part of the tree: the files it leaves must not make
// the log look tampered with after it has grown differently.
func TestOpenSweepsLeftovers(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t)
	l := openLog(t, dir, private)
	grow(t, l, 0, 4)
	closeLog(t, l)
	bogus := bytes.Repeat([]byte{7}, 9*34)
	for _, file := range []string{"tile/entries/000.p/9", "tile/0/000.p/9", "tile/0/000.p/91234567", "tile/entries/000", "tile/entries/001.p/3", "tile/1/000.p/1"} {
		write(t, filepath.Join(dir, file), bogus)
	}
	l = openLog(t, dir, private)
	grow(t, l, 4, 300)
	report, err := verify.Log(os.DirFS(dir), public)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range report.Unchecked {
		if !strings.HasPrefix(file, ".state/") {
			t.Errorf("%s was not checked", file)
		}
	}
}

// TestConsistency proves every checkpoint that was seen consistent with all later ones, and no other pair.
func TestConsistency(t *testing.T) {
	private, public := newKey(t)
	l := openLog(t, t.TempDir(), private)
	var seen [][]byte
	size := uint64(0)
	for _, step := range []uint64{0, 1, 1, 2, 3, 50, 199, 1, 300} {
		if step > 0 {
			grow(t, l, size, step)
		}
		size += step
		signed, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, signed)
	}
	for i, older := range seen {
		for j, newer := range seen[i:] {
			from, err := verify.OpenCheckpoint(public, older)
			if err != nil {
				t.Fatal(err)
			}
			to, err := verify.OpenCheckpoint(public, newer)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := l.Consistency(t.Context(), from.Size, to.Size)
			if err != nil {
				t.Fatal(err)
			}
			if err := verify.Consistency(public, older, newer, proof); err != nil {
				t.Errorf("%d to %d: %v", from.Size, to.Size, err)
			}
			if j > 0 {
				wantReason(t, verify.Consistency(public, newer, older, proof), verify.ReasonConsistency)
			}
			for k := range proof {
				bad := slices.Clone(proof)
				bad[k][0] ^= 1
				wantReason(t, verify.Consistency(public, older, newer, bad), verify.ReasonConsistency)
			}
		}
	}
	_, err := l.Consistency(t.Context(), 1, 1<<40)
	wantReason(t, err, "LEDGER_NO_ENTRY")
	_, err = l.Inclusion(t.Context(), 9, 9)
	wantReason(t, err, "LEDGER_NO_ENTRY")
	if proof, err := l.Inclusion(t.Context(), 8, 9); err != nil || len(proof) != 1 {
		t.Errorf("proof %v, %v", proof, err)
	}
}

func TestConcurrentAppends(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t)
	l := openLog(t, dir, private)
	const workers, each = 8, 60
	indexes := make([][]uint64, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for range each {
				// Every worker appends the same: the log does not merge equals.
				index, err := l.Append(t.Context(), number(7))
				if err != nil {
					t.Error(err)
					return
				}
				indexes[w] = append(indexes[w], index)
			}
			if err := l.Await(t.Context(), indexes[w][each-1]); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	all := slices.Concat(indexes...)
	slices.Sort(all)
	for i, index := range all {
		if index != uint64(i) {
			t.Fatalf("index %d at %d", index, i)
		}
	}
	if report, err := verify.Log(os.DirFS(dir), public); err != nil || report.Size != workers*each {
		t.Error(report.Size, err)
	}
}

func TestAwaitEndsWithContext(t *testing.T) {
	private, _ := newKey(t)
	l := openLog(t, t.TempDir(), private)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Await(ctx, 5); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// copyDir copies the files of a log.
func copyDir(tb testing.TB, from, to string) {
	tb.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil && !errors.Is(err, fs.ErrExist) {
		tb.Fatal(err)
	}
}

func flip(tb testing.TB, file string, at int) {
	tb.Helper()
	raw, err := fs.ReadFile(os.DirFS(filepath.Dir(file)), filepath.Base(file))
	if err != nil {
		tb.Fatal(err)
	}
	raw[at] ^= 1
	write(tb, file, raw)
}

func write(tb testing.TB, file string, raw []byte) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		tb.Fatal(err)
	}
}

func remove(tb testing.TB, file string) {
	tb.Helper()
	if err := os.Remove(file); err != nil {
		tb.Fatal(err)
	}
}
