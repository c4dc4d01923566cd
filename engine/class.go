package engine

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// SetClass changes the storage class of one object (Object), or of all objects of a
// prefix (Bucket) or pattern (Glob), by copies that the store makes of them onto themselves, and
// compares each with what it was by the store's checksums. Those that have the class
// already need nothing.
//
// An object keeps its content, headers, metadata, tags, website redirect, encryption
// and ACL. It has a new time, and another ETag where it was uploaded in parts or has more
// than 5 GiB, and goes in parts. Where that is interrupted, it begins anew the next
// time; an upload that a killed process leaves is what Uploads lists. In a bucket with versioning the copy is a new version, and the one before stays
// in its class; so do a retention and a legal hold, of which the copy has the
// bucket's default alone. One that is replaced meanwhile fails with
// [transfer.ErrChanged], and what came stays.
//
// Archived objects, which have to be restored before they can be copied, are skipped
// as RunOptions say. Of the Attributes, StorageClass is the class; ACL or Grants are
// what the objects are to have instead of their own ACLs, which are not read then;
// CustomerKey is the key of SSE-C, which stays the same; RequestPayer says who pays.
// The rest means nothing. The error is as Sync's.
func (e *Engine) SetClass(ctx context.Context, at Location, o RunOptions) (Summary, error) {
	if err := needBucketOrGlob(at); err != nil {
		return Summary{}, err
	}
	if o.Attributes.StorageClass == "" {
		return Summary{}, usagef("no storage class is given: name one, as STANDARD_IA")
	}
	given := o.Attributes
	o.Attributes = Attributes{RequestPayer: given.RequestPayer, CustomerKey: given.CustomerKey}
	r, err := e.begin(ctx, report.SetClass, at, at, o)
	if err != nil {
		return Summary{}, err
	}
	c := &classing{run: r, given: given}
	r.each = c.each
	return r.end(r.changeAll(ctx))
}

// classing is one run of SetClass.
type classing struct {
	*run
	given Attributes
	mu    sync.Mutex
	told  map[string]bool
}

// each changes the class of one object.
func (c *classing) each(ctx context.Context, a *plan.Action) error {
	if !c.src.one && c.has(a.Src.StorageClass) {
		c.unchanged(a)
		return nil
	}
	if c.DryRun && !c.src.one {
		if c.shut(a.Src.StorageClass) {
			c.leave(a)
			return nil
		}
		c.done(a, report.DryRun, transfer.Result{Size: a.Src.Size})
		return nil
	}
	at := wire.ObjectRequest{Bucket: c.src.bucket, Key: c.src.path + a.Key, RequestPayer: c.given.RequestPayer}
	if k := c.given.CustomerKey; k != nil {
		at.CustomerKey = &k.Key
	}
	info, err := wire.Info(ctx, c.client, at)
	if err != nil {
		return err
	}
	if c.src.one {
		c.sink.Report(report.Event{Kind: report.Planned, Op: c.op, Bytes: info.Size})
		a.Src = walker.Entry{Size: info.Size, ModTime: info.Modified, ETag: info.ETag, StorageClass: info.StorageClass}
	}
	switch {
	case c.has(info.StorageClass):
		c.unchanged(a)
		return nil
	case c.archived(info):
		c.leave(a)
		return nil
	case c.DryRun:
		c.done(a, report.DryRun, transfer.Result{Size: info.Size})
		return nil
	}
	res, err := c.copyOnto(ctx, at, info)
	if errors.Is(err, transfer.ErrChanged) {
		// The answer to an attempt may have been lost that has done it.
		if now, ierr := wire.Info(ctx, c.client, at); ierr == nil && c.has(now.StorageClass) && now.Size == info.Size {
			c.unchanged(a)
			return nil
		}
	}
	if err != nil {
		return err
	}
	c.done(a, report.Done, res)
	return nil
}

