package transfer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/wire"
)

// prior is what there is of an upload or a copy in parts when it is begun.
type prior struct {
	record journal.Record
	// journaled says that the record is in the journal: what is not completed is
	// left there for another run.
	journaled bool
	// id is that of the upload; empty where none is open.
	id string
	// parts are those that the store has of it, by number.
	parts map[int32]types.Part
	// orphaned says that an interrupted run may have begun an upload whose id it
	// did not live to write down. Where it was about something else, stale is set,
	// and that upload is not gone on with.
	orphaned, stale bool
}

// takeUp finds out what an interrupted run has left of want, and writes want
// down before anything is begun. Where that run was about to end (the store does
// not know the upload any more), arrived says whether the object is there and
// right; then done is what it returned, and there is nothing left to do.
func (t *Transfer) takeUp(ctx context.Context, want journal.Record, arrived func(context.Context) (Result, bool, error)) (p prior, done *Result, err error) {
	p.record = want
	if t.Journal == nil {
		return p, nil, nil
	}
	p.record.Intended = t.Clock(ctx)
	had, found := t.Journal.Find(want.ID)
	switch {
	case !found:
	case !continues(had, want):
		if err := t.startOver(ctx, had); err != nil {
			return p, nil, err
		}
		if had.UploadID == "" {
			p.orphaned, p.stale, p.record.Intended = true, true, had.Intended
		}
	case had.UploadID == "":
		p.orphaned, p.record.Intended, p.journaled = true, had.Intended, true
		return p, nil, nil
	default:
		parts, err := t.listParts(ctx, want.ID, had.UploadID)
		if err == nil {
			p.record, p.id, p.parts, p.journaled = had, had.UploadID, parts, true
			return p, nil, nil
		}
		if wire.Code(err) != "NoSuchUpload" {
			return p, nil, err
		}
		res, ok, err := arrived(ctx)
		if err != nil {
			return p, nil, err
		}
		if ok {
			t.Journal.Forget(want.ID)
			t.Resumed(res.Size)
			return p, &res, nil
		}
	}
	p.journaled, err = t.Journal.Intend(ctx, p.record)
	return p, nil, err
}

// continues says that what was begun as had can go on as want. When a file was
// last touched otherwise than by writing does not matter: each part is compared.
func continues(had, want journal.Record) bool {
	return had.Source == want.Source && had.Size == want.Size && had.ModTime.Equal(want.ModTime) &&
		had.Inode == want.Inode && had.ETag == want.ETag && had.PartSize == want.PartSize && had.Algorithm == want.Algorithm
}

// startOver aborts what was begun of something that is another thing by now.
func (t *Transfer) startOver(ctx context.Context, had journal.Record) error {
	t.Notice(fmt.Sprintf("%s is not what it was when an interrupted run began to move it: it is begun anew", had.Source))
	if had.UploadID == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patiently)
	defer cancel()
	return abortUpload(ctx, t.Client, had.Bucket, had.Key, had.UploadID)
}

// listParts asks for all parts that the store has of an upload.
func (t *Transfer) listParts(ctx context.Context, id journal.ID, uploadID string) (map[int32]types.Part, error) {
	parts := map[int32]types.Part{}
	in := &s3.ListPartsInput{Bucket: &id.Bucket, Key: &id.Key, UploadId: &uploadID}
	for {
		out, err := t.Client.ListParts(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, part := range out.Parts {
			parts[aws.ToInt32(part.PartNumber)] = part
		}
		next := aws.ToString(out.NextPartNumberMarker)
		if !aws.ToBool(out.IsTruncated) || next == "" || next == aws.ToString(in.PartNumberMarker) {
			return parts, nil
		}
		in.PartNumberMarker = &next
	}
}

// begin has an upload begun where none is open, and its id written down before
// the first part is sent: an upload whose id is lost has none.
func (t *Transfer) begin(ctx context.Context, p *prior, create func(context.Context) (string, error)) error {
	if p.id != "" {
		return nil
	}
	var orphans []wire.UploadInfo
	if p.orphaned {
		var err error
		if orphans, err = t.openUploads(ctx, p.record.ID); err != nil {
			return err
		}
	}
	lost, since := false, time.Now()
	var err error
	p.id, err = create(wire.Telling(ctx, func(err error) { lost = lost || wire.Classify(err) == wire.Transient }))
	if err != nil {
		return err
	}
	if lost && !p.orphaned {
		// An attempt before may have begun one, too.
		p.stale = true
		if at := t.Clock(ctx); p.record.Intended.IsZero() && !at.IsZero() {
			p.record.Intended = at.Add(-time.Since(since))
		}
		orphans, err = t.others(ctx, p)
	}
	if err == nil && len(orphans) > 0 {
		err = t.adopt(ctx, p, orphans)
	}
	if err == nil && p.journaled {
		err = t.Journal.Begun(ctx, p.record.ID, p.id)
	}
	if err == nil {
		return nil
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), quickly)
	defer cancel()
	return errors.Join(err, abortUpload(late, t.Client, p.record.Bucket, p.record.Key, p.id))
}

