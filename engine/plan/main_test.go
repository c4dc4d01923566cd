package plan_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/s3haul/s3haul/walker"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errInjected = errors.New("injected")

// step is what a script yields at one place.
type step struct {
	entry walker.Entry
	err   error
}

// script is an ordered Source that yields what it holds and heeds its context.
type script []step

func (s script) Ordered() bool { return true }

func (s script) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		for _, st := range s {
			if ctx.Err() != nil {
				yield(walker.Entry{}, ctx.Err())
				return
			}
			if !yield(st.entry, st.err) {
				return
			}
		}
	}
}

// with returns s with its end cut off at i and replaced by err.
func (s script) with(i int, err error) script {
	return append(append(script{}, s[:i]...), step{err: err})
}

// funcSource is an ordered Source made of a function.
type funcSource func(ctx context.Context, yield func(walker.Entry, error) bool)

func (funcSource) Ordered() bool { return true }

func (f funcSource) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) { f(ctx, yield) }
}

// counted counts what has been yielded by a Source so far.
type counted struct {
	walker.Source
	n atomic.Int64
}

func (c *counted) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		for e, err := range c.Source.Walk(ctx) {
			c.n.Add(1)
			if !yield(e, err) {
				return
			}
		}
	}
}
