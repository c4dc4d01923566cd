// Package gateway runs the embedded S3 server: versitygw on a directory of the
// local disk, with versioning. The server is a child process, this binary
// again, because it changes its working directory, prints, and can be had only
// once in a process. [ChildMain] must be the first thing that main, and
// TestMain of a test binary that calls [Start], does.
//
// A binary built with the tag nogateway has no server; [Start] says so.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrForeignDir says that the directory holds something that s3haul did
	// not put there. A server on it would take its folders for buckets.
	ErrForeignDir = errors.New("the directory is not empty and was not made by s3haul; name a new or an empty directory")
	// ErrNotDirectory says that the name is taken by something other than a
	// directory.
	ErrNotDirectory = errors.New("not a directory; name a new or an empty directory")
	// ErrNoServer says that this binary was built without the server.
	ErrNoServer = errors.New("this s3haul was built without the embedded server (build tag nogateway)")
	// ErrAddrInUse says that another program listens where Options.Listen
	// wants to.
	ErrAddrInUse = errors.New("address already in use")
	// ErrEnded says that the server ended without having been told to.
	ErrEnded = errors.New("the embedded server ended by itself")
)

// region is the only one that the server answers for.
const region = "us-east-1"

// killAfter bounds the orderly end of the child, in which it finishes the
// requests it has begun.
const killAfter = 15 * time.Second

// Options say what to serve, and where.
type Options struct {
	// Dir is the directory with the data. It is absent (it is made, with its
	// parents), empty, or was made by an earlier Start.
	Dir string
	// Listen is the "host:port" of a server for others; with port 0 a free
	// port is taken. Empty is a server for this process alone: a unix socket
	// in a private directory, or a port of the loopback interface where there
	// can be no such socket.
	Listen string
	// Domain has the server take the bucket from the host name as well: a
	// request to bucket.Domain, with or without a port. Empty takes it from the
	// path alone.
	Domain string
	// Log receives what the server prints, if it is not nil. It is written to
	// from another goroutine until Done is closed.
	Log io.Writer
}

// Server is a running server. Its methods may be called from any goroutine.
type Server struct {
	endpoint  string
	accessKey string
	secretKey string
	socket    string // path of the unix socket; empty for TCP

	cmd     *exec.Cmd
	stdin   io.Closer // the child lives until this is closed
	tail    *tail
	closing atomic.Bool
	done    chan struct{}
	err     error // to be read after done is closed

	closeOnce sync.Once
	closeErr  error
}

// Endpoint returns the URL for an S3 client. A client must connect through
// Dial: behind the URL of a unix socket there is no port.
func (s *Server) Endpoint() string { return s.endpoint }

// Credentials returns the access key id and the secret access key. They stay
// the same for a directory, for a bucket belongs to the key that made it.
func (s *Server) Credentials() (accessKeyID, secretAccessKey string) {
	return s.accessKey, s.secretKey
}

// Region returns the region that requests are to be signed for.
func (s *Server) Region() string { return region }

// Dial connects to the server; it is a DialContext for [net/http.Transport].
// Where the server has a unix socket, network and addr do not matter.
func (s *Server) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	if s.socket != "" {
		network, addr = "unix", s.socket
	}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded server: %w", err)
	}
	return conn, nil
}

// Done is closed when the server has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err returns why the server ended: nil before Done is closed and after an
// orderly Close, otherwise an error with [ErrEnded] in its chain and the last
// lines that the server printed.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Close ends the server and waits until it is gone. Requests under way are
// finished first, for at most 15 s. Every call returns the same error: the
// one of Err where the server had ended by itself.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		s.closing.Store(true)
		// An error means that the child is gone already.
		_ = s.stdin.Close()
		late := time.NewTimer(killAfter)
		defer late.Stop()
		select {
		case <-s.done:
		case <-late.C:
			_ = s.cmd.Process.Kill()
			<-s.done
		}
		s.closeErr = s.err
	})
	return s.closeErr
}
