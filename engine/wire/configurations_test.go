package wire_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

// uploads lists all pages.
func uploads(t *testing.T, c wire.Client, req wire.UploadsRequest) (all []wire.UploadInfo, pages int) {
	t.Helper()
	for {
		page, err := c.ListUploads(t.Context(), req)
		must(t, err)
		pages++
		all = append(all, page.Uploads...)
		if !page.More {
			return all, pages
		}
		req.KeyMarker, req.UploadIDMarker = page.NextKey, page.NextUploadID
	}
}

func keysOf(all []wire.UploadInfo) []string {
	keys := make([]string, len(all))
	for i := range all {
		keys[i] = all[i].Key
	}
	return keys
}

// Uploads come by their keys, with what is known of them, below a prefix and
// from a marker on.
func TestListUploads(t *testing.T) {
	onStores(t, false, func(t *testing.T, c setting) {
		if got, _ := uploads(t, c, wire.UploadsRequest{Bucket: c.bucket}); len(got) != 0 {
			t.Errorf("%v in an empty bucket", got)
		}
		keys := []string{"a", "dir/a b+c%20&<\u00e4>", "dir/a b+c%20&<\u00e4>", "dir/b", "e"}
		ids := map[string]bool{}
		for _, key := range keys {
			out, err := c.plain.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &c.bucket, Key: &key})
			must(t, err)
			ids[aws.ToString(out.UploadId)] = true
		}
		all, _ := uploads(t, c, wire.UploadsRequest{Bucket: c.bucket})
		if !slices.Equal(keysOf(all), keys) {
			t.Errorf("%q, want %q", keysOf(all), keys)
		}
		for _, u := range all {
			if c.sim && u.Initiator == "" || u.Initiator != all[0].Initiator { // versitygw 1.8.0 leaves it empty
				t.Errorf("by %q: %+v", u.Initiator, u)
			}
			if !ids[u.UploadID] || time.Since(u.Initiated) > time.Hour || time.Since(u.Initiated) < -time.Hour || u.StorageClass != "STANDARD" {
				t.Errorf("%+v", u)
			}
			delete(ids, u.UploadID)
		}
		below, _ := uploads(t, c, wire.UploadsRequest{Bucket: c.bucket, Prefix: "dir/a b+"})
		if !slices.Equal(keysOf(below), keys[1:3]) {
			t.Errorf("below a prefix: %q", keysOf(below))
		}
		_, err := c.ListUploads(t.Context(), wire.UploadsRequest{Bucket: c.bucket + "-absent"})
		if wire.Code(err) != "NoSuchBucket" {
			t.Errorf("a bucket that is not there: %v", err)
		}
		page, err := c.ListUploads(t.Context(), wire.UploadsRequest{Bucket: c.bucket, KeyMarker: all[1].Key, UploadIDMarker: all[1].UploadID})
		if !c.sim && wire.Code(err) == "InvalidArgument" {
			t.Skip("versitygw 1.8.0 looks for the upload-id-marker behind the key-marker, and does not know its own")
		}
		must(t, err)
		if len(page.Uploads) != 3 || page.Uploads[0].UploadID == all[1].UploadID {
			t.Errorf("behind the first of two: %+v", page.Uploads)
		}
	})
}

