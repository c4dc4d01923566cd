package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"go.uber.org/goleak"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
)

// streams has a simulator with one bucket, which keeps what is small.
func streams(t *testing.T) (*simulated, *engine.Engine) {
	t.Helper()
	sim := simulate(t, s3sim.Options{})
	must(t, sim.sim.AddBucket("streams", ""))
	o := sim.options()
	o.MaxInFlight, o.Memory = 1, 16*mib
	return sim, newEngine(t, o)
}

// A stream goes up and down again, with one request at a time and in the least
// memory, and nobody has to say how long it is.
func TestCopyStream(t *testing.T) {
	_, eng := streams(t)
	for _, size := range []int64{0, 1000, 17*mib + 5} {
		at := engine.Object("streams", fmt.Sprint("k", size))
		content := io.Reader(s3sim.Content(0).Reader(size))
		sum, err := eng.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{Stdin: struct{ io.Reader }{content}})
		if err != nil || sum.Err() != nil || sum.Ops[report.Upload].Objects != 1 || sum.Ops[report.Upload].Bytes != size {
			t.Errorf("%d up: %+v, %v, %v", size, sum, err, sum.Err())
		}
		var to bytes.Buffer
		sum, err = eng.Copy(t.Context(), at, engine.Stream(), engine.CopyOptions{Stdout: &to})
		if err != nil || sum.Err() != nil || sum.Ops[report.Download].Bytes != size {
			t.Errorf("%d down: %+v, %v, %v", size, sum, err, sum.Err())
		}
		want, rerr := io.ReadAll(s3sim.Content(0).Reader(size))
		must(t, rerr)
		if !bytes.Equal(to.Bytes(), want) {
			t.Errorf("%d: other bytes came back", size)
		}
		var some bytes.Buffer
		if err := eng.Read(t.Context(), at, &some, engine.ReadOptions{Range: "bytes=-500"}); size > 0 && (err != nil || !bytes.Equal(some.Bytes(), want[size-500:])) {
			t.Errorf("%d, the end: %d bytes, %v", size, some.Len(), err)
		}
		if s := eng.PoolStats(); s.Reserved != 0 || s.InFlight != 0 || s.MostReserved > s.Memory {
			t.Errorf("left: %+v", s)
		}
	}
}

// One that is there stays, where it is to be left alone, and nothing is read.
func TestCopyStreamNoOverwrite(t *testing.T) {
	_, eng := streams(t)
	at := engine.Object("streams", "k")
	must(t, errorOf(eng.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{Stdin: strings.NewReader("first")})))
	unread := strings.NewReader("second")
	sum, err := eng.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{Stdin: unread, RunOptions: engine.RunOptions{NoOverwrite: true}})
	if err != nil || sum.Exit() != 0 || sum.Unchanged != 1 || unread.Len() != 6 {
		t.Errorf("%+v, %v; %d bytes left", sum, err, unread.Len())
	}
	sum, err = eng.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{Stdin: unread, RunOptions: engine.RunOptions{Immutable: true}})
	if err != nil || !errors.Is(sum.Err(), engine.ErrImmutable) {
		t.Errorf("%v, %v", err, sum.Err())
	}
}

func errorOf(sum engine.Summary, err error) error { return errors.Join(err, sum.Err()) }

// Ctrl-C ends a stream at once, also one that says nothing: no upload stays, and
// nothing runs on when the stream has ended.
func TestStreamIsCancelled(t *testing.T) {
	for _, c := range []struct {
		name string
		sent int64
		down bool
	}{{"up, nothing yet", 0, false}, {"up, in parts", 12 * mib, false}, {"down", 40 * mib, true}} {
		t.Run(c.name, func(t *testing.T) {
			sim, other := streams(t)
			at := engine.Object("streams", "k")
			if c.down {
				must(t, errorOf(other.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{Stdin: s3sim.Content(0).Reader(c.sent)})))
			}
			before := goleak.IgnoreCurrent()
			eng, err := engine.New(t.Context(), sim.options())
			must(t, err)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			in, out := io.Pipe()
			o := engine.CopyOptions{Stdin: in, Stdout: out}
			go func() {
				if c.down {
					_, _ = io.CopyN(io.Discard, in, mib)
				} else {
					_, _ = io.Copy(out, s3sim.Content(0).Reader(c.sent))
				}
				cancel(errStop)
			}()
			src, dst := engine.Stream(), at
			if c.down {
				src, dst = at, src
			}
			var sum engine.Summary
			within(t, func() { sum, err = eng.Copy(ctx, src, dst, o) })
			if !errors.Is(err, errStop) || sum.Failed != 0 {
				t.Errorf("it ended with %v, %v", err, sum.Err())
			}
			_ = out.Close()
			_ = in.Close()
			must(t, eng.Close())
			if left := goleak.Find(before); left != nil {
				t.Errorf("left running: %v", left)
			}
			if s := eng.PoolStats(); s.Reserved != 0 || s.InFlight != 0 {
				t.Errorf("left: %+v", s)
			}
			uploads, err := sim.client().ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("streams")})
			must(t, err)
			if len(uploads.Uploads) > 0 {
				t.Errorf("%d uploads are open", len(uploads.Uploads))
			}
		})
	}
}

