package wire_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

func TestMain(m *testing.M) {
	wiretest.Isolate()
	os.Exit(wiretest.Main(m))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newClient(t testing.TB, o wire.Options) wire.Client {
	t.Helper()
	c, err := wire.New(t.Context(), o)
	must(t, err)
	t.Cleanup(c.CloseIdle)
	return c
}

// storeClient is the client under test on the store that tests run against.
func storeClient(t testing.TB) wire.Client {
	t.Helper()
	target := wiretest.Endpoint(t)
	o := wire.Options{EndpointURL: target.Endpoint, Region: target.Region, SDK: wiretest.SDK()}
	if target.SessionToken == "" { // else they are in the environment, all three
		o.AccessKeyID, o.SecretAccessKey = target.AccessKeyID, target.SecretAccessKey
	}
	return newClient(t, o)
}

const (
	keyID  = "AKIDEXAMPLE"
	secret = "wJalrXUtnFEMI+K7MDENG/bPxRfiCYSECRETKEY"
)

// fake is a server that says what a good store does not, and remembers what it
// was asked.
type fake struct {
	*httptest.Server

	mu     sync.Mutex
	asked  []*http.Request
	bodies []string
}

// newFake answers every request with answer; nil answers 200 with nothing.
func newFake(t testing.TB, answer http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.asked = append(f.asked, r)
		f.bodies = append(f.bodies, string(body))
		f.mu.Unlock()
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fake) plain() *fake {
	f.Start()
	return f
}

func (f *fake) options() wire.Options {
	return wire.Options{EndpointURL: f.URL, AccessKeyID: keyID, SecretAccessKey: secret, SDK: wiretest.SDK()}
}

func (f *fake) requests() []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// says answers with a body of XML.
func says(status int, format string, args ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-Amz-Request-Id", "4Z9K")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, format, args...)
	}
}
