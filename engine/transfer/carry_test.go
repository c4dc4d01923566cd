package transfer

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// carryRig carries from bucket src of one simulator to bucket dst of another.
type carryRig struct {
	*copyRig
	from *copyRig
	// reads and writes are the requests to either.
	reads, writes *seen
}

// seen counts the requests that reach a client; before may fail them.
type seen struct {
	wire.Objects
	gets, parts atomic.Int64
	before      func(op string) error
}

func (s *seen) ask(op string) error {
	if s.before == nil {
		return nil
	}
	return s.before(op)
}

func (s *seen) GetObject(ctx context.Context, in *s3.GetObjectInput, o ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	s.gets.Add(1)
	if err := s.ask("GetObject"); err != nil {
		return nil, err
	}
	return s.Objects.GetObject(ctx, in, o...)
}

func (s *seen) PutObject(ctx context.Context, in *s3.PutObjectInput, o ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if err := s.ask("PutObject"); err != nil {
		return nil, err
	}
	return s.Objects.PutObject(ctx, in, o...)
}

func (s *seen) UploadPart(ctx context.Context, in *s3.UploadPartInput, o ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	s.parts.Add(1)
	if err := s.ask("UploadPart"); err != nil {
		return nil, err
	}
	return s.Objects.UploadPart(ctx, in, o...)
}

func (s *seen) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, o ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	if err := s.ask("CompleteMultipartUpload"); err != nil {
		return nil, err
	}
	return s.Objects.CompleteMultipartUpload(ctx, in, o...)
}

func newCarryRig(t *testing.T, sdk bool, from, to s3sim.Options, change func(*Options)) *carryRig {
	t.Helper()
	r := &carryRig{from: newCopyRig(t, from, nil), reads: &seen{}, writes: &seen{}}
	r.copyRig = newCopyRig(t, to, func(o *Options) {
		r.reads.Objects = retrying(t, *r.from.plain.Options().BaseEndpoint, o.Pool, sdk)
		o.Source = r.reads
		if change != nil {
			change(o)
		}
	})
	r.writes.Objects = retrying(t, *r.plain.Options().BaseEndpoint, r.Pool, sdk)
	r.Client, r.copies = r.writes, r.writes
	return r
}

func (r *carryRig) source(t *testing.T, size, partSize int) Object {
	t.Helper()
	src := r.from.put(t, "dir/a b+%", size, partSize)
	src.Source = true
	return src
}

func (r *carryRig) dst() Object { return Object{Bucket: "dst", Key: "k"} }

// What an object is goes along to another store, however large it is, by either
// client, and both sides are verified.
func TestCarry(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		for _, q := range []struct{ size, parts int }{
			{0, 0}, {4096, 0}, {4096, MinPartSize}, {MinPartSize, 0}, {MinPartSize + 1, 0}, {copyInParts, 0}, {copyInParts, MinPartSize + 1}, {copyInParts, MinPartSize},
		} {
			t.Run(fmt.Sprint(q.size, " of ", q.parts, " SDK ", sdk), func(t *testing.T) {
				r := newCarryRig(t, sdk, s3sim.Options{}, s3sim.Options{}, nil)
				src := r.source(t, q.size, q.parts)
				res, err := r.Carry(t.Context(), src, r.dst())
				want := Result{Size: src.Size, By: checksum.ByCRC64NVME, Sum: s3sim.Content(0).Sum(src.Size).String()}
				if err != nil || res != want || r.progress.Load() != src.Size {
					t.Errorf("%+v, %v; progress %d", res, err, r.progress.Load())
				}
				from, _ := r.from.head(t, "src", src.Key)
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
				out, err := r.plain.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: aws.String("dst"), Key: aws.String("k")})
				must(t, err)
				if tags := len(out.TagSet); tags != 2 && q.parts == 0 {
					t.Errorf("%d tags", tags)
				}
				r.empty(t)
			})
		}
	}
}

