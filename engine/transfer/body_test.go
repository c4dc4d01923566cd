package transfer

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// Both kinds of body read and seek alike, and tell how far they are.
func TestBody(t *testing.T) {
	const text = "0123456789"
	for _, mem := range []bool{false, true} {
		var told int64
		b := &body{progress: func(n int64) { told += n }}
		if mem {
			b.mem = []byte(text)
		} else {
			b.file = io.NewSectionReader(strings.NewReader("xx"+text+"xx"), 2, int64(len(text)))
		}
		if err := iotest.TestReader(b, []byte(text)); err != nil {
			t.Error(err)
		}
		if told != int64(len(text)) {
			t.Errorf("memory %v: told %d", mem, told)
		}
		if _, err := b.Seek(0, io.SeekStart); err != nil || told != int64(len(text)) {
			t.Errorf("memory %v: %v; a seek alone was told: %d", mem, err, told)
		}
		for _, c := range []struct {
			offset int64
			whence int
			want   int64 // -1: an error, and nothing moves
		}{
			{0, io.SeekEnd, 10},
			{0, io.SeekStart, 0},
			{4, io.SeekCurrent, 4},
			{-1, io.SeekCurrent, 3},
			{-5, io.SeekCurrent, -1},
			{11, io.SeekStart, -1},
			{1, io.SeekEnd, -1},
			{0, io.SeekEnd, 10},
			{-4, io.SeekEnd, 6},
		} {
			before := b.at
			got, err := b.Seek(c.offset, c.whence)
			if c.want < 0 {
				got, c.want = before, before
				if err == nil {
					t.Errorf("memory %v: Seek(%d, %d) is no error", mem, c.offset, c.whence)
				}
			}
			if got != c.want || b.at != c.want || told != b.told || c.whence == io.SeekCurrent && told != c.want {
				t.Errorf("memory %v: Seek(%d, %d) = %d, told %d", mem, c.offset, c.whence, got, told)
			}
		}
		if rest, err := io.ReadAll(b); string(rest) != "6789" || err != nil || told != 10 {
			t.Errorf("memory %v: %q, %v, told %d", mem, rest, err, told)
		}
		if b.takeBack(); told != 0 {
			t.Errorf("memory %v: told %d in the end", mem, told)
		}
	}
}

func TestBodyBytes(t *testing.T) {
	b := &body{mem: []byte("0123456789"), progress: func(int64) {}}
	if string(b.Bytes()) != "0123456789" || b.at != 0 {
		t.Errorf("%q, at %d", b.Bytes(), b.at)
	}
	if _, err := b.Seek(4, io.SeekCurrent); err != nil || string(b.Bytes()) != "456789" {
		t.Errorf("%q, %v", b.Bytes(), err)
	}
	if empty := (&body{mem: []byte{}}); empty.Bytes() == nil {
		t.Error("an empty buffer is none")
	}
	if file := (&body{file: io.NewSectionReader(strings.NewReader("x"), 0, 1)}); file.Bytes() != nil {
		t.Error("a file is a buffer")
	}
	// What may not begin has no bytes, and its Read says why; what has begun may end.
	b.begin = func() error { return errFault }
	if b.Bytes() == nil {
		t.Error("what has begun cannot go on")
	}
	if _, err := b.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if b.Bytes() != nil {
		t.Error("what may not begin has bytes")
	}
	if _, err := b.Read(make([]byte, 1)); !errors.Is(err, errFault) {
		t.Errorf("got %v", err)
	}
}
