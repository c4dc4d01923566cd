package wire

import (
	"context"
	"io"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/walker/bucket"
)

// fakeConn tells of what moves on it.
type fakeConn struct {
	net.Conn
	moved atomic.Int64
	held  atomic.Bool
}

func (c *fakeConn) Progress() int64 { return c.moved.Load() }
func (c *fakeConn) Held() bool      { return c.held.Load() }

// try is one attempt as the store sees it.
type try struct {
	context.Context
	n    int // from 1
	conn *fakeConn
	in   any // *s3.PutObjectInput, ...
}

// hang is an answer that never comes.
func (t *try) hang() error {
	<-t.Done()
	return t.Err()
}

// scripted is a store that does what a test says. answer returns what has the
// type of the operation, or nil for an empty one.
type scripted struct {
	Client
	answer func(*try) (any, error)

	mu    sync.Mutex
	tries []*try
}

func (s *scripted) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.tries)
}

func ask[O any](ctx context.Context, s *scripted, in any) (*O, error) {
	s.mu.Lock()
	t := &try{Context: ctx, n: len(s.tries) + 1, conn: &fakeConn{}, in: in}
	s.tries = append(s.tries, t)
	s.mu.Unlock()
	if trace := httptrace.ContextClientTrace(ctx); trace != nil {
		trace.GotConn(httptrace.GotConnInfo{Conn: t.conn})
	}
	out, err := s.answer(t)
	if err != nil {
		return nil, err
	}
	if out == nil {
		return new(O), nil
	}
	return out.(*O), nil
}

func (s *scripted) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	return ask[s3.PutObjectOutput](ctx, s, in)
}

func (s *scripted) UploadPart(ctx context.Context, in *s3.UploadPartInput, _ ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	return ask[s3.UploadPartOutput](ctx, s, in)
}

func (s *scripted) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	return ask[s3.GetObjectOutput](ctx, s, in)
}

func (s *scripted) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	return ask[s3.HeadObjectOutput](ctx, s, in)
}

func (s *scripted) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	return ask[s3.CreateMultipartUploadOutput](ctx, s, in)
}

func (s *scripted) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	return ask[s3.CompleteMultipartUploadOutput](ctx, s, in)
}

func (s *scripted) ListObjects(ctx context.Context, req bucket.ListRequest, into *bucket.Page) error {
	page, err := ask[bucket.Page](ctx, s, req)
	if err == nil {
		*into = *page
	}
	return err
}

func (s *scripted) DeleteObjects(ctx context.Context, _ string, ids []ObjectID, _ DeleteOptions) ([]DeleteFailure, error) {
	failed, err := ask[[]DeleteFailure](ctx, s, ids)
	if err != nil {
		return nil, err
	}
	return *failed, nil
}

func (s *scripted) ListUploads(ctx context.Context, req UploadsRequest) (*UploadsPage, error) {
	return ask[UploadsPage](ctx, s, req)
}

func (s *scripted) Region(ctx context.Context, bucket string) (string, error) {
	return value(ask[string](ctx, s, bucket))
}

func (s *scripted) Versioning(ctx context.Context, bucket string) (VersioningState, error) {
	return value(ask[VersioningState](ctx, s, bucket))
}

func (s *scripted) ObjectLock(ctx context.Context, bucket string) (bool, error) {
	return value(ask[bool](ctx, s, bucket))
}

func (s *scripted) Lifecycle(ctx context.Context, bucket string) (*Lifecycle, error) {
	return ask[Lifecycle](ctx, s, bucket)
}

func (s *scripted) PutLifecycle(ctx context.Context, _ string, l *Lifecycle) error {
	_, err := ask[Lifecycle](ctx, s, l)
	return err
}

func (s *scripted) SetVersioning(ctx context.Context, _ string, on bool, _ string) error {
	_, err := ask[bool](ctx, s, on)
	return err
}

func (s *scripted) PutWebsite(ctx context.Context, _ string, w Website) error {
	_, err := ask[Website](ctx, s, w)
	return err
}

