package s3sim

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A pipe takes no time of its own, so in virtual time all of it is the limit's.
func TestBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			bandwidth = 1 << 20
			size      = 3 << 20
		)
		near, far := net.Pipe()
		slow := newSlowConn(near, bandwidth)
		start := time.Now()
		var received time.Duration
		done := make(chan error, 2)
		go func() { // both directions at a time, neither slows the other
			_, err := io.CopyN(io.Discard, slow, size)
			received = time.Since(start)
			done <- err
		}()
		go func() {
			_, err := far.Write(make([]byte, size))
			done <- err
		}()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		n, err := slow.Write(make([]byte, size))
		sent := time.Since(start)
		if n != size || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		for what, took := range map[string]time.Duration{"sending": sent, "receiving": received} {
			if took < 2900*time.Millisecond || took > 3100*time.Millisecond {
				t.Errorf("%s 3 MiB at 1 MiB a second took %v", what, took)
			}
		}
		_ = slow.Close()
		_ = far.Close()
	})
}

func TestBandwidthCloseEndsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		slow := newSlowConn(near, 1) // the burst is free, the next piece takes an hour
		go func() { _, _ = io.Copy(io.Discard, far) }()
		done := make(chan error)
		go func() {
			_, err := slow.Write(make([]byte, 64<<10))
			done <- err
		}()
		synctest.Wait()
		start := time.Now()
		_ = slow.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) || time.Since(start) != 0 {
			t.Errorf("a write on a closed connection ended after %v with %v", time.Since(start), err)
		}
		_ = far.Close()
	})
}