// More than one page, keys that XML cannot carry, and a store that does not know
// how to write these.
func TestListUploadsPages(t *testing.T) {
	either(t, func(t *testing.T, sdk bool) {
		for _, ignores := range []bool{false, true} {
			target, server := simulated(t, s3sim.Options{Deviations: s3sim.Deviations{NoEncodingType: ignores}})
			must(t, server.AddBucket("bucket", ""))
			plain, c := target.Client(t), targetClient(t, target, sdk)
			var keys []string
			create := func(key string) {
				_, err := plain.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: aws.String("bucket"), Key: &key})
				// The answer has the key in it: where XML cannot carry it, the SDK
				// cannot read that there is an upload now.
				if err != nil && (s3xml.CanCarry(key) || !strings.Contains(err.Error(), "XML syntax error")) {
					t.Fatal(err)
				}
				keys = append(keys, key)
			}
			for i := range 1001 {
				create(fmt.Sprintf("%04d %%2F+%d", i/3, i/3))
			}
			if !ignores {
				for _, key := range []string{"ctl\x01", "line\r\nbreak", "uffff\uffff"} {
					create(key)
				}
			}
			slices.Sort(keys)
			all, pages := uploads(t, c, wire.UploadsRequest{Bucket: "bucket"})
			if pages != 2 || !slices.Equal(keysOf(all), keys) {
				t.Errorf("encoding ignored %v: %d pages, %d keys of %d", ignores, pages, len(all), len(keys))
			}
			if ignores { // an answer that is no XML is no end
				create("ctl\x01")
				if page, err := c.ListUploads(t.Context(), wire.UploadsRequest{Bucket: "bucket", Prefix: "ctl"}); err == nil {
					t.Errorf("%+v", page)
				}
			}
		}
	})
}

// What is no page, or none that can be gone on from, is no end.
func TestListUploadsAnswers(t *testing.T) {
	for answer, words := range map[string]string{
		"":              "no listing",
		"<html></html>": "no listing",
		"<ListMultipartUploadsResult><IsTruncated>true</IsTruncated></ListMultipartUploadsResult>":                                           "not where to go on",
		"<R><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker></R>":                   "again and again",
		"<R><EncodingType>url</EncodingType><Upload><Key>%zz</Key></Upload></R>":                                                             "invalid URL escape",
		"<R><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>%zz</NextKeyMarker></R>":                           "invalid URL escape",
		"<R><Bucket>b</Bucket><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>v</NextUploadIdMarker></R>": "",
		"<R><Bucket>b</Bucket></R>": "",
	} {
		f := newFake(t, says(http.StatusOK, "%s", answer)).plain()
		either(t, func(t *testing.T, sdk bool) {
			page, err := f.client(t, sdk).ListUploads(t.Context(), wire.UploadsRequest{Bucket: "b", Prefix: "p/", KeyMarker: "k", UploadIDMarker: "u"})
			if (words == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), "s3://b/p/")) {
				t.Errorf("%s: %+v, %v", answer, page, err)
			}
		})
		q := f.requests()[0].URL.Query()
		if want := (url.Values{"uploads": {""}, "prefix": {"p/"}, "key-marker": {"k"}, "upload-id-marker": {"u"}, "encoding-type": {"url"}}); !reflect.DeepEqual(q, want) {
			t.Errorf("asked with %v, want %v", q, want)
		}
	}
}

func TestRegion(t *testing.T) {
	onStores(t, false, func(t *testing.T, c setting) {
		region, err := c.Region(t.Context(), c.bucket)
		if err != nil || region != "us-east-1" {
			t.Errorf("%q, %v", region, err)
		}
		if _, err := c.Region(t.Context(), c.bucket+"-absent"); wire.Code(err) != "NoSuchBucket" {
			t.Errorf("a bucket that is not there: %v", err)
		}
	})
	for answer, want := range map[string]string{"": "us-east-1", "EU": "eu-west-1", "ap-south-1": "ap-south-1"} {
		f := newFake(t, says(http.StatusOK, `<?xml version="1.0"?><LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</LocationConstraint>`, answer)).plain()
		either(t, func(t *testing.T, sdk bool) {
			if got, err := f.client(t, sdk).Region(t.Context(), "b"); err != nil || got != want {
				t.Errorf("%q is %q, %v; want %q", answer, got, err, want)
			}
		})
	}
}

