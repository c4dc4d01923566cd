package wire

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	defaultTimeout  = 60 * time.Second // aws's --cli-read-timeout and --cli-connect-timeout
	defaultMaxConns = 64
	// A request line, its headers and a small body fit in one write. A large
	// body goes past these buffers, both ways.
	connBuffer = 8 << 10
	// maxRedirects is how often a request follows a 307 or 308.
	maxRedirects = 3
)

// ConnMemory is what one connection holds in buffers at the least, in bytes:
// those of net/http, and under TLS one to read ahead and those of tls.Conn. What
// it has beyond that while it carries a large body comes out of Options.Memory.
const ConnMemory = 2*connBuffer + tlsSmall + tlsOwn

// httpClient returns the SDK's own BuildableClient, tuned. A plain http.Client
// would fail wherever AWS_CA_BUNDLE is set: the SDK has to put the bundle into
// the transport.
func httpClient(o Options) *awshttp.BuildableClient {
	conns := cmp.Or(o.MaxConns, defaultMaxConns)
	read := timeout(o.ReadTimeout)
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		// The default of 10 a host closes and opens connections all the time
		// as soon as more requests than that are in flight.
		t.MaxIdleConns, t.MaxIdleConnsPerHost = conns, conns
		// One connection for all requests is slow where the round trip is long,
		// and Go's HTTP/2 is slower for bodies.
		t.ForceAttemptHTTP2 = false
		t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		t.DisableCompression = true // objects are to arrive as they are
		t.ReadBufferSize, t.WriteBufferSize = connBuffer, connBuffer
		if t.TLSClientConfig == nil {
			t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		// The SDK's transport offers "h2" in the handshake already; a server that
		// takes it would be spoken to in HTTP/1.1 all the same.
		t.TLSClientConfig.NextProtos = []string{"http/1.1"}
		t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(conns)
		t.TLSClientConfig.InsecureSkipVerify = o.NoVerifySSL //nolint:gosec // --no-verify-ssl asks for it
		if read > 0 && (t.IdleConnTimeout == 0 || t.IdleConnTimeout >= read) {
			t.IdleConnTimeout = read * 9 / 10 // before the read timeout ends it with an error
		}
		dial := o.Dial
		if dial == nil {
			dial = (&net.Dialer{Timeout: timeout(o.ConnectTimeout), KeepAlive: 30 * time.Second}).DialContext
		} else {
			t.Proxy = nil
		}
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return newIdleConn(c, read, o.Bandwidth), nil
		}
		// Who gives the credentials is asked once an hour: a connection to there is
		// not kept.
		t.DisableKeepAlives = true
		// A header of a megabyte is no answer of S3: net/http stops there.
		t.MaxResponseHeaderBytes = 256 << 10
	})
}

// plainClient takes the transport that the SDK has put the CA bundle into, so
// that its idle connections can be closed. It follows the two redirects that
// keep method and body, as the SDK's own client does.
func plainClient(cfg aws.Config, o Options) *http.Client {
	c := &http.Client{CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects {
			return http.ErrUseLastResponse
		}
		switch r.Response.StatusCode {
		case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			return nil
		}
		return http.ErrUseLastResponse
	}}
	if b, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		t := b.GetTransport()
		t.DisableKeepAlives = false
		c.Transport = newBalancer(t, o)
	}
	return c
}

func timeout(d time.Duration) time.Duration {
	if d < 0 {
		return 0
	}
	return cmp.Or(d, defaultTimeout)
}
