package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/darkroom-project/darkroom/enclave"
	"github.com/darkroom-project/darkroom/internal/lab"
)

// Positions of the world's columns.
const (
	colID = iota
	colArea
	colJob
	colYear
	colSince
	colIllness
	colIll
	colCost
)

const (
	firstYear, lastYear   = 1950, 1989
	firstSince, lastSince = 2000, 2009
)

// world is the data of a trial: snapshots of a dataset of people or organisations, some of whom have several rows, and most of whom public values
// tell apart from others.
type world struct {
	tables []*lab.Table
	prior  [][]int64
	off    []lab.Mechanism // the budget in half of the worlds, since it ends most attacks before the audit is tried
}

func codes(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = prefix + strconv.Itoa(i)
	}
	return list
}

func newWorld(r *rand.Rand) *world {
	kind := enclave.Person
	if r.IntN(3) == 0 {
		kind = enclave.Organisation // small thresholds find other holes
	}
	areas, jobs, illnesses := 2+r.IntN(5), 2+r.IntN(3), 2+r.IntN(3)
	t := &lab.Table{Dataset: &enclave.Dataset{
		Name: "world", Owner: "source", Grade: 1, Sharing: enclave.Conditional, Subject: enclave.Subject{Column: "id", Kind: kind},
		Columns: []enclave.Column{
			{Name: "id", Type: enclave.Text, Class: enclave.Identifier},
			{Name: "area", Type: enclave.Code, Class: enclave.Quasi, Codes: codes("a", areas)},
			{Name: "job", Type: enclave.Code, Class: enclave.Quasi, Codes: codes("j", jobs), Nullable: true},
			{Name: "year", Type: enclave.Int, Class: enclave.Quasi, Min: enclave.Scalar(strconv.Itoa(firstYear)), Max: enclave.Scalar(strconv.Itoa(lastYear))},
			{Name: "since", Type: enclave.Int, Class: enclave.Open, Min: enclave.Scalar(strconv.Itoa(firstSince)), Max: enclave.Scalar(strconv.Itoa(lastSince))},
			{Name: "illness", Type: enclave.Code, Class: enclave.Sensitive, Codes: codes("i", illnesses)},
			{Name: "ill", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "1"},
			{Name: "cost", Type: enclave.Int, Class: enclave.Measure, Min: "0", Max: "100000"},
		},
	}}
	people := 40 + r.IntN(300)
	if kind == enclave.Organisation {
		people = 15 + r.IntN(120)
	}
	several := r.IntN(3) == 0
	skewed := r.IntN(2) == 0
	protected := func() (illness, ill, cost int64) {
		cost = 500 + r.Int64N(1000)
		if skewed && r.IntN(20) == 0 {
			cost *= 50 // a giant
		}
		return r.Int64N(int64(illnesses)), r.Int64N(2), cost
	}
	w := &world{}
	if r.IntN(2) == 0 {
		w.off = []lab.Mechanism{lab.Budget}
	}
	for range 1000 {
		illness, ill, cost := protected()
		w.prior = append(w.prior, []int64{0, 0, 0, 0, 0, illness, ill, cost})
	}
	add := func(name string) {
		area, job, year := r.Int64N(int64(areas)), r.Int64N(int64(jobs)), firstYear+r.Int64N(lastYear-firstYear+1)
		if r.IntN(30) == 0 {
			job = lab.Missing
		}
		rows := 1
		if several {
			rows += r.IntN(3)
		}
		for range rows {
			illness, ill, cost := protected()
			t.Add(name, area, job, year, firstSince+r.Int64N(lastSince-firstSince+1), illness, ill, cost)
		}
	}
	for i := range people {
		add(strconv.Itoa(i))
	}
	w.tables = append(w.tables, t.Clone())
	for version := range r.IntN(3) {
		// Some leave, some are corrected, some come.
		for range r.IntN(4) {
			if at := r.IntN(len(t.Rows)); len(t.Rows) > 1 {
				t.Rows = append(t.Rows[:at:at], t.Rows[at+1:]...)
			}
		}
		t = t.Clone()
		for range r.IntN(4) {
			_, ill, cost := protected()
			row := t.Rows[r.IntN(len(t.Rows))].Values
			row[colIll], row[colCost] = ill, cost
		}
		for i := range r.IntN(4) {
			add(fmt.Sprint("new-", version, "-", i))
		}
		w.tables = append(w.tables, t.Clone())
	}
	return w
}