func TestVersioning(t *testing.T) {
	onStores(t, false, func(t *testing.T, c setting) {
		for _, status := range []types.BucketVersioningStatus{"", types.BucketVersioningStatusEnabled, types.BucketVersioningStatusSuspended} {
			if status != "" {
				_, err := c.plain.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &c.bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
				must(t, err)
			}
			got, err := c.Versioning(t.Context(), c.bucket)
			if want := (wire.VersioningState{Status: string(status)}); err != nil || got != want {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
		}
		if _, err := c.Versioning(t.Context(), c.bucket+"-absent"); wire.Code(err) != "NoSuchBucket" {
			t.Errorf("a bucket that is not there: %v", err)
		}
	})
	f := newFake(t, says(http.StatusOK, "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>")).plain()
	either(t, func(t *testing.T, sdk bool) {
		if got, err := f.client(t, sdk).Versioning(t.Context(), "b"); err != nil || got != (wire.VersioningState{Status: "Enabled", MFADelete: true}) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestObjectLock(t *testing.T) {
	for _, lock := range []bool{false, true} {
		onStores(t, lock, func(t *testing.T, c setting) {
			if got, err := c.ObjectLock(t.Context(), c.bucket); err != nil || got != lock {
				t.Errorf("%v, %v; want %v", got, err, lock)
			}
			if _, err := c.ObjectLock(t.Context(), c.bucket+"-absent"); wire.Code(err) != "NoSuchBucket" {
				t.Errorf("a bucket that is not there: %v", err)
			}
		})
	}
	// Stores that have not heard of it, in their words or without any.
	for _, q := range []struct {
		status    int
		code      string
		on, fails bool
	}{
		{404, "ObjectLockConfigurationNotFoundError", false, false},
		{501, "NotImplemented", false, false},
		{501, "", false, false},
		{405, "MethodNotAllowed", false, false},
		{405, "", false, false},
		{400, "XNotImplemented", false, false},
		{403, "AccessDenied", false, true},
		{404, "NoSuchBucket", false, true},
		{200, "Enabled", true, false},
		{200, "", false, false},
	} {
		answer := "<ObjectLockConfiguration><ObjectLockEnabled>" + q.code + "</ObjectLockEnabled></ObjectLockConfiguration>"
		if q.status != http.StatusOK {
			answer = "<Error><Code>" + q.code + "</Code></Error>"
			if q.code == "" {
				answer = ""
			}
		}
		f := newFake(t, says(q.status, "%s", answer)).plain()
		either(t, func(t *testing.T, sdk bool) {
			got, err := f.client(t, sdk).ObjectLock(t.Context(), "b")
			if got != q.on || (err != nil) != q.fails || q.fails && wire.Code(err) != q.code {
				t.Errorf("%d %s: %v, %v", q.status, q.code, got, err)
			}
		})
	}
}

// lifecycleRules has all that the SDK knows of a rule.
func lifecycleRules() []types.LifecycleRule {
	return []types.LifecycleRule{
		{
			ID: aws.String("everything"), Status: types.ExpirationStatusEnabled,
			Filter: &types.LifecycleRuleFilter{And: &types.LifecycleRuleAndOperator{
				Prefix: aws.String("a <&>/"), ObjectSizeGreaterThan: aws.Int64(1), ObjectSizeLessThan: aws.Int64(1 << 40),
				Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}, {Key: aws.String("l"), Value: aws.String("")}},
			}},
			Expiration:                     &types.LifecycleExpiration{Days: aws.Int32(900)},
			Transitions:                    []types.Transition{{Days: aws.Int32(30), StorageClass: types.TransitionStorageClassStandardIa}, {Days: aws.Int32(90), StorageClass: types.TransitionStorageClassGlacier}},
			NoncurrentVersionExpiration:    &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(7), NewerNoncurrentVersions: aws.Int32(3)},
			NoncurrentVersionTransitions:   []types.NoncurrentVersionTransition{{NoncurrentDays: aws.Int32(5), NewerNoncurrentVersions: aws.Int32(2), StorageClass: types.TransitionStorageClassGlacierIr}},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(2)},
		},
		{ID: aws.String("old form"), Status: types.ExpirationStatusDisabled, Prefix: aws.String("p/"), Expiration: &types.LifecycleExpiration{Date: aws.Time(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC))}},
		{ID: aws.String("markers"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Tag: &types.Tag{Key: aws.String("t"), Value: aws.String("u")}}, Expiration: &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}},
	}
}

