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

	"github.com/s3haul/s3haul/engine/checksum"
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
	// orphans is how many uploads of the key may be ours whose ids are not known:
	// runs began them that did not live to write them down, or answers were lost.
	// Where they were about something else, stale is set, and none is gone on with.
	orphans int
	stale   bool
}

// takeUp finds out what an interrupted run has left of want, and writes want
// down before anything is begun. Where that run was about to end (the store does
// not know the upload any more), arrived says whether the object is there and
// right; then done is what it returned, and there is nothing left to do.
func (t *Transfer) takeUp(ctx context.Context, want journal.Record, arrived func(ctx context.Context, began time.Time) (Result, bool, error)) (p prior, done *Result, err error) {
	p.record = want
	if t.Journal == nil {
		return p, nil, nil
	}
	p.record.Intended, p.record.Tries = t.Clock(ctx), 1
	had, found := t.Journal.Find(want.ID)
	switch {
	case !found:
	case !continues(had, want):
		if err := t.startOver(ctx, had, want); err != nil {
			return p, nil, err
		}
		if had.UploadID == "" {
			p.stale = true
			p.follow(had)
		}
	case had.UploadID == "":
		p.follow(had)
	default:
		parts, err := t.listParts(ctx, want.ID, had.UploadID)
		if err == nil {
			p.record, p.id, p.parts, p.journaled = had, had.UploadID, parts, true
			return p, nil, nil
		}
		switch code := wire.Code(err); {
		case code == "NoSuchUpload":
		case denied(err): // then it is of no use
			t.Notice(fmt.Sprintf("what an interrupted run has sent of %s cannot be gone on with, and is left: %v", had.Source, err))
		default:
			return p, nil, err
		}
		res, ok, err := arrived(ctx, had.Intended)
		if err != nil && !denied(err) {
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

// madeSince says that an object that was modified then may be what an upload has become
// that began at began: S3 dates it by that moment. One that is older was there
// before, and has none of what the upload was to give it; it only has the same
// bytes. Where it is not known when the upload began, those decide.
func madeSince(modified, began time.Time) bool {
	return began.IsZero() || !modified.Before(began.Add(-clockMargin))
}

// follow has the record of a run that may have begun an upload and not have lived
// to write down its id.
func (p *prior) follow(had journal.Record) {
	p.orphans = max(had.Tries, 1)
	p.record.Intended, p.record.Tries = had.Intended, p.orphans+1
}

// denied says that the store does not let us, or does not know how: another
// request may go well all the same.
func denied(err error) bool {
	switch wire.Code(err) {
	case "AccessDenied", "403", "Forbidden":
		return true
	}
	return wire.Unsupported(err)
}

// continues says that what was begun as had can go on as want. When a file was
// last touched otherwise than by writing does not matter: each part is compared.
func continues(had, want journal.Record) bool {
	return had.Source == want.Source && had.Size == want.Size && had.ModTime.Equal(want.ModTime) &&
		had.Inode == want.Inode && had.ETag == want.ETag && had.PartSize == want.PartSize && had.Attributes == want.Attributes &&
		// That a store takes no checksum is found out anew by each run.
		(had.Algorithm == want.Algorithm || had.Kind == journal.Upload && had.Algorithm == string(checksum.ByMD5))
}

// startOver aborts what was begun of something that is another thing by now, or is
// to become another.
func (t *Transfer) startOver(ctx context.Context, had, want journal.Record) error {
	msg := "%s is not what it was when an interrupted run began to move it: it is begun anew"
	if want.Attributes = had.Attributes; continues(had, want) {
		msg = "an interrupted run began to move %s with other attributes (headers, encryption, tags): it is begun anew"
	}
	t.Notice(fmt.Sprintf(msg, had.Source))
	if had.UploadID == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patiently)
	defer cancel()
	err := abortUpload(ctx, t.Client, had.Bucket, had.Key, had.UploadID)
	if denied(err) {
		t.Notice(fmt.Sprintf("its open upload is left, see s3haul uploads: %v", err))
		return nil
	}
	return err
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
	since, before := time.Now(), p.orphans
	var err error
	p.id, err = create(wire.Telling(ctx, func(err error) {
		if wire.Classify(err) == wire.Transient { // it may have been carried out
			p.orphans++
		}
	}))
	if err != nil {
		return err
	}
	if at := t.Clock(ctx); p.record.Intended.IsZero() && !at.IsZero() {
		p.record.Intended = at.Add(-time.Since(since))
	}
	if p.orphans > 0 {
		p.stale = p.stale || before == 0 // what a lost answer was about has nothing to go on with
		err = t.adopt(ctx, p)
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

// adopt finds the uploads of the key that runs have begun and not lived to write
// down, or whose answers were lost: they are newer than the record, and by whoever
// began the one of p. It goes on with one that has parts, and removes those that
// have none, which all have whose ids nobody has known. Where there are more than
// there can be of ours, nobody can tell: they are left, and told of.
func (t *Transfer) adopt(ctx context.Context, p *prior) error {
	all, err := t.openUploads(ctx, p.record.ID)
	if denied(err) {
		t.Notice(fmt.Sprintf("open uploads of s3://%s/%s may be of an interrupted run, and cannot be listed: %v", p.record.Bucket, p.record.Key, err))
		return nil
	}
	if err != nil {
		return err
	}
	var me string
	for _, u := range all {
		if u.UploadID == p.id {
			me = u.Initiator
		}
	}
	mine := slices.DeleteFunc(all, func(u wire.UploadInfo) bool {
		return u.UploadID == p.id || u.Initiator != me || u.Initiated.Before(p.record.Intended.Add(-clockMargin))
	})
	if len(mine) == 0 {
		return nil
	}
	if len(mine) > p.orphans || p.record.Intended.IsZero() {
		t.Notice(fmt.Sprintf("open uploads of s3://%s/%s may be of an interrupted run, and which is not known (%d are open): they are left; see s3haul uploads",
			p.record.Bucket, p.record.Key, len(mine)))
		return nil
	}
	left := 0
	for _, u := range mine {
		parts, err := t.listParts(ctx, p.record.ID, u.UploadID)
		switch {
		case wire.Code(err) == "NoSuchUpload":
			continue
		case err != nil:
			return err
		case len(parts) == 0:
			err = abortUpload(ctx, t.Client, p.record.Bucket, p.record.Key, u.UploadID)
		case p.stale || me == "" || p.parts != nil || p.record.Kind != journal.Upload:
			left++ // it has parts, and whose they are is not known after all
			continue
		default:
			err = abortUpload(ctx, t.Client, p.record.Bucket, p.record.Key, p.id)
			p.id, p.parts = u.UploadID, parts
		}
		if err != nil {
			return err
		}
	}
	if left > 0 {
		t.Notice(fmt.Sprintf("open uploads of s3://%s/%s may be of an interrupted run or of somebody else (%d are open): they are left; see s3haul uploads",
			p.record.Bucket, p.record.Key, left))
	}
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
	if open, err := t.openUploads(ctx, rec.ID); err != nil || len(open) == 0 {
		return err
	}
	// Who we are to the store, it says of an upload of ours.
	out, err := t.Client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &rec.Bucket, Key: &rec.Key})
	if err != nil {
		return err
	}
	p := &prior{record: rec, stale: true, orphans: max(rec.Tries, 1), id: aws.ToString(out.UploadId)}
	err = t.adopt(ctx, p)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), quickly)
	defer cancel()
	return errors.Join(err, abortUpload(late, t.Client, rec.Bucket, rec.Key, p.id))
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
