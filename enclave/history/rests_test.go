package history

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What is read of rests is what they are combinations of, and what positions are in rests comes to the positions again: of margins within each other and across, and of snapshots.
func TestRests(t *testing.T) {
	missing, gone, still := 0, 0, 0
	for n := range uint64(1000) {
		r := rand.New(rand.NewPCG(n, 3)) //nolint:gosec // small, seeded test data
		rows := 20 + r.IntN(60)
		subjects := make([]uint32, rows)
		for row := range subjects {
			subjects[row] = uint32(row / (1 + r.IntN(2))) //nolint:gosec // likewise
		}
		a, err := New(Sums, subjects, 2, Seed{})
		if err != nil {
			t.Fatal(err)
		}
		m := snapshots(t, a, r, rows)
		rests := m.rests(&looks{m.prints(Seed{}.stream(0)), m.earlier(t.Context())})
		read := rests.reader()
		back := make([]mixture, len(m.cells))
		for p := range m.cells {
			back[p] = mixture{}
			for q, times := range rests.rest(int32(p)) {
				for o, by := range rests.row(q) {
					back[p].add(o, by*times)
				}
			}
			if rests.gone[p] {
				gone++
			}
		}
		for row := range rows {
			read.row(row)
			missing += len(read.missing)
			got, was := make([]int64, len(m.cells)), make([]int64, len(m.cells))
			for _, p := range read.in {
				got[p]++
			}
			for _, p := range read.missing {
				got[p]--
			}
			for _, p := range m.appendRow(nil, row) {
				was[p]++
			}
			for p := range m.cells {
				if want := product64(rests.row(int32(p)), was); want != got[p] || rests.gone[p] && want != 0 {
					t.Fatalf("system %d, row %d, position %d: %d is read, which is %d", n, row, p, got[p], want)
				}
				if product64(back[p], was) != was[p] {
					t.Fatalf("system %d, row %d: position %d is not what it is written as", n, row, p)
				}
			}
		}
		for _, since := range rests.since {
			if since != nil {
				still += len(since.still) - len(slices.DeleteFunc(slices.Clone(since.still), func(cell int32) bool { return cell != None }))
			}
		}
	}
	t.Logf("%d entries of −1, %d rests of nothing, %d cells that say the same of both", missing, gone, still)
	if missing < 1000 || gone < 1000 || still < 1000 {
		t.Error("the systems are too much alike to say anything")
	}
}

// snapshots adds some tables of random margins, most of which are an earlier one but for a few rows, and is the matrix of all.
func snapshots(t *testing.T, a *Audit, r *rand.Rand, rows int) *matrix {
	t.Helper()
	var table *Release
	for range 2 + r.IntN(5) {
		next := &Release{Cells: make([]int32, rows)}
		if table == nil || r.IntN(4) == 0 {
			full := 2 + r.IntN(6)
			for row := range next.Cells {
				next.Cells[row] = r.Int32N(int32(full)+1) - 1 //nolint:gosec // small
			}
			next.Published = make([][]int32, full)
			for cell := range next.Published {
				for published := range 2 * full {
					if r.IntN(3) == 0 || published == cell {
						next.Published[cell] = append(next.Published[cell], int32(published))
					}
				}
			}
		} else {
			copy(next.Cells, table.Cells)
			for range r.IntN(6) {
				next.Cells[r.IntN(rows)] = r.Int32N(int32(len(table.Published))+1) - 1 //nolint:gosec // small
			}
			next.Published = slices.Clone(table.Published)
			if r.IntN(3) == 0 {
				cell := r.IntN(len(next.Published))
				next.Published[cell] = append(slices.Clone(next.Published[cell]), int32(100+len(next.Published[cell]))) //nolint:gosec // small
			}
		}
		if table = next; a.Add(table) != nil {
			t.Fatal("a table does not fit")
		}
	}
	return arrange(&a.people, false, a.releases, a.sizes)
}

func product64(of mixture, column []int64) (sum int64) {
	for p, times := range of {
		sum += times * column[p]
	}
	return sum
}

// Nobody is dealt out to two groups, nor twice, however often people were looked for.
func TestDealtOnce(t *testing.T) {
	const rows = 140_000
	r := rand.New(rand.NewPCG(1, 3)) //nolint:gosec // seeded test data
	subjects, cells := make([]uint32, rows), make([]int32, rows)
	for row := range rows {
		subjects[row], cells[row] = uint32(row), r.Int32N(40)
		switch {
		case row%5000 == 1: // too few to be dealt out
			cells[row] = 40 + r.Int32N(2)
		case row%2500 == 3: // enough, if they are looked for
			cells[row] = 42
		}
	}
	a, err := New(Sums, subjects, 10, Seed{})
	if err != nil {
		t.Fatal(err)
	}
	release := &Release{Cells: cells, Published: make([][]int32, 43)}
	for cell := range release.Published {
		release.Published[cell] = []int32{int32(cell)}
	}
	if err := a.Add(release); err != nil {
		t.Fatal(err)
	}
	m := arrange(&a.people, false, a.releases, a.sizes)
	all := m.rests(&looks{m.prints(Seed{}.stream(0)), m.earlier(t.Context())}).draft(usual, 10)
	common := all.common(t.Context())
	if all.step == 1 || common == all || len(all.people) <= (rows+all.step-1)/all.step {
		t.Fatal("nobody had to be looked for again")
	}
	dealt := map[int32]bool{}
	for _, people := range append(common.deal(), nil) {
		for _, person := range people {
			if dealt[person] {
				t.Fatal("somebody was dealt out twice")
			}
			dealt[person] = true
		}
	}
}

// Directions are no more than relations that are independent where people are: others would become so in rounded numbers.
func TestIndependentRelations(t *testing.T) {
	f := newField(Seed{}.stream(0))
	relations := []mixture{{0: 1, 1: -1, 3: 1}, {0: 2, 1: -2, 4: 1}, {1: 1, 2: -1}}
	if got := f.independent(relations, make([]bool, 5)); len(got) != 3 {
		t.Errorf("%d of three independent relations", len(got))
	}
	if got := f.independent(relations, []bool{3: true, 4: true}); len(got) != 2 {
		t.Errorf("%d of two independent relations and one that depends on them", len(got))
	}
}

// What a margin of many snapshots is in rests does not take longer for each way to get there.
func TestManySnapshots(t *testing.T) {
	const rows, levels, years = 4000, 12, 24
	r := rand.New(rand.NewPCG(1, 3)) //nolint:gosec // seeded test data
	a, err := New(Sums, make([]uint32, rows), 3, Seed{})
	if err != nil {
		t.Fatal(err)
	}
	release := &Release{Cells: make([]int32, rows), Published: make([][]int32, levels)}
	for cell := range release.Published {
		for margin := cell; margin < levels; margin++ {
			release.Published[cell] = append(release.Published[cell], int32(margin))
		}
	}
	for range years {
		release = &Release{Cells: slices.Clone(release.Cells), Published: release.Published}
		for range 200 {
			release.Cells[r.IntN(rows)] = r.Int32N(levels+1) - 1
		}
		if err := a.Add(release); err != nil {
			t.Fatal(err)
		}
	}
	m := arrange(&a.people, false, a.releases, a.sizes)
	rests := m.rests(&looks{m.prints(Seed{}.stream(0)), m.earlier(t.Context())})
	done := time.AfterFunc(time.Minute, func() { panic("it does not end") })
	defer done.Stop()
	for p := range m.cells {
		rests.rest(int32(p))
	}
}
