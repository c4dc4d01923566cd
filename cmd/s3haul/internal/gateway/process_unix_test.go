//go:build unix && !nogateway

package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// helperSays is what the helper prints about its server.
type helperSays struct {
	PID    int    `json:"pid"`
	Socket string `json:"socket"`
}

// helper starts a server, says where, and at SIGINT uses it and closes it.
func helper(dir string) error {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	s, err := Start(context.Background(), Options{Dir: dir, Log: os.Stderr})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(helperSays{PID: s.cmd.Process.Pid, Socket: s.socket}); err != nil {
		return err
	}
	<-interrupted
	err = listBuckets(context.Background(), s)
	return errors.Join(err, s.Close())
}

// startHelper runs helper in a process group of its own.
func startHelper(t *testing.T) (*exec.Cmd, helperSays) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	var says helperSays
	if err == nil {
		err = json.Unmarshal(line, &says)
	}
	if err != nil || says.Socket == "" {
		_ = cmd.Process.Kill()
		t.Fatalf("the helper said %q: %v, %v", line, err, cmd.Wait())
	}
	return cmd, says
}

// The parent cannot say good-bye: the child ends all the same, with its
// directory, and so does its connection.
func TestParentKilled(t *testing.T) {
	cmd, says := startHelper(t)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", says.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the helper was killed and ended well")
	}
	// The end of the connection is the end of the child.
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the child is still there 30 s after its parent: read %d bytes, %v", n, err)
		_ = syscall.Kill(says.PID, syscall.SIGKILL)
	} else if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the connection ended with %v", err)
	}
	if _, err := os.Stat(filepath.Dir(says.Socket)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's directory is still there: %v", err)
	}
}

// Ctrl-C on a terminal, and a service manager's stop, reach both processes;
// the parent must still be able to use the server and to end it.
func TestSignalsToTheGroup(t *testing.T) {
	cmd, says := startHelper(t)
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := syscall.Kill(says.PID, sig); err != nil {
			t.Error(err)
		}
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the parent could not finish: %v", err)
	}
}

// What other users can see of a process must not hold the secret.
func TestSecretIsNotVisible(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	s := startServer(t, Options{Dir: t.TempDir()})
	access, secret := s.Credentials()
	for _, name := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), name))
		if err != nil {
			t.Fatal(err)
		}
		if len(text) == 0 {
			t.Errorf("%s is empty", name)
		}
		if bytes.Contains(text, []byte(secret)) || bytes.Contains(text, []byte(access)) {
			t.Errorf("the credentials are in %s", name)
		}
	}
	dir := filepath.Dir(s.socket)
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("the socket's directory: %v, %v, want mode 0700", fi, err)
	}
	if got := fmt.Sprintf("%v", s.Err()); got != "<nil>" {
		t.Errorf("Err is %s", got)
	}
}
