package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/review"
	"github.com/darkroom-project/darkroom/internal/run"
	"github.com/darkroom-project/darkroom/internal/store"
	"github.com/darkroom-project/darkroom/internal/store/sqlc"
)

var errInjected = errors.New("injected")

// faulty counts a transaction's statements. At the chosen one it fails, before or after the statement took effect; after, by ending
// the context, so that the commit fails instead.
type faulty struct {
	sqlc.DBTX
	left  *int
	after context.CancelFunc // nil: fail before
}

func (f faulty) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	*f.left--
	if *f.left == 0 && f.after == nil {
		return nil, errInjected
	}
	result, err := f.DBTX.ExecContext(ctx, query, args...)
	if *f.left == 0 {
		f.after()
	}
	return result, err
}

// TestEveryWriteIsAllOrNothing injects a fault at each statement of each change: nothing may be written until none is left.
func TestEveryWriteIsAllOrNothing(t *testing.T) {
	t.Parallel()
	visits := dataset("visits")
	for name, change := range map[string]func(context.Context, *store.Store) error{
		"record an act": func(ctx context.Context, s *store.Store) error { return s.Acts().Record(ctx, act("x")) },
		"issue a credential": func(ctx context.Context, s *store.Store) error {
			return s.Identities().Issue(ctx, enclave.Caller{Role: enclave.Operator, Org: "new", Name: "li"}, act("x"))
		},
		"add a dataset": func(ctx context.Context, s *store.Store) error { return s.Catalog().Put(ctx, dataset("new"), act("x")) },
		"add a snapshot": func(ctx context.Context, s *store.Store) error {
			return s.Catalog().AddSnapshot(ctx, snapshot(visits, "s2"), act("x"))
		},
		"add a grant": func(ctx context.Context, s *store.Store) error {
			return s.Grants().Insert(ctx, grantOf("g2"), act("x"))
		},
		"change a grant": func(ctx context.Context, s *store.Store) error {
			return s.Grants().Update(ctx, grantOf("g1"), act("x"))
		},
		"add a module": func(ctx context.Context, s *store.Store) error {
			return s.Modules().Insert(ctx, moduleOf("acme", "2"), act("x"))
		},
		"add a proposal": func(ctx context.Context, s *store.Store) error {
			return s.Proposals().Insert(ctx, proposalOf("p2"), act("x"))
		},
		"submit a run": func(ctx context.Context, s *store.Store) error {
			return s.Runs().Insert(ctx, runOf("r2"), run.Budget{}, act("x"))
		},
		"begin a run": func(ctx context.Context, s *store.Store) error { return s.Runs().Begin(ctx, "r1") },
		"end a run": func(ctx context.Context, s *store.Store) error {
			return s.Runs().End(ctx, "r1", run.Ending{Outcome: enclave.Stopped}, act("x"))
		},
		"deny a run": func(ctx context.Context, s *store.Store) error {
			return decide(ctx, s, decisionOf("r1", enclave.Deny, 0))
		},
		"hold a run": func(ctx context.Context, s *store.Store) error {
			return decide(ctx, s, decisionOf("r1", enclave.Hold, 0))
		},
		"withdraw a run": func(ctx context.Context, s *store.Store) error {
			return s.Runs().Withdraw(ctx, "h1", run.Ending{Outcome: enclave.Stopped}, act("x"))
		},
		"release a held run": func(ctx context.Context, s *store.Store) error {
			return decide(ctx, s, byPeople("h1", 0))
		},
		"ask a question": func(ctx context.Context, s *store.Store) error {
			asked := must(s.Reviews().Get(context.WithoutCancel(ctx), "h1"))
			asked.File.State, asked.File.Question = review.Returned, "why?"
			return s.Reviews().Update(ctx, asked, nil, act("x"))
		},
		"reject a held run": func(ctx context.Context, s *store.Store) error {
			rejected := must(s.Reviews().Get(context.WithoutCancel(ctx), "h1"))
			rejected.File.State = review.Rejected
			return s.Reviews().Update(ctx, rejected, &run.Ending{Outcome: enclave.Denied}, act("x"), act("y"))
		},
		"record a release": func(ctx context.Context, s *store.Store) error {
			return decide(ctx, s, decisionOf("r1", enclave.Release, 0))
		},
	} {
		for _, mode := range []string{"before a statement", "at the commit"} {
			t.Run(name+", "+mode, func(t *testing.T) {
				t.Parallel()
				s := fresh(t)
				settled(t, s, "r1", "h1")
				held(t, s, "h1")
				before := dump(t, s)
				for statement := 1; ; statement++ {
					ctx, cancel := context.WithCancel(t.Context())
					left, after := statement, cancel
					if mode == "before a statement" {
						after = nil
					}
					s.SetWrap(func(tx sqlc.DBTX) sqlc.DBTX { return faulty{DBTX: tx, left: &left, after: after} })
					err := change(ctx, s)
					cancel()
					if left > 0 {
						if err != nil || dump(t, s) == before {
							t.Fatalf("without a fault: %v", err)
						}
						if statement == 1 {
							t.Fatal("no statement was made to fail")
						}
						return
					}
					if enclave.KindOf(err) != enclave.Internal {
						t.Fatalf("statement %d failed, the change says %v", statement, err)
					}
					if dump(t, s) != before {
						t.Fatalf("a fault at statement %d left something", statement)
					}
				}
			})
		}
	}
}

