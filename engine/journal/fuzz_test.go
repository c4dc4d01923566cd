package journal

import (
	"errors"
	"testing"
	"time"
)

// FuzzRecord: what is decoded is what was encoded, and what was not is refused.
func FuzzRecord(f *testing.F) {
	f.Add("upload", "holiday", "a/b.jpg", "/data/a", int64(5), int64(1_700_000_000), int64(1), uint64(7), []byte("x"), []byte("y"))
	f.Add("copy", "", "\xff\"", `"\x`, int64(-1), int64(1<<60), int64(999_999_999), uint64(1)<<63, []byte{}, []byte{1, 2, 3, 4, '{', '}'})
	f.Fuzz(func(t *testing.T, kind, bucket, key, s string, n, sec, nsec int64, u uint64, rawKey, rawValue []byte) {
		r := Record{
			ID:     ID{Kind: Kind(kind), Bucket: bucket, Key: key},
			Source: s, Target: s + key, Size: n, ModTime: time.Unix(sec, nsec%1e9).UTC(), Inode: u, ETag: s, PartSize: n,
			Algorithm: kind, UploadID: s, Temp: s,
		}
		if r.ModTime.IsZero() {
			r.ModTime = time.Time{}
		}
		k, v, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeRecord(k, v); err != nil || got != r {
			t.Fatalf("%+v, %v; want %+v", got, err, r)
		}
		for i := range v {
			v[i] ^= 0x55
			if _, err := decodeRecord(k, v); !errors.Is(err, ErrDamaged) {
				t.Fatalf("byte %d changed: %v", i, err)
			}
			v[i] ^= 0x55
		}
		if _, err := decodeRecord(rawKey, rawValue); err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		var d recordJSON
		sealed := append([]byte{0, 0, 0, 0}, rawValue...)
		sum := sumOf(rawKey, rawValue)
		for i := range 4 {
			sealed[i] = byte(sum >> (8 * i))
		}
		if err := unseal(rawKey, sealed, &d); err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		if _, err := decodeRecord(rawKey, sealed); err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
	})
}

// FuzzOpen: a file of any bytes is refused, or bbolt can read it and write to it.
// The sums of the meta pages are put right, since nothing gets past them otherwise.
func FuzzOpen(f *testing.F) {
	dir, _ := grown(f, 3)
	raw := read(f, fileOf(dir))
	f.Add(raw[:8*pageSize], true, uint16(0), byte(0))
	f.Add(raw[:4*pageSize], false, uint16(7), byte(1))
	f.Add([]byte("no journal"), false, uint16(0), byte(0))
	f.Add([]byte{}, false, uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, right bool, at uint16, flip byte) {
		b = append([]byte(nil), b...)
		if int(at) < len(b) {
			b[at] ^= flip
		}
		if right {
			for slot := range 2 {
				putMetaSum(b, slot*pageSize)
			}
		}
		// What is refused costs no file: TestDamaged and others see to those.
		if _, err := decode(b); err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
				t.Fatal(err)
			}
			return
		}
		dir := t.TempDir()
		write(t, fileOf(dir), b)
		j, tr := open(t, dir)
		if len(tr.errs) > 0 {
			tr.want(t, ErrForeign)
			checkOff(t, j)
			return
		}
		if _, err := List(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		mustIntend(t, j, record("a"))
		j.Forget(record("a").ID)
		if err := j.Close(true); err != nil {
			t.Fatal(err)
		}
	})
}
