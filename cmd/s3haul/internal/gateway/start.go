//go:build !nogateway

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// startWithin bounds the start of the child where ctx does not.
	startWithin = 30 * time.Second
	// maxSocketPath is the longest path of a socket on every system (104
	// bytes on macOS and the BSDs, with its terminator).
	maxSocketPath = 103
	// portTries bounds the search for a free port: between finding one and
	// listening on it, another program may take it.
	portTries = 16
)

// Start prepares o.Dir, starts a server on it and returns when the server
// listens. ctx bounds the start alone, by at most 30 s; the server runs until
// Close, or until this process is gone, however it ended.
//
// Errors: [ErrForeignDir] and [ErrNotDirectory], with nothing written;
// [ErrAddrInUse]; [ErrEnded] where the child failed, with what it printed.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("serve %s: %w", o.Dir, err)
	}
	return s, nil
}

func start(ctx context.Context, o Options) (*Server, error) {
	if o.Dir == "" {
		return nil, errors.New("no directory is named")
	}
	if o.Listen != "" {
		if _, _, err := net.SplitHostPort(o.Listen); err != nil {
			return nil, fmt.Errorf("the address to listen on is not host:port: %w", err)
		}
	}
	dir, err := openDataDir(ctx, o.Dir)
	if err != nil {
		return nil, err
	}
	cfg := childConfig{
		AccessKey: dir.AccessKey,
		SecretKey: dir.SecretKey,
		Buckets:   dir.buckets,
		Versions:  dir.versions,
		Sidecar:   dir.sidecar,
		Listen:    o.Listen,
		Domain:    o.Domain,
		Linger:    o.Listen != "",
	}
	if o.Listen == "" {
		socketDir, socket, err := privateSocket()
		if err != nil {
			return nil, err
		}
		if socket != "" {
			cfg.SocketDir, cfg.Listen = socketDir, socket
			return spawn(ctx, cfg, "http://localhost", o)
		}
		cfg.Listen = "127.0.0.1:0"
	}
	return startTCP(ctx, cfg, o)
}

// startTCP starts a server on cfg.Listen, a host:port.
func startTCP(ctx context.Context, cfg childConfig, o Options) (*Server, error) {
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("the address to listen on is not host:port: %w", err)
	}
	search := port == "0" || port == ""
	for try := 1; ; try++ {
		if search {
			if port, err = freePort(ctx, host); err != nil {
				return nil, err
			}
		}
		cfg.Listen = net.JoinHostPort(host, port)
		s, err := spawn(ctx, cfg, "http://"+net.JoinHostPort(reachable(host), port), o)
		if search && try < portTries && errors.Is(err, ErrAddrInUse) {
			continue
		}
		return s, err
	}
}

// reachable returns the host under which a server that listens on host is
// reached from this machine.
func reachable(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if ip != nil && ip.To4() == nil {
			return "::1"
		}
		return "127.0.0.1"
	}
	return host
}

// freePort returns a port of host that nobody listened on a moment ago. The
// server takes an address, not a listener.
func freePort(ctx context.Context, host string) (string, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err = errors.Join(err, l.Close()); err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return port, nil
}

// privateSocket makes a directory that only this user can enter, and returns
// the path of a socket in it. Both are empty where there can be none.
func privateSocket() (dir, socket string, err error) {
	dir, err = os.MkdirTemp("", "s3haul-") // mode 0700
	if err != nil {
		return "", "", fmt.Errorf("make a directory for the server's socket: %w", err)
	}
	if abs, err := filepath.Abs(dir); err == nil {
		socket = filepath.Join(abs, "s3")
	}
	if !socketPathFits(socket) || !canListen(socket) {
		if err := os.Remove(dir); err != nil {
			return "", "", fmt.Errorf("remove the directory for the server's socket: %w", err)
		}
		return "", "", nil
	}
	return dir, socket, nil
}

// socketPathFits says whether path can be a socket, and whether versitygw,
// which takes what has a colon for host:port, sees that it is one.
func socketPathFits(path string) bool {
	return path != "" && len(path) <= maxSocketPath && !strings.Contains(path, ":")
}

// canListen tries: some systems, and some file systems, have no unix sockets.
func canListen(path string) bool {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return false
	}
	return l.Close() == nil // it removes the socket too
}

// spawn starts the child and waits until it listens.
func spawn(ctx context.Context, cfg childConfig, endpoint string, o Options) (_ *Server, err error) {
	defer func() {
		if err != nil && cfg.SocketDir != "" {
			_ = os.RemoveAll(cfg.SocketDir)
		}
	}()
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's file: %w", err)
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("encode the server's configuration: %w", err)
	}
	out := &tail{to: o.Log}
	watch := &readyWatch{rest: out, ready: make(chan struct{})}
	// The child outlives ctx: what ctx ends may still have requests to send.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self)
	// A test binary that plays several commands goes by its name.
	cmd.Args[0] = os.Args[0]
	cmd.Env = childEnviron(os.Environ())
	cmd.Stdout, cmd.Stderr = watch, out
	cmd.WaitDelay = killAfter
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe for the server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	s := &Server{
		endpoint:  endpoint,
		accessKey: cfg.AccessKey,
		secretKey: cfg.SecretKey,
		cmd:       cmd,
		stdin:     stdin,
		tail:      out,
		done:      make(chan struct{}),
	}
	if cfg.SocketDir != "" {
		s.socket = cfg.Listen
	}
	go s.wait(cfg.SocketDir)
	// It fits the pipe's buffer; a child that is gone already is seen below.
	_, _ = stdin.Write(append(text, '\n'))

	late := time.NewTimer(startWithin)
	defer late.Stop()
	select {
	case <-watch.ready:
		return s, nil
	case <-s.done:
		return nil, s.err
	case <-ctx.Done():
		err = fmt.Errorf("wait for the server: %w", context.Cause(ctx))
	case <-late.C:
		err = fmt.Errorf("the server did not listen within %v: %s", startWithin, out.text(cfg.SecretKey))
	}
	s.closing.Store(true)
	_ = cmd.Process.Kill()
	<-s.done
	return nil, err
}

// wait collects the child when it has ended.
func (s *Server) wait(socketDir string) {
	err := s.cmd.Wait()
	_ = s.stdin.Close()
	if socketDir != "" {
		// The child does it too, in case this process is gone by then.
		_ = os.RemoveAll(socketDir)
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == exitAddrInUse:
		s.err = fmt.Errorf("%w: %s", ErrAddrInUse, s.tail.text(s.secretKey))
	case !s.closing.Load():
		s.err = fmt.Errorf("%w: %w: %s", ErrEnded, reason(err), s.tail.text(s.secretKey))
	case err != nil:
		s.err = fmt.Errorf("end the embedded server: %w: %s", err, s.tail.text(s.secretKey))
	}
	close(s.done)
}

func reason(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// childEnviron returns env without the user's own credentials, which are no
// business of the server, and with the mark of a child.
func childEnviron(env []string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		return strings.HasPrefix(kv, "AWS_") || strings.HasPrefix(kv, childEnv+"=")
	})
	return append(env, childEnv+"=1")
}
