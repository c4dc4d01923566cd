package wire

import (
	"bytes"
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
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

func head(c Client) error {
	_, err := c.HeadObject(context.Background(), &s3.HeadObjectInput{})
	return err
}

const partSize = 1 << 20

func part(c Client) error {
	_, err := c.UploadPart(context.Background(), &s3.UploadPartInput{
		Bucket: aws.String("bucket"),
		Body:   bytes.NewReader(make([]byte, partSize)), ContentLength: aws.Int64(partSize),
	})
	return err
}

// within is the time from when a rival may begin: a look later at most.
func within(d time.Duration) bool { return d >= leastRace && d <= leastRace+lookEvery+2*usual }

// The first answer counts, the other attempt is cut off, and both have ended.
func TestRivalWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, head)
		var cause error
		r.store.answer = func(try *try) (any, error) {
			if try.n == 1 {
				err := try.hang()
				cause = context.Cause(try)
				return nil, err
			}
			time.Sleep(usual)
			return &s3.HeadObjectOutput{ETag: aws.String("second")}, nil
		}
		began := time.Now()
		out, err := r.HeadObject(t.Context(), &s3.HeadObjectInput{})
		if err != nil || aws.ToString(out.ETag) != "second" || !within(time.Since(began)) {
			t.Errorf("after %v: %v, %v", time.Since(began), out, err)
		}
		if !errors.Is(cause, errLost) || len(r.told) != 0 {
			t.Errorf("the first ended with %v; told of %v", cause, r.told)
		}
		if got := fmt.Sprint(r.gate.verdicts()); got != fmt.Sprint([]pool.Verdict{pool.Answered, pool.Dropped}) {
			t.Errorf("verdicts %s", got)
		}
		r.gate.idle(t)

		// The other way round.
		r.store.tries = nil
		r.store.answer = func(try *try) (any, error) {
			if try.n == 2 {
				return nil, try.hang()
			}
			time.Sleep(350 * time.Millisecond)
			return &s3.HeadObjectOutput{ETag: aws.String("first")}, nil
		}
		out, err = r.HeadObject(t.Context(), &s3.HeadObjectInput{})
		if err != nil || aws.ToString(out.ETag) != "first" || r.store.asked() != 2 {
			t.Errorf("%v, %v, %d attempts", out, err, r.store.asked())
		}
		r.gate.idle(t)
	})
}

// A page that the loser had begun to fill is that of the winner.
func TestRivalOfAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := func(c Client) error { return c.ListObjects(context.Background(), bucket.ListRequest{}, &bucket.Page{}) }
		r := newRig(t, 2, list)
		r.store.answer = func(try *try) (any, error) {
			if try.n == 1 {
				return nil, try.hang()
			}
			return &bucket.Page{Entries: []walker.Entry{{Key: "k"}}, Next: "more"}, nil
		}
		page := bucket.Page{Next: "old"}
		if err := r.ListObjects(t.Context(), bucket.ListRequest{}, &page); err != nil || len(page.Entries) != 1 || page.Next != "more" {
			t.Errorf("%+v, %v", page, err)
		}
		r.gate.idle(t)
	})
}

// A part is sent a second time from a reader of its own; when the call returns
// nobody reads the body, and what was read of it counts as all.
func TestRivalOfAPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, part)
		content := make([]byte, 2+partSize)
		for i := range content {
			content[i] = byte(i * 13)
		}
		body := bytes.NewReader(content)
		_, _ = body.Seek(2, io.SeekStart)
		var got []byte
		r.store.answer = func(try *try) (any, error) {
			in := try.in.(*s3.UploadPartInput)
			if try.n == 1 {
				_, _ = io.CopyN(io.Discard, in.Body, partSize/2)
				err := try.hang()
				_, _ = io.CopyN(io.Discard, in.Body, 1)
				return nil, err
			}
			var err error
			got, err = io.ReadAll(in.Body)
			return nil, err
		}
		_, err := r.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: aws.String("bucket"), Body: body, ContentLength: aws.Int64(partSize)})
		if err != nil || !bytes.Equal(got, content[2:]) {
			t.Errorf("%d bytes arrived: %v", len(got), err)
		}
		scribble(content) // the race detector sees who reads
		if body.Len() != 0 {
			t.Errorf("%d bytes of the body count as unread", body.Len())
		}
		r.gate.idle(t)
	})
}

