package s3sim_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// remove deletes a key or, with an id, a version.
func (x *try) remove(key, id string) *s3.DeleteObjectOutput {
	in := &s3.DeleteObjectInput{Bucket: x.bucket, Key: &key}
	if id != "" {
		in.VersionId = &id
	}
	out, err := x.DeleteObject(x.ctx(), in)
	x.must(err, "delete %q %s", key, id)
	return out
}

// version gets a version.
func version(id *string) func(*s3.GetObjectInput) {
	return func(in *s3.GetObjectInput) { in.VersionId = id }
}

// row is one version or marker.
type row struct {
	key, id        string
	marker, latest bool
	modified       time.Time
}

func rows(out *s3.ListObjectVersionsOutput) []row {
	var all []row
	for _, v := range out.Versions {
		all = append(all, row{key: text(v.Key), id: text(v.VersionId), latest: aws.ToBool(v.IsLatest), modified: aws.ToTime(v.LastModified)})
	}
	for _, m := range out.DeleteMarkers {
		all = append(all, row{key: text(m.Key), id: text(m.VersionId), marker: true, latest: aws.ToBool(m.IsLatest), modified: aws.ToTime(m.LastModified)})
	}
	return all
}

// versions lists by so many, and returns what came, page by page.
func (x *try) versions(most int32) []row {
	var all []row
	in := &s3.ListObjectVersionsInput{Bucket: x.bucket, MaxKeys: &most}
	for range 20 {
		out, err := x.ListObjectVersions(x.ctx(), in)
		x.must(err, "list versions")
		all = append(all, rows(out)...)
		if !aws.ToBool(out.IsTruncated) {
			return all
		}
		in.KeyMarker, in.VersionIdMarker = out.NextKeyMarker, out.NextVersionIdMarker
	}
	x.check(false, "the list of versions does not end")
	return all
}

// history puts three versions of a, one deleted with a marker, and one of b.
// It returns the ids, oldest first.
func (x *try) history() []string {
	var ids []string
	for i := range 3 {
		ids = append(ids, text(x.put("a", fmt.Sprint("body ", i)).VersionId))
	}
	gone := x.remove("a", "")
	x.check(aws.ToBool(gone.DeleteMarker), "a delete makes no marker")
	ids = append(ids, text(gone.VersionId))
	return append(ids, text(x.put("b", "b").VersionId))
}

