package main

import (
	"bytes"
	"context"
	"time"

	"github.com/darkroom-project/darkroom/sdk"
)

// operator is somebody of an operator who asks without end, over one connection after the other.
type operator struct {
	domain    *domain
	journal   *journal
	org       string
	questions []question
	dice      *dice
}

// work asks until ctx ends, or until it is clear enough that something is wrong.
func (o *operator) work(ctx context.Context) error {
	for ctx.Err() == nil && !o.journal.broken() {
		client, err := o.domain.client(ctx, o.org)
		if err != nil {
			return unlessEnded(ctx, err)
		}
		_, life, _ := o.domain.where()
		for err == nil {
			err = o.ask(ctx, client, life)
		}
		_ = client.Close()
		if unlessEnded(ctx, err) != nil && !passing(err) {
			o.journal.violated("%s was told %v", o.org, err)
		}
	}
	return nil
}

// unlessEnded is err, or nothing if that is because ctx ended.
func unlessEnded(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

// ask submits a run, mostly waits for its outcome, and sometimes cancels it or looks at the ledger.
func (o *operator) ask(ctx context.Context, client *sdk.Client, life int) error {
	q := o.pick()
	run, err := client.Submit(ctx, sdk.Order{Grant: o.domain.grants[o.org][q.dataset()], Module: o.domain.modules[o.org][q.name]})
	if err != nil {
		o.journal.count(&o.journal.unanswered)
		return err
	}
	t := &taken{id: run.ID, operator: o.org, question: q, life: life}
	o.journal.take(t)
	if o.dice.below(10) == 0 || q.name == "endless" && o.dice.below(2) == 0 {
		pause(ctx.Done(), o.dice.within(40*time.Millisecond))
		o.journal.cancels(t)
		if _, err := client.Cancel(ctx, t.id); err != nil && sdk.ReasonOf(err) != "RUN_ENDED" {
			return err
		}
	}
	if o.dice.below(4) == 0 {
		head, err := client.Checkpoint(ctx)
		if err != nil {
			return err
		}
		o.journal.head(head)
	}
	if o.dice.below(3) == 0 {
		return nil // somebody will look at it later
	}
	return o.journal.follow(ctx, client, t, life)
}

func (o *operator) pick() *question {
	total := 0
	for i := range o.questions {
		total += o.questions[i].weight
	}
	at := o.dice.below(total)
	for i := range o.questions {
		if at -= o.questions[i].weight; at < 0 {
			return &o.questions[i]
		}
	}
	return nil // below total: never
}

// follow waits for a run's outcome and fetches what was released.
func (j *journal) follow(ctx context.Context, client *sdk.Client, t *taken, life int) error {
	for run, err := range client.Watch(ctx, t.id) {
		if err != nil {
			return err
		}
		j.saw(t, run, life)
	}
	return j.fetch(ctx, client, t)
}

// fetch fetches the result of a run that was seen to be released, with its receipt.
func (j *journal) fetch(ctx context.Context, client *sdk.Client, t *taken) error {
	if j.outcome(t) != sdk.RunReleased {
		return nil
	}
	var result bytes.Buffer
	if err := client.FetchTo(ctx, t.id, &result); err != nil {
		return err
	}
	receipt, err := client.Receipt(ctx, t.id)
	if err != nil {
		return err
	}
	j.fetched(t, result.Bytes(), receipt)
	return nil
}
