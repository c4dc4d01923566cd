//go:build !nogateway

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"
)

// childEnv marks the process as a server. What to serve, and the secret, come
// through standard input: others can read a process's environment.
const childEnv = "S3HAUL_GATEWAY_CHILD"

// Exit codes of the child.
const (
	exitFailed    = 1
	exitAddrInUse = 98
)

const (
	// maxRequests is far above what a client has in flight; above it the
	// server answers 503.
	maxRequests = 4096
	// gcPercent trades memory for the two cores that client and server share.
	gcPercent = 400
	// drainFor bounds the wait for requests that have begun.
	drainFor = 10 * time.Second
	// linger bounds the wait for clients to read their last answer. The server's
	// own shutdown waits 5 s for a connection that has sent nothing yet.
	linger = 250 * time.Millisecond
)

// childConfig is what the parent writes to the child's standard input.
type childConfig struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
	Buckets   string `json:"buckets"`
	Versions  string `json:"versions"`
	Sidecar   string `json:"sidecar"`
	// Listen is a host:port, or the path of a socket.
	Listen string `json:"listen"`
	// Domain is behind the bucket in host names, if it is not empty.
	Domain string `json:"domain"`
	// SocketDir is removed at the end, if it is not empty.
	SocketDir string `json:"socket_dir"`
	// Linger is set where others than the parent may be connected.
	Linger bool `json:"linger"`
}

// ChildMain runs the server if this process was started by [Start]; it returns
// when the server has ended, and main must exit with code at once. Otherwise
// isChild is false and nothing has happened.
func ChildMain() (code int, isChild bool) {
	if os.Getenv(childEnv) == "" {
		return 0, false
	}
	return runChild(os.Stdin), true
}

func runChild(stdin io.Reader) int {
	// A terminal, or a service manager, sends these to the whole group, and
	// the parent still has requests to finish. The end of the parent is the
	// end of stdin. Notify and not Ignore: Windows knows no ignored Ctrl-C.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	// versitygw prints to standard output, which is for the ready line.
	stdout := os.Stdout
	os.Stdout = os.Stderr

	var cfg childConfig
	if err := json.NewDecoder(stdin).Decode(&cfg); err != nil {
		fmt.Fprintf(os.Stderr, "read the server's configuration from %s's standard input: %v\n", childEnv, err)
		return exitFailed
	}
	debug.SetGCPercent(gcPercent)

	orphaned := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		close(orphaned)
	}()
	if cfg.SocketDir != "" {
		defer func() { _ = os.RemoveAll(cfg.SocketDir) }()
	}

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var gate gate
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, cfg, &gate, func() { _, _ = io.WriteString(stdout, readyLine) }) }()

	select {
	case err := <-ended:
		fmt.Fprintf(os.Stderr, "serve: %v\n", err)
		if isAddrInUse(err) {
			return exitAddrInUse
		}
		return exitFailed
	case <-orphaned:
	}
	// To cut a request off may leave a bucket that is half made and unusable.
	within(drainFor, gate.shut())
	if cfg.Linger {
		// The server's own shutdown takes 100 ms where connections are open.
		cancel()
		within(linger, ended)
	}
	return 0
}

func within[T any](d time.Duration, c <-chan T) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
	case <-t.C:
	}
}

// serve runs the server until ctx ends or it fails.
func serve(ctx context.Context, cfg childConfig, g *gate, ready func()) error {
	opts := posix.PosixOpts{
		VersioningDir: cfg.Versions,
		SideCarDir:    cfg.Sidecar,
		Concurrency:   maxRequests,
		// Its own 1 MiB for each request under way is 128 MB in no time.
		IOBufferSize: 128 << 10,
		// Left at 0 it refuses every CopyObject.
		CopyObjectThreshold: 5 << 30,
	}
	var ms meta.MetadataStorer = meta.XattrMeta{}
	if cfg.Sidecar != "" {
		sc, err := meta.NewSideCar(cfg.Sidecar)
		if err != nil {
			return fmt.Errorf("open the metadata in %s: %w", cfg.Sidecar, err)
		}
		ms = sc
	}
	be, err := posix.New(cfg.Buckets, ms, opts)
	if err != nil {
		return fmt.Errorf("open the buckets in %s: %w", cfg.Buckets, err)
	}
	err = embedgw.RunVersityGW(ctx, be, &embedgw.Config{
		RootUserAccess:    cfg.AccessKey,
		RootUserSecret:    cfg.SecretKey,
		Region:            region,
		Ports:             []string{cfg.Listen},
		VirtualDomain:     cfg.Domain,
		MaxConnections:    maxRequests,
		MaxRequests:       maxRequests,
		MultipartMaxParts: 10_000,
		Quiet:             true, // no line for each request
		KeepAlive:         true,
		S3Options: []s3api.Option{
			guard(s3api.WithMiddleware, g),
			s3api.WithOnListen(ready),
		},
	})
	if err != nil {
		return err
	}
	return errors.New("the server stopped")
}

// guard makes the middleware that lets a request through g, or answers 503 once
// g is shut. C is fiber's Ctx; versitygw's web framework is not ours to depend
// on.
func guard[C interface {
	Next() error
	SendStatus(status int) error
}](mount func(prefix string, handler func(C) error) s3api.Option, g *gate) s3api.Option {
	return mount("/", func(c C) error {
		if !g.enter() {
			return c.SendStatus(http.StatusServiceUnavailable)
		}
		defer g.leave()
		return c.Next()
	})
}