// A reader that goes away, and a disk that is full, are told apart.
func TestStreamIsNotRead(t *testing.T) {
	_, eng := streams(t)
	at := engine.Object("streams", "k")
	must(t, errorOf(eng.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{Stdin: s3sim.Content(0).Reader(9 * mib)})))
	in, out, err := os.Pipe()
	must(t, err)
	must(t, in.Close())
	defer out.Close()
	sum, err := eng.Copy(t.Context(), at, engine.Stream(), engine.CopyOptions{Stdout: out})
	if err != nil || sum.Exit() != 1 || !errors.Is(sum.Err(), engine.ErrPipeClosed) {
		t.Errorf("%v, %v", err, sum.Err())
	}
	if err := eng.Read(t.Context(), at, out, engine.ReadOptions{}); !errors.Is(err, engine.ErrPipeClosed) {
		t.Errorf("%v", err)
	}
	err = eng.Read(t.Context(), at, full{}, engine.ReadOptions{})
	if w, ok := errors.AsType[*engine.WriteError](err); !ok || !errors.Is(w, errStop) {
		t.Errorf("%v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errStop }

// What makes no sense is refused before anything is read or sent.
func TestStreamUsage(t *testing.T) {
	sim, eng := streams(t)
	at, in := engine.Object("streams", "k"), strings.NewReader("content")
	for name, do := range map[string]func() (engine.Summary, error){
		"both sides": func() (engine.Summary, error) {
			return eng.Copy(t.Context(), engine.Stream(), engine.Stream(), engine.CopyOptions{Stdin: in, Stdout: io.Discard})
		},
		"a file": func() (engine.Summary, error) {
			return eng.Copy(t.Context(), engine.Stream(), engine.File("x"), engine.CopyOptions{Stdin: in})
		},
		"a tree": func() (engine.Summary, error) {
			return eng.Copy(t.Context(), engine.Stream(), engine.Bucket("streams", "p/"), engine.CopyOptions{Stdin: in})
		},
		"no Stdin": func() (engine.Summary, error) {
			return eng.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{})
		},
		"no Stdout": func() (engine.Summary, error) {
			return eng.Copy(t.Context(), at, engine.Stream(), engine.CopyOptions{})
		},
		"a move": func() (engine.Summary, error) {
			return eng.Move(t.Context(), engine.Stream(), at, engine.MoveOptions{})
		},
		"a sync": func() (engine.Summary, error) {
			return eng.Sync(t.Context(), engine.Stream(), at, engine.SyncOptions{})
		},
		"less than nothing": func() (engine.Summary, error) {
			return eng.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{Stdin: in, ExpectedSize: -1})
		},
		"more than memory": func() (engine.Summary, error) {
			return eng.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{Stdin: in, ExpectedSize: 5_000_000_000_000})
		},
		"more than an object": func() (engine.Summary, error) {
			return eng.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{Stdin: in, ExpectedSize: 1 << 60})
		},
		"a range": func() (engine.Summary, error) {
			return engine.Summary{}, eng.Read(t.Context(), at, io.Discard, engine.ReadOptions{Range: "bytes=9-1"})
		},
		"a bucket": func() (engine.Summary, error) {
			return engine.Summary{}, eng.Read(t.Context(), engine.Bucket("streams", ""), io.Discard, engine.ReadOptions{})
		},
	} {
		if _, err := do(); !errors.Is(err, engine.ErrUsage) || in.Len() != 7 {
			t.Errorf("%s: %v, %d bytes left", name, err, in.Len())
		}
	}
	// A dry run says what would become of it, and reads nothing.
	sum, err := eng.Copy(t.Context(), engine.Stream(), at, engine.CopyOptions{Stdin: in, RunOptions: engine.RunOptions{DryRun: true}})
	if must(t, err); !sum.DryRun || in.Len() != 7 {
		t.Errorf("a dry run: %+v, %d bytes left", sum, in.Len())
	}
	if n := sim.counts(); len(n) > 0 {
		t.Errorf("requests: %v", n)
	}
}

// Read is about one version where one is named, and about the bytes that a range
// has; what is not there it tells apart.
func TestRead(t *testing.T) {
	sim, eng := streams(t)
	client := sim.client()
	_, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket: aws.String("streams"), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	must(t, err)
	var ids []string
	for _, content := range []string{"the first", "the second one"} {
		out, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("streams"), Key: aws.String("k"), Body: strings.NewReader(content)})
		must(t, err)
		ids = append(ids, *out.VersionId)
	}
	for _, c := range []struct {
		o          engine.ReadOptions
		want, code string
	}{
		{engine.ReadOptions{}, "the second one", ""},
		{engine.ReadOptions{VersionID: ids[0]}, "the first", ""},
		{engine.ReadOptions{VersionID: ids[0], Range: "bytes=4-"}, "first", ""},
		{engine.ReadOptions{Range: "bytes=0-2"}, "the", ""},
		{engine.ReadOptions{Range: "bytes=11-99"}, "one", ""},
		{engine.ReadOptions{Range: "bytes=-3"}, "one", ""},
		{engine.ReadOptions{Range: "bytes=-99"}, "the second one", ""},
		{engine.ReadOptions{Range: "bytes=14-"}, "", "InvalidRange"},
		{engine.ReadOptions{Range: "bytes=-0"}, "", "InvalidRange"},
	} {
		var to strings.Builder
		if err := eng.Read(t.Context(), engine.Object("streams", "k"), &to, c.o); wire.Code(err) != c.code || to.String() != c.want {
			t.Errorf("%+v: %q, %v", c.o, to.String(), err)
		}
	}
	for at, code := range map[engine.Location]string{engine.Object("streams", "gone"): "404", engine.Object("nobucket", "k"): "NoSuchBucket"} {
		if err := eng.Read(t.Context(), at, io.Discard, engine.ReadOptions{}); wire.Code(err) != code {
			t.Errorf("%v: %v", at, err)
		}
	}
}
