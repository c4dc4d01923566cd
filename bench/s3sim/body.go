package s3sim

import (
	"bufio"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strings"

	"github.com/s3haul/s3haul/engine/checksum"
)

// body is the body of a request: decoded where it is aws-chunked, and summed
// in the ways that the request's headers ask for.
type body struct {
	c       *call
	source  io.Reader
	chunks  *chunkReader
	length  int64 // that the headers tell of the decoded body
	crc     checksum.CRC64NVME
	alg     algorithm
	want    string // the sum of alg; of a trailer it comes later
	trailer bool
	sum     hash.Hash // of alg; nil where crc is it, or where it is not made
	md5     hash.Hash // where there is a Content-MD5
	sha256  hash.Hash // where the signature has the body's, and is verified
}

// sums are what a body turned out to have.
type sums struct {
	crc   checksum.CRC64NVME
	alg   algorithm // that the client named; algNone where it named none
	value string
	md5   []byte // nil where nobody asked
}

// openBody looks at what the headers say of the body. The caller reads it,
// adds what it read, and checks it.
func (c *call) openBody() (*body, error) {
	b := &body{c: c, source: c.r.Body, length: c.r.ContentLength}
	var err error
	if b.alg, b.want, b.trailer, err = c.declaredSum(); err != nil {
		return nil, err
	}
	if b.alg != algCRC64NVME {
		b.sum = b.alg.hash()
	}
	if c.header("Content-Md5") != "" {
		b.md5 = md5.New()
	}
	payload := c.header(hContentSHA256)
	if c.verified && len(payload) == 2*sha256.Size {
		b.sha256 = sha256.New()
	}
	if strings.HasPrefix(payload, "STREAMING-") || strings.Contains(c.header("Content-Encoding"), "aws-chunked") {
		decoded := c.header("X-Amz-Decoded-Content-Length")
		if b.length, err = parseSize(decoded); err != nil {
			return nil, failure(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
		}
		b.chunks = newChunkReader(c.r.Body)
		b.source = b.chunks
	}
	if b.length < 0 {
		return nil, failure(http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	}
	return b, nil
}

// Read reads without summing: what reads decides in which pieces that is done.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.source.Read(p)
	if n > 0 {
		b.c.s.counters.timeline.add(Moment{BytesIn: int64(n)})
	}
	return n, err
}

func (b *body) close() {
	if b.chunks != nil {
		b.chunks.close()
	}
}

// add takes bytes that were read into the sums.
func (b *body) add(p []byte) {
	b.crc.Add(p)
	for _, h := range [...]hash.Hash{b.sum, b.md5, b.sha256} {
		if h != nil {
			h.Write(p)
		}
	}
}

// readError says what a failed Read means: a bad chunk is the client's fault,
// all else is a client that is gone.
func (b *body) readError(err error) error {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e
	}
	return errGone
}

// check compares the body, read to its end, with what the headers and the
// trailer say of it.
func (b *body) check() (sums, error) {
	if b.crc.Size != b.length {
		return sums{}, badRequest("IncompleteBody", "The request body terminated unexpectedly")
	}
	got := sums{crc: b.crc, alg: b.alg, value: b.want}
	if b.trailer && b.chunks != nil {
		if got.value = b.chunks.trailer(b.alg.header()); !b.alg.valid(got.value) {
			return sums{}, badRequest("MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
		}
	}
	have := got.value
	switch {
	case b.alg == algCRC64NVME:
		have = b.crc.String()
	case b.sum != nil:
		have = base64.StdEncoding.EncodeToString(b.sum.Sum(nil))
	}
	if have != got.value {
		return sums{}, badRequest("BadDigest", "The "+b.alg.String()+" you specified did not match the calculated checksum.").
			with("ExpectedDigest", got.value).with("CalculatedDigest", have)
	}
	if b.md5 != nil {
		got.md5 = b.md5.Sum(nil)
		want, err := base64.StdEncoding.DecodeString(b.c.header("Content-Md5"))
		if err != nil || len(want) != md5.Size {
			return sums{}, badRequest("InvalidDigest", "The Content-MD5 you specified was invalid.")
		}
		if string(want) != string(got.md5) {
			return sums{}, badRequest("BadDigest", "The Content-MD5 you specified did not match what we received.")
		}
	}
	if b.sha256 != nil {
		if have := hex.EncodeToString(b.sha256.Sum(nil)); have != b.c.header(hContentSHA256) {
			return sums{}, badRequest("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.").
				with("ClientComputedContentSHA256", b.c.header(hContentSHA256)).with("S3ComputedContentSHA256", have)
		}
	}
	return got, nil
}

// received is the body of an object or of a part.
type received struct {
	sums
	size int64
	data []byte // nil where it was thrown away, or is empty
	kept bool
	etag string // without quotes
}

// receive reads the body of a PutObject or an UploadPart.
func (c *call) receive() (received, error) {
	b, err := c.openBody()
	if err != nil {
		return received{}, err
	}
	defer b.close()
	if b.length > 5<<30 {
		return received{}, badRequest("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size").
			with("ProposedSize", formatSize(b.length)).with("MaxSizeAllowed", formatSize(5<<30))
	}
	var rec received
	if b.length <= c.s.options.KeepBodies {
		err = rec.keep(b)
	} else {
		err = c.discard(b)
	}
	if err != nil {
		return received{}, err
	}
	c.s.counters.bytesIn.Add(b.crc.Size)
	if rec.sums, err = b.check(); err != nil {
		return received{}, err
	}
	rec.size = b.length
	switch {
	case rec.md5 != nil:
		rec.etag = hex.EncodeToString(rec.md5)
	case rec.kept:
		sum := md5.Sum(rec.data)
		rec.etag = hex.EncodeToString(sum[:])
	default:
		rec.etag = sumETag(rec.crc)
	}
	return rec, nil
}

// keep reads a body into memory of its own.
func (rec *received) keep(b *body) error {
	rec.kept = true
	if b.length > 0 {
		rec.data = make([]byte, b.length)
		n, err := io.ReadFull(b, rec.data)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			return b.readError(err)
		}
		if int64(n) < b.length && b.chunks == nil {
			return errGone
		}
		b.add(rec.data[:n])
	}
	return b.toEnd()
}

