package s3sim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Fault is what goes wrong with some requests.
type Fault struct {
	// Op is the name of an S3 operation, as GetObject; "" is any.
	Op string
	// Key is a part of the object's key; "" is any, and requests without a key.
	Key string
	// N is the first matching request, counted from 1, that the fault happens
	// to; 0 is 1.
	N int
	// Every is after how many more it happens again; 0: only once.
	Every int
	// Kind is what happens.
	Kind Kind
	// RetryAfter is a header of KindSlowDown and KindError, in whole seconds;
	// 0: none.
	RetryAfter time.Duration
	// Status and Code are what KindError answers with.
	Status int
	Code   string
}

// Kind of a [Fault]. Of an answer that has not what a kind changes (a body, a
// Content-Range, XML) nothing is changed, and no fault counted.
type Kind string

// The kinds. A request is carried out where nothing else is said.
const (
	// KindInternalError answers 500 InternalError; not carried out.
	KindInternalError Kind = "500"
	// KindSlowDown answers 503 SlowDown; not carried out.
	KindSlowDown Kind = "503"
	// KindError answers with Status and Code; not carried out.
	KindError Kind = "error"
	// KindErrorIn200 answers 200 with an InternalError in the body; not carried out.
	KindErrorIn200 Kind = "error-200"
	// KindReset resets the connection at once; not carried out.
	KindReset Kind = "reset"
	// KindLost carries the request out and resets the connection in place of an answer.
	KindLost Kind = "lost"
	// KindCut ends the connection in the middle of the answer's body, or before
	// an answer that has none.
	KindCut Kind = "cut"
	// KindCorrupt flips a bit in the middle of the answer's body.
	KindCorrupt Kind = "corrupt"
	// KindStall takes the request and never answers, until the client or the
	// server closes; not carried out.
	KindStall Kind = "stall"
	// KindStallBody stops in the middle of the answer's body, until the client
	// or the server closes.
	KindStallBody Kind = "stall-body"
	// KindGarbage answers with bytes that are not HTTP; not carried out.
	KindGarbage Kind = "garbage"
	// KindLengthLong has a Content-Length of one byte more than the body.
	KindLengthLong Kind = "length-long"
	// KindLengthShort has a Content-Length of one byte less than the body.
	KindLengthShort Kind = "length-short"
	// KindRangeWrong has a Content-Range one byte further on than the body.
	KindRangeWrong Kind = "range-wrong"
	// KindRangeMissing leaves out Content-Range.
	KindRangeMissing Kind = "range-missing"
	// KindRangeIgnored answers 200 with the whole object to a request for a
	// range. Where signatures are verified and the range is signed, it is 403.
	KindRangeIgnored Kind = "range-ignored"
	// KindXMLCut ends a document in its middle, with a Content-Length that fits.
	KindXMLCut Kind = "xml-cut"
	// KindXMLEntities puts a DOCTYPE with entities into a document, and uses them.
	KindXMLEntities Kind = "xml-entities"
	// KindHugeHeaders adds a header of a megabyte.
	KindHugeHeaders Kind = "huge-headers"
	// KindChecksumWrong changes the value of each x-amz-checksum header.
	KindChecksumWrong Kind = "checksum-wrong"
)

// Kinds are all there are.
func Kinds() []Kind {
	return []Kind{
		KindInternalError, KindSlowDown, KindError, KindErrorIn200, KindReset, KindLost, KindCut,
		KindCorrupt, KindStall, KindStallBody, KindGarbage, KindLengthLong, KindLengthShort,
		KindRangeWrong, KindRangeMissing, KindRangeIgnored, KindXMLCut, KindXMLEntities,
		KindHugeHeaders, KindChecksumWrong,
	}
}

// ParseFault reads "operation:kind[:option,...]", as in
// "GetObject:reset:n=3,every=100"; the operation * is any. The options are n=,
// every=, after=DURATION (Retry-After), status= and code= (of error), and key=,
// which has to be the last. The error names what is wrong.
func ParseFault(text string) (Fault, error) {
	fields := strings.SplitN(text, ":", 3)
	if len(fields) < 2 {
		return Fault{}, fmt.Errorf("fault %q: write operation:kind[:option,...], as GetObject:reset:n=3,every=100", text)
	}
	f := Fault{Op: fields[0], Kind: Kind(fields[1])}
	if f.Op == "*" {
		f.Op = ""
	}
	options := ""
	if len(fields) == 3 {
		options = fields[2]
	}
	for options != "" {
		if key, ok := strings.CutPrefix(options, "key="); ok {
			f.Key = key
			break
		}
		var option string
		option, options, _ = strings.Cut(options, ",")
		if err := f.set(option); err != nil {
			return Fault{}, fmt.Errorf("fault %q: %w", text, err)
		}
	}
	if err := f.Validate(); err != nil {
		return Fault{}, fmt.Errorf("fault %q: %w", text, err)
	}
	return f, nil
}

