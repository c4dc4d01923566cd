package wire_test

import (
	"bufio"
	"bytes"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/s3haul/s3haul/engine/wire"
)

// Through a proxy, https is spoken with the store and not with the proxy, by
// either client and with the bundle of AWS_CA_BUNDLE. net/http looks at the
// environment once, so this needs a process of its own.
func TestProxyOfTheEnvironment(t *testing.T) {
	const child = "S3HAUL_TEST_HTTPS_PROXY_CHILD"
	if bundle := os.Getenv(child); bundle != "" {
		t.Setenv("AWS_CA_BUNDLE", bundle) // TestMain has taken out what the environment says of AWS
		for _, sdk := range []bool{false, true} {
			c := newClient(t, wire.Options{EndpointURL: "https://example.com:9000", AccessKeyID: keyID, SecretAccessKey: secret, SDK: sdk})
			for _, size := range []int{1, 1 << 20} {
				must(t, putBody(c, t.Context(), bytes.NewReader(make([]byte, size))))
			}
		}
		return
	}
	f := newFake(t, nil)
	f.StartTLS()
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	must(t, os.WriteFile(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600))
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	var connects atomic.Int64
	var served sync.WaitGroup
	served.Go(func() {
		for {
			c, err := proxy.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer c.Close()
				r := bufio.NewReader(c)
				req, err := http.ReadRequest(r)
				if err != nil || req.Method != http.MethodConnect || req.Host != "example.com:9000" {
					t.Errorf("the proxy was asked for %v: %v", req, err)
					return
				}
				connects.Add(1)
				store, err := net.Dial("tcp", f.Listener.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				defer store.Close()
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
				served.Go(func() { _, _ = io.Copy(c, store) })
				_, _ = io.Copy(store, r)
			})
		}
	})
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestProxyOfTheEnvironment$", "-test.v")
	cmd.Env = append(os.Environ(), child+"="+bundle, "HTTPS_PROXY=http://"+proxy.Addr().String(), "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestProxyOfTheEnvironment")) {
		t.Errorf("%v\n%s", err, out)
	}
	must(t, proxy.Close())
	f.CloseClientConnections()
	served.Wait()
	if len(f.requests()) != 4 || connects.Load() != 2 || strings.Contains(f.requests()[0].Host, "127.0.0.1") {
		t.Errorf("%d requests over %d connections", len(f.requests()), connects.Load())
	}
}
