// Package s3sim is an S3 in memory that can be told to behave badly: it is slow,
// throttles, breaks and deviates where it is told to, and has millions of keys
// that nobody uploaded. It is cheap, so that in a benchmark the client is what
// is measured.
//
// Bodies up to Options.KeepBodies bytes are kept. Larger ones are summed and
// thrown away, and a GET is served from Content(Options.Seed): who uploads bytes
// of that pattern gets them back as they were. Who uploads others gets the
// pattern at the object's size, with the checksums of what is served, and the
// header "x-s3sim-replaced: true" on GET and HEAD that says so.
package s3sim

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What signatures are made with where Options name no keys.
const (
	DefaultAccessKeyID     = "S3SIMACCESSKEYID0000"
	DefaultSecretAccessKey = "s3sim/secret/access/key/0000000000000000"
	DefaultRegion          = "us-east-1"
	DefaultKeepBodies      = 64 << 10 // bytes
)

// Options of a Server. The zero value is an empty store that takes any
// signature and behaves as S3 does.
type Options struct {
	// Region of the buckets that name none; "" is us-east-1.
	Region string
	// AccessKeyID and SecretAccessKey are what signatures are verified with;
	// "" are the defaults of this package.
	AccessKeyID, SecretAccessKey string
	// VerifySignatures has SigV4 checked, in the header and in presigned URLs:
	// the signature, the time (15 minutes), and the body's SHA-256 where it is
	// signed. The signatures of single chunks of an aws-chunked body are not.
	VerifySignatures bool
	// Domain is what bucket names stand in front of in virtual-host requests;
	// "" is localhost. Path-style requests are always understood.
	Domain string
	// KeepBodies is the size in bytes up to which a body is kept; 0 is 64 KiB,
	// less than 0 keeps none.
	KeepBodies int64
	// Seed of the Content that thrown away bodies are served from.
	Seed uint64
	// Now is the store's clock; nil is time.Now. Where it is set, answers have
	// its time as their Date.
	Now func() time.Time
	// Deviations are what the store does otherwise than S3.
	Deviations Deviations
	// Conditions are the latency, bandwidth, rates and faults that clients meet.
	Conditions Conditions
	// Synthetic are buckets with generated keys; they exist from the start.
	Synthetic []Synthetic
}

// Deviations are known ways in which stores differ from S3. Each is off in the
// zero value.
type Deviations struct {
	// InclusiveKeyMarker has ListObjectVersions begin with the entry that the
	// markers name, not behind it.
	InclusiveKeyMarker bool
	// MarkersLast has each page of ListObjectVersions give its versions first,
	// and its delete markers behind them; not together with UnorderedLists.
	MarkersLast bool
	// NoChecksums ignores x-amz-checksum headers and never answers any.
	NoChecksums bool
	// RefuseChecksums answers 501 NotImplemented to requests with such headers.
	RefuseChecksums bool
	// ContentMD5Only refuses DeleteObjects without a Content-MD5.
	ContentMD5Only bool
	// UnorderedLists turns the order of the keys within each page round.
	UnorderedLists bool
	// NoEncodingType ignores encoding-type in listings.
	NoEncodingType bool
	// NoConditionalWrites ignores If-Match and If-None-Match on writes.
	NoConditionalWrites bool
	// NoFullObject knows no full-object checksums of multipart uploads: Create
	// with that type is refused as InvalidRequest, and objects in parts have
	// no checksum where the client gave none.
	NoFullObject bool
	// IgnoreRange answers a ranged GET with the whole object and 200.
	IgnoreRange bool
	// NoVersioning answers 501 NotImplemented to what is about versions.
	NoVersioning bool
}

// Server is a simulated S3. It is an http.Handler for any number of requests at
// a time; nothing runs in it between requests.
type Server struct {
	options    Options
	content    *Pattern
	handler    http.Handler
	now        func() time.Time
	signer     verifier
	sharedVals sharedValues

	mu      sync.RWMutex
	buckets map[string]*bucket

	sequence  atomic.Uint64 // of versions
	requestID atomic.Uint64
	uploadID  atomic.Uint64
	counters  counters
	calls     sync.Pool // *call
	buffers   sync.Pool // *[]byte of bodyBuffer bytes
	answers   sync.Pool // *[]byte, XML
	kinds     sync.Map  // Content-Type to *attributes
}

