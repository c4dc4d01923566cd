package s3sim

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// certificatesFor is how long generated certificates are valid.
const certificatesFor = 7 * 24 * time.Hour

// authority is a certificate authority that lives in memory only.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority() (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a certificate authority: %w", err)
	}
	template, err := certificate("s3sim test authority")
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make a certificate authority: %w", err)
	}
	return &authority{cert: cert, key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}, nil
}

// issue makes a server's certificate for loopback addresses, a domain, and the
// buckets in front of it.
func (a *authority) issue(domain string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	template, err := certificate("s3sim")
	if err != nil {
		return tls.Certificate{}, err
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	template.DNSNames = []string{domain, "*." + domain}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make a certificate for %s: %w", domain, err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key}, nil
}

func certificate(name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	// Clients have the true time, whatever Options.Now says; some are late.
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name, Organization: []string{"s3sim"}},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(certificatesFor),
	}, nil
}

// tlsBuffer is how much is read from and written to a connection at a time
// under TLS, which alone does that by records of at most 16 KiB.
const tlsBuffer = 128 << 10

// tlsListener serves TLS with fewer system calls than crypto/tls does.
type tlsListener struct {
	net.Listener
	config *tls.Config
}

func (l tlsListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	wire := &wireConn{Conn: conn, r: bufio.NewReaderSize(conn, tlsBuffer)}
	return &tlsConn{Conn: tls.Server(wire, l.config), wire: wire}, nil
}

// tlsConn is TLS on a wireConn.
type tlsConn struct {
	*tls.Conn
	wire *wireConn
}

// Write sends the records of p together.
func (c *tlsConn) Write(p []byte) (int, error) {
	if len(p) <= 16<<10 {
		return c.Conn.Write(p)
	}
	c.wire.hold()
	n, err := c.Conn.Write(p)
	if rerr := c.wire.release(); err == nil && rerr != nil {
		return 0, rerr
	}
	return n, err
}

// wireConn is a connection that encrypted bytes go over.
type wireConn struct {
	net.Conn
	r *bufio.Reader

	mu    sync.Mutex
	holds bool
	held  []byte
	err   error // of writing what was held; it stays
}

func (c *wireConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// Write sends p, or keeps it while the connection holds.
func (c *wireConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.holds {
		return c.Conn.Write(p)
	}
	if c.err != nil {
		return 0, c.err
	}
	c.held = append(c.held, p...)
	if len(c.held) >= tlsBuffer {
		c.send()
	}
	return len(p), c.err
}

func (c *wireConn) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds = true
}

func (c *wireConn) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds = false
	c.send()
	return c.err
}

func (c *wireConn) send() {
	if c.err == nil && len(c.held) > 0 {
		_, c.err = c.Conn.Write(c.held)
	}
	c.held = c.held[:0]
}

// NetConn is the connection under this one.
func (c *wireConn) NetConn() net.Conn { return c.Conn }
