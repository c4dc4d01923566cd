package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/engine/wire"
)

// What an object is goes along, however large it is, and is verified.
func TestCopy(t *testing.T) {
	for _, q := range []struct {
		size, parts int // of the source
		by          checksum.Algorithm
		requests    string
	}{
		{0, 0, checksum.ByMD5, "map[CopyObject:1]"},
		{4096, 0, checksum.ByMD5, "map[CopyObject:1]"},
		{MinPartSize, 0, checksum.ByMD5, "map[CopyObject:1]"},
		{4096, MinPartSize, checksum.ByCRC64NVME, "map[CopyObject:1 HeadObject:1]"},
		{MinPartSize + 1, 0, checksum.ByCRC64NVME, "map[CompleteMultipartUpload:1 CreateMultipartUpload:1 GetObjectTagging:1 HeadObject:1 UploadPartCopy:2]"},
		{copyInParts, 0, checksum.ByCRC64NVME, "map[CompleteMultipartUpload:1 CreateMultipartUpload:1 GetObjectTagging:1 HeadObject:1 UploadPartCopy:3]"},
		{copyInParts, MinPartSize + 1, checksum.ByCRC64NVME, "map[CompleteMultipartUpload:1 CreateMultipartUpload:1 GetObjectTagging:1 HeadObject:1 UploadPartCopy:3]"},
	} {
		t.Run(fmt.Sprint(q.size, " of ", q.parts), func(t *testing.T) {
			r := newCopyRig(t, s3sim.Options{}, nil)
			src := r.put(t, "dir/a b+%", q.size, q.parts)
			res, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
			must(t, err)
			if res.Size != src.Size || res.By != q.by || res.Sum == "" || r.progress.Load() != src.Size {
				t.Errorf("%+v, progress %d", res, r.progress.Load())
			}
			if got := fmt.Sprint(r.requests()); got != q.requests {
				t.Errorf("requests %s, want %s", got, q.requests)
			}
			from, _ := r.head(t, "src", src.Key)
			to, there := r.head(t, "dst", "k")
			if !there {
				t.Fatal("there is no copy")
			}
			says := func(h *s3.HeadObjectOutput) string {
				return fmt.Sprint(*h.ContentLength, h.Metadata, aws.ToString(h.ContentType), aws.ToString(h.CacheControl), aws.ToString(h.ContentDisposition),
					aws.ToString(h.ContentLanguage), aws.ToString(h.ContentEncoding), aws.ToString(h.ExpiresString), aws.ToInt32(h.TagCount), aws.ToString(h.ChecksumCRC64NVME), h.ChecksumType)
			}
			if says(from) != says(to) || to.Metadata["two"] != "z w" {
				t.Errorf("%s, want %s", says(to), says(from))
			}
			tags := func(bucket, key string) (all []string) {
				out, err := r.plain.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &bucket, Key: &key})
				must(t, err)
				for _, tag := range out.TagSet {
					all = append(all, *tag.Key+"="+*tag.Value)
				}
				return all
			}
			if got, want := fmt.Sprint(tags("dst", "k")), fmt.Sprint(tags("src", src.Key)); got != want || q.parts == 0 && want != "[a b=c+d e=]" {
				t.Errorf("tags %s, want %s", got, want)
			}
		})
	}
}

// Without an ETag what is there is copied, and nothing else.
func TestCopyOfWhatIsThere(t *testing.T) {
	for _, size := range []int{copyInOne, copyInParts} {
		r := newCopyRig(t, s3sim.Options{}, nil)
		src := r.put(t, "k", size, 0)
		src.ETag = ""
		res, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
		if err != nil || !res.Verified() {
			t.Errorf("%+v, %v", res, err)
		}
		src.Size++
		if _, err = r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"}); !errors.Is(err, ErrChanged) {
			t.Errorf("of another size: %v", err)
		}
		src.Key = "absent"
		if _, err = r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"}); !wire.NotFound(err) {
			t.Errorf("of what is not there: %v", err)
		}
	}
}

