package difftest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// limit bounds one call, and fails it where it hangs.
const limit = 30 * time.Second

// store is where requests end.
type store struct {
	kind    string // gateway, s3sim or answers
	addr    string
	id      string
	secret  string
	region  string
	answers *answers // where kind is answers
	// bucket makes an empty bucket that is gone at the end of the test.
	bucket func(t testing.TB, kind bucketKind) string
}

// bucketKind is what a bucket is to be like.
type bucketKind int

const (
	plain bucketKind = iota
	versioned
	locking // and versioned
)

func (s store) client(t testing.TB) *s3.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	return s3.New(s3.Options{
		BaseEndpoint: aws.String("http://" + s.addr), Region: s.region, UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(s.id, s.secret, ""), HTTPClient: &http.Client{Transport: transport},
	})
}

func gateway(t testing.TB) store {
	t.Helper()
	target := wiretest.Endpoint(t)
	u, err := url.Parse(target.Endpoint)
	must(t, err)
	return store{
		kind: "gateway", addr: u.Host, id: target.AccessKeyID, secret: target.SecretAccessKey, region: target.Region,
		bucket: func(t testing.TB, kind bucketKind) string {
			switch kind {
			case versioned:
				return wiretest.Bucket(t, wiretest.Versioned())
			case locking:
				return wiretest.Bucket(t, wiretest.ObjectLock())
			}
			return wiretest.Bucket(t)
		},
	}
}

// side is one of the two clients, behind a front of its own.
type side struct {
	wire.Client
	front *front
}

// world is a store as it is reached in one of the ways, by both clients.
type world struct {
	store

	tls, virtual bool

	sdk, fast side
	plain     *s3.Client // makes and looks at what the two work on

	tally *tally
}

// tally is of all worlds together.
type tally struct {
	cases atomic.Int64
	used  used

	mu   sync.Mutex
	seen map[string]int // how often each unwanted difference was met
}

// newWorld makes the two clients. Both see the same host, whatever its port is,
// so that their requests can be compared; option changes what they are made of.
func newWorld(t testing.TB, s store, overTLS, virtual bool, tally *tally, option func(*wire.Options)) *world {
	t.Helper()
	w := &world{store: s, tls: overTLS, virtual: virtual, plain: s.client(t), tally: tally}
	var config *tls.Config
	o := wire.Options{
		EndpointURL: "http://localhost", Region: s.region, AccessKeyID: s.id, SecretAccessKey: s.secret, AddressingStyle: "path",
	}
	if overTLS {
		config, o.CABundle = authority(t)
		o.EndpointURL = "https://localhost"
	}
	if virtual {
		o.AddressingStyle = "virtual"
	}
	if option != nil {
		option(&o)
	}
	make := func(sdk bool) side {
		f := newFront(t, s.addr, config)
		o := o
		o.SDK, o.Dial = sdk, f.connect
		c, err := wire.New(t.Context(), o)
		must(t, err)
		t.Cleanup(c.CloseIdle)
		return side{c, f}
	}
	w.sdk, w.fast = make(true), make(false)
	return w
}

// authority makes a certificate for localhost and what is below it, and the
// file with its CA.
func authority(t testing.TB) (*tls.Config, string) {
	t.Helper()
	issue := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		if signer == nil {
			signer = key
		}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		must(t, err)
		return der, key
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a CA of the test"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root, rootKey := issue(ca, ca, nil)
	leaf, leafKey := issue(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost", "*.localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, rootKey)
	file := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}), 0o600))
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{leaf}, PrivateKey: leafKey}}, MinVersion: tls.VersionTLS12,
	}, file
}

func (w *world) name() string {
	name := w.kind + " http"
	if w.tls {
		name += "s"
	}
	if w.virtual {
		return name + " virtual-host"
	}
	return name + " path-style"
}

// call is one case: the same call by either client.
type call struct {
	name string
	// before puts the store into the state in which the call finds it; it is
	// called for either client.
	before func(ctx context.Context, c *s3.Client) error
	do     func(ctx context.Context, c wire.Client) (any, error)
	// after looks at what the call has left.
	after func(ctx context.Context, c *s3.Client) (any, error)
	// anew are the ends of names of values that each call has its own of.
	anew []string
	// ids are parameters of queries that each call has its own value of.
	ids []string
	// ours says that the answers are the test's own: their request ids must
	// come through exactly.
	ours bool
	// partial says that how much of the requests was sent is left to chance.
	partial bool
	// garbled says that the answer is not one of S3; see allowed.
	garbled bool
	// recovers says that the fast path may succeed where the SDK fails.
	recovers bool
	// timeout ends the call where its answer never comes; 0 is limit.
	timeout time.Duration
	// must is the code of the error that has to come, or "none".
	must string
}