// What comes back is what was there: rules of others survive that one is added.
func TestLifecycle(t *testing.T) {
	onStores(t, false, func(t *testing.T, c setting) {
		l, err := c.Lifecycle(t.Context(), c.bucket)
		if code := wire.Code(err); !c.sim && (code == "NotImplemented" || code == "MethodNotAllowed") {
			t.Skipf("the store has no lifecycle: %v", err)
		}
		if err != nil || len(l.Rules) != 0 {
			t.Fatalf("where there is none: %+v, %v", l, err)
		}
		l.Rules = lifecycleRules()
		if err := c.PutLifecycle(t.Context(), c.bucket, l); !c.sim && wire.Code(err) == "NotImplemented" {
			t.Skipf("the store keeps no lifecycle: %v", err)
		} else {
			must(t, err)
		}
		for range 2 { // the second time what was read is written
			l, err = c.Lifecycle(t.Context(), c.bucket)
			must(t, err)
			if !reflect.DeepEqual(l.Rules, lifecycleRules()) {
				t.Fatalf("%s, want %s", text(l), text(&wire.Lifecycle{Rules: lifecycleRules()}))
			}
			must(t, c.PutLifecycle(t.Context(), c.bucket, l))
		}
		if _, err := c.Lifecycle(t.Context(), c.bucket+"-absent"); wire.Code(err) != "NoSuchBucket" {
			t.Errorf("a bucket that is not there: %v", err)
		}
		if err := c.PutLifecycle(t.Context(), c.bucket+"-absent", l); wire.Code(err) != "NoSuchBucket" {
			t.Errorf("a bucket that is not there: %v", err)
		}
	})
}

func text(l *wire.Lifecycle) string {
	b, err := xml.Marshal(l.Rules)
	return string(b) + fmt.Sprint(errors.Join(err))
}

// The least size of a transition goes back as it came, and only where it came;
// an answer that is none is not taken for an empty configuration.
func TestLifecycleAnswers(t *testing.T) {
	const rule = "<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
	const header = "X-Amz-Transition-Default-Minimum-Object-Size"
	for _, least := range []string{"", "varies_by_storage_class", "all_storage_classes_128K"} {
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			if least != "" {
				w.Header().Set(header, least)
			}
			says(http.StatusOK, rule)(w, r)
		}).plain()
		either(t, func(t *testing.T, sdk bool) {
			c := f.client(t, sdk)
			l, err := c.Lifecycle(t.Context(), "b")
			must(t, err)
			must(t, c.PutLifecycle(t.Context(), "b", l))
			asked := f.requests()
			sent := asked[len(asked)-1]
			if string(l.MinimumSize) != least || sent.Header.Get(header) != least || (least == "") != (sent.Header.Values(header) == nil) ||
				sent.Method != http.MethodPut || !sent.URL.Query().Has("lifecycle") || sent.Header.Get("Content-Md5") == "" {
				t.Errorf("came as %q, went as %q", l.MinimumSize, sent.Header)
			}
		})
	}
	for answer, words := range map[string]string{
		"": "no lifecycle configuration", "<html></html>": "no lifecycle configuration",
		"<LifecycleConfiguration></LifecycleConfiguration>": "no lifecycle configuration", rule[:100]: "",
	} {
		f := newFake(t, says(http.StatusOK, "%s", answer)).plain()
		either(t, func(t *testing.T, sdk bool) {
			if l, err := f.client(t, sdk).Lifecycle(t.Context(), "b"); err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("%q: %+v, %v", answer, l, err)
			}
		})
	}
}
