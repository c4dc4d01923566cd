package wire_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
)

// canned is a server that costs next to nothing: it throws away what comes and
// answers each GET with size bytes, a POST as a quiet batch, a copy with what it
// is, anything else with nothing.
func canned(b *testing.B, size int) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	// Clean-ups run last in, first out: the clients, made later, have left.
	var serving sync.WaitGroup
	b.Cleanup(serving.Wait)
	b.Cleanup(func() { _ = l.Close() })
	const common = "HTTP/1.1 200 OK\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nX-Amz-Request-Id: 4Z9K\r\nEtag: \"d41d8cd98f00b204e9800998ecf8427e\"\r\n"
	get := append([]byte(common+"Last-Modified: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Type: binary/octet-stream\r\nX-Amz-Checksum-Crc64nvme: AAAAAAAAAAA=\r\n"+
		fmt.Sprintf("Content-Length: %d\r\n\r\n", size)), make([]byte, size)...)
	put := []byte(common + "Content-Length: 0\r\n\r\n")
	const none = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>`
	deleted := []byte(common + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(none), none))
	const result = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<CopyObjectResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LastModified>2026-01-02T03:04:05.000Z</LastModified>` +
		`<ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType></CopyObjectResult>`
	copied := []byte(common + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(result), result))
	serve := func(c net.Conn) {
		defer c.Close()
		r := bufio.NewReaderSize(c, 64<<10)
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			answer, length := put, 0
			switch line[1] {
			case 'E': // GET
				answer = get
			case 'O': // POST
				answer = deleted
			}
			for len(line) > 2 {
				if line, err = r.ReadSlice('\n'); err != nil {
					return
				}
				if bytes.HasPrefix(line, []byte("X-Amz-Copy-Source: ")) {
					answer = copied
				}
				if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
					_, _ = fmt.Sscanf(string(v), "%d", &length)
				}
			}
			if _, err := r.Discard(length); err != nil {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	}
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serve(c) })
		}
	})
	return "http://" + l.Addr().String()
}

// BenchmarkRequest compares the two clients with the plain loop: the SDK's
// signer and net/http. The server is in the same process, and cheap.
func BenchmarkRequest(b *testing.B) {
	const size = 4 << 10
	body := make([]byte, size)
	const sum = "AAAAAAAAAAA="
	for name, sdk := range map[string]bool{"fast": false, "sdk": true} {
		b.Run("put/"+name, func(b *testing.B) {
			c := newClient(b, wire.Options{EndpointURL: canned(b, size), AccessKeyID: keyID, SecretAccessKey: secret, SDK: sdk})
			b.ReportAllocs()
			for b.Loop() {
				_, err := c.PutObject(b.Context(), &s3.PutObjectInput{
					Bucket: aws.String("bucket"), Key: aws.String("some/key"), Body: bytes.NewReader(body),
					ContentLength: aws.Int64(size), ChecksumCRC64NVME: aws.String(sum),
				})
				must(b, err)
			}
		})
		b.Run("get/"+name, func(b *testing.B) {
			c := newClient(b, wire.Options{EndpointURL: canned(b, size), AccessKeyID: keyID, SecretAccessKey: secret, SDK: sdk})
			b.ReportAllocs()
			for b.Loop() {
				out, err := c.GetObject(b.Context(), &s3.GetObjectInput{Bucket: aws.String("bucket"), Key: aws.String("some/key")})
				must(b, err)
				_, err = io.ReadFull(out.Body, body)
				must(b, err)
				must(b, out.Body.Close())
			}
		})
	}
	for name, sdk := range map[string]bool{"fast": false, "sdk": true} {
		b.Run("copy/"+name, func(b *testing.B) {
			c := newClient(b, wire.Options{EndpointURL: canned(b, size), AccessKeyID: keyID, SecretAccessKey: secret, SDK: sdk})
			b.ReportAllocs()
			for b.Loop() {
				out, err := c.CopyObject(b.Context(), &s3.CopyObjectInput{
					Bucket: aws.String("bucket"), Key: aws.String("some/key"), CopySource: aws.String("bucket/another"),
					CopySourceIfMatch: aws.String(`"d41d8cd98f00b204e9800998ecf8427e"`), ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
				})
				must(b, err)
				if aws.ToString(out.CopyObjectResult.ChecksumCRC64NVME) != sum {
					b.Fatal("no sum")
				}
			}
		})
	}
	for _, method := range []string{http.MethodPut, http.MethodGet} {
		b.Run(map[string]string{http.MethodPut: "put", http.MethodGet: "get"}[method]+"/plain", func(b *testing.B) {
			url := canned(b, size)
			hc := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}}
			b.Cleanup(hc.CloseIdleConnections)
			signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
			creds := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret}
			b.ReportAllocs()
			for b.Loop() {
				var rd io.Reader
				hash := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
				if method == http.MethodPut {
					rd, hash = bytes.NewReader(body), "UNSIGNED-PAYLOAD"
				}
				req, err := http.NewRequestWithContext(b.Context(), method, url+"/bucket/some/key", rd)
				must(b, err)
				if rd != nil {
					req.Header.Set("X-Amz-Checksum-Crc64nvme", sum)
				}
				req.Header.Set("X-Amz-Content-Sha256", hash)
				must(b, signer.SignHTTP(b.Context(), creds, req, hash, "s3", "us-east-1", time.Now()))
				resp, err := hc.Do(req)
				must(b, err)
				_, err = io.Copy(io.Discard, resp.Body)
				must(b, err)
				must(b, resp.Body.Close())
			}
		})
	}
}

// BenchmarkDeleteObjects deletes a thousand versions with each request: what a
// purge does once for every thousand.
func BenchmarkDeleteObjects(b *testing.B) {
	ids := make([]wire.ObjectID, wire.MaxDelete)
	for i := range ids {
		ids[i] = wire.ObjectID{Key: fmt.Sprintf("photos/2026/07/IMG_%06d.jpeg", i), VersionID: fmt.Sprintf("3sL4kqtJlcpXroDTDmJ.rmSpXd3d%04d", i)}
	}
	for name, sdk := range map[string]bool{"fast": false, "sdk": true} {
		b.Run(name, func(b *testing.B) {
			c := newClient(b, wire.Options{EndpointURL: canned(b, 0), AccessKeyID: keyID, SecretAccessKey: secret, SDK: sdk})
			b.ReportAllocs()
			for b.Loop() {
				failed, err := c.DeleteObjects(b.Context(), "bucket", ids, wire.DeleteOptions{})
				if err != nil || len(failed) > 0 {
					b.Fatal(failed, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(ids)), "ns/key")
		})
	}
}