// empty fails where memory, a slot or an upload is left.
func (r *carryRig) empty(t *testing.T) {
	t.Helper()
	if s := r.Pool.Stats(); s.Reserved != 0 || s.InFlight != 0 || s.MostReserved > s.Memory {
		t.Errorf("left: %+v", s)
	}
	if n := r.open(t); n != 0 && r.Journal == nil {
		t.Errorf("%d uploads are open", n)
	}
}

// Bodies that break, answers that get lost and stores that are slow down make no
// difference.
func TestCarryFaults(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		for _, size := range []int{4096, copyInParts} {
			from := s3sim.Options{Conditions: s3sim.Conditions{Faults: []s3sim.Fault{
				{Op: "GetObject", N: 1, Every: 3, Kind: s3sim.KindCut}, {Op: "GetObject", N: 2, Every: 7, Kind: s3sim.KindSlowDown},
			}}}
			to := s3sim.Options{Conditions: s3sim.Conditions{Faults: []s3sim.Fault{
				{Op: "UploadPart", N: 1, Every: 3, Kind: s3sim.KindReset}, {Op: "PutObject", Kind: s3sim.KindSlowDown}, {Op: "CompleteMultipartUpload", Kind: s3sim.KindLost},
			}}}
			r := newCarryRig(t, sdk, from, to, nil)
			src := r.source(t, size, 0)
			res, err := r.Carry(t.Context(), src, r.dst())
			if err != nil || !res.Verified() || r.progress.Load() != src.Size {
				t.Errorf("SDK %v: %+v, %v; progress %d", sdk, res, err, r.progress.Load())
			}
			r.empty(t)
		}
	}
}

// What fails for good leaves nothing, and no bytes in the progress.
func TestCarryFails(t *testing.T) {
	for _, size := range []int{4096, copyInParts} {
		for _, op := range []string{"GetObject", "PutObject", "UploadPart", "CompleteMultipartUpload"} {
			r := newCarryRig(t, false, s3sim.Options{}, s3sim.Options{}, nil)
			src := r.source(t, size, 0)
			var asked atomic.Bool
			fail := func(name string) error {
				if name == op {
					asked.Store(true)
					return errFault
				}
				return nil
			}
			r.reads.before, r.writes.before = fail, fail
			_, err := r.Carry(t.Context(), src, r.dst())
			hit := asked.Load()
			if hit != (err != nil) || hit && !errors.Is(err, errFault) || hit && r.progress.Load() != 0 {
				t.Errorf("%d, %s: %v; progress %d", size, op, err, r.progress.Load())
			}
			if _, there := r.head(t, "dst", "k"); there == hit {
				t.Errorf("%d, %s: the copy is there: %v", size, op, there)
			}
			r.empty(t)
		}
	}
}

// A source that is replaced fails, before it is read or while it is.
func TestCarryReplaced(t *testing.T) {
	for _, size := range []int{4096, copyInParts} {
		for _, n := range []int64{1, 3} {
			if size == 4096 && n > 1 {
				continue
			}
			r := newCarryRig(t, false, s3sim.Options{}, s3sim.Options{}, nil)
			src := r.source(t, size, 0)
			r.reads.before = func(op string) error {
				if op != "GetObject" || r.reads.gets.Load() != n {
					return nil
				}
				_, err := r.from.plain.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &src.Bucket, Key: &src.Key, Body: strings.NewReader("another")})
				return err
			}
			_, err := r.Carry(t.Context(), src, r.dst())
			r.failed(t, err, ErrChanged, "s3://src/dir/a b+%")
			if _, there := r.head(t, "dst", "k"); there {
				t.Error("there is a copy")
			}
			r.empty(t)
		}
	}
}

