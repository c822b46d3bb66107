package e2e_test

// actor is something that goes by steps while others do: a run, by its stages.
type actor struct {
	at      chan string   // hears of each step that the actor is about to take; closed when there are no more
	proceed chan struct{} // lets it take one
	taken   []string
	done    bool
}

func newActor() *actor { return &actor{at: make(chan string), proceed: make(chan struct{})} }

// boundary is called by the actor before each of its steps.
func (a *actor) boundary(step string) {
	a.at <- step
	<-a.proceed
}

// await waits until the actor stands before a step, or is done.
func (a *actor) await() {
	step, more := <-a.at
	if a.done = !more; more {
		a.taken = append(a.taken, step)
	}
}

// interleave lets actors take their steps one at a time, in the order of a word over their positions; what they do beyond it, because they
// meet each other and have to begin again, they do by turns. It returns when all are done.
func interleave(word []int, actors ...*actor) {
	for _, a := range actors {
		a.await()
	}
	step := func(a *actor) {
		if !a.done {
			a.proceed <- struct{}{}
			a.await()
		}
	}
	for _, who := range word {
		step(actors[who])
	}
	for left := true; left; {
		left = false
		for _, a := range actors {
			step(a)
			left = left || !a.done
		}
	}
}

// words are all orders in which two actors can take so many steps each.
func words(first, second int) (all [][]int) {
	var extend func(word []int, zeros, ones int)
	extend = func(word []int, zeros, ones int) {
		if zeros == 0 && ones == 0 {
			all = append(all, append([]int(nil), word...))
			return
		}
		if zeros > 0 {
			extend(append(word, 0), zeros-1, ones)
		}
		if ones > 0 {
			extend(append(word, 1), zeros, ones-1)
		}
	}
	extend(nil, first, second)
	return all
}