// TestConcurrentReleases lets many outputs that were measured against the same history be recorded at once: exactly one may win.
func TestConcurrentReleases(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	var ids []string
	for i := range 8 {
		ids = append(ids, fmt.Sprint("r", i))
	}
	settled(t, s, ids...)
	errs := make([]error, len(ids))
	var group sync.WaitGroup
	for i, id := range ids {
		group.Go(func() { errs[i] = decide(t.Context(), s, decisionOf(id, enclave.Release, 0)) })
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wants(t, err, enclave.State, "HISTORY_MOVED")
	}
	if version := must(s.Runs().History(t.Context(), "visits")); won != 1 || version != 1 {
		t.Errorf("%d won, history at %d", won, version)
	}
}

// TestConcurrentWritersTakeTurns checks that positions follow transactions without gaps.
func TestConcurrentWritersTakeTurns(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			if err := s.Acts().Record(t.Context(), act("x")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	var n, last int
	if err := s.DB().QueryRowContext(t.Context(), "SELECT COUNT(*), MAX(position) FROM entry").Scan(&n, &last); err != nil || n != 32 || last != 32 {
		t.Errorf("%d entries, last position %d, %v", n, last, err)
	}
}

// TestTornLog cuts SQLite's write-ahead log at many places, as a power cut may: whatever opens again has each dataset with its entry.
func TestTornLog(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := open(t, filepath.Join(folder, "db"))
	const changes = 12
	for i := range changes {
		ok(t, s.Catalog().Put(t.Context(), dataset(fmt.Sprint("d", i)), act("dataset.create")))
	}
	whole := must(fs.ReadFile(os.DirFS(folder), "db"))
	log := must(fs.ReadFile(os.DirFS(folder), "db-wal"))
	survived := map[int]bool{}
	for _, tenths := range []int{10, 9, 8, 7, 6, 5} {
		torn := t.TempDir()
		root := must(os.OpenRoot(torn))
		ok(t, errors.Join(
			root.WriteFile("db", whole, 0o600),
			root.WriteFile("db-wal", log[:len(log)*tenths/10], 0o600),
			root.Close(),
		))
		again := open(t, filepath.Join(torn, "db"))
		list, _, err := again.Catalog().List(t.Context(), enclave.Page{Size: 2 * changes})
		ok(t, err)
		if entries := must(again.Acts().Pending(t.Context(), 2*changes)); len(entries) != len(list) {
			t.Errorf("cut at %d/10: %d datasets and %d entries", tenths, len(list), len(entries))
		}
		survived[len(list)] = true
	}
	if !survived[changes] || len(survived) < 2 {
		t.Errorf("the cuts show nothing: %v", survived)
	}
}

// TestReopen migrates nothing twice and keeps everything.
func TestReopen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a folder with spaces? and #signs", "db")
	ok(t, os.MkdirAll(filepath.Dir(path), 0o700))
	first := open(t, path)
	settled(t, first, "r1")
	before := dump(t, first)
	if second := open(t, path); dump(t, second) != before {
		t.Error("the second opening sees something else")
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	_, err := store.Open(t.Context(), filepath.Join(path, "db"), seal)
	if err == nil || !strings.Contains(err.Error(), "migrate") {
		t.Errorf("a path below a file: %v", err)
	}
}

// TestDurability holds every connection to what the promises of this package rest on.
func TestDurability(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	for pragma, want := range map[string]string{"synchronous": "2", "foreign_keys": "1", "journal_mode": "wal", "busy_timeout": "10000"} {
		var got string
		if err := s.DB().QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, want %s; %v", pragma, got, want, err)
		}
	}
	wants(t, s.Runs().Insert(t.Context(), runOf("r1"), run.Budget{}, act("run.submit")), enclave.Internal, "INTERNAL") // under a grant that is not there
}
