package s3sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/engine/checksum"
)

// store is a Server that listens, and the SDK's client of it.
type store struct {
	*Server
	*s3.Client
	url string
}

func start(t testing.TB, o Options, change ...func(*s3.Options)) *store {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if s.buckets["bucket"] == nil {
		if err := s.AddBucket("bucket", ""); err != nil {
			t.Fatal(err)
		}
	}
	l := httptest.NewServer(s)
	t.Cleanup(l.Close)
	return &store{s, sdk(l.URL, change...), l.URL}
}

func sdk(url string, change ...func(*s3.Options)) *s3.Client {
	o := s3.Options{
		Region:       DefaultRegion,
		BaseEndpoint: aws.String(url),
		UsePathStyle: true,
		Retryer:      aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: DefaultAccessKeyID, SecretAccessKey: DefaultSecretAccessKey}, nil
		}),
	}
	for _, do := range change {
		do(&o)
	}
	return s3.New(o)
}

// code is the code of S3's error; "" where it is none.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}

func wantCode(t *testing.T, err error, want string) {
	t.Helper()
	if code(err) != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func read(t testing.TB, out *s3.GetObjectOutput, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestContent(t *testing.T) {
	p := Content(7)
	const size = 3*blockSize + 12345
	var whole bytes.Buffer
	if _, err := p.WriteRange(&whole, 0, size); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(p.Reader(size)); err != nil || !bytes.Equal(b, whole.Bytes()) {
		t.Errorf("Reader gives other bytes than WriteRange: %v", err)
	}
	for _, n := range []int64{0, 1, sumStep - 1, sumStep, sumStep + 1, blockSize - 1, blockSize, blockSize + 1, 2 * blockSize, size} {
		if got, want := p.Sum(n), checksum.Of(whole.Bytes()[:n]); got != want {
			t.Errorf("Sum(%d) is %v, the bytes have %v", n, got, want)
		}
		for _, from := range []int64{0, 1, n / 3, n / 2, n} {
			from = min(from, n)
			if got, want := p.SumRange(from, n), checksum.Of(whole.Bytes()[from:n]); got != want {
				t.Errorf("SumRange(%d, %d) is %v, the bytes have %v", from, n, got, want)
			}
		}
	}
	if p.Sum(5<<40).Size != 5<<40 {
		t.Errorf("sum of 5 TiB: %v", p.Sum(5<<40))
	}
	if Content(7).Sum(100) != p.Sum(100) || Content(8).Sum(100) == p.Sum(100) {
		t.Error("a seed does not make the pattern")
	}
}

// What is uploaded of the pattern comes back as it was; what is not says so.
func TestThrownAway(t *testing.T) {
	s := start(t, Options{Seed: 3, KeepBodies: 1000})
	ctx := t.Context()
	pattern := must[[]byte](t)(io.ReadAll(Content(3).Reader(300_000)))
	other := bytes.Repeat([]byte("other"), 60_000)
	for name, body := range map[string][]byte{"pattern": pattern, "other": other, "small": []byte("kept"), "empty": nil} {
		out, err := s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &name, Body: bytes.NewReader(body), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme})
		if err != nil {
			t.Fatal(err)
		}
		if got := aws.ToString(out.ChecksumCRC64NVME); got != checksum.Of(body).String() {
			t.Errorf("%s: PutObject answers %s, sent was %v", name, got, checksum.Of(body))
		}
		var raw http.Header
		got, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &name, ChecksumMode: types.ChecksumModeEnabled}, s3.WithAPIOptions(rawHeaders(&raw)))
		served := read(t, got, err)
		want := body
		if name == "other" {
			want = pattern
		}
		if !bytes.Equal(served, want) {
			t.Errorf("%s: other bytes are served", name)
		}
		if sum := aws.ToString(got.ChecksumCRC64NVME); sum != checksum.Of(want).String() {
			t.Errorf("%s: GetObject answers %q, served was %v", name, sum, checksum.Of(want))
		}
		if replaced := raw.Get("x-s3sim-replaced"); replaced != map[bool]string{true: "true"}[name == "other"] {
			t.Errorf("%s: x-s3sim-replaced is %q", name, replaced)
		}
	}
	wrong := "AAAAAAAAAAA="
	_, err := s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k"), Body: bytes.NewReader(other), ChecksumCRC64NVME: &wrong})
	wantCode(t, err, "BadDigest")
}