// run is one client's part of a case.
func (w *world) run(t testing.TB, c call, s side) (outcome, []*request) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if c.before != nil {
		if err := c.before(ctx, w.plain); err != nil {
			t.Errorf("%s: before: %v", c.name, err)
			return outcome{}, nil
		}
	}
	s.front.take()
	out, err := c.try(ctx, s.Client)
	o := result(out, err)
	asked := s.front.take()
	if ctx.Err() != nil {
		t.Errorf("%s: it hangs: %v", c.name, err)
	}
	switch code := wire.Code(err); {
	case c.must == "none" && err != nil, c.must != "" && c.must != "none" && code != c.must:
		t.Errorf("%s: %v, want %s", c.name, err, c.must)
	}
	if c.after != nil {
		left, err := c.after(ctx, w.plain)
		for name, value := range result(left, err) {
			o["left "+name] = value
		}
	}
	if !c.ours {
		o.blur("request id", "host id", "RequestID", "s3 request id")
	}
	o.blur("left out.LastModified", "left out.VersionId")
	o.blur(c.anew...)
	return o, asked
}

// try is the call itself. A body that never ends is read within its time.
func (c *call) try(ctx context.Context, client wire.Client) (any, error) {
	if c.timeout == 0 {
		return c.do(ctx, client)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	out, err := c.do(ctx, client)
	got, ok := out.(*s3.GetObjectOutput)
	if !ok || got == nil {
		return out, err
	}
	body, rerr := io.ReadAll(got.Body)
	got.Body.Close()
	got.Body = nil
	return []any{got, string(body), rerr}, err
}

// same runs a case and says what differs.
func (w *world) same(t testing.TB, c call) {
	t.Helper()
	w.tally.cases.Add(1)
	sdk, sdkAsked := w.run(t, c, w.sdk)
	fast, fastAsked := w.run(t, c, w.fast)
	pair := both{&c, sdk, fast, [2][]*request{sdkAsked, fastAsked}}
	var differ []string
	permitted := allowed()
	for _, d := range sdk.differs(fast) {
		if i := slices.IndexFunc(permitted, func(a allowance) bool { return a.allows(&pair, d) }); i >= 0 {
			w.tally.used.add(permitted[i].name)
		} else {
			differ = append(differ, d.String())
		}
	}
	for _, q := range slices.Concat(sdkAsked, fastAsked) {
		q.blur(c.ids)
	}
	switch {
	case c.partial:
	case len(sdkAsked) != len(fastAsked):
		differ = append(differ, fmt.Sprintf("requests:\n\tsdk  %v\n\tfast %v", sdkAsked, fastAsked))
	default:
		for i := range sdkAsked {
			for _, d := range differs(sdkAsked[i], fastAsked[i], &w.tally.used) {
				differ = append(differ, fmt.Sprintf("request %d (%v), %s", i+1, sdkAsked[i], d))
			}
		}
	}
	w.tally.report(t, c.name, differ)
}

// perDifference is of how many cases the same difference is shown in full.
const perDifference = 2

// report fails the test for what differs. What comes in every case of an
// operation would bury the rest: it is counted.
func (a *tally) report(t testing.TB, name string, differ []string) {
	t.Helper()
	op, _, _ := strings.Cut(name, " ")
	index := regexp.MustCompile(`\[\d+\]`)
	var shown []string
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = map[string]int{}
	}
	for _, d := range differ {
		what, _, _ := strings.Cut(d, ":\n")
		if _, of, ok := strings.Cut(what, "), "); ok {
			what = of
		}
		what = strings.TrimSuffix(op, ",") + ": " + index.ReplaceAllString(what, "[]")
		if a.seen[what]++; a.seen[what] <= perDifference {
			shown = append(shown, d)
		}
	}
	switch {
	case len(shown) > 0:
		t.Errorf("%s:\n%s", name, strings.Join(shown, "\n"))
	case len(differ) > 0:
		t.Fail()
	}
}

// log says what the cases have come to.
func (a *tally) log(t testing.TB) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, what := range slices.Sorted(maps.Keys(a.seen)) {
		t.Logf("%6d times %s", a.seen[what], what)
	}
	t.Logf("%d cases; wanted differences:%s", a.cases.Load(), a.used.String())
}

// each runs f in every world of the stores, in all of them at a time, and
// returns when all have ended.
func each(t *testing.T, tally *tally, stores []func(testing.TB) store, f func(t *testing.T, w *world)) {
	t.Run("worlds", func(t *testing.T) {
		for _, s := range stores {
			for _, way := range []struct{ tls, virtual bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
				s := s(t)
				w := &world{store: s, tls: way.tls, virtual: way.virtual}
				t.Run(w.name(), func(t *testing.T) {
					if testing.Short() && way.tls != way.virtual {
						t.Skip("-short: one world over http and one over TLS")
					}
					t.Parallel()
					f(t, newWorld(t, s, way.tls, way.virtual, tally, nil))
				})
			}
		}
	})
	tally.log(t)
}
