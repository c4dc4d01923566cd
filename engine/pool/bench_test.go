package pool

import (
	"context"
	"sync"
	"testing"
)

func newPool(tb testing.TB, o Options) *Pool {
	tb.Helper()
	p, err := New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func BenchmarkAcquire(b *testing.B) {
	ctx, cancel := context.WithCancel(context.WithValue(b.Context(), inGroup{}, true))
	defer cancel()
	work := func(b *testing.B, p *Pool, n int) {
		for range n {
			s, err := p.Acquire(ctx, Ask{Space: "bucket", Key: "key"})
			if err != nil {
				b.Error(err)
				return
			}
			s.Release(Outcome{})
		}
	}
	b.Run("uncontended", func(b *testing.B) {
		p := newPool(b, Options{})
		b.ReportAllocs()
		for b.Loop() {
			work(b, p, 1)
		}
	})
	// 128 goroutines that want one of the slots.
	for _, c := range []struct {
		name  string
		slots int
	}{{"contended 64", 64}, {"contended 1", 1}} {
		b.Run(c.name, func(b *testing.B) {
			p := newPool(b, Options{Slots: c.slots})
			b.ReportAllocs()
			var wg sync.WaitGroup
			for i := range 128 {
				wg.Go(func() { work(b, p, (b.N+i)/128) })
			}
			wg.Wait()
		})
	}
}

// deep needs the stack that a request through an HTTP client needs, so that
// the cost of growing one is seen.
func deep(n int) int {
	var a [256]byte
	if n == 0 {
		return len(a)
	}
	a[n] = byte(n)
	return deep(n-1) + int(a[n])
}

func BenchmarkGroup(b *testing.B) {
	for _, c := range []struct {
		name string
		fn   func(context.Context) error
	}{
		{"empty", func(context.Context) error { return nil }},
		{"deep stack", func(context.Context) error { deep(50); return nil }},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := newPool(b, Options{})
			g := p.Group(b.Context())
			b.ReportAllocs()
			for b.Loop() {
				if err := g.Go(c.fn); err != nil {
					b.Fatal(err)
				}
			}
			if err := g.Wait(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkBuffer(b *testing.B) {
	for _, c := range []struct {
		name string
		n    int64
	}{{"4KiB", 4 << 10}, {"8MiB", 8 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			p := newPool(b, Options{})
			b.ReportAllocs()
			for b.Loop() {
				buf, err := p.Buffer(b.Context(), c.n)
				if err != nil {
					b.Fatal(err)
				}
				buf.Release()
			}
		})
	}
}
