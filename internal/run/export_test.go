package run

import (
	"context"

	"github.com/darkroom-project/darkroom/enclave"
)

// Shown is the table of the reasons that an operator may see in prod.
func Shown() map[string][]string { return shown() }

// Sight is what everybody sees of a run that is not at work.
func Sight(state State) enclave.Run { return New(Config{}).sight(&state) }

// Blur is how a failure is recorded.
func Blur(order *enclave.Order, stage enclave.Stage, err error) (enclave.Stage, error) {
	return blur(order, stage, err)
}

// StageOf is the stage that a run at work is seen at.
func StageOf(order *enclave.Order, stage enclave.Stage) enclave.Stage { return stageOf(order, stage) }

// EndingOf is the outcome of an error.
func EndingOf(failure error) Ending {
	ending, _ := endingOf(failure)
	return ending
}

// Tidy is what happens once a day.
func (r *Register) Tidy(ctx context.Context) error { return r.tidy(ctx, naming) }
