// Package engine moves many objects between local directories and S3, keeps
// them in sync and removes them. The way of the data is
//
//	walker -> plan -> pool -> transfer | remove -> report
//
// and sync.go is where to follow it. Nothing here prints, exits or is global:
// two engines with different credentials live in one process.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
)

// Options of an Engine. The zero value takes everything about S3 from the AWS
// configuration (environment, profiles, SSO, roles), and defaults elsewhere.
type Options struct {
	// EndpointURL replaces S3's endpoint, as AWS_ENDPOINT_URL_S3 does.
	EndpointURL string
	// Profile is a section of the AWS config files.
	Profile string
	// Region is the region to sign for; us-east-1 where nothing names one.
	Region string
	// AccessKeyID and SecretAccessKey, both or neither, replace the
	// credentials of the configuration.
	AccessKeyID, SecretAccessKey string
	// NoSign sends requests unsigned, for public buckets.
	NoSign bool
	// NoVerifySSL takes any certificate.
	NoVerifySSL bool
	// CABundle is a PEM file that replaces the system's roots.
	CABundle string
	// ReadTimeout ends a connection on which nothing moved for so long;
	// ConnectTimeout the making of one. 0 means 60 s, negative means never.
	ReadTimeout, ConnectTimeout time.Duration
	// Dial replaces the dialer and any proxy.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Version goes into the user agent.
	Version string
	// SDK sends everything through the SDK's own client, for comparison and
	// for doubt: it costs some three times the CPU.
	SDK bool
	// AddressingStyle is "path", "virtual" or "auto", and SignPayload has the
	// SHA-256 of every body in its signature; where they are not set, the s3
	// section of the AWS config file counts (addressing_style,
	// payload_signing_enabled).
	AddressingStyle string
	SignPayload     bool

	// Source is where runs read the objects of their source, where that is another
	// store or account; nil: where they write. Between two stores, bytes come here
	// and go on.
	Source *Remote
	// MFAToken asks a person for the code of the device that a profile with
	// mfa_serial names; nil has such a profile fail. It is asked again where a run
	// is longer than the session.
	MFAToken func(serial string) (string, error)

	// MaxInFlight is the most requests that may be in flight; how many there are
	// is found while it runs. 0 means 1024. Memory may allow fewer.
	MaxInFlight int
	// Memory bounds the buffers of all transfers together, in bytes, those of
	// the connections among them; 0 means 128 MiB, and 16 MiB is the least.
	Memory int64
	// PartSize is the size of a part, and the size from which on an object
	// goes in parts, in bytes, 5 MiB to 5 GiB. It grows where an object would need
	// more than 10,000 parts. 0 takes multipart_chunksize and multipart_threshold
	// of the AWS config file's s3 section, 8 MiB where it has none.
	PartSize int64
	// LimitRate bounds the bytes a second of all connections together, both
	// directions, by the time of the week; the zero value takes max_bandwidth of
	// the AWS config file's s3 section, or else has no limit.
	LimitRate pool.Timetable
	// threshold is multipart_threshold, where PartSize does not say it; else 0.
	threshold int64
	// StateDir is the directory of the journals by which a run goes on with large
	// objects where one before it was interrupted, by the end of the process too.
	// Empty has every run begin anew, and abort what it cannot complete.
	StateDir string
	// Store names the store in journals, where its endpoint is another each time
	// although it is the same; empty means the endpoint.
	Store string
	// OnLimit is told each time the number of requests that may be in flight
	// moves, or the rate of a key range, and why, for debugging; it is called
	// concurrently and must return soon. nil tells nobody.
	OnLimit func(pool.Move)
	// OnAttempt is told of each request that has ended, for debugging; it is
	// called concurrently. nil tells nobody.
	OnAttempt func(op string, took time.Duration, err error)
}

// Remote is a store or account other than that of the Options, or the region of
// the source in the same one. What it does not say is as the Options have it; but a
// Profile, or keys, come with the endpoint and the region of their own
// configuration, and what Options.Dial leads to is nobody else's. NoVerifySSL, CABundle and the timeouts hold for
// both.
type Remote struct {
	// EndpointURL, Profile, Region and the keys are as in Options.
	EndpointURL, Profile, Region string
	AccessKeyID, SecretAccessKey string
}

// elsewhere says that the store cannot copy from there by itself.
func (r *Remote) elsewhere() bool {
	return r != nil && (r.EndpointURL != "" || r.Profile != "" || r.AccessKeyID != "" || r.SecretAccessKey != "")
}

// options are those of the client of the source; o are those of client.
func (r *Remote) options(o wire.Options, client wire.Client) wire.Options {
	if !r.elsewhere() {
		o.Region = cmp.Or(r.Region, o.Region)
		o.SignAs = client
		return o
	}
	own := r.Profile != "" || r.AccessKeyID != "" || r.SecretAccessKey != ""
	switch {
	case own || o.Dial != nil:
		o.Region, o.NoSign = r.Region, false
		o.AccessKeyID, o.SecretAccessKey = r.AccessKeyID, r.SecretAccessKey
	default:
		o.Region = cmp.Or(r.Region, o.Region)
		o.SignAs = client
	}
	o.EndpointURL, o.Profile, o.Dial = r.EndpointURL, cmp.Or(r.Profile, o.Profile), nil
	return o
}

const (
	// mostParts bounds the parts of one object that are wanted at once: each is
	// a goroutine that waits for memory and a slot.
	mostParts = 64
	// Room for a part of the default size in a quarter of it, four times over.
	defaultMemory = 128 << 20
	minMemory     = 16 << 20
)