// copyOnto copies an object onto itself, as it is but for its class.
func (c *classing) copyOnto(ctx context.Context, at wire.ObjectRequest, info *wire.ObjectInfo) (transfer.Result, error) {
	to := Attributes{
		StorageClass: c.given.StorageClass, MetadataDirective: "COPY", Redirect: info.Redirect,
		RequestPayer: c.given.RequestPayer, ACL: c.given.ACL, Grants: c.given.Grants,
	}
	if info.CustomerAlgorithm != "" {
		to.CustomerKey, to.SourceKey = c.given.CustomerKey, c.given.CustomerKey
	} else {
		to.Encryption, to.KMSKeyID = info.Encryption, info.KMSKeyID
	}
	if info.LockMode != "" || info.LegalHold == "ON" {
		c.notice("a retention or legal hold stays on the version that has it: the copy has the bucket's default")
	}
	if to.ACL == "" && len(to.Grants) == 0 {
		acl, err := wire.GetACL(ctx, c.client, at)
		switch {
		case err == nil:
			to.Grants = grantsOf(acl)
		case wire.Code(err) == "AccessDenied":
			return transfer.Result{}, errors.Join(errACL, err)
		case !wire.Unsupported(err): // a store without ACLs has none to lose
			return transfer.Result{}, err
		}
	}
	if info.Size >= c.transfer.Threshold {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(context.Canceled)
		defer context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })() //nolint:contextcheck // two contexts meet here
	}
	client := wire.InPlace(c.client, info)
	o := c.transfer.Options
	o.Client, o.Source, o.Attributes, o.Journal, o.Notice = client, client, to, nil, c.notice
	// In one request, which has nothing to leave behind, as long as S3 takes that.
	if most := cmp.Or(c.e.copiedWhole, transfer.MaxPartSize); info.Size <= most {
		o.CopyPartSize = most
	}
	if by := sumOf(info); by != "" && c.ChecksumAlgorithm == "" {
		o.Algorithm = by
	}
	t, err := transfer.New(o)
	if err != nil {
		return transfer.Result{}, err
	}
	// Without an ETag, so that its sums are taken before it is replaced by itself.
	obj := transfer.Object{Bucket: at.Bucket, Key: at.Key, Size: info.Size}
	return t.Copy(ctx, obj, obj)
}

// sumOf is the algorithm by which the store has the sum of the whole object; empty
// where it has none.
func sumOf(info *wire.ObjectInfo) checksum.Algorithm {
	for _, by := range checksum.Algorithms() {
		if sum := info.Checksums[string(by)]; sum != "" && info.ChecksumType != "COMPOSITE" && !strings.Contains(sum, "-") {
			return by
		}
	}
	return ""
}

// notice tells once of what may be said of many objects.
func (c *classing) notice(msg string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told == nil {
		c.told = map[string]bool{}
	}
	if !c.told[msg] {
		c.told[msg] = true
		c.sink.Report(report.Event{Kind: report.Notice, Op: c.op, Err: errors.New(msg)})
	}
}

// has says that an object has the class that it is to have.
func (c *classing) has(class string) bool {
	return class == c.given.StorageClass || class == "" && c.given.StorageClass == "STANDARD"
}

// shut says that what has a class has to be restored first.
func (c *classing) shut(class string) bool {
	return !c.ForceGlacier && (class == "GLACIER" || class == "DEEP_ARCHIVE")
}

// archived says that an object lies where it cannot be copied from. One that has been
// restored can: this is how it comes out of the archive for good.
func (c *classing) archived(info *wire.ObjectInfo) bool {
	if info.ArchiveStatus != "" {
		return !c.ForceGlacier && !info.Restored()
	}
	return c.shut(info.StorageClass) && !info.Restored()
}

func (c *classing) leave(a *plan.Action) {
	c.sink.Report(report.Event{Kind: report.Planned, Op: c.op, Count: -1, Bytes: -a.Src.Size})
	c.skipped(&walker.Skipped{Key: a.Key, Path: c.from.of(a.Key), Err: archivedError{report.Copy}, Quiet: c.IgnoreGlacierWarnings})
}

func (c *classing) done(a *plan.Action, kind report.Kind, res transfer.Result) {
	c.sink.Report(report.Event{
		Kind: kind, Op: c.op, Src: c.from.of(a.Key), Dst: c.given.StorageClass, Key: a.Key,
		Bytes: res.Size, By: string(res.By), Sum: res.Sum,
	})
}