// In parts as well, whatever their order and size.
func TestThrownAwayInParts(t *testing.T) {
	s := start(t, Options{Seed: 3})
	ctx := t.Context()
	const size, partSize = 13<<20 + 5, 6 << 20
	pattern := Content(3)
	up := must[*s3.CreateMultipartUploadOutput](t)(s.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: aws.String("bucket"), Key: aws.String("big"), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject,
	}))
	parts := make([]types.CompletedPart, 3)
	for _, n := range []int32{2, 1, 3} {
		from := int64(n-1) * partSize
		out := must[*s3.UploadPartOutput](t)(s.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: aws.String("bucket"), Key: aws.String("big"), UploadId: up.UploadId, PartNumber: &n,
			Body:              io.NewSectionReader(pattern, from, min(partSize, size-from)),
			ChecksumCRC64NVME: aws.String(pattern.SumRange(from, min(from+partSize, size)).String()),
		}))
		parts[n-1] = types.CompletedPart{PartNumber: &n, ETag: out.ETag, ChecksumCRC64NVME: out.ChecksumCRC64NVME}
	}
	complete := &s3.CompleteMultipartUploadInput{
		Bucket: aws.String("bucket"), Key: aws.String("big"), UploadId: up.UploadId, MpuObjectSize: aws.Int64(size),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}, ChecksumType: types.ChecksumTypeFullObject,
		ChecksumCRC64NVME: aws.String("AAAAAAAAAAA="),
	}
	_, err := s.CompleteMultipartUpload(ctx, complete)
	wantCode(t, err, "BadDigest")
	complete.ChecksumCRC64NVME = aws.String(pattern.Sum(size).String())
	complete.MpuObjectSize = aws.Int64(size + 1)
	_, err = s.CompleteMultipartUpload(ctx, complete)
	wantCode(t, err, "InvalidRequest")
	complete.MpuObjectSize = aws.Int64(size)
	done := must[*s3.CompleteMultipartUploadOutput](t)(s.CompleteMultipartUpload(ctx, complete))
	if aws.ToString(done.ChecksumCRC64NVME) != pattern.Sum(size).String() || done.ChecksumType != types.ChecksumTypeFullObject {
		t.Errorf("complete answers %s %s", aws.ToString(done.ChecksumCRC64NVME), done.ChecksumType)
	}
	head := must[*s3.HeadObjectOutput](t)(s.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: aws.String("big"), PartNumber: aws.Int32(2)}))
	if *head.ContentLength != partSize || *head.PartsCount != 3 {
		t.Errorf("part 2 has %d bytes, of %d parts", *head.ContentLength, *head.PartsCount)
	}
	out, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("big"), Range: aws.String("bytes=7000000-12999999")})
	if got, want := checksum.Of(read(t, out, err)), pattern.SumRange(7_000_000, 13_000_000); got != want {
		t.Errorf("a range of it has %v, want %v", got, want)
	}
	if st := s.Stats(); st.BytesIn != size || st.BytesOut != 6_000_000 || st.Ops["UploadPart"] != 3 || st.Ops["CompleteMultipartUpload"] != 3 {
		t.Errorf("%+v", st)
	}
}

// Sums of parts that a client made of CRC32 and CRC32C are put together, those
// of SHA-256 summed again.
func TestOtherChecksumsInParts(t *testing.T) {
	s := start(t, Options{KeepBodies: 64 << 20})
	ctx := t.Context()
	body := must[[]byte](t)(io.ReadAll(Content(1).Reader(5<<20 + 77)))
	for _, test := range []struct {
		alg  types.ChecksumAlgorithm
		kind types.ChecksumType
	}{
		{types.ChecksumAlgorithmCrc32, types.ChecksumTypeFullObject},
		{types.ChecksumAlgorithmCrc32c, types.ChecksumTypeFullObject},
		{types.ChecksumAlgorithmCrc32, types.ChecksumTypeComposite},
		{types.ChecksumAlgorithmSha256, types.ChecksumTypeComposite},
	} {
		key := aws.String(string(test.alg + "-" + types.ChecksumAlgorithm(test.kind)))
		up := must[*s3.CreateMultipartUploadOutput](t)(s.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String("bucket"), Key: key, ChecksumAlgorithm: test.alg, ChecksumType: test.kind}))
		var parts []types.CompletedPart
		for i, piece := range [][]byte{body[:5<<20], body[5<<20:]} {
			n := int32(i + 1)
			out := must[*s3.UploadPartOutput](t)(s.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String("bucket"), Key: key, UploadId: up.UploadId, PartNumber: &n, Body: bytes.NewReader(piece), ChecksumAlgorithm: test.alg}))
			parts = append(parts, types.CompletedPart{PartNumber: &n, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC32C: out.ChecksumCRC32C, ChecksumSHA256: out.ChecksumSHA256})
		}
		done := must[*s3.CompleteMultipartUploadOutput](t)(s.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String("bucket"), Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}, ChecksumType: test.kind}))
		got := aws.ToString(done.ChecksumCRC32) + aws.ToString(done.ChecksumCRC32C) + aws.ToString(done.ChecksumSHA256)
		if done.ChecksumType != test.kind || strings.HasSuffix(got, "-2") != (test.kind == types.ChecksumTypeComposite) {
			t.Errorf("%s: %s %s", *key, got, done.ChecksumType)
		}
		if test.kind == types.ChecksumTypeFullObject {
			// The same bytes in one piece have the same sum.
			one := must[*s3.PutObjectOutput](t)(s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("one"), Body: bytes.NewReader(body), ChecksumAlgorithm: test.alg}))
			if want := aws.ToString(one.ChecksumCRC32) + aws.ToString(one.ChecksumCRC32C); got != want {
				t.Errorf("%s: %s of parts, %s of the whole", *key, got, want)
			}
		}
		out, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: key, ChecksumMode: types.ChecksumModeEnabled})
		if !bytes.Equal(read(t, out, err), body) {
			t.Errorf("%s: other bytes come back", *key)
		}
	}
}