func versionCases() []contractCase {
	on := []wiretest.BucketOption{wiretest.Versioned()}
	return []contractCase{
		{name: "versions", bucket: on, run: func(x *try) {
			ids := x.history()
			sorted := slices.Compact(slices.Sorted(slices.Values(ids)))
			is(x, "different ids", len(sorted), 5)
			for i, id := range ids[:3] {
				out, read := x.get("a", version(&id))
				is(x, "body", read, fmt.Sprint("body ", i))
				is(x, "id", text(out.VersionId), id)
			}
			_, read := x.get("b")
			is(x, "body", read, "b")
		}},
		{name: "delete markers", bucket: on, run: func(x *try) {
			ids := x.history()
			x.getFails("a", nil, 404, "NoSuchKey")
			x.getFails("a", version(&ids[3]), 405, "MethodNotAllowed")
			is(x, "listed", strings.Join(x.keys(), " "), "b")
			out := x.remove("a", ids[3])
			is(x, "the marker is removed", aws.ToBool(out.DeleteMarker), true)
			_, read := x.get("a")
			is(x, "body", read, "body 2")
			x.remove("a", ids[2])
			_, read = x.get("a")
			is(x, "body without the newest", read, "body 1")
			x.getFails("a", version(&ids[2]), 404, "NoSuchVersion")
		}},
		{name: "a marker on nothing", bucket: on, run: func(x *try) {
			x.remove("none", "")
			is(x, "markers", strings.Join(ofMarkers(x.versions(1000)), " "), "none")
		}},
		{name: "order of versions", bucket: on, run: func(x *try) {
			ids := x.history()
			out, err := x.ListObjectVersions(x.ctx(), &s3.ListObjectVersionsInput{Bucket: x.bucket})
			x.must(err, "list")
			var versions []string
			for _, v := range out.Versions {
				versions = append(versions, text(v.VersionId))
				is(x, "latest", aws.ToBool(v.IsLatest), text(v.Key) == "b")
				x.check(recent(v.LastModified), "modified %v", v.LastModified)
				x.check(text(v.ETag) != "-" && v.Size != nil && v.StorageClass != "", "%s has %s, %v, %q", text(v.Key), text(v.ETag), v.Size, v.StorageClass)
			}
			is(x, "newest first", strings.Join(versions, " "), strings.Join([]string{ids[2], ids[1], ids[0], ids[4]}, " "))
			is(x, "markers", len(out.DeleteMarkers), 1)
			if len(out.DeleteMarkers) == 1 {
				is(x, "marker", text(out.DeleteMarkers[0].VersionId), ids[3])
				is(x, "latest marker", aws.ToBool(out.DeleteMarkers[0].IsLatest), true)
			}
		}},
		{name: "pages of versions", bucket: on, run: func(x *try) {
			x.history()
			// The order between versions and markers of a page is lost in the
			// SDK's two lists; within a page of one it is the server's.
			want := x.versions(1)
			is(x, "rows", len(want), 5)
			is(x, "a marker first", len(want) > 0 && want[0].marker && want[0].latest, true)
			for most := int32(2); most <= 6; most++ {
				got := x.versions(most)
				is(x, fmt.Sprintf("pages of %d", most), fmt.Sprint(sortRows(got)), fmt.Sprint(sortRows(want)))
			}
		}},
		{name: "pages of two versions", bucket: on, run: func(x *try) {
			x.history()
			seen := map[string]int{}
			for _, r := range x.versions(2) {
				seen[r.key+" "+r.id]++
			}
			for r, n := range seen {
				is(x, r+": times", n, 1)
			}
		}},
		{name: "a key marker alone", bucket: on, run: func(x *try) {
			x.history()
			for marker, want := range map[string]string{"a": "b", "0": "a a a a b", "aa": "b", "b": ""} {
				out, err := x.ListObjectVersions(x.ctx(), &s3.ListObjectVersionsInput{Bucket: x.bucket, KeyMarker: &marker})
				x.must(err, "list")
				var keys []string
				for _, r := range rows(out) {
					keys = append(keys, r.key)
				}
				slices.Sort(keys)
				is(x, "behind "+marker, strings.Join(keys, " "), want)
			}
		}},
		{name: "prefixes of versions", bucket: on, run: func(x *try) {
			x.fill("a/1", "a/2", "b", "c/1")
			x.remove("c/1", "")
			for in, want := range map[[2]string]string{{"", "/"}: "b a/* c/*", {"a/", "/"}: "a/1 a/2", {"c", ""}: "c/1 c/1"} {
				out, err := x.ListObjectVersions(x.ctx(), &s3.ListObjectVersionsInput{Bucket: x.bucket, Prefix: &in[0], Delimiter: &in[1]})
				x.must(err, "list")
				var keys []string
				for _, r := range rows(out) {
					keys = append(keys, r.key)
				}
				is(x, fmt.Sprintf("%q", in), page(keys, out.CommonPrefixes), want)
			}
		}},
		{name: "versions called null", run: func(x *try) {
			turn := func(status types.BucketVersioningStatus) {
				_, err := x.PutBucketVersioning(x.ctx(), &s3.PutBucketVersioningInput{Bucket: x.bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
				x.must(err, "turn versions %s", status)
				out, err := x.GetBucketVersioning(x.ctx(), &s3.GetBucketVersioningInput{Bucket: x.bucket})
				x.must(err, "get versioning")
				is(x, "versioning", out.Status, status)
			}
			x.put("k", "before")
			turn(types.BucketVersioningStatusEnabled)
			is(x, "an id", text(x.put("k", "on").VersionId) != "null", true)
			_, read := x.get("k", version(aws.String("null")))
			is(x, "null", read, "before")
			turn(types.BucketVersioningStatusSuspended)
			x.put("k", "off")
			_, read = x.get("k", version(aws.String("null")))
			is(x, "null replaced", read, "off")
			is(x, "versions", len(x.versions(1000)), 2)
			x.remove("k", "null")
			_, read = x.get("k")
			is(x, "null removed", read, "on")
		}},
		{name: "batches of versions", bucket: on, run: func(x *try) {
			ids := x.history()
			out, err := x.DeleteObjects(x.ctx(), &s3.DeleteObjectsInput{Bucket: x.bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{
				{Key: aws.String("a"), VersionId: &ids[3]}, {Key: aws.String("a"), VersionId: &ids[0]}, {Key: aws.String("b")},
			}}})
			x.must(err, "delete")
			var said []string
			for _, d := range out.Deleted {
				line := text(d.Key)
				switch {
				case text(d.VersionId) == ids[0]:
					line += " version"
				case text(d.VersionId) == ids[3] && aws.ToBool(d.DeleteMarker) && text(d.DeleteMarkerVersionId) == ids[3]:
					line += " marker removed"
				case d.VersionId == nil && aws.ToBool(d.DeleteMarker) && d.DeleteMarkerVersionId != nil:
					line += " marker made"
				}
				said = append(said, line)
			}
			slices.Sort(said)
			is(x, "deleted", strings.Join(said, ", "), "a marker removed, a version, b marker made")
			is(x, "left", strings.Join(x.keys(), " "), "a")
		}},
		{name: "copies of versions", bucket: on, run: func(x *try) {
			ids := x.history()
			_, err := x.CopyObject(x.ctx(), &s3.CopyObjectInput{Bucket: x.bucket, Key: aws.String("c"), CopySource: aws.String(*x.bucket + "/a?versionId=" + ids[1])})
			x.must(err, "copy")
			_, read := x.get("c")
			is(x, "body", read, "body 1")
		}},
	}
}

func ofMarkers(all []row) []string {
	var keys []string
	for _, r := range all {
		if r.marker {
			keys = append(keys, r.key)
		}
	}
	return keys
}

func sortRows(all []row) []row {
	return slices.SortedFunc(slices.Values(all), func(a, b row) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.id, b.id))
	})
}

