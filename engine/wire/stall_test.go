package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/pool"
)

func putSmall(c Client) error {
	_, err := c.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), Body: strings.NewReader("x")})
	return err
}

func getSmall(c Client) error {
	out, err := c.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil {
		return err
	}
	_, err = io.ReadAll(out.Body)
	return errors.Join(err, out.Body.Close())
}

// How long an attempt lasts on whose connection nothing moves, one after the
// other of the same request.
func TestStalledRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, putSmall)
		var lasted []time.Duration
		r.store.answer = func(try *try) (any, error) {
			began := time.Now()
			defer func() { lasted = append(lasted, time.Since(began)) }()
			if try.n <= 3 {
				return nil, try.hang()
			}
			time.Sleep(usual)
			return nil, nil
		}
		if err := putSmall(r); err != nil {
			t.Fatal(err)
		}
		for i, want := range []time.Duration{400 * time.Millisecond, 800 * time.Millisecond, 1600 * time.Millisecond} {
			if got := lasted[i]; got < want || got > want+lookEvery {
				t.Errorf("attempt %d took %v, want %v and a look at most", i+1, got, want)
			}
		}
		if got := fmt.Sprint(r.gate.verdicts()); got != fmt.Sprint([]pool.Verdict{pool.Failed, pool.Failed, pool.Failed, pool.Answered}) {
			t.Errorf("verdicts %s", got)
		}
		if len(r.told) != 3 || r.told[0].Error() != "operation error S3: PutObject, no progress for 400ms" {
			t.Errorf("told of %q", r.told)
		}
		r.gate.idle(t)
	})
}

// What is not cut off: what moves, what is held, what waits for a connection,
// and operations that must not be begun twice without need.
func TestNotStalled(t *testing.T) {
	const long = 20 * time.Second
	for what, q := range map[string]struct {
		do     func(Client) error
		during func(*try)
	}{
		"moves": {putSmall, func(try *try) {
			for began := time.Now(); time.Since(began) < long; time.Sleep(300 * time.Millisecond) {
				try.conn.moved.Add(1)
			}
		}},
		"is held": {putSmall, func(try *try) {
			try.conn.held.Store(true)
			time.Sleep(long)
		}},
		"conditional": {func(c Client) error {
			_, err := c.PutObject(context.Background(), &s3.PutObjectInput{Body: strings.NewReader("x"), IfNoneMatch: aws.String("*")})
			return err
		}, func(*try) { time.Sleep(long) }},
		"create": {func(c Client) error {
			_, err := c.CreateMultipartUpload(context.Background(), &s3.CreateMultipartUploadInput{})
			return err
		}, func(*try) { time.Sleep(long) }},
		"complete": {func(c Client) error {
			_, err := c.CompleteMultipartUpload(context.Background(), &s3.CompleteMultipartUploadInput{})
			return err
		}, func(*try) { time.Sleep(long) }},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 1, putSmall)
				r.store.answer = func(try *try) (any, error) {
					q.during(try)
					return nil, try.Err()
				}
				if err := q.do(r); err != nil || r.store.asked() != 1 {
					t.Errorf("%d attempts: %v", r.store.asked(), err)
				}
			})
		})
	}
}

// A store that has become slow is not taken for one that stalls: after some
// attempts that were cut off all get the time they need, and none is lost.
func TestSlowStoreIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, putSmall)
		r.store.answer = func(try *try) (any, error) {
			select {
			case <-try.Done():
				return nil, try.Err()
			case <-time.After(3 * time.Second):
				return nil, nil
			}
		}
		const n = 100
		for range n {
			if err := putSmall(r); err != nil {
				t.Fatal(err)
			}
		}
		if extra := r.store.asked() - n; extra < 1 || extra > 30 {
			t.Errorf("%d attempts were cut off", extra)
		}
	})
}

// Of a body only the time counts for which it is waited.
func TestStalledBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, getSmall)
		r.store.answer = func(try *try) (any, error) {
			out := object(strings.Repeat("x", 100))
			body := &textBody{rest: strings.Repeat("x", 100), step: 10}
			body.pause = func() error {
				if len(body.rest) == 50 {
					return try.hang()
				}
				return nil
			}
			out.Body = body
			return out, nil
		}
		r.host.rivals.Store(-1 << 40) // none
		out, err := r.GetObject(t.Context(), &s3.GetObjectInput{})
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 10)
		for range 5 {
			if _, err := out.Body.Read(p); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // a slow caller
		}
		began := time.Now()
		_, err = out.Body.Read(p)
		stalled, ok := errors.AsType[*StallError](err)
		if took := time.Since(began); !ok || stalled.After != leastBodyStall || !Retryable(err) || took < leastBodyStall-lookEvery || took > leastBodyStall+lookEvery {
			t.Errorf("after %v: %v", took, err)
		}
		if got := fmt.Sprint(r.gate.verdicts()); got != fmt.Sprint([]pool.Verdict{pool.Failed}) {
			t.Errorf("verdicts %s", got)
		}
		if err := out.Body.Close(); err != nil {
			t.Error(err)
		}
		r.gate.idle(t)
	})
}

func TestQuantiles(t *testing.T) {
	var q quantiles
	for i := range 1000 {
		q.add(time.Duration(i+1) * time.Millisecond)
	}
	for p, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.95: 950 * time.Millisecond, 0.99: 990 * time.Millisecond} {
		if got := q.quantile(p); got < want || got > want*5/4 {
			t.Errorf("the quantile of %v is %v, want %v or a little more", p, got, want)
		}
	}
	// What was is forgotten.
	for range 20 * recent {
		q.add(time.Second / 100)
	}
	if got := time.Duration(q.p99.Load()); got > 13*time.Millisecond {
		t.Errorf("the quantile is still %v", got)
	}
	q.add(0)
	q.add(-1)
	q.add(1 << 62)
}