// Engine holds a client and the pool that bounds all of its runs together. It
// may be used concurrently.
type Engine struct {
	o      Options
	client wire.Client
	// source is the client of Options.Source; nil without.
	source wire.Client
	host   *wire.Host // what all runs know of the store
	// sourceHost is the same of the other store.
	sourceHost *wire.Host
	// outage and patience are those of wire.Policy.
	outage, patience time.Duration
	pool             *pool.Pool
	// backoff is the Base and the Cap of wire.Policy, and fault that of
	// transfer.Options, in tests.
	backoff time.Duration
	fault   func(op, name string) error
	// copiedWhole is the size up to which one request changes a class, in tests; 0
	// means what S3 takes.
	copiedWhole int64
	// foldsCase takes the place of the function of that name, in tests.
	foldsCase func(dir string) (bool, error)
	// ceilings are the settings of the AWS config file that bound every run.
	ceilings []string

	mu   sync.Mutex
	runs map[*run]bool // under way
}

// Summary is what a run did. Its Err joins what failed; see [report.Summary].
type Summary = report.Summary

// ErrUsage is in the chain of an error that says that what was asked for makes
// no sense: nothing was sent.
var ErrUsage = errors.New("usage")

// usageError carries a message for the user and [ErrUsage].
type usageError struct{ msg string }

func (e *usageError) Error() string   { return e.msg }
func (e *usageError) Is(t error) bool { return t == ErrUsage }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// New reads the AWS configuration, asks for credentials once, and returns an
// Engine. Errors are [ErrUsage] for options that cannot be,
// [wire.ErrCredentials], and those of the AWS configuration.
func New(ctx context.Context, o Options) (*Engine, error) {
	if o.MaxInFlight < 0 {
		return nil, usagef("%d requests in flight: give at least 1", o.MaxInFlight)
	}
	ceilings, err := o.ceilings()
	if err != nil {
		return nil, err
	}
	bandwidth, err := pool.NewBandwidth(o.LimitRate)
	if err != nil {
		return nil, usagef("%v", err)
	}
	if o.MaxInFlight == 0 {
		o.MaxInFlight = pool.DefaultSlots
	}
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	if o.Memory < minMemory {
		return nil, usagef("%d bytes of memory: s3haul needs 16 MiB for its buffers", o.Memory)
	}
	// Buffers of connections come out of the budget, at most half of it.
	slots := int(min(int64(o.MaxInFlight), o.Memory/2/wire.ConnMemory))
	p, err := pool.New(pool.Options{
		Slots: slots, Memory: o.Memory, SlotMemory: wire.ConnMemory,
		CPU: processorTime, Processors: runtime.GOMAXPROCS(0), OnMove: o.OnLimit,
	})
	if err != nil {
		return nil, usagef("%v", err)
	}
	if _, err := transfer.New(transfer.Options{PartSize: o.PartSize, Threshold: o.threshold}); err != nil {
		return nil, usagef("%v", err)
	}
	e := &Engine{pool: p, host: wire.NewHost(), sourceHost: wire.NewHost(), ceilings: ceilings}
	wo := wire.Options{
		EndpointURL: o.EndpointURL, Profile: o.Profile, Region: o.Region,
		AccessKeyID: o.AccessKeyID, SecretAccessKey: o.SecretAccessKey,
		MFAToken: o.MFAToken,
		NoSign:   o.NoSign, NoVerifySSL: o.NoVerifySSL, CABundle: o.CABundle,
		ReadTimeout: o.ReadTimeout, ConnectTimeout: o.ConnectTimeout,
		Dial: o.Dial, MaxConns: slots, Memory: p, Version: o.Version,
		SDK: o.SDK, AddressingStyle: o.AddressingStyle, SignPayload: o.SignPayload, Notice: e.notice,
	}
	if bandwidth != nil { // and not an interface that holds nil
		wo.Bandwidth = bandwidth
	}
	if e.client, err = wire.New(ctx, wo); err == nil && o.Source != nil {
		if e.source, err = wire.New(ctx, o.Source.options(wo, e.client)); err != nil {
			e.client.CloseIdle()
			err = fmt.Errorf("the source: %w", err)
		}
	}
	if err != nil {
		if _, ok := errors.AsType[*wire.UsageError](err); ok {
			return nil, usagef("%v", err)
		}
		return nil, err
	}
	o.MaxInFlight = slots
	e.o = o
	return e, nil
}

// Load is what an Engine has under way at one moment.
type Load struct {
	// InFlight is the number of requests in flight, Limit how many may be.
	InFlight, Limit int
	// Throttled is the number of answers so far that asked to be sent less.
	Throttled int64
	// Paced is how many requests a second all key ranges together that are
	// throttled now are sent, 0 where none is.
	Paced float64
}

// Load returns the present numbers; it may be called at any time.
func (e *Engine) Load() Load {
	s := e.pool.Stats()
	return Load{InFlight: s.InFlight, Limit: s.Slots, Throttled: s.Throttled, Paced: s.Paced}
}

// notice tells the runs that are under way what concerns them all.
func (e *Engine) notice(msg string) {
	e.mu.Lock()
	runs := slices.Collect(maps.Keys(e.runs))
	e.mu.Unlock()
	for _, r := range runs {
		r.sink.Report(report.Event{Kind: report.Notice, Op: r.op, Err: errors.New(msg)})
	}
}

// joins and leaves keep track of the runs.
func (e *Engine) joins(r *run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.runs == nil {
		e.runs = map[*run]bool{}
	}
	e.runs[r] = true
}

func (e *Engine) leaves(r *run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.runs, r)
}

// Close lets go of the connections that are kept open. Runs must have ended.
func (e *Engine) Close() error {
	e.client.CloseIdle()
	if e.source != nil {
		e.source.CloseIdle()
	}
	return nil
}
