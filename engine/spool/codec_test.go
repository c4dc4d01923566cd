package spool

import (
	"errors"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/plan"
	"github.com/s3haul/s3haul/walker"
)

// FuzzRoundTrip encodes two actions behind one another, so that the second
// shares what it can with the first.
func FuzzRoundTrip(f *testing.F) {
	for _, a := range odd() {
		if len(a.Key) > 4000 {
			continue // Too slow below, where each length is tried.
		}
		f.Add(byte(a.Op), byte(a.Reason), "a/b", a.Key, a.Src.Key, a.Dst.Size, int64(1), uint32(5), a.Src.ETag, a.Src.StorageClass, a.Dst.VersionID, true)
	}
	f.Fuzz(func(t *testing.T, op, reason byte, before, key, other string, size, sec int64, nsec uint32, etag, class, version string, flag bool) {
		e := walker.Entry{Key: key, Size: size, ETag: etag, StorageClass: class, Latest: flag}
		// time.Time does not reach over all of int64 seconds.
		e.ModTime = time.Unix(sec>>8, int64(nsec%1_000_000_000)).UTC()
		want := []plan.Action{
			{Op: plan.Op(op), Reason: plan.Reason(reason), Key: before, Src: walker.Entry{Key: other, VersionID: version}, Dst: e},
			{Op: plan.Op(reason), Reason: plan.Reason(op), Key: key, Src: e, Dst: walker.Entry{DeleteMarker: flag, StorageClass: class}},
		}
		if e.ModTime.IsZero() {
			t.Skip("no time")
		}
		var enc encoder
		var b []byte
		for _, a := range want {
			b = enc.append(b, a)
		}
		d := decoder{b: b}
		for _, a := range want {
			got, err := d.next()
			if err != nil || got != a {
				t.Fatalf("got  %+v, %v\nwant %+v", got, err, a)
			}
		}
		if len(d.b) > 0 {
			t.Errorf("%d bytes are left", len(d.b))
		}
		for i := range min(len(b), 4000) {
			d := decoder{b: b[:i]}
			if _, err := d.next(); err == nil {
				_, err = d.next()
				if !errors.Is(err, ErrCorrupt) {
					t.Fatalf("%d of %d bytes: %v", i, len(b), err)
				}
			}
		}
	})
}

// FuzzDecode decodes what no encoder wrote.
func FuzzDecode(f *testing.F) {
	var enc encoder
	var b []byte
	for _, a := range odd()[:10] {
		b = enc.append(b, a)
	}
	f.Add(b)
	f.Add([]byte{0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 1, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := decoder{b: b}
		for range len(b) + 1 {
			a, err := d.next()
			if err != nil {
				if !errors.Is(err, ErrCorrupt) || a != (plan.Action{}) {
					t.Fatalf("%+v, %v", a, err)
				}
				return
			}
		}
		t.Fatal("more actions than bytes")
	})
}

func BenchmarkAdd(b *testing.B) {
	s := New(b.TempDir())
	defer s.Close()
	actions := numbered(10_000)
	b.ReportAllocs()
	var n int
	for b.Loop() {
		if err := s.Add(actions[n%len(actions)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(s.Bytes())/float64(n), "B/action")
}

func BenchmarkAll(b *testing.B) {
	s := New(b.TempDir())
	defer s.Close()
	for i := range 100_000 {
		if err := s.Add(nth(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	var n int
	for b.Loop() {
		for _, err := range s.All(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/action")
	b.ReportMetric(float64(n)/float64(b.N), "actions/op")
}
