package wiretest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
)

// stopWithin bounds the orderly end of the server.
const stopWithin = 30 * time.Second

// server is `s3haul serve` as a child process. It holds no goroutine while it
// runs, so that a test may look for leaks of its own.
type server struct {
	pkg string // import path of the command to run

	mu      sync.Mutex
	allowed bool // between the beginning and the end of Main
	started bool
	err     error // of the start, for all who ask
	target  Target
	dir     string // the data, and what the server prints
	cmd     *exec.Cmd
	stdin   io.Closer
}

func (s *server) allow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed = true
}

// start starts the server once, and returns the same to all who ask.
func (s *server) start() (Target, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.allowed {
		return Target{}, errors.New("no server outside of wiretest.Main: call it from TestMain")
	}
	if !s.started {
		s.started = true
		s.target, s.err = s.spawn()
	}
	return s.target, s.err
}

// spawn builds and starts the command and reads where it listens.
func (s *server) spawn() (Target, error) {
	dir, err := os.MkdirTemp("", "s3haul-wiretest-")
	if err != nil {
		return Target{}, fmt.Errorf("make a directory for the server: %w", err)
	}
	s.dir = dir
	logName := filepath.Join(dir, "stderr")
	log, err := os.Create(logName)
	if err != nil {
		return Target{}, fmt.Errorf("make the server's log: %w", err)
	}
	defer func() { _ = log.Close() }() // the server has its own copy

	// `go run` and not `go build`: it keeps the linked program in the build
	// cache, and linking it takes seconds in each of many test binaries. It
	// passes standard input on as it is, so the server ends when this process
	// does. The context would end `go run` alone, and cost a goroutine.
	cmd := exec.CommandContext(context.Background(),
		"go", "run", s.pkg, "serve", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0", "--domain", Domain, "--json")
	cmd.Stderr = log // a file, for a writer costs a goroutine
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return Target{}, fmt.Errorf("make a pipe for the server: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return Target{}, fmt.Errorf("make a pipe for the server: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return Target{}, fmt.Errorf("start the server with the go command: %w", err)
	}
	s.cmd, s.stdin = cmd, stdin
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		// It has ended, or is about to: an end without a line is a failure.
		_ = stdin.Close()
		err = errors.Join(fmt.Errorf("read where the server listens: %w", err), s.wait())
		s.cmd = nil
		text, rerr := os.ReadFile(logName)
		return Target{}, errors.Join(fmt.Errorf("%w\n%s", err, strings.TrimSpace(string(text))), rerr)
	}
	var says struct {
		Endpoint    string `json:"endpoint"`
		Credentials string `json:"credentials_file"`
		Region      string `json:"region"`
	}
	if err := json.Unmarshal(line, &says); err != nil {
		return Target{}, fmt.Errorf("read where the server listens: %w", err)
	}
	if says.Endpoint == "" || says.Credentials == "" || says.Region == "" {
		return Target{}, errors.New("read where the server listens: a value is missing")
	}
	profile, err := config.LoadSharedConfigProfile(context.Background(), "default", func(o *config.LoadSharedConfigOptions) {
		o.CredentialsFiles, o.ConfigFiles = []string{says.Credentials}, []string{}
	})
	if err != nil {
		return Target{}, fmt.Errorf("read the server's credentials: %w", err)
	}
	return Target{
		Endpoint:        says.Endpoint,
		AccessKeyID:     profile.Credentials.AccessKeyID,
		SecretAccessKey: profile.Credentials.SecretAccessKey,
		Region:          says.Region,
	}, nil
}

// wait waits for the end of a server that has been told to end.
func (s *server) wait() error {
	late := time.AfterFunc(stopWithin, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	if err := s.cmd.Wait(); err != nil {
		return fmt.Errorf("end the server: %w", err)
	}
	return nil
}

// stop ends the server, if there is one, and removes its data.
func (s *server) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed = false
	var err error
	if s.cmd != nil {
		_ = s.stdin.Close()
		if err = s.wait(); err != nil {
			if text, rerr := os.ReadFile(filepath.Join(s.dir, "stderr")); rerr == nil {
				err = fmt.Errorf("%w\n%s", err, strings.TrimSpace(string(text)))
			}
		}
		s.cmd = nil
	}
	if s.dir != "" {
		if rerr := os.RemoveAll(s.dir); rerr != nil {
			err = errors.Join(err, fmt.Errorf("remove the server's data: %w", rerr))
		}
		s.dir = ""
	}
	return err
}