// others are the open uploads of the key but that of p.
func (t *Transfer) others(ctx context.Context, p *prior) ([]wire.UploadInfo, error) {
	all, err := t.openUploads(ctx, p.record.ID)
	return slices.DeleteFunc(all, func(u wire.UploadInfo) bool { return u.UploadID == p.id }), err
}

// adopt goes on with the one upload among orphans that the interrupted run has
// begun: it is newer than the record, and by whoever began the one of p. Where
// there are several, nobody can tell: they are left, and told of.
func (t *Transfer) adopt(ctx context.Context, p *prior, orphans []wire.UploadInfo) error {
	now, err := t.openUploads(ctx, p.record.ID)
	if err != nil {
		return err
	}
	var me string
	for _, u := range now {
		if u.UploadID == p.id {
			me = u.Initiator
		}
	}
	var mine []wire.UploadInfo
	for _, u := range orphans {
		if u.Initiator == me && !u.Initiated.Before(p.record.Intended.Add(-clockMargin)) {
			mine = append(mine, u)
		}
	}
	switch {
	case len(mine) == 0:
		return nil
	case len(mine) > 1 || p.record.Intended.IsZero():
		t.Notice(fmt.Sprintf("open uploads of s3://%s/%s may be of an interrupted run, and which is not known (%d are open): they are left; see s3haul uploads",
			p.record.Bucket, p.record.Key, len(mine)))
		return nil
	}
	if p.stale {
		return abortUpload(ctx, t.Client, p.record.Bucket, p.record.Key, mine[0].UploadID)
	}
	parts, err := t.listParts(ctx, p.record.ID, mine[0].UploadID)
	if err != nil {
		return err
	}
	if err := abortUpload(ctx, t.Client, p.record.Bucket, p.record.Key, p.id); err != nil {
		return err
	}
	p.id, p.parts = mine[0].UploadID, parts
	return nil
}

// clockMargin is how much earlier than our record an upload may seem to have
// been begun: both times are in whole seconds, and the clock of the store is
// known as well as an answer tells.
const clockMargin = 5 * time.Second

// openUploads are the uploads of one key.
func (t *Transfer) openUploads(ctx context.Context, id journal.ID) ([]wire.UploadInfo, error) {
	if t.Uploads == nil {
		return nil, nil
	}
	var all []wire.UploadInfo
	req := wire.UploadsRequest{Bucket: id.Bucket, Prefix: id.Key}
	for {
		page, err := t.Uploads.ListUploads(ctx, req)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Uploads {
			if u.Key == id.Key {
				all = append(all, u)
			}
		}
		// Keys that the key begins with come behind all of its own.
		if !page.More || page.NextKey > id.Key {
			return all, nil
		}
		req.KeyMarker, req.UploadIDMarker = page.NextKey, page.NextUploadID
	}
}

// hopeless says that another run cannot go on with what err has ended: its parts
// are of no use.
func hopeless(err error) bool {
	if errors.Is(err, ErrChanged) || errors.Is(err, ErrChecksum) || errors.Is(err, ErrExists) {
		return true
	}
	return wire.Code(err) != "" && wire.Classify(err) == wire.Final
}

// Discard removes what there is of an object that an interrupted run has begun: its
// temporary file, unless a living process has it, and its upload; also one whose id
// that run did not live to write down, where it can be told from others'.
func (t *Transfer) Discard(ctx context.Context, rec journal.Record) error {
	if rec.Kind == journal.Download {
		if rec.Temp == "" {
			return nil
		}
		_, err := RemoveTemporary(rec.Temp)
		return err
	}
	if rec.UploadID != "" {
		return abortUpload(ctx, t.Client, rec.Bucket, rec.Key, rec.UploadID)
	}
	orphans, err := t.openUploads(ctx, rec.ID)
	if err != nil || len(orphans) == 0 {
		return err
	}
	// Who we are to the store, it says of an upload of ours.
	out, err := t.Client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &rec.Bucket, Key: &rec.Key})
	if err != nil {
		return err
	}
	p := &prior{record: rec, stale: true, id: aws.ToString(out.UploadId)}
	return errors.Join(t.adopt(ctx, p, orphans), abortUpload(ctx, t.Client, rec.Bucket, rec.Key, p.id))
}

// abortUpload aborts until the upload has no part left: S3 may keep one that was
// on its way (https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html).
func abortUpload(ctx context.Context, client wire.Objects, bucket, key, uploadID string, opts ...func(*s3.Options)) error {
	for range 3 {
		_, err := client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: &uploadID}, opts...)
		if wire.Code(err) == "NoSuchUpload" {
			return nil
		}
		if err != nil {
			return err
		}
		left, err := client.ListParts(ctx, &s3.ListPartsInput{Bucket: &bucket, Key: &key, UploadId: &uploadID, MaxParts: aws.Int32(1)})
		if err != nil || len(left.Parts) == 0 {
			return nil
		}
	}
	return fmt.Errorf("AbortMultipartUpload s3://%s/%s: parts of upload %s are still there", bucket, key, uploadID)
}