func (s *scripted) PutObjectTagging(ctx context.Context, in *s3.PutObjectTaggingInput, _ ...func(*s3.Options)) (*s3.PutObjectTaggingOutput, error) {
	return ask[s3.PutObjectTaggingOutput](ctx, s, in)
}

func (s *scripted) GetObjectAcl(ctx context.Context, in *s3.GetObjectAclInput, _ ...func(*s3.Options)) (*s3.GetObjectAclOutput, error) { //nolint:revive // the SDK's name
	return ask[s3.GetObjectAclOutput](ctx, s, in)
}

func (s *scripted) PutObjectAcl(ctx context.Context, in *s3.PutObjectAclInput, _ ...func(*s3.Options)) (*s3.PutObjectAclOutput, error) { //nolint:revive // the SDK's name
	return ask[s3.PutObjectAclOutput](ctx, s, in)
}

func value[O any](out *O, err error) (O, error) {
	if err != nil {
		var none O
		return none, err
	}
	return *out, nil
}

// outcomes is a gate of n slots that remembers how attempts ended.
type outcomes struct {
	*gate
	mu   sync.Mutex
	asks []pool.Ask
	all  []pool.Outcome
}

func newOutcomes(n int) *outcomes { return &outcomes{gate: newGate(n)} }

func (o *outcomes) Acquire(ctx context.Context, ask pool.Ask) (Slot, error) {
	if _, err := o.gate.Acquire(ctx, ask); err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asks = append(o.asks, ask)
	return o, nil
}

func (o *outcomes) Release(out pool.Outcome) {
	o.mu.Lock()
	o.all = append(o.all, out)
	o.mu.Unlock()
	o.gate.Release(out)
}

// verdicts are those since the last call.
func (o *outcomes) verdicts() []pool.Verdict {
	o.mu.Lock()
	defer o.mu.Unlock()
	var v []pool.Verdict
	for _, out := range o.all {
		v = append(v, out.Verdict)
	}
	o.all = nil
	return v
}

// idle fails the test where a slot is still held.
func (o *outcomes) idle(t *testing.T) {
	t.Helper()
	if n := len(o.slots); n != 0 {
		t.Errorf("%d slots are held", n)
	}
}

// rig is a client over a scripted store that has answered often enough to know
// how long it takes: 2 ms.
type rig struct {
	Client
	host  *Host
	store *scripted
	gate  *outcomes
	told  []error // of retries
}

const usual = 2 * time.Millisecond

func newRig(t *testing.T, slots int, warm func(Client) error) *rig {
	t.Helper()
	r := &rig{host: NewHost(), store: &scripted{}, gate: newOutcomes(slots)}
	r.Client = Attempts(r.store, r.gate, Policy{Host: r.host, OnRetry: func(_ string, err error) { r.told = append(r.told, err) }})
	r.store.answer = func(try *try) (any, error) {
		time.Sleep(usual)
		if _, ok := try.in.(*s3.GetObjectInput); ok {
			return object("warm"), nil
		}
		return nil, nil
	}
	for range enoughToCut {
		if err := warm(r.Client); err != nil {
			t.Fatal(err)
		}
	}
	r.store.tries = nil
	r.gate.verdicts()
	return r
}

func object(content string) *s3.GetObjectOutput {
	n, tag := int64(len(content)), `"tag"`
	return &s3.GetObjectOutput{Body: &textBody{rest: content}, ContentLength: &n, ETag: &tag}
}

// textBody gives a text; pause, where it is not nil, is asked before each read
// of at most step bytes, and its error is that of the read.
type textBody struct {
	rest   string
	step   int
	pause  func() error
	closed atomic.Bool
}

func (b *textBody) Read(p []byte) (int, error) {
	if b.pause != nil {
		if err := b.pause(); err != nil {
			return 0, err
		}
	}
	if b.rest == "" {
		return 0, io.EOF
	}
	if b.step > 0 {
		p = p[:min(len(p), b.step)]
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *textBody) Close() error {
	b.closed.Store(true)
	return nil
}