// New makes a Server. It fails where options contradict each other.
func New(o Options) (*Server, error) {
	if o.Region == "" {
		o.Region = DefaultRegion
	}
	if o.Domain == "" {
		o.Domain = "localhost"
	}
	if o.AccessKeyID == "" {
		o.AccessKeyID = DefaultAccessKeyID
	}
	if o.SecretAccessKey == "" {
		o.SecretAccessKey = DefaultSecretAccessKey
	}
	if o.KeepBodies == 0 {
		o.KeepBodies = DefaultKeepBodies
	}
	s := &Server{
		options: o,
		content: Content(o.Seed),
		now:     o.Now,
		buckets: map[string]*bucket{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.signer.rotate(o.AccessKeyID, o.SecretAccessKey, "")
	s.sharedVals = newSharedValues()
	s.counters.timeline.reset()
	s.sequence.Store(firstSequence)
	s.calls.New = func() any { return new(call) }
	s.buffers.New = func() any { b := make([]byte, bodyBuffer); return &b }
	s.answers.New = func() any { b := make([]byte, 0, 64<<10); return &b }

	var errs []error
	if err := o.Conditions.Validate(); err != nil {
		errs = append(errs, err)
	}
	for i := range o.Synthetic {
		syn := &o.Synthetic[i]
		if err := syn.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("synthetic keys of the bucket %q: %w", syn.Bucket, err))
			continue
		}
		if s.buckets[syn.Bucket] != nil {
			errs = append(errs, fmt.Errorf("two synthetic layouts for the bucket %q", syn.Bucket))
			continue
		}
		if !validBucketName(syn.Bucket) {
			errs = append(errs, fmt.Errorf("%q is no name for a bucket", syn.Bucket))
			continue
		}
		b := newBucket(syn.Bucket, o.Region, s.now(), &o.Conditions)
		b.setSynthetic(syn)
		s.buckets[syn.Bucket] = b
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("simulated S3: %w", err)
	}
	s.handler = s.conditions(http.HandlerFunc(s.serve))
	return s, nil
}

// Rotate changes the keys that signatures are verified with, and the session
// token that has to come with them ("" is none). A request with keys that were
// valid before is answered ExpiredToken.
func (s *Server) Rotate(accessKeyID, secretAccessKey, sessionToken string) {
	s.signer.rotate(accessKeyID, secretAccessKey, sessionToken)
}

// AddBucket makes an empty bucket in a region ("" is the server's).
func (s *Server) AddBucket(name, region string) error {
	if !validBucketName(name) {
		return fmt.Errorf("make bucket %q: it is no name for a bucket", name)
	}
	if region == "" {
		region = s.options.Region
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] != nil {
		return fmt.Errorf("make bucket %q: it exists", name)
	}
	s.buckets[name] = newBucket(name, region, s.now(), &s.options.Conditions)
	return nil
}

// controlPrefix is the part of the paths that are the simulator's own. No
// bucket can have the name, for its underscore.
const controlPrefix = "/_s3sim/"

// ServeHTTP answers one request, under the server's conditions. The paths
// /_s3sim/stats (GET: Stats as JSON), /_s3sim/timeline (GET: Timeline as JSON)
// and /_s3sim/reset (POST) are not part of S3: neither counted nor signed nor
// slowed.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, controlPrefix) {
		s.control(w, r)
		return
	}
	s.counters.enter()
	defer s.counters.leave()
	s.handler.ServeHTTP(w, r)
}

// serve answers one request as S3 does, at once.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	c := s.calls.Get().(*call)
	c.begin(s, w, r)
	err := c.run()
	if err != nil {
		c.fail(err)
	}
	if c.refused {
		s.counters.throttled[c.op].Add(1)
		s.counters.timeline.add(Moment{Refused: 1})
	} else {
		s.counters.timeline.add(Moment{Accepted: 1})
	}
	c.end()
	s.calls.Put(c)
}
