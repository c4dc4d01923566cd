package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/s3haul/s3haul/engine/pool"
)

// gate counts slots; it has one.
type gate struct {
	slots chan struct{}
	most  atomic.Int64
	taken atomic.Int64
}

func newGate(n int) *gate { return &gate{slots: make(chan struct{}, n)} }

func (g *gate) Acquire(ctx context.Context, _ pool.Ask) (Slot, error) {
	select {
	case g.slots <- struct{}{}:
		g.taken.Add(1)
		g.most.Store(max(g.most.Load(), int64(len(g.slots))))
		return g, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (g *gate) Release(pool.Outcome) { <-g.slots }

// flaky fails the first attempts, with err, and reads each body halfway then.
type flaky struct {
	Client
	fails    int
	err      error
	attempts int
	bodies   []string
}

func (f *flaky) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	f.attempts++
	if f.attempts <= f.fails {
		_, _ = io.CopyN(io.Discard, in.Body, 3)
		return nil, f.err
	}
	b, _ := io.ReadAll(in.Body)
	f.bodies = append(f.bodies, string(b))
	return &s3.PutObjectOutput{}, nil
}

func (f *flaky) GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	f.attempts++
	if f.attempts <= f.fails {
		return nil, f.err
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader("body"))}, nil
}

func slowDown() error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: "PutObject", Err: &smithy.GenericAPIError{Code: "SlowDown", Message: "reduce"}}
}

func internal() error { return &smithy.GenericAPIError{Code: "InternalError"} }

func TestRetriesSendTheWholeBodyAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		next := &flaky{fails: 4, err: slowDown()}
		var told int
		c := Attempts(next, g, Policy{OnRetry: func(op string, err error) {
			told++
			if len(g.slots) != 0 {
				t.Error("a slot is held while a retry waits")
			}
			if op != "PutObject" || Code(err) != "SlowDown" {
				t.Errorf("told of %s: %v", op, err)
			}
		}})
		body := bytes.NewReader([]byte("..content"))
		_, _ = body.Seek(2, io.SeekStart) // a body need not begin at 0
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Body: body}); err != nil {
			t.Fatal(err)
		}
		if len(next.bodies) != 1 || next.bodies[0] != "content" || told != 4 {
			t.Errorf("bodies %q, told %d times", next.bodies, told)
		}
		if len(g.slots) != 0 || g.taken.Load() != 5 {
			t.Errorf("%d slots held, %d taken", len(g.slots), g.taken.Load())
		}
	})
}

func TestRetriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		denied := &smithy.GenericAPIError{Code: "AccessDenied"}
		for _, c := range []struct {
			err  error
			body io.Reader
			want int
		}{
			{internal(), strings.NewReader("x"), 5},
			{denied, strings.NewReader("x"), 1},
			{internal(), io.MultiReader(strings.NewReader("x")), 1}, // cannot be rewound
			{context.Canceled, strings.NewReader("x"), 1},
		} {
			g := newGate(1)
			next := &flaky{fails: 100, err: c.err}
			_, err := Attempts(next, g, Policy{}).PutObject(t.Context(), &s3.PutObjectInput{Body: c.body})
			if !errors.Is(err, c.err) {
				t.Errorf("%v came back as %v", c.err, err)
			}
			if next.attempts != c.want {
				t.Errorf("%v: %d attempts, want %d", c.err, next.attempts, c.want)
			}
			if len(g.slots) != 0 {
				t.Errorf("%v: a slot is still held", c.err)
			}
		}
	})
}

// Waits are drawn from 0 to 50 ms, 400 ms, 800 ms, ... and end with the context.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := Attempts(&flaky{fails: 100, err: internal()}, newGate(1), Policy{}).GetObject(t.Context(), &s3.GetObjectInput{})
		if err == nil || time.Since(began) > 2850*time.Millisecond {
			t.Errorf("5 attempts took %v: %v", time.Since(began), err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began = time.Now()
		_, err = Attempts(&flaky{fails: 1 << 30, err: slowDown()}, newGate(1), Policy{Patience: 1000 * time.Hour, Base: time.Hour, Cap: time.Hour}).
			GetObject(ctx, &s3.GetObjectInput{})
		if Code(err) != "SlowDown" || time.Since(began) > time.Minute {
			t.Errorf("after %v: %v; want the error that was being retried", time.Since(began), err)
		}
	})
}

func TestGetObjectHoldsItsSlotToTheEndOfTheBody(t *testing.T) {
	for _, end := range []func(io.ReadCloser){
		func(b io.ReadCloser) { _, _ = io.Copy(io.Discard, b) },
		func(b io.ReadCloser) { _ = b.Close() },
		func(b io.ReadCloser) { _, _ = io.Copy(io.Discard, b); _ = b.Close(); _ = b.Close() },
	} {
		g := newGate(2)
		_, _ = g.Acquire(t.Context(), pool.Ask{})
		out, err := Attempts(&flaky{}, g, Policy{}).GetObject(t.Context(), &s3.GetObjectInput{})
		if err != nil || len(g.slots) != 2 {
			t.Fatalf("%d slots held: %v", len(g.slots), err)
		}
		end(out.Body)
		if len(g.slots) != 1 {
			t.Errorf("%d slots held after the body, want the other one", len(g.slots))
		}
	}
}

func TestNoSlotNoRequest(t *testing.T) {
	g := newGate(1)
	_, _ = g.Acquire(t.Context(), pool.Ask{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	next := &flaky{}
	if _, err := Attempts(next, g, Policy{}).PutObject(ctx, &s3.PutObjectInput{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if next.attempts != 0 || len(g.slots) != 1 {
		t.Errorf("%d attempts, %d slots", next.attempts, len(g.slots))
	}
}