func lockCases() []contractCase {
	locked := []wiretest.BucketOption{wiretest.ObjectLock()}
	removeVersion := func(x *try, id *string, bypass bool) error {
		in := &s3.DeleteObjectInput{Bucket: x.bucket, Key: aws.String("k"), VersionId: id}
		if bypass {
			in.BypassGovernanceRetention = &bypass
		}
		_, err := x.DeleteObject(x.ctx(), in)
		return err
	}
	return []contractCase{
		{name: "the lock of a bucket", bucket: locked, run: func(x *try) {
			out, err := x.GetObjectLockConfiguration(x.ctx(), &s3.GetObjectLockConfigurationInput{Bucket: x.bucket})
			x.must(err, "get the configuration")
			is(x, "lock", out.ObjectLockConfiguration.ObjectLockEnabled, types.ObjectLockEnabledEnabled)
		}},
		{name: "no lock of a bucket", run: func(x *try) {
			_, err := x.GetObjectLockConfiguration(x.ctx(), &s3.GetObjectLockConfigurationInput{Bucket: x.bucket})
			x.refused("get the configuration", err, 404, "ObjectLockConfigurationNotFoundError")
		}},
		{name: "governance", bucket: locked, run: func(x *try) {
			until := time.Now().Add(24 * time.Hour).Truncate(time.Second)
			out := x.put("k", "x", func(in *s3.PutObjectInput) {
				in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeGovernance, &until
			})
			head := x.head("k")
			is(x, "mode", head.ObjectLockMode, types.ObjectLockModeGovernance)
			x.check(aws.ToTime(head.ObjectLockRetainUntilDate).Equal(until), "until %v, want %v", head.ObjectLockRetainUntilDate, until)
			x.refused("delete", removeVersion(x, out.VersionId, false), 403, "AccessDenied")
			batch, err := x.DeleteObjects(x.ctx(), &s3.DeleteObjectsInput{Bucket: x.bucket, Delete: &types.Delete{
				Objects: []types.ObjectIdentifier{{Key: aws.String("k"), VersionId: out.VersionId}},
			}})
			x.must(err, "delete a batch")
			if is(x, "errors", len(batch.Errors), 1); len(batch.Errors) == 1 {
				is(x, "error", text(batch.Errors[0].Code), "AccessDenied")
			}
			x.remove("k", "") // a marker may always be made
			x.must(removeVersion(x, out.VersionId, true), "delete with bypass")
		}},
		{name: "legal hold", bucket: locked, run: func(x *try) {
			out := x.put("k", "x", func(in *s3.PutObjectInput) { in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn })
			is(x, "hold", x.head("k").ObjectLockLegalHoldStatus, types.ObjectLockLegalHoldStatusOn)
			x.refused("delete", removeVersion(x, out.VersionId, true), 403, "AccessDenied")
			_, err := x.PutObjectLegalHold(x.ctx(), &s3.PutObjectLegalHoldInput{Bucket: x.bucket, Key: aws.String("k"), LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOff}})
			x.must(err, "lift the hold")
			hold, err := x.GetObjectLegalHold(x.ctx(), &s3.GetObjectLegalHoldInput{Bucket: x.bucket, Key: aws.String("k")})
			x.must(err, "get the hold")
			is(x, "hold", hold.LegalHold.Status, types.ObjectLockLegalHoldStatusOff)
			x.must(removeVersion(x, out.VersionId, false), "delete")
		}},
		{name: "retention afterwards", bucket: locked, run: func(x *try) {
			out := x.put("k", "x")
			until := time.Now().Add(24 * time.Hour).Truncate(time.Second)
			_, err := x.PutObjectRetention(x.ctx(), &s3.PutObjectRetentionInput{Bucket: x.bucket, Key: aws.String("k"), Retention: &types.ObjectLockRetention{
				Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: &until,
			}})
			x.must(err, "retain")
			got, err := x.GetObjectRetention(x.ctx(), &s3.GetObjectRetentionInput{Bucket: x.bucket, Key: aws.String("k")})
			x.must(err, "get the retention")
			x.check(got.Retention.Mode == types.ObjectLockRetentionModeGovernance && aws.ToTime(got.Retention.RetainUntilDate).Equal(until), "retention %+v", got.Retention)
			x.refused("delete", removeVersion(x, out.VersionId, false), 403, "AccessDenied")
		}},
	}
}
