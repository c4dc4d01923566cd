package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func keyOf(b byte) *CustomerKey {
	k := &CustomerKey{}
	for i := range k.Key {
		k.Key[i] = b
	}
	return k
}

// A key of one's own goes with every request about the object, on either side of a
// copy; without it, or with another, nothing is had of the object, and the error
// says why.
func TestCustomerKeys(t *testing.T) {
	for _, sdk := range []bool{false, true} {
		r := newAttributesRig(t, sdk)
		mine := r.transfer(t, Attributes{CustomerKey: keyOf(1)}, nil)
		reading := r.transfer(t, Attributes{SourceKey: keyOf(1)}, nil)
		changing := r.transfer(t, Attributes{SourceKey: keyOf(1), CustomerKey: keyOf(2)}, nil)
		for _, size := range []int{1000, copyInParts} {
			name := fmt.Sprintf("SDK %v, %d bytes", sdk, size)
			path := r.file(t, fmt.Sprint(size), size)
			obj := Object{Bucket: "src", Key: fmt.Sprint("k", size), Size: int64(size)}
			res, err := mine.Upload(t.Context(), path, obj)
			if err != nil || !res.Verified() {
				t.Fatalf("%s, uploaded: %+v, %v", name, res, err)
			}
			down := func(tr *Transfer, obj Object) error {
				root, err := os.OpenRoot(t.TempDir())
				must(t, err)
				defer root.Close()
				obj.Source = true
				if _, err = tr.Download(t.Context(), obj, root, "f"); err != nil {
					return err
				}
				if got, err := root.ReadFile("f"); err != nil || !bytes.Equal(got, content(size)) {
					t.Errorf("%s: what came is not what was sent, %v", name, err)
				}
				return nil
			}
			must(t, down(reading, obj))
			if v, err := mine.Compare(t.Context(), obj, path, true); err != nil || !v.Equal || !v.Known {
				t.Errorf("%s, compared: %+v, %v", name, v, err)
			}
			var told interface{ Advice() string }
			without := down(r.transfer(t, Attributes{}, nil), obj)
			said := without != nil && (strings.Contains(without.Error(), "Server Side Encryption") || errors.As(without, &told) && strings.Contains(told.Advice(), "SSE-C"))
			if !said {
				t.Errorf("%s, without the key: %v", name, without)
			}
			other := down(r.transfer(t, Attributes{SourceKey: keyOf(2)}, nil), obj)
			if !errors.As(other, &told) || !strings.Contains(told.Advice(), "may not be the one") || strings.Contains(other.Error(), *newCustomer(keyOf(2)).key) {
				t.Errorf("%s, with another key: %v", name, other)
			}
			src, dst := obj, Object{Bucket: "dst", Key: obj.Key, Size: obj.Size}
			src.Source = true
			if res, err = changing.Copy(t.Context(), src, dst); err != nil || !res.Verified() {
				t.Errorf("%s, copied: %+v, %v", name, res, err)
			}
			must(t, down(r.transfer(t, Attributes{SourceKey: keyOf(2)}, nil), dst))
			// Onto itself, without a key of one's own from then on.
			dst.Source = true
			_, err = r.transfer(t, Attributes{SourceKey: keyOf(2), Encryption: "AES256"}, nil).Copy(t.Context(), dst, Object{Bucket: "dst", Key: dst.Key})
			must(t, err)
			must(t, down(r.transfer(t, Attributes{}, nil), dst))
			if needless := down(r.transfer(t, Attributes{SourceKey: keyOf(2)}, nil), dst); !errors.As(needless, &told) || !strings.Contains(told.Advice(), "leave it out") {
				t.Errorf("%s, with a key for nothing: %v", name, needless)
			}
		}
	}
}
