package difftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

// outcome is what a caller can tell of a result, value by value.
type outcome map[string]string

// result takes apart what a call returned. A Body is read to its end.
func result(out any, err error) outcome {
	o := outcome{}
	if err != nil {
		o.failure("error", err)
	}
	if out != nil {
		o.add("out", reflect.ValueOf(out))
	}
	return o
}

func (o outcome) add(name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Invalid:
		return
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return
		}
		if r, ok := reflect.TypeAssert[io.ReadCloser](v); ok {
			b, err := io.ReadAll(r)
			o[name] = fmt.Sprintf("%q", b)
			if err != nil {
				o.failure(name+" read", err)
			}
			if err := r.Close(); err != nil {
				o.failure(name+" close", err)
			}
			return
		}
		if err, ok := reflect.TypeAssert[error](v); ok {
			o.failure(name, err)
			return
		}
		o.add(name, v.Elem())
		return
	case reflect.Struct:
		if t, ok := reflect.TypeAssert[time.Time](v); ok {
			o[name] = t.UTC().Format(time.RFC3339Nano)
			return
		}
		switch x := v.Interface().(type) {
		case middleware.Metadata:
			return
		case walker.Entry:
			x.ModTime = x.ModTime.UTC()
			o[name] = fmt.Sprintf("%+q %d bytes %s %s %s version %q latest %v marker %v prefix %v", x.Key, x.Size,
				x.ModTime.Format(time.RFC3339Nano), x.ETag, x.StorageClass, x.VersionID, x.Latest, x.DeleteMarker, x.CommonPrefix)
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				o.add(name+"."+f.Name, v.Field(i))
			}
		}
		return
	case reflect.Slice:
		for i := range v.Len() {
			o.add(fmt.Sprintf("%s[%d]", name, i), v.Index(i))
		}
		return
	case reflect.Map:
		if v.IsNil() {
			return
		}
		o[name] = fmt.Sprint(v.Len(), " entries")
		for _, k := range v.MapKeys() {
			o.add(fmt.Sprintf("%s[%q]", name, k.String()), v.MapIndex(k))
		}
		return
	case reflect.String:
		o[name] = fmt.Sprintf("%q", v.String())
		return
	default:
		o[name] = fmt.Sprint(v.Interface())
	}
}

// modelled adds the SDK's own type of error, with what it holds.
func modelled[E error](o outcome, name string, err error) {
	if e, ok := errors.AsType[E](err); ok {
		o[name+" is"] += fmt.Sprintf("%T ", e)
		o.fields(name+" as "+reflect.TypeOf(e).String(), reflect.ValueOf(e).Elem())
	}
}

func (o outcome) fields(name string, v reflect.Value) {
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() {
			o.add(name+"."+f.Name, v.Field(i))
		}
	}
}

// failure takes an error apart, by all the ways in which callers ask.
func (o outcome) failure(name string, err error) {
	o[name] = "yes"
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		o[name+" code"] = e.ErrorCode()
		o[name+" message"] = e.ErrorMessage()
	}
	if e, ok := errors.AsType[*smithy.OperationError](err); ok {
		o[name+" operation"] = e.ServiceID + " " + e.OperationName
	}
	if e, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		o[name+" status"] = fmt.Sprint(e.HTTPStatusCode())
		o[name+" request id"] = e.ServiceRequestID()
	}
	if e, ok := errors.AsType[s3.ResponseError](err); ok {
		o[name+" host id"] = e.ServiceHostID()
		o[name+" s3 request id"] = e.ServiceRequestID()
	}
	modelled[*types.AccessDenied](o, name, err)
	modelled[*types.BucketAlreadyExists](o, name, err)
	modelled[*types.BucketAlreadyOwnedByYou](o, name, err)
	modelled[*types.EncryptionTypeMismatch](o, name, err)
	modelled[*types.IdempotencyParameterMismatch](o, name, err)
	modelled[*types.InvalidObjectState](o, name, err)
	modelled[*types.InvalidRequest](o, name, err)
	modelled[*types.InvalidWriteOffset](o, name, err)
	modelled[*types.NoSuchBucket](o, name, err)
	modelled[*types.NoSuchKey](o, name, err)
	modelled[*types.NoSuchUpload](o, name, err)
	modelled[*types.NotFound](o, name, err)
	modelled[*types.ObjectAlreadyInActiveTierError](o, name, err)
	modelled[*types.ObjectNotInActiveTierError](o, name, err)
	modelled[*types.TooManyParts](o, name, err)
	modelled[*wire.APIError](o, name, err)
	o[name+" wire.Code"] = wire.Code(err)
	o[name+" wire.RequestID"] = wire.RequestID(err)
	o[name+" wire.NotFound"] = fmt.Sprint(wire.NotFound(err))
	o[name+" wire.Retryable"] = fmt.Sprint(wire.Retryable(err))
	for what, target := range map[string]error{
		"canceled": context.Canceled, "deadline": context.DeadlineExceeded, "credentials": wire.ErrCredentials,
	} {
		o[name+" is "+what] = fmt.Sprint(errors.Is(err, target))
	}
}