// Each way in which bodies are signed and chunked.
func TestSignatures(t *testing.T) {
	s := start(t, Options{VerifySignatures: true})
	ctx := t.Context()
	keys := []string{"plain", "a b+c%2F~", "ünï/☃", "a//b", "/lead", "../x", "trail/", "q?x=1&y#z", "(*)'!:@$,;=[]", "\x01\n\t\\\""}
	for _, key := range keys {
		_, err := s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: &key, Body: strings.NewReader("body of " + key), Metadata: map[string]string{"spaces": "two  of  them"}})
		if err != nil {
			t.Errorf("%q: %v", key, err)
			continue
		}
		out, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key, ResponseContentType: aws.String("text/x y+z")})
		if got := string(read(t, out, err)); got != "body of "+key {
			t.Errorf("%q: got %q", key, got)
		}
		presigned := must[*v4.PresignedHTTPRequest](t)(s3.NewPresignClient(s.Client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: &key}))
		resp, err := http.Get(presigned.URL)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%q presigned: %v, %v", key, resp, err)
		}
		resp.Body.Close()
		resp, err = http.Get(strings.Replace(presigned.URL, "Signature=", "Signature=0", 1))
		if err != nil || resp.StatusCode != http.StatusForbidden {
			t.Fatalf("%q presigned and changed: %v, %v", key, resp, err)
		}
		resp.Body.Close()
	}
	list := must[*s3.ListObjectsV2Output](t)(s.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("bucket"), EncodingType: types.EncodingTypeUrl}))
	if len(list.Contents) != len(keys) {
		t.Errorf("%d of %d keys are listed", len(list.Contents), len(keys))
	}

	unsigned := func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	}
	if _, err := s.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("bucket"), Key: aws.String("k"), Body: strings.NewReader("unsigned"), ChecksumCRC64NVME: aws.String(checksum.Of([]byte("unsigned")).String())}, unsigned); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*s3.Options){
		"SignatureDoesNotMatch": func(o *s3.Options) { o.Credentials = static(DefaultAccessKeyID, "wrong", "") },
		"InvalidAccessKeyId":    func(o *s3.Options) { o.Credentials = static("wrong", "wrong", "") },
		"InvalidToken":          func(o *s3.Options) { o.Credentials = static(DefaultAccessKeyID, DefaultSecretAccessKey, "t") },
		"AccessDenied":          func(o *s3.Options) { o.Credentials = nil },
	} {
		// A client of its own: the SDK keeps signing keys by the access key alone.
		_, err := sdk(s.url, change).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("plain")})
		wantCode(t, err, want)
	}

	s.Rotate("NEXT", "next", "token")
	_, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("plain")})
	wantCode(t, err, "ExpiredToken")
	if _, err := s.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("plain")}, func(o *s3.Options) { o.Credentials = static("NEXT", "next", "token") }); err != nil {
		t.Error(err)
	}
}

func static(id, secret, token string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}, nil
	})
}

func TestClockSkew(t *testing.T) {
	now := time.Now().Add(time.Hour)
	s := start(t, Options{VerifySignatures: true, Now: func() time.Time { return now }})
	var raw http.Header
	_, err := s.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("bucket")}, s3.WithAPIOptions(rawHeaders(&raw)))
	wantCode(t, err, "RequestTimeTooSkewed")
	if got := raw.Get("Date"); got != now.UTC().Format(http.TimeFormat) {
		t.Errorf("Date is %q", got)
	}
}

