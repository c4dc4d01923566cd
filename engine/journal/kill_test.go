package journal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// hold is the other process: it writes records down, one for each line that it
// reads, and says so when they are durable.
func hold(dir string, in *bufio.Reader, out io.Writer) error {
	var told error
	j := Open(Options{Dir: dir, Job: job(), Trouble: func(err error) { told = err }})
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil // killed, or let go
		}
		key := strings.TrimSpace(line)
		ok, err := j.Intend(context.Background(), record(key))
		if err != nil || !ok {
			return fmt.Errorf("Intend = %v, %w, %w", ok, err, told)
		}
		if ok, err = j.Temporary(context.Background(), "/"+key); err != nil || !ok {
			return fmt.Errorf("Temporary = %v, %w, %w", ok, err, told)
		}
		fmt.Fprintln(out, key)
	}
}

// holder is a running process that has the journal of a directory.
type holder struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startHolder(t *testing.T, dir string) *holder {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), holdEnv+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &holder{t: t, cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(func() { h.kill() })
	return h
}

// ask has keys written down; answer waits for one of them.
func (h *holder) ask(keys ...string) {
	h.t.Helper()
	if _, err := io.WriteString(h.in, strings.Join(keys, "\n")+"\n"); err != nil {
		h.t.Fatal(err)
	}
}

func (h *holder) answer() string {
	h.t.Helper()
	line, err := h.out.ReadString('\n')
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// kill kills the process and returns, when it is gone, what it had still said.
func (h *holder) kill() []string {
	if h.cmd.ProcessState != nil {
		return nil
	}
	h.cmd.Process.Kill()
	rest, _ := io.ReadAll(h.out)
	h.cmd.Wait()
	return strings.Fields(string(rest))
}

func TestHeldByAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	h := startHolder(t, dir)
	h.ask("theirs")
	h.answer()

	j, tr := open(t, dir)
	if _, ok := j.Find(record("theirs").ID); ok {
		t.Error("found what a living process has under way")
	}
	if ok, err := j.Intend(t.Context(), record("mine")); ok || err != nil {
		t.Errorf("Intend = %v, %v", ok, err)
	}
	if ok, err := j.Temporary(t.Context(), "/mine"); ok || err != nil {
		t.Errorf("Temporary = %v, %v", ok, err)
	}
	if err := j.Close(true); err != nil {
		t.Error(err)
	}
	tr.want(t, ErrLocked)

	h.kill()
	j, tr = open(t, dir)
	if _, ok := j.Find(record("theirs").ID); !ok {
		t.Error("what a dead process has left is not found")
	}
	tr.want(t, nil)
}

// The process is killed at any moment: what it said was durable is there.
func TestKilled(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	acked := map[string]bool{}
	for round := range rounds {
		h := startHolder(t, dir)
		var keys []string
		for i := range 200 {
			keys = append(keys, fmt.Sprintf("%02d-%03d", round, i))
		}
		h.ask(keys...)
		for range 1 + round*5 {
			acked[h.answer()] = true
		}
		for _, key := range h.kill() { // in the midst of one of those that follow
			acked[key] = true
		}
		j, tr := open(t, dir)
		found := map[string]bool{}
		for _, r := range j.Unclaimed() {
			if r != record(r.Key) {
				t.Fatalf("%+v was never written", r)
			}
			found[r.Key] = true
		}
		for _, d := range j.Directories() {
			found[d] = true
		}
		for key := range acked {
			if !found[key] || !found["/"+key] {
				t.Fatalf("round %d: %s is lost", round, key)
			}
		}
		tr.want(t, nil)
		j.Close(false)
	}
	t.Logf("%d kills, %d records", rounds, len(acked))
}