// blur keeps of values that every request has anew only that they are there.
func (o outcome) blur(names ...string) {
	for name, value := range o {
		for _, n := range names {
			if strings.HasSuffix(strings.TrimSuffix(name, `"]`), n) {
				o[name] = "(empty)"
				if value != "" && value != `""` {
					o[name] = "(set)"
				}
			}
		}
	}
}

// delta is a value in which two outcomes differ.
type delta struct{ what, sdk, fast string }

func (d delta) String() string {
	return fmt.Sprintf("%s:\n\tsdk  %s\n\tfast %s", d.what, shorten([]byte(d.sdk)), shorten([]byte(d.fast)))
}

const nothing = "(nothing)"

// differs says in what two outcomes differ.
func (o outcome) differs(fast outcome) []delta {
	names := map[string]bool{}
	for name := range o {
		names[name] = true
	}
	for name := range fast {
		names[name] = true
	}
	var all []delta
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := delta{name, nothing, nothing}
		if v, ok := o[name]; ok {
			d.sdk = v
		}
		if v, ok := fast[name]; ok {
			d.fast = v
		}
		if d.sdk != d.fast {
			all = append(all, d)
		}
	}
	return all
}

// both are the outcomes of one case, with what was asked.
type both struct {
	call      *call
	sdk, fast outcome
	asked     [2][]*request // as they were sent, of the SDK and of the fast path
}

func (b *both) fails() (sdk, fast bool) { return b.sdk["error"] != "", b.fast["error"] != "" }

// sums says that the SDK has asked for sums that nobody asked it for.
func (b *both) sums() bool {
	const name = "X-Amz-Checksum-Mode"
	sdk, fast := b.asked[0], b.asked[1]
	return len(sdk) > 0 && len(fast) > 0 && sdk[0].method == "GET" && sdk[0].header.Get(name) != "" && fast[0].header.Get(name) == ""
}

// allowance is a known and wanted difference of outcomes.
type allowance struct {
	name, why string
	allows    func(b *both, d delta) bool
}

// allowed are all the differences that outcomes may have.
func allowed() []allowance {
	ids := []string{" status", " host id", " request id"}
	endsIn := func(d delta, ends ...string) bool {
		return slices.ContainsFunc(ends, func(e string) bool { return strings.HasSuffix(d.what, e) })
	}
	return []allowance{
		{"no answer", "where no answer came the SDK has a ResponseError all the same, with nothing in it", func(_ *both, d delta) bool {
			return endsIn(d, ids...) && (d.sdk == "0" || d.sdk == "" || d.sdk == "(empty)") && d.fast == nothing
		}},
		{"garbled", "what is no S3's answer: the fast path goes by the status, and refuses a listing that is none; it never succeeds where the SDK fails", func(b *both, _ delta) bool {
			sdk, fast := b.fails()
			return b.call.garbled && (fast || sdk && b.call.recovers)
		}},
		{"recovers", "a clock that is wrong, or a redirect of a request with a body, is put right at once; the SDK does it with its next attempt, or not at all", func(b *both, _ delta) bool {
			_, fast := b.fails()
			return b.call.recovers && !fast
		}},
		{"error in a 200", "the SDK changes the status of the answer to 500, and so would repeat a NoSuchBucket; the code is the same", func(b *both, d delta) bool {
			return endsIn(d, " status", " wire.Retryable") && b.sdk["error status"] == "500" && b.fast["error status"] == "200" &&
				b.sdk["error code"] == b.fast["error code"]
		}},
		{"says more", "an error that the adapter around the SDK makes of an answer names no request", func(b *both, d delta) bool {
			sdk, fast := b.fails()
			return sdk && fast && b.sdk["error operation"] == "" && endsIn(d, append(ids, " operation", " wire.RequestID")...)
		}},
		{"sums", "the SDK asks for the sum of what it gets and compares it; on the fast path who reads does so, who can ask again", func(b *both, d delta) bool {
			return b.sums() && (strings.HasPrefix(d.what, "out.Checksum") || strings.HasPrefix(d.what, "out.Body read") || strings.HasPrefix(d.what, "out[0].Checksum"))
		}},
	}
}