// The body's own hash is verified where it is signed.
func TestSignedPayload(t *testing.T) {
	s := start(t, Options{VerifySignatures: true})
	for sent, want := range map[string]int{"body": http.StatusOK, "b0dy": http.StatusBadRequest} {
		sum := sha256.Sum256([]byte("body"))
		hash := hex.EncodeToString(sum[:])
		req := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPut, s.url+"/bucket/k", strings.NewReader(sent)))
		req.Header.Set("X-Amz-Content-Sha256", hash)
		cred := aws.Credentials{AccessKeyID: DefaultAccessKeyID, SecretAccessKey: DefaultSecretAccessKey}
		if err := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(t.Context(), cred, req, hash, "s3", DefaultRegion, time.Now()); err != nil {
			t.Fatal(err)
		}
		resp := must[*http.Response](t)(http.DefaultClient.Do(req))
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", sent, resp.Status)
		}
	}
}

func TestChunkedBodies(t *testing.T) {
	s := start(t, Options{KeepBodies: 100})
	big := strings.Repeat("0123456789abcdef", 20_000)
	sum := func(b string) string { return checksum.Of([]byte(b)).String() }
	for name, test := range map[string]struct {
		body, trailer, want string
		length              int
	}{
		"one":      {"4\r\nbody\r\n0\r\n\r\n", "", "", 4},
		"signed":   {"4;chunk-signature=aa\r\nbody\r\n2;chunk-signature=bb\r\nys\r\n0;chunk-signature=cc\r\n\r\n", "", "", 6},
		"big":      {fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(big), big), "", "", len(big)},
		"empty":    {"0\r\n\r\n", "", "", 0},
		"trailer":  {"4\r\nbody\r\n0\r\nx-amz-checksum-crc64nvme:" + sum("body") + "\r\n\r\n", "x-amz-checksum-crc64nvme", "", 4},
		"signedtr": {"4\r\nbody\r\n0\r\nx-amz-checksum-crc64nvme:" + sum("body") + "\r\nx-amz-trailer-signature:00\r\n\r\n", "x-amz-checksum-crc64nvme", "", 4},
		"wrong":    {"4\r\nbody\r\n0\r\nx-amz-checksum-crc64nvme:" + sum("b0dy") + "\r\n\r\n", "x-amz-checksum-crc64nvme", "BadDigest", 4},
		"missing":  {"4\r\nbody\r\n0\r\n\r\n", "x-amz-checksum-crc64nvme", "MalformedTrailerError", 4},
		"garbage":  {"body", "", "InvalidChunkSizeError", 4},
		"short":    {"3\r\nbod\r\n0\r\n\r\n", "", "IncompleteBody", 4},
		"long":     {"5\r\nbodys\r\n0\r\n\r\n", "", "IncompleteBody", 4},
	} {
		t.Run(name, func(t *testing.T) {
			req := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), http.MethodPut, s.url+"/bucket/"+name, strings.NewReader(test.body)))
			req.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
			req.Header.Set("Content-Encoding", "aws-chunked,gzip")
			req.Header.Set("X-Amz-Decoded-Content-Length", fmt.Sprint(test.length))
			if test.trailer != "" {
				req.Header.Set("X-Amz-Trailer", test.trailer)
			}
			resp := must[*http.Response](t)(http.DefaultClient.Do(req))
			doc := must[[]byte](t)(io.ReadAll(resp.Body))
			resp.Body.Close()
			if test.want != "" {
				if resp.StatusCode != http.StatusBadRequest || !bytes.Contains(doc, []byte("<Code>"+test.want+"<")) {
					t.Errorf("%s %s, want %s", resp.Status, doc, test.want)
				}
				return
			}
			if resp.StatusCode != http.StatusOK {
				t.Fatalf("%s %s", resp.Status, doc)
			}
			head := must[*s3.HeadObjectOutput](t)(s.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("bucket"), Key: &name}))
			if *head.ContentLength != int64(test.length) || aws.ToString(head.ContentEncoding) != "gzip" {
				t.Errorf("%d bytes, Content-Encoding %s", *head.ContentLength, aws.ToString(head.ContentEncoding))
			}
		})
	}
}

// rawHeaders keeps the headers of an answer.
func rawHeaders(into *http.Header) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("raw", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, meta, err := next.HandleDeserialize(ctx, in)
			if resp, ok := out.RawResponse.(*smithyhttp.Response); ok {
				*into = resp.Header
			}
			return out, meta, err
		}), middleware.After)
	}
}