// A source that is replaced before, or in the middle, fails its copy and says
// so; nothing is made of what was.
func TestCopyOfWhatChanges(t *testing.T) {
	for _, q := range []struct {
		size        int
		op          string
		noOverwrite bool
	}{{copyInOne, "CopyObject", false}, {copyInOne, "CopyObject", true}, {copyInParts, "HeadObject", false}, {copyInParts, "UploadPartCopy", false}, {copyInParts, "UploadPartCopy", true}} {
		r := newCopyRig(t, s3sim.Options{}, func(o *Options) { o.NoOverwrite = q.noOverwrite })
		src := r.put(t, "k", q.size, 0)
		var n atomic.Int64
		r.store.before = func(op string, _ any) error {
			if op == q.op && (n.Add(1) == 2 || op != "UploadPartCopy") {
				_, err := r.plain.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("src"), Key: aws.String("k"), Body: strings.NewReader("another")})
				return err
			}
			return nil
		}
		_, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
		r.failed(t, err, ErrChanged, "s3://src/k")
		if _, there := r.head(t, "dst", "k"); there {
			t.Errorf("%+v: there is a copy", q)
		}
	}
}

// What is there is left alone where it is to be, also where it came meanwhile.
func TestCopyNoOverwrite(t *testing.T) {
	for size, last := range map[int]string{copyInOne: "CopyObject", copyInParts: "CompleteMultipartUpload"} {
		r := newCopyRig(t, s3sim.Options{}, func(o *Options) { o.NoOverwrite = true })
		src := r.put(t, "k", size, 0)
		var once sync.Once
		r.store.before = func(op string, _ any) (err error) {
			if op == last {
				once.Do(func() {
					_, err = r.plain.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("dst"), Key: aws.String("k"), Body: strings.NewReader("theirs")})
				})
			}
			return err
		}
		_, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
		r.failed(t, err, ErrExists, "s3://dst/k")
		if h, there := r.head(t, "dst", "k"); !there || *h.ContentLength != 6 {
			t.Error("what was there was replaced")
		}
		if _, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "other"}); err != nil {
			t.Errorf("to where nothing is: %v", err)
		}
	}
}

// A copy that is not the source is named, with both.
func TestCopyDiffers(t *testing.T) {
	other := aws.String(checksum.Of([]byte("other")).String())
	for _, q := range []struct {
		what string
		size int
		at   func(op string, out any)
		left bool
	}{
		{"in one", copyInOne, func(_ string, out any) {
			if o, ok := out.(*s3.CopyObjectOutput); ok {
				o.CopyObjectResult.ETag, o.CopyObjectResult.ChecksumCRC64NVME = aws.String(`"0123456789abcdef0123456789abcdef"`), other
			}
		}, true},
		{"in one, by a HEAD of the copy", copyInOne, func(_ string, out any) {
			switch o := out.(type) {
			case *s3.CopyObjectOutput:
				o.CopyObjectResult.ETag, o.CopyObjectResult.ChecksumCRC64NVME = nil, nil
			case *s3.HeadObjectOutput:
				if o.TagCount == nil {
					break
				}
				o.ChecksumCRC64NVME, other = other, o.ChecksumCRC64NVME // the two are asked one after the other
			}
		}, true},
		{"in parts", copyInParts, func(_ string, out any) {
			if o, ok := out.(*s3.CompleteMultipartUploadOutput); ok {
				o.ChecksumCRC64NVME = other
			}
		}, true},
		{"in parts, seen by the store", copyInParts, func(_ string, out any) {
			if o, ok := out.(*s3.HeadObjectOutput); ok {
				o.ChecksumCRC64NVME = other
			}
		}, false},
	} {
		t.Run(q.what, func(t *testing.T) {
			r := newCopyRig(t, s3sim.Options{}, nil)
			src := r.put(t, "k", q.size, 0)
			r.store.after = func(op string, out any) error {
				q.at(op, out)
				return nil
			}
			_, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "to"})
			r.failed(t, err, ErrChecksum, "s3://src/k", "s3://dst/to", "CRC64NVME", aws.ToString(other))
			if _, there := r.head(t, "dst", "to"); there != q.left {
				t.Errorf("the copy is there: %v", there)
			}
		})
	}
}

