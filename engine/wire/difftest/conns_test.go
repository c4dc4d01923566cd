package difftest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/wire"
	bucketpkg "github.com/s3haul/s3haul/walker/bucket"
)

// TestConnections keeps a number of requests in flight for a while: a
// connection shakes hands once, and they are used again.
func TestConnections(t *testing.T) {
	const inFlight, rounds = 16, 25
	s, _ := simulator(t, s3sim.Options{})
	var tally tally
	for _, overTLS := range []bool{false, true} {
		w := newWorld(t, s, overTLS, false, &tally, func(o *wire.Options) { o.MaxConns = inFlight })
		bucket := w.bucket(t, plain)
		for name, side := range map[string]side{"sdk": w.sdk, "fast": w.fast} {
			for range rounds {
				var wg sync.WaitGroup
				for i := range inFlight {
					wg.Go(func() {
						if err := mixed(t.Context(), side.Client, bucket, fmt.Sprint(i)); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					})
				}
				wg.Wait()
			}
			conns, hands := side.front.conns.Load(), side.front.handshakes.Load()
			t.Logf("%s, TLS %v: %d requests, %d connections, %d handshakes", name, overTLS, len(side.front.take()), conns, hands)
			if hands > conns || overTLS && hands == 0 {
				t.Errorf("%s: %d handshakes on %d connections", name, hands, conns)
			}
			// net/http dials for a request that then gets a connection that has
			// come free meanwhile; what it has dialled is kept. So there may be
			// some more, but not one for each request.
			if conns > 2*inFlight {
				t.Errorf("%s, TLS %v: %d connections for %d requests in flight", name, overTLS, conns, inFlight)
			}
		}
	}
}

// mixed is one request of each kind.
func mixed(ctx context.Context, c wire.Client, bucket, key string) error {
	_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text), ChecksumCRC64NVME: aws.String(crc64(text))})
	if err != nil {
		return err
	}
	out, err := c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, out.Body); err != nil {
		return err
	}
	if err := out.Body.Close(); err != nil {
		return err
	}
	_, err = c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	_, absent := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("absent")})
	if !wire.NotFound(absent) {
		return fmt.Errorf("a HEAD of what is not there: %w", absent)
	}
	var p bucketpkg.Page
	return errors.Join(err, c.ListObjects(ctx, bucketpkg.ListRequest{Bucket: bucket}, &p))
}

// TestSimulatorTLS is the simulator's own TLS and its CA, by either client, path-style
// and by virtual host: it counts the same.
func TestSimulatorTLS(t *testing.T) {
	for _, style := range []string{"path", "virtual"} {
		for _, sdk := range []bool{true, false} {
			server, err := s3sim.New(s3sim.Options{VerifySignatures: true})
			must(t, err)
			must(t, server.AddBucket("bucket", ""))
			end, err := server.Listen("127.0.0.1:0", true)
			must(t, err)
			u, err := url.Parse(end.URL)
			must(t, err)
			file := filepath.Join(t.TempDir(), "ca.pem")
			must(t, os.WriteFile(file, end.CA(), 0o600))
			c, err := wire.New(t.Context(), wire.Options{
				EndpointURL: "https://localhost:" + u.Port(), Region: s3sim.DefaultRegion, AccessKeyID: s3sim.DefaultAccessKeyID,
				SecretAccessKey: s3sim.DefaultSecretAccessKey, AddressingStyle: style, CABundle: file, Dial: end.DialContext, SDK: sdk,
			})
			must(t, err)
			for range 5 {
				must(t, mixed(t.Context(), c, "bucket", "k"))
			}
			c.CloseIdle()
			stats := server.Stats()
			if stats.Connections != 1 || stats.Handshakes != 1 {
				t.Errorf("%s, SDK %v: %d connections, %d handshakes for one request at a time", style, sdk, stats.Connections, stats.Handshakes)
			}
			must(t, end.Close(t.Context()))
		}
	}
}

// TestVersionOrder looks at what the comparison of listings leaves out: the
// order of versions and delete markers among each other.
func TestVersionOrder(t *testing.T) {
	s, _ := simulator(t, s3sim.Options{})
	w := newWorld(t, s, false, false, &tally{}, nil)
	bucket := w.bucket(t, versioned)
	var want []string
	for _, key := range []string{"b", "a", "a b"} {
		var of []string
		for i := range 3 {
			out, err := w.plain.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(fmt.Sprint(i))})
			must(t, err)
			gone, err := w.plain.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
			must(t, err)
			of = append(of, key+" "+aws.ToString(out.VersionId), key+" "+aws.ToString(gone.VersionId))
		}
		slices.Reverse(of)
		want = append(want, of...)
	}
	slices.SortStableFunc(want, func(a, b string) int { // by key alone
		cut := func(s string) string { return s[:strings.LastIndex(s, " ")] }
		return strings.Compare(cut(a), cut(b))
	})
	for _, size := range []int{1000, 4, 1} {
		var got []string
		var p bucketpkg.Page
		for req := (bucketpkg.VersionsRequest{Bucket: bucket, MaxKeys: size}); ; req.KeyMarker, req.VersionIDMarker = p.Next, p.NextVersion {
			must(t, w.fast.ListVersions(t.Context(), req, &p))
			for _, e := range p.Entries {
				got = append(got, e.Key+" "+e.VersionID)
			}
			if p.Next == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d:\n%q, want\n%q", size, got, want)
		}
	}
}