func scribble(b []byte) {
	for i := range b {
		b[i]++
	}
}

// Where ETags tell one upload of a part from another, none is sent twice; nor is
// a body that cannot be read twice.
func TestPartsWithoutRivals(t *testing.T) {
	for what, q := range map[string]struct {
		body io.Reader
		sse  types.ServerSideEncryption
	}{
		"KMS":    {bytes.NewReader(make([]byte, partSize)), types.ServerSideEncryptionAwsKms},
		"no two": {struct{ io.ReadSeeker }{bytes.NewReader(make([]byte, partSize))}, ""},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 2, part)
				r.store.answer = func(try *try) (any, error) {
					for range try.n * 10 {
						time.Sleep(100 * time.Millisecond)
						try.conn.moved.Add(1)
					}
					return &s3.UploadPartOutput{ServerSideEncryption: q.sse}, nil
				}
				r.host.rivals.Store(0)
				if err := part(r); err != nil { // tells of the encryption
					t.Fatal(err)
				}
				before := r.store.asked()
				r.host.rivals.Store(rivalBudget * rivalCost)
				_, err := r.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: aws.String("bucket"), Body: q.body, ContentLength: aws.Int64(partSize)})
				if err != nil || r.store.asked() != before+1 {
					t.Errorf("%d attempts: %v", r.store.asked()-before, err)
				}
			})
		})
	}
}

// With one slot there is none for a rival while the first goes on; when that
// breaks, there is.
func TestRivalAndOneSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 1, head)
		r.store.answer = func(*try) (any, error) {
			time.Sleep(350 * time.Millisecond)
			return nil, nil
		}
		if err := head(r); err != nil || r.store.asked() != 1 {
			t.Errorf("%d attempts: %v", r.store.asked(), err)
		}
		r.store.tries = nil
		r.store.answer = func(try *try) (any, error) {
			if try.n == 1 {
				time.Sleep(350 * time.Millisecond)
				return nil, answered(500, "InternalError")
			}
			time.Sleep(usual)
			return nil, nil
		}
		began := time.Now()
		if err := head(r); err != nil || r.store.asked() != 2 || time.Since(began) != 350*time.Millisecond+usual || len(r.told) != 0 {
			t.Errorf("%d attempts in %v: %v", r.store.asked(), time.Since(began), err)
		}
		// Both break: one retry.
		r.store.tries = nil
		r.store.answer = func(try *try) (any, error) {
			if try.n < 3 {
				time.Sleep(350 * time.Millisecond)
				return nil, answered(500, "InternalError")
			}
			return nil, nil
		}
		if err := head(r); err != nil || r.store.asked() != 3 || len(r.told) != 1 {
			t.Errorf("%d attempts, told of %v: %v", r.store.asked(), r.told, err)
		}
		// The caller gives up.
		r.store.tries = nil
		r.store.answer = func(try *try) (any, error) { return nil, try.hang() }
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if _, err := r.HeadObject(ctx, &s3.HeadObjectInput{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("given up: %v", err)
		}
		r.gate.idle(t)
	})
}

// Few requests are sent twice: of those that were answered one in twenty, and
// not many in a row.
func TestRivalsAreFew(t *testing.T) {
	h := NewHost()
	count := func() (n int) {
		for h.rival() {
			n++
		}
		return n
	}
	for answers, want := range map[int]int{rivalCost - 1: 0, rivalCost: 1, 3*rivalCost + 5: 3, 1000 * rivalCost: rivalBudget} {
		h.rivals.Store(0)
		for range answers {
			h.ended(pool.Answered)
		}
		if got := count(); got != want {
			t.Errorf("after %d answers %d rivals, want %d", answers, got, want)
		}
	}
}