// What a store has no sums of, or says nothing of, is not verified, and no failure.
func TestCopyNotVerifiable(t *testing.T) {
	denied := func(op string, in any) error {
		if _, ok := in.(*s3.HeadObjectInput); ok {
			return apiError(op, "AccessDenied")
		}
		return nil
	}
	for _, q := range []struct {
		what        string
		o           s3sim.Options
		size, parts int
		before      func(op string, in any) error
		by          checksum.Algorithm
	}{
		{"no sums", s3sim.Options{Deviations: s3sim.Deviations{NoChecksums: true}}, copyInOne, 0, nil, checksum.ByMD5},
		{"no sums, and no MD5", s3sim.Options{Deviations: s3sim.Deviations{NoChecksums: true}}, copyInOne, MinPartSize, nil, ""},
		{"no sums of parts", s3sim.Options{Deviations: s3sim.Deviations{NoChecksums: true}}, copyInParts, 0, nil, ""},
		{"not allowed to ask", s3sim.Options{}, copyInOne, MinPartSize, denied, ""},
	} {
		t.Run(q.what, func(t *testing.T) {
			r := newCopyRig(t, q.o, nil)
			src := r.put(t, "k", q.size, q.parts)
			r.store.before = q.before
			res, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
			if err != nil || res.By != q.by || res.Size != src.Size || r.progress.Load() != src.Size {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
}

// A store that refuses to sum up is asked once, and told of once.
func TestCopyRefusedSums(t *testing.T) {
	for size, parts := range map[int]int{copyInOne: MinPartSize, copyInParts: 0} {
		r := newCopyRig(t, s3sim.Options{}, nil)
		src := r.put(t, "k", size, parts)
		r.store.before = func(op string, in any) error {
			switch in := in.(type) {
			case *s3.CopyObjectInput:
				if in.ChecksumAlgorithm != "" {
					return apiError(op, "NotImplemented")
				}
			case *s3.CreateMultipartUploadInput:
				if in.ChecksumAlgorithm != "" || in.ChecksumType != "" {
					return apiError(op, "InvalidRequest")
				}
			}
			return nil
		}
		for i := range 3 {
			res, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: fmt.Sprint(i)})
			if err != nil || res.By != checksum.ByCRC64NVME { // which s3sim makes by itself
				t.Errorf("%+v, %v", res, err)
			}
		}
		if n := r.requests(); n["CopyObject"]+n["CreateMultipartUpload"] != 4 || len(r.notices) != 1 || !strings.Contains(r.notices[0], "s3://dst") {
			t.Errorf("%v, told %q", n, r.notices)
		}
	}
}

// A store that has the sum of the source for that of each part would make a
// wrong one of them.
func TestCopyBorrowedSums(t *testing.T) {
	r := newCopyRig(t, s3sim.Options{}, nil)
	src := r.put(t, "k", copyInParts, 0)
	var asked atomic.Bool
	r.store.before = func(_ string, in any) error {
		if in, ok := in.(*s3.CreateMultipartUploadInput); ok {
			asked.Store(in.ChecksumAlgorithm != "")
		}
		return nil
	}
	head, _ := r.head(t, "src", "k")
	r.store.after = func(_ string, out any) error {
		if out, ok := out.(*s3.UploadPartCopyOutput); ok {
			out.CopyPartResult.ChecksumCRC64NVME = nil
			if asked.Load() {
				out.CopyPartResult.ChecksumCRC64NVME = head.ChecksumCRC64NVME
			}
		}
		return nil
	}
	for i, want := range []map[string]int{{"UploadPartCopy": 4, "CreateMultipartUpload": 2}, {"UploadPartCopy": 3, "CreateMultipartUpload": 1}} {
		r.progress.Store(0)
		res, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
		if err != nil || res.By != checksum.ByCRC64NVME || r.progress.Load() != src.Size || r.open(t) != 0 {
			t.Errorf("%d: %+v, %v, progress %d, %d open", i, res, err, r.progress.Load(), r.open(t))
		}
		got := r.requests()
		for op, n := range want {
			if got[op] != n {
				t.Errorf("%d: %v, want %v", i, got, want)
			}
		}
	}
}

// An upload that the store does not know any more has arrived, where the object
// is there and right; one whose answer was lost is no failure.
func TestCopyAnswerLost(t *testing.T) {
	for _, q := range []struct {
		what     string
		o        s3sim.Options
		replaced bool
		// before: what is there was there when the upload began.
		before bool
		by     checksum.Algorithm
	}{
		{"by its sum", s3sim.Options{}, false, false, checksum.ByCRC64NVME},
		{"by its ETag", s3sim.Options{KeepBodies: 1 << 30, Deviations: s3sim.Deviations{NoChecksums: true}}, false, false, ""},
		{"and was replaced", s3sim.Options{KeepBodies: 1 << 30}, true, false, ""},
		{"and was replaced, no sums", s3sim.Options{Deviations: s3sim.Deviations{NoChecksums: true}}, true, false, ""},
		{"and the same was there before", s3sim.Options{}, false, true, ""},
	} {
		t.Run(q.what, func(t *testing.T) {
			r := newCopyRig(t, q.o, func(o *Options) {
				if q.before {
					o.Clock = func(context.Context) time.Time { return time.Now().Add(time.Hour) }
				}
			})
			src := r.put(t, "k", copyInParts, 0)
			r.store.after = func(op string, _ any) error {
				if op != "CompleteMultipartUpload" {
					return nil
				}
				if q.replaced {
					_, err := r.plain.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("dst"), Key: aws.String("k"), Body: bytes.NewReader(make([]byte, copyInParts))})
					must(t, err)
				}
				return apiError(op, "NoSuchUpload")
			}
			res, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
			switch {
			case q.replaced || q.before:
				if wire.Code(err) != "NoSuchUpload" {
					t.Errorf("%+v, %v", res, err)
				}
			case err != nil || res.By != q.by || res.Size != src.Size:
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
}

// Tags that cannot be asked for are lost only where the store knows of none.
func TestCopyTags(t *testing.T) {
	for code, fails := range map[string]bool{"NotImplemented": false, "NoSuchTagSet": false, "AccessDenied": true} {
		for _, counted := range []bool{false, true} {
			r := newCopyRig(t, s3sim.Options{}, nil)
			src := r.put(t, "k", copyInParts, 0)
			r.store.after = func(_ string, out any) error {
				if h, ok := out.(*s3.HeadObjectOutput); ok && !counted {
					h.TagCount = nil
				}
				return nil
			}
			r.store.before = func(op string, _ any) error {
				if op == "GetObjectTagging" {
					return apiError(op, code)
				}
				return nil
			}
			_, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
			if fails || counted {
				r.failed(t, err, nil, "the tags of s3://src/k", code)
			} else {
				must(t, err)
			}
		}
	}
}

// A part that fails, and an end of the context, leave nothing behind.
func TestCopyFails(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		for _, at := range []string{"CreateMultipartUpload", "UploadPartCopy", "CompleteMultipartUpload"} {
			r := newCopyRig(t, s3sim.Options{}, nil)
			src := r.put(t, "k", copyInParts, 0)
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := errors.New("stop")
			var n atomic.Int64
			r.store.before = func(op string, _ any) error {
				if op != at || op == "UploadPartCopy" && n.Add(1) != 2 {
					return nil
				}
				if cancelled {
					cancel(stop)
					return nil
				}
				return apiError(op, "AccessDenied")
			}
			_, err := r.Copy(ctx, src, Object{Bucket: "dst", Key: "k"})
			cancel(nil)
			if cancelled && at == "CompleteMultipartUpload" { // the last request is let go
				continue
			}
			if cancelled {
				r.failed(t, err, nil)
				if !errors.Is(err, stop) && !errors.Is(err, context.Canceled) {
					t.Errorf("%s: %v", at, err)
				}
			} else {
				r.failed(t, err, nil, at, "AccessDenied")
			}
			if _, there := r.head(t, "dst", "k"); there {
				t.Errorf("%s: there is a copy", at)
			}
		}
	}
}

// Other algorithms are kept of the copy as well, of the whole where that can be.
func TestCopyAlgorithms(t *testing.T) {
	for _, by := range checksum.Algorithms() {
		for _, size := range []int{copyInOne, copyInParts} {
			r := newCopyRig(t, s3sim.Options{}, func(o *Options) { o.Algorithm = by })
			src := r.put(t, "first", size, 0)
			if _, err := r.Copy(t.Context(), src, Object{Bucket: "src", Key: "k"}); err != nil {
				t.Errorf("%s of %d: %v", by, size, err)
				continue
			}
			head, _ := r.head(t, "src", "k")
			there := ofHead(head)
			if there.header(by) == "" || by.FullObject() != (there.whole(by) != "") && size == copyInParts {
				t.Errorf("%s of %d: %+v", by, size, there)
			}
			src = Object{Bucket: "src", Key: "k", Size: src.Size, ETag: strings.Trim(*head.ETag, `"`)}
			res, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"}) // of what has that sum
			if err != nil || size == copyInParts && (res.By != by || res.Sum != there.header(by)) {
				t.Errorf("%s of %d: %+v, %v", by, size, res, err)
			}
		}
	}
}

// Where the tags of a source cannot be read nothing has been begun, and nothing is
// written down that another run would look for.
func TestCopyTagsLeaveNoRecord(t *testing.T) {
	dst := Object{Bucket: "dst", Key: "k"}
	for _, carry := range []bool{false, true} {
		dir := t.TempDir()
		var err error
		if j := journalIn(dir); carry {
			r := newCarryRig(t, false, s3sim.Options{}, s3sim.Options{}, func(o *Options) { o.Journal = j })
			r.Source = &untold{r.reads}
			_, err = r.Carry(t.Context(), r.source(t, copyInParts, 0), dst)
			must(t, j.Close(false))
		} else {
			r := newCopyRig(t, s3sim.Options{}, func(o *Options) { o.Journal = j })
			r.store.before = func(op string, _ any) error {
				if op == "GetObjectTagging" {
					return apiError(op, "AccessDenied")
				}
				return nil
			}
			_, err = r.Copy(t.Context(), r.put(t, "k", copyInParts, 0), dst)
			must(t, j.Close(false))
		}
		if wire.Code(err) != "AccessDenied" {
			t.Errorf("carry %v: %v", carry, err)
		}
		again := journalIn(dir)
		if rec, found := again.Find(journal.ID{Kind: journal.Copy, Bucket: "dst", Key: "k"}); found {
			t.Errorf("carry %v: %+v", carry, rec)
		}
		must(t, again.Close(false))
	}
}

// untold does not say which tags objects have.
type untold struct{ wire.Objects }

func (*untold) GetObjectTagging(context.Context, *s3.GetObjectTaggingInput, ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error) {
	return nil, apiError("GetObjectTagging", "AccessDenied")
}

// That another write of the key is under way is no answer: the copy is made once
// more.
func TestCopyConflict(t *testing.T) {
	for _, size := range []int{copyInOne, copyInParts} {
		r := newCopyRig(t, s3sim.Options{}, func(o *Options) {
			o.NoOverwrite, o.Policy = true, wire.Policy{Base: time.Millisecond, Cap: time.Millisecond}
		})
		src := r.put(t, "k", size, 0)
		var n atomic.Int64
		r.store.before = func(op string, _ any) error {
			if (op == "CopyObject" || op == "CompleteMultipartUpload") && n.Add(1) < 3 {
				return apiError(op, "ConditionalRequestConflict")
			}
			return nil
		}
		res, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
		if err != nil || !res.Verified() || n.Load() != 3 || r.progress.Load() != src.Size || r.open(t) != 0 {
			t.Errorf("%d bytes: %+v, %v; %d times, progress %d, %d open", size, res, err, n.Load(), r.progress.Load(), r.open(t))
		}
	}
}

// What an interrupted run has copied is not copied again, as long as the source
// is what it was.
func TestCopyResumes(t *testing.T) {
	for what, want := range map[string]struct {
		parts   int
		resumed int64
	}{
		"as it was": {1, 2 * MinPartSize}, "replaced": {3, 0}, "aborted": {3, 0}, "aborted meanwhile": {3 + 1, 0}, "complete": {0, int64(copyInParts)},
		"tagged": {3, 0}, "tagged at length": {3, 0}, "written again": {3, 0},
	} {
		dir := t.TempDir()
		opened := func() *journal.Journal {
			return journal.Open(journal.Options{Dir: dir, Job: journal.Job{Endpoint: "e", Op: "copy", Src: "s3://src", Dst: "s3://dst"}, Trouble: func(err error) { t.Error(err) }})
		}
		first := opened()
		r := newCopyRig(t, s3sim.Options{}, func(o *Options) { o.Journal, o.PartsAtOnce = first, 1 })
		src := r.put(t, "k", copyInParts, 0)
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int64
		r.store.after = func(op string, _ any) error {
			if op == "UploadPartCopy" && n.Add(1) == 2 {
				cancel()
			}
			return nil
		}
		_, err := r.Copy(ctx, src, Object{Bucket: "dst", Key: "k"})
		r.failed(t, err, context.Canceled)
		if got := r.open(t); got != 1 {
			t.Fatalf("%d uploads are open", got)
		}
		must(t, first.Close(false))
		open, err := r.plain.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("dst")})
		must(t, err)
		id := open.Uploads[0].UploadId
		abort := func() {
			_, err := r.plain.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: aws.String("dst"), Key: aws.String("k"), UploadId: id})
			must(t, err)
		}
		var once sync.Once
		switch what {
		case "replaced":
			src = r.put(t, "k", copyInParts+1, 0)
		case "aborted":
			abort()
		case "tagged", "tagged at length":
			set := []types.Tag{{Key: aws.String("another"), Value: aws.String("")}}
			if what == "tagged at length" {
				set = longTags()
			}
			_, err := r.plain.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: aws.String("src"), Key: aws.String("k"), Tagging: &types.Tagging{TagSet: set}})
			must(t, err)
		case "written again": // the same bytes, and perhaps other metadata
			r.store.after = func(_ string, v any) error {
				if h, ok := v.(*s3.HeadObjectOutput); ok {
					h.LastModified = aws.Time(h.LastModified.Add(time.Hour))
				}
				return nil
			}
		case "complete": // and nobody has lived to hear it
			abort()
			_, err := r.plain.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String("dst"), Key: aws.String("k"), CopySource: aws.String("src/k")})
			must(t, err)
		case "aborted meanwhile":
			r.store.before = func(op string, _ any) error {
				if op == "UploadPartCopy" {
					once.Do(abort)
				}
				return nil
			}
		}
		r.requests()
		second := opened()
		r.Journal = second
		res, err := r.Copy(t.Context(), src, Object{Bucket: "dst", Key: "k"})
		if err != nil || res.By != checksum.ByCRC64NVME || res.Size != src.Size {
			t.Errorf("%s: %+v, %v", what, res, err)
		}
		moved := src.Size - want.resumed
		if what == "aborted meanwhile" { // what was resumed was copied anew
			moved = src.Size
		}
		if got := r.requests()["UploadPartCopy"]; got != want.parts || r.resumed.Load() != want.resumed || r.progress.Load() != moved {
			t.Errorf("%s: %d parts were copied, want %d; %d bytes resumed, progress %d", what, got, want.parts, r.resumed.Load(), r.progress.Load())
		}
		if got := r.open(t); got != 0 {
			t.Errorf("%d uploads are open", got)
		}
		must(t, second.Close(true))
	}
}
