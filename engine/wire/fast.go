package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"runtime"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/s3haul/s3haul/engine/wire/s3xml"
)

// fast answers the operations that are sent by the million itself: the SDK's
// signer over the transport that it shares with the SDK. A 4 KiB PutObject
// through *s3.Client costs some three times the CPU. Whatever else there is,
// and every request with a field that fast does not know, goes to the SDK.
//
// The functions on s3.Options that come with a call are not applied: manager
// puts some on each of its calls, for things that concern the SDK alone.
type fast struct {
	*sdk
	*sender

	put, part, get, head, copying codec
}

// codec knows the input and the output of one operation.
type codec struct {
	in  *encoder
	out *decoder
}

func newFast(c *sdk, o Options) *fast {
	so := c.Options()
	apart := []string{"Bucket", "Key", "Body", "ContentLength"}
	return &fast{
		sdk: c,
		sender: &sender{
			transport: c.http.Transport,
			signer: v4.NewSigner(func(so *v4.SignerOptions) {
				so.DisableURIPathEscaping = true // S3 alone signs the path as it is sent
			}),
			creds:    so.Credentials,
			renewal:  c.renewal,
			places:   newPlaces(so, c.regions),
			agent:    "s3haul/" + version(o) + " " + runtime.GOOS + "/" + runtime.GOARCH + " " + runtime.Version(),
			noSign:   o.NoSign,
			signBody: o.SignPayload,
			notice:   o.Notice,
		},
		put:  codec{newEncoder(&s3.PutObjectInput{}, apart...), newDecoder(&s3.PutObjectOutput{})},
		part: codec{newEncoder(&s3.UploadPartInput{}, apart...), newDecoder(&s3.UploadPartOutput{})},
		get:  codec{newEncoder(&s3.GetObjectInput{}, apart...), newDecoder(&s3.GetObjectOutput{})},
		head: codec{newEncoder(&s3.HeadObjectInput{}, apart...), newDecoder(&s3.HeadObjectOutput{})},

		copying: codec{newEncoder(&s3.CopyObjectInput{}, apart...), newDecoder(&s3.CopyObjectOutput{})},
	}
}

// PutObject sends a body that carries a checksum; any other is the SDK's, which
// makes one.
func (c *fast) PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	v := reflect.ValueOf(in).Elem()
	at, r := c.begin(ctx, "PutObject", http.MethodPut, in.Bucket, in.Key, v, c.put.in)
	if r == nil || !c.put.in.summed(v) || !r.carry(in.Body, in.ContentLength) {
		return c.sdk.PutObject(ctx, in, opts...)
	}
	return exchange[s3.PutObjectOutput](ctx, c, at, r, c.put, v)
}

// UploadPart sends a part that carries a checksum, as PutObject does.
func (c *fast) UploadPart(ctx context.Context, in *s3.UploadPartInput, opts ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	v := reflect.ValueOf(in).Elem()
	at, r := c.begin(ctx, "UploadPart", http.MethodPut, in.Bucket, in.Key, v, c.part.in)
	if r == nil || in.PartNumber == nil || in.UploadId == nil || !c.part.in.summed(v) || !r.carry(in.Body, in.ContentLength) {
		return c.sdk.UploadPart(ctx, in, opts...)
	}
	return exchange[s3.UploadPartOutput](ctx, c, at, r, c.part, v)
}

// GetObject does not compare the body with a checksum of the answer: who reads
// it does.
func (c *fast) GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	v := reflect.ValueOf(in).Elem()
	at, r := c.begin(ctx, "GetObject", http.MethodGet, in.Bucket, in.Key, v, c.get.in)
	if r == nil {
		return c.sdk.GetObject(ctx, in, opts...)
	}
	out := &s3.GetObjectOutput{}
	if err := r.encode(c.get, v); err != nil {
		return nil, err
	}
	err := c.send(ctx, at, r, func(resp *http.Response) error {
		if err := c.get.out.decode(resp.Header, reflect.ValueOf(out).Elem()); err != nil {
			_ = resp.Body.Close()
			return r.unread(resp, err)
		}
		out.Body = resp.Body
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// HeadObject asks for what GetObject would say of an object.
func (c *fast) HeadObject(ctx context.Context, in *s3.HeadObjectInput, opts ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	v := reflect.ValueOf(in).Elem()
	at, r := c.begin(ctx, "HeadObject", http.MethodHead, in.Bucket, in.Key, v, c.head.in)
	if r == nil {
		return c.sdk.HeadObject(ctx, in, opts...)
	}
	return exchange[s3.HeadObjectOutput](ctx, c, at, r, c.head, v)
}

// begin says where a request goes; r is nil where it is for the SDK.
func (c *fast) begin(ctx context.Context, op, method string, bucket, key *string, in reflect.Value, e *encoder) (*place, *request) {
	if bucket == nil || *bucket == "" || key == nil || *key == "" || !e.covers(in) {
		return nil, nil
	}
	at := c.places.of(ctx, *bucket)
	if at.sdk {
		return nil, nil
	}
	return at, &request{op: op, method: method, bucket: *bucket, key: *key, header: make(http.Header, 4)}
}

// carry takes a body along, and says whether it can: it must be known how long
// it is, and it must be possible to send it again.
func (r *request) carry(body io.Reader, length *int64) bool {
	seeker, ok := body.(io.ReadSeeker)
	if !ok {
		return false
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return false
	}
	size, known := sized(seeker, length)
	r.body, r.start, r.length = seeker, start, size
	return known
}

func (r *request) encode(c codec, in reflect.Value) error {
	query, err := c.in.encode(in, r.header)
	if err != nil {
		return r.fail(&smithy.SerializationError{Err: err})
	}
	r.query = query
	return nil
}

// exchange is for operations whose answer is in its headers alone.
func exchange[O any](ctx context.Context, c *fast, at *place, r *request, codec codec, in reflect.Value) (*O, error) {
	if err := r.encode(codec, in); err != nil {
		return nil, err
	}
	out := new(O)
	err := c.send(ctx, at, r, func(resp *http.Response) error {
		defer resp.Body.Close()
		// There should be no body. One may say that it is no success after
		// all; and what is left in a connection keeps it from being used again.
		if resp.ContentLength != 0 && r.method != http.MethodHead {
			b, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
			if err != nil {
				return r.unread(resp, fmt.Errorf("the answer broke off: %w", err))
			}
			switch _, ok, err := s3xml.Error(b); {
			case ok:
				return r.failed(resp, b)
			case err != nil:
				return r.unread(resp, err)
			case !s3xml.CanCarry(string(b)):
				return r.unread(resp, errors.New("a body of the answer that is no text"))
			}
		}
		if err := codec.out.decode(resp.Header, reflect.ValueOf(out).Elem()); err != nil {
			return r.unread(resp, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