func (f *Fault) set(option string) error {
	name, value, _ := strings.Cut(option, "=")
	var err error
	switch name {
	case "n":
		f.N, err = strconv.Atoi(value)
	case "every":
		f.Every, err = strconv.Atoi(value)
	case "after":
		f.RetryAfter, err = time.ParseDuration(value)
	case "status":
		f.Status, err = strconv.Atoi(value)
	case "code":
		f.Code = value
	default:
		return fmt.Errorf("option %q is none of n, every, after, status, code, key", name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Validate says all that is wrong with f, or nil.
func (f *Fault) Validate() error {
	var errs []error
	if !slices.Contains(Kinds(), f.Kind) {
		errs = append(errs, fmt.Errorf("kind %q is none of %q", f.Kind, Kinds()))
	}
	if f.Op != "" && !knownOperation(f.Op) {
		errs = append(errs, fmt.Errorf("%q is no operation of S3 that the simulator knows", f.Op))
	}
	if f.N < 0 || f.Every < 0 || f.RetryAfter < 0 {
		errs = append(errs, errors.New("a negative number"))
	}
	if f.Kind == KindError && (f.Status < 300 || f.Status > 599 || f.Code == "") {
		errs = append(errs, errors.New("an error needs a status from 300 to 599 and a code"))
	}
	return errors.Join(errs...)
}

func knownOperation(name string) bool {
	for op := range operations {
		if op.String() == name {
			return true
		}
	}
	return false
}

// armed is a fault and how many requests have matched.
type armed struct {
	Fault
	matched atomic.Int64
}

func (f *armed) matches(op, key string) bool {
	return (f.Op == "" || f.Op == op) && strings.Contains(key, f.Key)
}

// due counts a matching request and says whether the fault happens to it.
func (f *armed) due() bool {
	after := f.matched.Add(1) - int64(max(f.N, 1))
	return after == 0 || after > 0 && f.Every > 0 && after%int64(f.Every) == 0
}

// Validate says all that is wrong with c, or nil.
func (c *Conditions) Validate() error {
	var errs []error
	if err := c.Latency.Validate(); err != nil {
		errs = append(errs, err)
	}
	if c.Bandwidth < 0 {
		errs = append(errs, fmt.Errorf("a bandwidth of %d is negative", c.Bandwidth))
	}
	if c.SendBuffer < 0 {
		errs = append(errs, fmt.Errorf("a send buffer of %d is negative", c.SendBuffer))
	}
	if err := validatePartitions(c.Partitions, c.SplitAfter); err != nil {
		errs = append(errs, err)
	}
	for i := range c.Faults {
		if err := c.Faults[i].Validate(); err != nil {
			errs = append(errs, fmt.Errorf("fault %d: %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}

// conditions puts latency and faults before h.
func (s *Server) conditions(h http.Handler) http.Handler {
	c := &s.options.Conditions
	if c.Latency == (Latency{}) && len(c.Faults) == 0 {
		return h
	}
	slow := &waits{latency: c.Latency, seed: s.options.Seed}
	faults := make([]*armed, len(c.Faults))
	for i := range faults {
		faults[i] = &armed{Fault: c.Faults[i]}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var (
			op    operation
			fault *Fault
		)
		if len(faults) > 0 {
			op, fault = s.fault(faults, r)
		}
		if slow.wait(r.Context()) != nil {
			panic(http.ErrAbortHandler) // there is nobody to answer
		}
		if fault == nil {
			h.ServeHTTP(w, r)
			return
		}
		m := mishap{fault: fault, w: w, r: r, control: http.NewResponseController(w), counters: &s.counters}
		if !m.carriesOut() {
			s.counters.ops[op].Add(1)
		}
		m.commit(h) //nolint:contextcheck // it has the request
	})
}

// fault is the first of those that are due for the request; all of them count it.
func (s *Server) fault(faults []*armed, r *http.Request) (operation, *Fault) {
	var c call
	c.s, c.r = s, r
	c.query = c.queryArray[:0]
	op := opUnknown
	if c.parse() == nil {
		op = c.classify()
	}
	var first *Fault
	for _, f := range faults {
		if f.matches(op.String(), c.key) && f.due() && first == nil {
			first = &f.Fault
		}
	}
	return op, first
}
