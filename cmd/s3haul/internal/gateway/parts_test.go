//go:build !nogateway

package gateway

import (
	"bytes"
	"strings"
	"testing"
)

func TestGate(t *testing.T) {
	closed := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	var g gate
	for range 2 {
		if !g.enter() {
			t.Fatal("an open gate refused")
		}
	}
	g.leave()
	idle := g.shut()
	if closed(idle) {
		t.Error("idle with one inside")
	}
	if g.enter() {
		t.Error("a shut gate let one in")
	}
	g.leave()
	if !closed(idle) {
		t.Error("not idle with nobody inside")
	}
	var empty gate
	if !closed(empty.shut()) {
		t.Error("not idle with nobody inside from the start")
	}
}

func TestTail(t *testing.T) {
	var log bytes.Buffer
	tl := &tail{to: &log}
	long := strings.Repeat("x", tailSize)
	for _, s := range []string{long, "\n", "\x1b[31m[ERROR]: \x1b[0mno\r\n", "key hush\n"} {
		if n, err := tl.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("Write is %d, %v", n, err)
		}
	}
	if got := tl.text("hush"); !strings.HasSuffix(got, "x; [ERROR]: no; key [secret]") || len(got) > tailSize {
		t.Errorf("text ends in %q", got[max(0, len(got)-60):])
	}
	if log.Len() <= tailSize {
		t.Errorf("the log has %d bytes, want all", log.Len())
	}
	cut := &tail{}
	_, _ = cut.Write([]byte("a\x1b[3"))
	if got := cut.text(""); got != "a" {
		t.Errorf("text of a cut colour is %q", got)
	}
}

func TestReadyWatch(t *testing.T) {
	var rest bytes.Buffer
	w := &readyWatch{rest: &rest, ready: make(chan struct{})}
	for i, s := range []string{readyLine[:5], readyLine[5:] + "and ", "more"} {
		if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("Write is %d, %v", n, err)
		}
		select {
		case <-w.ready:
			if i == 0 {
				t.Error("ready at half a line")
			}
		default:
			if i > 0 {
				t.Error("not ready after the line")
			}
		}
	}
	if rest.String() != "and more" {
		t.Errorf("the rest is %q", rest.String())
	}
}

func TestChildEnviron(t *testing.T) {
	got := childEnviron([]string{"PATH=/bin", "AWS_SECRET_ACCESS_KEY=hush", childEnv + "=0"})
	if len(got) != 2 || got[0] != "PATH=/bin" || got[1] != childEnv+"=1" {
		t.Errorf("environment of the child: %q", got)
	}
}