// What the source's store says of the object is what has to come; where it says
// nothing the copy is as good, and not verified.
func TestCarrySums(t *testing.T) {
	for _, size := range []int{4096, copyInParts} {
		for _, c := range []struct {
			name   string
			change func(*s3.HeadObjectOutput)
			fails  bool
			by     checksum.Algorithm
		}{
			{"another sum", func(h *s3.HeadObjectOutput) { h.ChecksumCRC64NVME = aws.String("AAAAAAAAAAA=") }, true, ""},
			{"none", func(h *s3.HeadObjectOutput) { h.ChecksumCRC64NVME, h.ServerSideEncryption = nil, "aws:kms" }, false, ""},
			{"MD5", func(h *s3.HeadObjectOutput) { h.ChecksumCRC64NVME = nil }, false, checksum.ByCRC64NVME},
		} {
			r := newCarryRig(t, false, kept(), s3sim.Options{}, nil)
			src := r.source(t, size, 0)
			r.Source = &saying{r.reads, c.change}
			res, err := r.Carry(t.Context(), src, r.dst())
			if c.fails {
				r.failed(t, err, ErrChecksum, "s3://src/dir/a b+%")
			} else if err != nil || res.By != c.by || res.Size != src.Size {
				t.Errorf("%d, %s: %+v, %v", size, c.name, res, err)
			}
			if _, there := r.head(t, "dst", "k"); there == c.fails {
				t.Errorf("%d, %s: the copy is there: %v", size, c.name, there)
			}
			r.empty(t)
		}
	}
}

// saying changes what a store says of objects.
type saying struct {
	*seen
	change func(*s3.HeadObjectOutput)
}

func (s *saying) HeadObject(ctx context.Context, in *s3.HeadObjectInput, o ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	out, err := s.seen.HeadObject(ctx, in, o...)
	if err == nil {
		s.change(out)
	}
	return out, err
}

func (s *saying) GetObject(ctx context.Context, in *s3.GetObjectInput, o ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := s.seen.GetObject(ctx, in, o...)
	if err == nil && in.Range == nil {
		h := &s3.HeadObjectOutput{ChecksumCRC64NVME: out.ChecksumCRC64NVME}
		s.change(h)
		out.ChecksumCRC64NVME, out.ServerSideEncryption = h.ChecksumCRC64NVME, h.ServerSideEncryption
	}
	return out, err
}

// What is there stays where it is to be left alone.
func TestCarryNoOverwrite(t *testing.T) {
	for _, size := range []int{4096, copyInParts} {
		r := newCarryRig(t, false, s3sim.Options{}, s3sim.Options{}, func(o *Options) { o.NoOverwrite = true })
		src := r.source(t, size, 0)
		_, err := r.plain.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("dst"), Key: aws.String("k"), Body: strings.NewReader("theirs")})
		must(t, err)
		_, err = r.Carry(t.Context(), src, r.dst())
		r.failed(t, err, ErrExists)
		if head, _ := r.head(t, "dst", "k"); *head.ContentLength != 6 {
			t.Errorf("%d bytes", *head.ContentLength)
		}
		r.empty(t)
	}
}

// That another write of the key is under way is no answer: it is read and sent once
// more.
func TestCarryConflict(t *testing.T) {
	for _, size := range []int{4096, copyInParts} {
		for _, journaled := range []bool{false, true} {
			r := newCarryRig(t, false, s3sim.Options{}, s3sim.Options{}, func(o *Options) {
				o.NoOverwrite, o.Policy = true, wire.Policy{Base: time.Millisecond, Cap: time.Millisecond}
				if journaled {
					o.Journal = journalIn(t.TempDir())
				}
			})
			src := r.source(t, size, 0)
			var n atomic.Int64
			r.writes.before = func(op string) error {
				if (op == "PutObject" || op == "CompleteMultipartUpload") && n.Add(1) < 3 {
					return apiError(op, "ConditionalRequestConflict")
				}
				return nil
			}
			res, err := r.Carry(t.Context(), src, r.dst())
			if err != nil || !res.Verified() || n.Load() != 3 || r.progress.Load() != src.Size || r.open(t) != 0 {
				t.Errorf("%d bytes: %+v, %v; %d times, progress %d, %d open", size, res, err, n.Load(), r.progress.Load(), r.open(t))
			}
			r.empty(t)
			if journaled {
				must(t, r.Journal.Close(true))
			}
		}
	}
}