// The rest of a body that is slow comes from another connection, of the same
// object, and not one byte twice.
func TestRestOfABody(t *testing.T) {
	content := strings.Repeat("0123456789", 100)
	for _, q := range []struct {
		what, asked, rng, answer string
		wins                     bool
	}{
		{"of the whole", "", "bytes=300-999", "bytes 300-999/1000", true},
		{"of a range", "bytes=100-899", "bytes=400-899", "bytes 400-899/1000", true},
		{"another range", "", "bytes=400-999", "bytes 0-999/1000", false},
		{"no range", "", "bytes=400-999", "", false},
	} {
		t.Run(q.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, 2, getSmall)
				fellows := r.host.paces.of(pacedGet, 1000)
				if q.asked != "" {
					fellows = r.host.paces.of(pacedGet, 800)
				}
				for range enoughToRace {
					fellows.lasted(usual)
				}
				want, first := content, &textBody{step: 100}
				if q.asked != "" {
					want = content[100:900]
				}
				first.rest = want
				r.store.answer = func(try *try) (any, error) {
					in := try.in.(*s3.GetObjectInput)
					if try.n == 1 {
						left := 3
						first.pause = func() error {
							if left--; left >= 0 {
								return nil
							}
							if q.wins {
								return try.hang()
							}
							try.conn.moved.Add(1)
							time.Sleep(150 * time.Millisecond)
							return try.Err()
						}
						out := object(want)
						out.Body = first
						if q.asked != "" {
							out.ContentRange = aws.String("bytes 100-899/1000")
						}
						return out, nil
					}
					if aws.ToString(in.Range) != q.rng || aws.ToString(in.IfMatch) != `"tag"` {
						t.Errorf("asked for %s, if it is %s", aws.ToString(in.Range), aws.ToString(in.IfMatch))
					}
					out := object(want[300:])
					out.ContentRange = &q.answer
					return out, nil
				}
				in := &s3.GetObjectInput{}
				if q.asked != "" {
					in.Range = &q.asked
				}
				out, err := r.GetObject(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(out.Body)
				if err != nil || string(got) != want {
					t.Errorf("%d bytes: %v", len(got), err)
				}
				if err := out.Body.Close(); err != nil || r.store.asked() != 2 || first.closed.Load() != true {
					t.Errorf("%d requests, the first is closed: %v, %v", r.store.asked(), first.closed.Load(), err)
				}
				r.gate.idle(t)
			})
		})
	}
}

// What the first connection brought while the second was asked is not given twice.
func TestRestOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, 2, getSmall)
		for range enoughToRace {
			r.host.paces.of(pacedGet, 1000).lasted(usual)
		}
		content := strings.Repeat("0123456789", 100)
		first := &textBody{rest: content, step: 10}
		r.store.answer = func(try *try) (any, error) {
			in := try.in.(*s3.GetObjectInput)
			if try.n == 1 {
				first.pause = func() error { // 10 bytes in 10 ms
					try.conn.moved.Add(10)
					select {
					case <-try.Done():
						return try.Err()
					case <-time.After(10 * time.Millisecond):
						return nil
					}
				}
				out := object(content)
				out.Body = first
				return out, nil
			}
			time.Sleep(105 * time.Millisecond)
			var from, to int
			if _, err := fmt.Sscanf(aws.ToString(in.Range), "bytes=%d-%d", &from, &to); err != nil {
				t.Error(err)
			}
			out := object(content[from:])
			out.Body.(*textBody).step = 7
			out.ContentRange = aws.String(fmt.Sprintf("bytes %d-%d/1000", from, to))
			return out, nil
		}
		out, err := r.GetObject(t.Context(), &s3.GetObjectInput{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(out.Body)
		if err != nil || string(got) != content || r.store.asked() != 2 || len(first.rest) == 0 {
			t.Errorf("%d bytes, %d requests, %d bytes left in the first: %v", len(got), r.store.asked(), len(first.rest), err)
		}
		if err := out.Body.Close(); err != nil {
			t.Error(err)
		}
		r.gate.idle(t)
	})
}
