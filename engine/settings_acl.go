package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// ACL says who may do what with one object. Of o, NoTags and CustomerKey have no
// meaning.
func (e *Engine) ACL(ctx context.Context, at Location, o StatOptions) (*wire.ACL, error) {
	if err := needObject(at); err != nil {
		return nil, err
	}
	return wire.GetACL(ctx, e.attempts(), o.request(at))
}

// ACLOptions of SetACL.
type ACLOptions struct {
	// RunOptions: of the Attributes, ACL or Grants say what the ACL is to be, and
	// RequestPayer who pays; the rest means nothing.
	RunOptions
	// VersionID is that of the version whose ACL it is; empty is what is current.
	VersionID string
}

// SetACL replaces the ACL of one object (Object), or of all objects of a prefix
// (Bucket) or pattern (Glob), by a canned one or by grants: what is not granted any more is taken
// away, the owner's own grant among them where Grants do not name the owner. A
// bucket whose owner is enforced takes none
// (AccessControlListNotSupported). The error is as Sync's.
func (e *Engine) SetACL(ctx context.Context, at Location, o ACLOptions) (Summary, error) {
	if err := needBucketOrGlob(at); err != nil {
		return Summary{}, err
	}
	a := o.Attributes
	next := wire.NewACL{Canned: a.ACL}
	for _, g := range a.Grants {
		if to := next.Of(g.Permission); to != nil {
			*to = strings.TrimPrefix(*to+","+g.Grantees, ",")
		}
	}
	switch {
	case next == wire.NewACL{}:
		return Summary{}, usagef("no ACL is given: name a canned one, or grants")
	case o.VersionID != "" && !at.one:
		return Summary{}, usagef("%s is not one object: a version is of a key", at)
	}
	r, err := e.begin(ctx, report.SetACL, at, at, o.RunOptions)
	if err != nil {
		return Summary{}, err
	}
	r.each = func(ctx context.Context, a *plan.Action) error {
		kind := report.DryRun
		if !r.DryRun {
			kind = report.Done
			obj := wire.ObjectRequest{Bucket: at.bucket, Key: at.path + a.Key, VersionID: o.VersionID, RequestPayer: o.Attributes.RequestPayer}
			if err := wire.PutACL(ctx, r.client, obj, next); err != nil {
				return err
			}
		}
		r.sink.Report(report.Event{Kind: kind, Op: r.op, Src: r.from.of(a.Key), Dst: next.Canned, Key: a.Key, Bytes: a.Src.Size})
		return nil
	}
	return r.end(r.changeAll(ctx))
}

// changeAll carries out r.each with every object of the run, each of which stays
// where it is. A single one is not asked for first: its Src is empty.
func (r *run) changeAll(ctx context.Context) error {
	return r.carryOut(ctx, func(ctx context.Context) actions {
		return func(yield func(plan.Action, error) bool) {
			if r.src.one {
				yield(plan.Action{Op: plan.Transfer}, nil)
				return
			}
			wants := r.wants()
			for entry, err := range r.walkBucket(r.src, true).Walk(ctx) {
				if err == nil && wants != nil && !wants(&entry) {
					continue
				}
				if skip := walker.AsSkipped(err); skip != nil {
					r.skipped(skip)
					continue
				}
				if !yield(plan.Action{Op: plan.Transfer, Key: entry.Key, Src: entry}, err) {
					return
				}
			}
		}
	}, func(a plan.Action, err error) {
		r.sink.Report(report.Event{Kind: report.Failed, Op: r.op, Src: r.from.of(a.Key), Key: a.Key, Bytes: a.Src.Size, Err: err})
	})
}

// errACL fails an object whose ACL the new one would lose.
var errACL = errors.New("its ACL may not be read, and a copy would be private: give the ACL that it is to have")

// grantsOf are the grants that a copy of an object needs to have its ACL: none where
// that is the owner's alone, which is what a copy has by itself. WRITE means nothing
// on an object, and cannot be said of a copy.
func grantsOf(a *wire.ACL) []transfer.Grant {
	var next wire.NewACL
	more := false
	for i := range a.Grants {
		g := &a.Grants[i]
		to := next.Of(g.Permission)
		if to == nil {
			continue
		}
		more = more || g.Permission != "FULL_CONTROL" || g.Grantee != "id="+a.Owner
		kind, who, _ := strings.Cut(g.Grantee, "=")
		*to = strings.TrimPrefix(fmt.Sprintf("%s,%s=%q", *to, kind, who), ",")
	}
	if !more {
		return nil
	}
	var all []transfer.Grant
	for _, p := range []string{"full", "read", "readacl", "writeacl"} {
		if who := *next.Of(p); who != "" {
			all = append(all, transfer.Grant{Permission: p, Grantees: who})
		}
	}
	return all
}
