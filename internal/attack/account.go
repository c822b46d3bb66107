package main

import (
	"fmt"
	"slices"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/adversary"
)

// account is what was released, and of whom it is, which only the enclave knows: worked out from the rows by other code than its own.
type account struct {
	versions  [][]int64 // each version of each row once: its values
	owner     []int     // whose it is
	names     []string  // of owners
	snapshots [][]int   // their rows
	seen      []adversary.Seen

	cells   int
	rows    [][]int        // by version: the released cells that it is in
	costly  [][]int        // by version: those of them that say what was paid
	touched []map[int]bool // by owner: the released cells of tables that count people
}

func newAccount(w *world) *account {
	a := &account{}
	owners, versions := map[string]int{}, map[string]int{}
	for _, t := range w.tables {
		var rows []int
		times := map[string]int{}
		for _, row := range t.Rows {
			if _, there := owners[row.Subject]; !there {
				owners[row.Subject] = len(owners)
				a.names = append(a.names, row.Subject)
				a.touched = append(a.touched, map[int]bool{})
			}
			name := fmt.Sprint(row.Subject, row.Values)
			times[name]++
			name = fmt.Sprint(name, times[name])
			if _, there := versions[name]; !there {
				versions[name] = len(a.versions)
				a.versions, a.owner = append(a.versions, row.Values), append(a.owner, owners[row.Subject])
			}
			rows = append(rows, versions[name])
		}
		a.snapshots = append(a.snapshots, rows)
	}
	a.rows, a.costly = make([][]int, len(a.versions)), make([][]int, len(a.versions))
	return a
}

// add takes a release up.
func (a *account) add(seen adversary.Seen) {
	a.seen = append(a.seen, seen)
	costs, distinct := slices.Contains(seen.Plan.Summed, colCost), false
	for _, m := range seen.Plan.Measures {
		distinct = distinct || m.Op == enclave.Subjects
	}
	cells := map[string]int{}
	for _, row := range seen.Release.Rows {
		cells[seen.Name(row)] = a.cells
		a.cells++
	}
	for _, version := range a.snapshots[seen.Snapshot] {
		codes, inside := seen.Codes(a.versions[version])
		if !inside {
			continue
		}
		for _, set := range seen.Plan.Sets {
			if cell, there := cells[adversary.NameOf(seen.Plan, set, codes)]; there {
				a.rows[version] = append(a.rows[version], cell)
				if costs {
					a.costly[version] = append(a.costly[version], cell)
				}
				if distinct {
					a.touched[a.owner[version]][cell] = true
				}
			}
		}
	}
}

// sums is the matrix of sums, costs the part of it that says what was paid, counts the one of distinct subjects.
func (a *account) sums() *adversary.Words { return adversary.NewWords(a.cells, a.rows, a.owner) }

func (a *account) costs() *adversary.Words { return adversary.NewWords(a.cells, a.costly, a.owner) }

func (a *account) counts() *adversary.Words {
	columns, owner := make([][]int, len(a.touched)), make([]int, len(a.touched))
	for o, cells := range a.touched {
		for cell := range cells {
			columns[o] = append(columns[o], cell)
		}
		owner[o] = o
	}
	return adversary.NewWords(a.cells, columns, owner)
}
