package journal

import (
	"context"
	"errors"
	"time"
)

// lazy is how long a change that nobody waits for waits for others.
const lazy = 200 * time.Millisecond

// batch is what becomes durable by one commit. done is closed after it, with err.
type batch struct {
	changes []change
	dirs    []string
	done    chan struct{}
	err     error
}

// done returns a batch that is written.
func done(err error) *batch {
	b := &batch{done: make(chan struct{}), err: err}
	close(b.done)
	return b
}

// wait says whether the batch was written; the error is that of ctx.
func (b *batch) wait(ctx context.Context) (bool, error) {
	select {
	case <-b.done:
		return b.err == nil, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// errOff ends what was queued when the journal failed.
var errOff = errors.New("there is no journal")

// queue adds a change to the batch that is written next. The caller has the
// lock, and has seen that the journal is in use.
func (j *Journal) queue(c change, urgent bool) *batch {
	b := j.batch()
	b.changes = append(b.changes, c)
	j.nudge(urgent)
	return b
}

// batch is the one that is written next.
func (j *Journal) batch() *batch {
	if j.next == nil {
		j.next = &batch{done: make(chan struct{})}
	}
	return j.next
}

// nudge tells the goroutine of the commits that there is something to write. It
// is started by the first.
func (j *Journal) nudge(urgent bool) {
	j.urgent = j.urgent || urgent
	if !j.running {
		j.running = true
		go j.run()
	}
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// run commits what is queued: all of it at once, so that those who come while
// the disk is busy share the next fsync.
func (j *Journal) run() {
	defer close(j.ended)
	var later <-chan time.Time
	for {
		select {
		case <-j.wake:
			j.mu.Lock()
			urgent := j.urgent
			j.mu.Unlock()
			if !urgent {
				if later == nil {
					later = time.After(lazy)
				}
				continue
			}
		case <-later:
		case <-j.stop:
			j.commit()
			return
		}
		later = nil
		j.commit()
	}
}

// commit writes the next batch and lets those go on who wait for it.
func (j *Journal) commit() {
	j.mu.Lock()
	b, off := j.next, j.off
	j.next, j.urgent = nil, false
	j.mu.Unlock()
	if b == nil {
		return
	}
	if off {
		b.err = errOff
	} else if b.err = j.write(b); b.err != nil {
		j.fail(b.err)
	}
	close(b.done)
}

func (j *Journal) write(b *batch) error {
	if j.store == nil { // written by this goroutine alone, once it runs
		if err := j.attach(true); err != nil {
			return err
		}
	}
	for _, d := range b.dirs {
		if err := j.temps.add(d); err != nil {
			return err
		}
	}
	if len(b.changes) == 0 {
		return nil
	}
	if h := j.o.hooks.commit; h != nil {
		if err := h(); err != nil {
			return err
		}
	}
	if err := j.store.apply(b.changes); err != nil {
		return err
	}
	if h := j.o.hooks.committed; h != nil {
		h()
	}
	return nil
}