// toEnd reads what is behind the last byte of the body: its last chunk.
func (b *body) toEnd() error {
	if b.chunks == nil {
		return nil
	}
	var one [1]byte
	switch n, err := b.chunks.Read(one[:]); {
	case n > 0:
		return badRequest("IncompleteBody", "The request body has more bytes than its headers say")
	case err != nil && !errors.Is(err, io.EOF):
		return b.readError(err)
	}
	return nil
}

// discard reads a body and throws it away.
func (c *call) discard(b *body) error {
	buf := c.s.buffers.Get().(*[]byte)
	defer c.s.buffers.Put(buf)
	for {
		n, err := b.Read(*buf)
		b.add((*buf)[:n])
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return b.readError(err)
		}
	}
}

// sumETag makes an ETag of a body that is not kept. It is no MD5, which would
// cost more than the client does.
func sumETag(crc checksum.CRC64NVME) string {
	var b [32]byte
	out := appendHex(b[:0], crc.Sum, 16)
	return string(appendHex(out, mix(crc.Sum^uint64(crc.Size)), 16))
}

// chunkReader decodes aws-chunked
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html).
// The signatures of the chunks are passed over.
type chunkReader struct {
	r        *bufio.Reader
	left     int64 // of the chunk
	begun    bool  // a chunk was: its line break is still to come
	ended    bool
	trailers []element
}

func newChunkReader(r io.Reader) *chunkReader {
	return &chunkReader{r: bufio.NewReaderSize(r, 16<<10)}
}

func (k *chunkReader) close() { k.r = nil }

func (k *chunkReader) Read(p []byte) (int, error) {
	for k.left == 0 {
		if k.ended {
			return 0, io.EOF
		}
		if err := k.next(); err != nil {
			return 0, err
		}
	}
	if int64(len(p)) > k.left {
		p = p[:k.left]
	}
	n, err := k.r.Read(p)
	k.left -= int64(n)
	if errors.Is(err, io.EOF) { // of the request, in the middle of a chunk
		err = badRequest("IncompleteBody", "The request body terminated unexpectedly")
	}
	return n, err
}

// next reads up to the next chunk's first byte, or all that is behind the last.
func (k *chunkReader) next() error {
	if k.begun {
		if line, err := k.line(); err != nil {
			return err
		} else if line != "" {
			return malformedChunk()
		}
	}
	line, err := k.line()
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(line, ";")
	if k.left, err = parseHexSize(size); err != nil {
		return malformedChunk()
	}
	k.begun = true
	if k.left > 0 {
		return nil
	}
	k.ended = true
	for {
		line, err := k.line()
		if errors.Is(err, io.EOF) || err == nil && line == "" {
			return k.rest()
		}
		if err != nil {
			return err
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return malformedChunk()
		}
		k.trailers = append(k.trailers, element{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
}

// rest reads to the end of the request, so that its connection can be used
// again. Some clients end with one line break too many.
func (k *chunkReader) rest() error {
	n, err := io.Copy(io.Discard, k.r)
	if err != nil {
		return err
	}
	if n > 2 {
		return malformedChunk()
	}
	return nil
}

func (k *chunkReader) line() (string, error) {
	b, err := k.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull), errors.Is(err, io.EOF) && (len(b) > 0 || !k.ended):
		return "", malformedChunk()
	case err != nil:
		return "", err
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// trailer returns a trailer by its canonical name.
func (k *chunkReader) trailer(name string) string {
	for _, t := range k.trailers {
		if strings.EqualFold(t.name, name) {
			return t.value
		}
	}
	return ""
}

func malformedChunk() error {
	return badRequest("InvalidChunkSizeError", "The aws-chunked body is not well-formed.")
}
