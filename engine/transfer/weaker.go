package transfer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/wire"
)

// way is how an object is sent: a store may know checksums in one of them alone.
type way int

const (
	inOne way = iota
	inParts
	inCopy      // as a copy of an object that the store has
	inCopyParts // as a copy of its parts
)

// place is a bucket, and a way into it.
type place struct {
	bucket string
	way    way
}

// reason is why a store does not get checksums any more.
type reason int

const (
	refused reason = iota // it fails requests that have one
	ignored               // it answers as if there were none
)

// weaker knows which buckets take no checksum of the kind that is asked for, so
// that Content-MD5 goes instead. The zero value knows of none. What is known is
// read with each small object, so that reading takes no lock and no memory.
type weaker struct {
	// places has true where there is no checksum, false where one has been
	// answered: what such a place refuses it refuses for another reason.
	places atomic.Pointer[map[place]bool]
	mu     sync.Mutex
	told   map[string]bool
}

// of says whether a place is known, and whether it takes no checksum.
func (w *weaker) of(bucket string, how way) (without, known bool) {
	if m := w.places.Load(); m != nil {
		without, known = (*m)[place{bucket, how}]
	}
	return without, known
}

// by is what is sent to a bucket where want is asked for.
func (w *weaker) by(want checksum.Algorithm, bucket string, how way) checksum.Algorithm {
	if without, _ := w.of(bucket, how); without {
		return checksum.ByMD5
	}
	return want
}

// proven remembers that a place takes checksums.
func (w *weaker) proven(bucket string, how way) {
	if _, known := w.of(bucket, how); !known {
		w.set(place{bucket, how}, false)
	}
}

// set says true where it was the first to know.
func (w *weaker) set(p place, without bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.of(p.bucket, p.way); known {
		return false
	}
	next := map[place]bool{p: without}
	if m := w.places.Load(); m != nil {
		maps.Copy(next, *m)
	}
	w.places.Store(&next)
	return true
}

// once says true the first time.
func (w *weaker) once(msg string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.told[msg] {
		return false
	}
	if w.told == nil {
		w.told = map[string]bool{}
	}
	w.told[msg] = true
	return true
}

// mayBe says that err may be a store's refusal of a checksum that it does not
// know, as far as its code tells: the same request without one shows it.
//
//	InvalidRequest:  adobe/S3Mock, older versitygw
//	InvalidArgument: minio before crc64nvme, Backblaze B2 ("Unsupported header
//	                 'x-amz-checksum-sha256'", iterate-ch/cyberduck #16107)
//	NotImplemented:  Cloudflare R2 ("Header 'x-amz-checksum-crc32' with value ...
//	                 not implemented", aws/aws-sdk-js-v3 #6810)
//
// A sum that differs (BadDigest, XAmzContentChecksumMismatch) is none.
func (w *weaker) mayBe(err error, bucket string, how way) bool {
	if err == nil {
		return false
	}
	switch wire.Code(err) {
	case "InvalidRequest", "InvalidArgument", "NotImplemented":
		without, known := w.of(bucket, how)
		return without || !known // it may have been found out since this one was sent
	}
	return false
}

// weakened has the rest of a run send Content-MD5 to a bucket, and says so once.
func (t *Transfer) weakened(bucket string, how way, why reason) {
	if !t.weaker.set(place{bucket, how}, true) {
		return
	}
	verb := "refuses"
	if why == ignored {
		verb = "keeps no"
	}
	msg := fmt.Sprintf("the store %s %s: uploads to s3://%s are protected by Content-MD5 instead", verb, t.Algorithm, bucket)
	if t.weaker.once(msg) {
		t.Notice(msg)
	}
}

// firstOf is the error of a request that was refused with a checksum and without:
// the checksum was not the reason. What ended the second may be the caller.
func firstOf(ctx context.Context, first, second error) error {
	if ctx.Err() != nil {
		return second
	}
	return first
}

// bare has the SDK's client make no checksum of its own.
func bare(opts []func(*s3.Options)) []func(*s3.Options) {
	return append(slices.Clip(opts), func(o *s3.Options) {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	})
}
