package local

import (
	"context"
	"errors"

	"github.com/lanrat/extsort"
)

const (
	// spillRun is how many names one sorted run on disk has. The default of
	// extsort, a million, is as much as is meant to be spared.
	spillRun = 100_000
	// spillPull is how many names are taken back at a time.
	spillPull = 8 * stretch
)

// spill sorts the names of one directory on disk. First names are put, then
// sort is called, then they are pulled in order. close may come at any time.
type spill struct {
	in     chan string
	out    <-chan string
	errs   <-chan error
	sorted chan struct{} // closed when Sort has returned: the runs are written
	cancel context.CancelFunc
	closed bool // in is closed
}

// newSpill begins a spill, which is closed when the walk ends at the latest.
func (w *walk) newSpill() *spill {
	// The sorter is stopped by close, not by the walk's context: where its
	// context ends while a run is sorted, it leaves a goroutine at work.
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.ctx))
	s := &spill{in: make(chan string, stretch), sorted: make(chan struct{}), cancel: cancel}
	sorter, out, errs := extsort.Strings(s.in, &extsort.Config{
		ChunkSize:          min(spillRun, w.opts.SpillNames),
		NumWorkers:         2,
		ChanBuffSize:       0,
		SortedChanBuffSize: stretch,
		TempFilesDir:       w.opts.SpillDir,
	})
	s.out, s.errs = out, errs
	go func() {
		defer close(s.sorted)
		sorter.Sort(ctx)
	}()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spills[s] = struct{}{}
	return s
}

// discard closes s before the walk ends.
func (w *walk) discard(s *spill) {
	w.mu.Lock()
	delete(w.spills, s)
	w.mu.Unlock()
	s.close()
}

// put adds a name. The kind follows a NUL, which sorts before whatever a
// longer name goes on with.
func (s *spill) put(name string, k kind) error {
	select {
	case s.in <- name + "\x00" + string(rune(k)):
		return nil
	case <-s.sorted:
		return s.failure()
	}
}

// sort ends the putting and waits until all runs are on disk.
func (s *spill) sort() error {
	s.finish()
	<-s.sorted
	select {
	case err := <-s.errs:
		return err
	default:
		return nil
	}
}

func (s *spill) finish() {
	if !s.closed {
		s.closed = true
		close(s.in)
	}
}

func (s *spill) failure() error {
	if err := <-s.errs; err != nil {
		return err
	}
	return errors.New("the sorter ended early")
}

// pull returns the next names in order; last says that there are no more.
func (s *spill) pull(w *walk) (n *names, last bool, err error) {
	n = &names{}
	for n.len() < spillPull {
		record, ok := <-s.out
		if !ok {
			if err := <-s.errs; err != nil {
				return nil, false, err
			}
			w.discard(s)
			return n, true, nil
		}
		end := len(record) - 2
		n.addText(record[:end], kind(record[end+1]))
	}
	return n, false, nil
}

// close stops the sorter and waits until its file is gone: only then is out
// closed.
func (s *spill) close() {
	s.finish()
	<-s.sorted
	s.cancel()
	for ok := true; ok; {
		_, ok = <-s.out
	}
}
