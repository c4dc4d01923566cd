package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/wire"
)

// memoryUpload is an upload whose parts are in memory when they are sent: those of
// a stream, and of an object that comes from another store.
type memoryUpload struct {
	t      *Transfer
	client wire.Objects
	dst    Object
	sums   *partSums
	// prior is what an interrupted run has left; of a stream nothing.
	prior prior
	// resumed and sent are the bytes of the parts that were there, and were sent.
	resumed, sent atomic.Int64

	mu   sync.Mutex
	done []types.CompletedPart // by number
}

func (t *Transfer) newMemoryUpload(client wire.Objects, dst Object, sums *partSums) *memoryUpload {
	u := &memoryUpload{t: t, client: client, dst: dst, sums: sums}
	u.prior.record.ID = journal.ID{Kind: journal.Upload, Bucket: dst.Bucket, Key: dst.Key}
	return u
}

// begin begins the upload, where none is gone on with.
func (u *memoryUpload) begin(ctx context.Context, in *s3.CreateMultipartUploadInput) error {
	return u.t.begin(ctx, &u.prior, func(ctx context.Context) (string, error) {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		late, cancel := delayed(ctx, quickly) // an upload whose id nobody has learnt cannot be removed
		defer cancel()
		out, err := u.sums.create(late, u.client, in)
		if err != nil {
			return "", err
		}
		return aws.ToString(out.UploadId), nil
	})
}

// send sends one part. It gets a while to end by itself when ctx has ended: one
// that was cut off may still be taken by the store, after the upload was aborted.
func (u *memoryUpload) send(ctx context.Context, number int, p *payload) error {
	p.begin = func() error { return context.Cause(ctx) } // none is begun after that
	late, cancel := delayed(ctx, partGrace)
	defer cancel()
	out, err := u.sums.send(late, u.client, number, p, &s3.UploadPartInput{
		Bucket: &u.dst.Bucket, Key: &u.dst.Key, UploadId: &u.prior.id, PartNumber: aws.Int32(int32(number)),
	})
	if err != nil {
		return err
	}
	u.sent.Add(int64(len(p.mem)))
	u.has(number, out.ETag)
	return nil
}

// has remembers a part that the store has.
func (u *memoryUpload) has(number int, etag *string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.done) < number {
		u.done = append(u.done, types.CompletedPart{PartNumber: aws.Int32(int32(len(u.done) + 1))})
	}
	u.done[number-1].ETag = etag
}

// complete makes an object of the parts, which must all be there.
func (u *memoryUpload) complete(ctx context.Context) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &u.dst.Bucket, Key: &u.dst.Key, UploadId: &u.prior.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.done},
	}
	if u.t.NoOverwrite {
		in.IfNoneMatch = aws.String("*")
	}
	_, res, err := u.sums.complete(ctx, u.client, in)
	switch {
	case wire.Code(err) == "NoSuchUpload": // an attempt may have succeeded whose answer was lost
		there, ok, aerr := u.arrived(ctx, u.prior.record.Intended)
		if ok && aerr == nil {
			return there, nil
		}
		return Result{}, errors.Join(err, aerr)
	case unmet(err) && u.t.NoOverwrite:
		return Result{}, exists(u.dst, err)
	}
	return res, err
}

// arrived says whether the object is what was sent, by the sum that the store has
// of it: its size alone proves nothing.
func (u *memoryUpload) arrived(ctx context.Context, began time.Time) (Result, bool, error) {
	head, err := u.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &u.dst.Bucket, Key: &u.dst.Key, ChecksumMode: types.ChecksumModeEnabled,
	})
	switch {
	case wire.NotFound(err):
		return Result{}, false, nil
	case err != nil:
		return Result{}, false, fmt.Errorf("s3://%s/%s: %w", u.dst.Bucket, u.dst.Key, err)
	case aws.ToInt64(head.ContentLength) != u.sums.size, !madeSince(aws.ToTime(head.LastModified), began):
		return Result{}, false, nil
	}
	res := Result{Size: u.sums.size}
	there := ofHead(head)
	_, text := u.sums.whole(&s3.CompleteMultipartUploadInput{MultipartUpload: &types.CompletedMultipartUpload{Parts: u.done}})
	if text != "" && there.header(u.t.Algorithm) == text {
		res.By, res.Sum = u.t.Algorithm, text
		return res, true, nil
	}
	if etag := u.sums.etag(); etag != "" && etag == strings.Trim(aws.ToString(there.etag), `"`) {
		res.By, res.Sum = checksum.ByMD5, etag
		return res, true, nil
	}
	return res, false, nil
}

// giveUp removes what was sent, unless another run can go on with it, and
// returns why, with what went wrong on top. It runs also where ctx has ended.
func (u *memoryUpload) giveUp(ctx context.Context, why error) error {
	u.t.Progress(-u.sent.Swap(0))
	if u.prior.journaled && !hopeless(why) {
		return why
	}
	if err := u.abort(ctx); err != nil { // the record stays, and another run tries
		return errors.Join(why, err)
	}
	u.forget()
	return why
}

// abort removes the upload.
func (u *memoryUpload) abort(ctx context.Context) error {
	if u.prior.id == "" {
		return nil
	}
	_, err := (&partClient{Objects: u.client}).AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &u.dst.Bucket, Key: &u.dst.Key, UploadId: &u.prior.id,
	})
	if err != nil {
		return fmt.Errorf("aborting the upload to s3://%s/%s: %w", u.dst.Bucket, u.dst.Key, err)
	}
	u.t.Resumed(-u.resumed.Swap(0))
	u.prior.id, u.prior.parts = "", nil
	return nil
}

func (u *memoryUpload) forget() {
	if u.prior.journaled {
		u.t.Journal.Forget(u.prior.record.ID)
	}
}

// putMemory sends one PutObject whose payload is in memory; p.in may have more to
// say of the object.
func (t *Transfer) putMemory(ctx context.Context, p *onePut) (Result, error) {
	p.size = int64(len(p.mem))
	p.in.Bucket, p.in.Key = &p.dst.Bucket, &p.dst.Key
	p.in.ContentLength, p.in.Body = &p.size, &p.body
	if t.NoOverwrite {
		p.in.IfNoneMatch = aws.String("*")
	}
	by := t.weaker.by(t.Algorithm, p.dst.Bucket, inOne)
	if p.hash.Algorithm() != by {
		p.hash = checksum.New(by)
		p.hash.Add(p.mem)
	}
	var retries *wire.Retries
	for {
		res, err := t.putWith(ctx, p, p.hash.Sum())
		if by != checksum.ByMD5 && t.weaker.mayBe(err, p.dst.Bucket, inOne) {
			res, err = t.putAgain(ctx, p, err)
		}
		res.Size = p.size
		if err == nil {
			return res, nil
		}
		p.takeBack()
		switch {
		case !t.NoOverwrite:
			return Result{}, err
		case unmet(err):
			return Result{}, exists(p.dst, err)
		case !conflicting(err): // that is no answer
			return Result{}, err
		}
		if retries == nil {
			retries = t.Policy.Retries()
		}
		if !retries.Again(ctx, "PutObject", wire.Transient, err) {
			return Result{}, err
		}
		if err := rewind(&p.body); err != nil {
			return Result{}, err
		}
	}
}