// A run goes on where one before it was interrupted: what is there is neither read
// nor sent again, where the sums of parts tell of the whole, and is read but not
// sent where they do not. A source that was replaced is begun anew.
func TestCarryResumes(t *testing.T) {
	const parts = 5
	for _, c := range []struct {
		name    string
		of      int // the parts of the source
		change  func(*s3.HeadObjectOutput)
		replace bool
		tag     bool
		gets    int64
		sent    int64
	}{
		{name: "the sum of the whole", gets: 2, sent: 2},
		{name: "the MD5s of the same parts", of: MinPartSize, change: func(h *s3.HeadObjectOutput) { h.ChecksumCRC64NVME = nil }, gets: 2, sent: 2},
		{name: "the MD5 of the whole", change: func(h *s3.HeadObjectOutput) { h.ChecksumCRC64NVME = nil }, gets: parts, sent: 2},
		{name: "replaced", replace: true, gets: parts, sent: parts},
		{name: "tagged", tag: true, gets: parts, sent: parts},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			r := newCarryRig(t, false, kept(), kept(), func(o *Options) { o.PartsAtOnce = 1 })
			if c.change != nil {
				r.Source = &saying{r.reads, c.change}
			}
			src := r.source(t, parts*MinPartSize-5, c.of)
			r.Journal = journalIn(dir)
			r.writes.before = func(string) error {
				if r.writes.parts.Load() == 4 {
					return errFault
				}
				return nil
			}
			_, err := r.Carry(t.Context(), src, r.dst())
			if !errors.Is(err, errFault) || r.open(t) != 1 || r.progress.Load() != 0 {
				t.Fatalf("%v, %d open, progress %d", err, r.open(t), r.progress.Load())
			}
			must(t, r.Journal.Close(false))
			r.writes.before = nil
			if c.replace {
				_, err := r.from.plain.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &src.Bucket, Key: &src.Key, Body: s3sim.Content(1).Reader(src.Size)})
				must(t, err)
				head, _ := r.from.head(t, src.Bucket, src.Key)
				src.ETag = strings.Trim(*head.ETag, `"`)
			}
			if c.tag {
				_, err := r.from.plain.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{
					Bucket: &src.Bucket, Key: &src.Key, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("another"), Value: aws.String("")}}},
				})
				must(t, err)
			}
			r.reads.gets.Store(0)
			r.writes.parts.Store(0)
			r.Journal = journalIn(dir)
			res, err := r.Carry(t.Context(), src, r.dst())
			if err != nil || !res.Verified() || r.reads.gets.Load() != c.gets || r.writes.parts.Load() != c.sent {
				t.Errorf("%+v, %v; %d ranges read, %d parts sent, want %d and %d", res, err, r.reads.gets.Load(), r.writes.parts.Load(), c.gets, c.sent)
			}
			if r.progress.Load()+r.resumed.Load() != src.Size || r.open(t) != 0 {
				t.Errorf("progress %d, resumed %d, %d open", r.progress.Load(), r.resumed.Load(), r.open(t))
			}
			must(t, r.Journal.Close(true))
		})
	}
}

// kept are simulators whose ETags are MD5s, since they keep what they get.
func kept() s3sim.Options { return s3sim.Options{KeepBodies: 64 << 20} }

func journalIn(dir string) *journal.Journal {
	return journal.Open(journal.Options{Dir: dir, Job: journal.Job{Endpoint: "e", Op: "copy", Src: "s3://src at another", Dst: "s3://dst"}})
}
