package transfer

import (
	"errors"
	"io"
)

// body is what a request sends: a buffer, or where mem is nil what file has. It
// tells how far it has been read, and takes back what is read again when it was
// rewound: only then, since clients seek to learn its length. It has no WriteTo
// on purpose: the SDK reads it under a lock that must not be held for the whole
// of it.
type body struct {
	mem      []byte
	file     *io.SectionReader
	at, told int64
	progress func(int64)
	// begin, where it is not nil, is asked before the first byte is read.
	begin func() error
	// may, where it is not nil, is asked before file is read.
	may func() error
}

// Bytes returns what has not been read yet where it is one buffer, and nil where
// it is not, or may not be sent any more: Read says why. Whoever has sent n of
// the bytes passes over them with Seek(n, io.SeekCurrent), as if they had been
// read.
func (b *body) Bytes() []byte {
	if b.mem == nil || b.at == 0 && b.begin != nil && b.begin() != nil {
		return nil
	}
	return b.mem[b.at:]
}

// Twin returns a second reader of a body that is in memory, which tells nobody
// how far it has been read, and can be used at the same time; nil where the
// body is not in memory.
func (b *body) Twin() io.ReadSeeker {
	if b.mem == nil {
		return nil
	}
	return &body{mem: b.mem, progress: func(int64) {}, begin: b.begin}
}

func (b *body) Read(p []byte) (int, error) {
	if b.at == 0 && b.begin != nil {
		if err := b.begin(); err != nil {
			return 0, err
		}
	}
	if b.mem == nil {
		if b.may != nil {
			if err := b.may(); err != nil {
				return 0, err
			}
		}
		n, err := b.file.Read(p)
		b.at += int64(n)
		b.tell()
		return n, err
	}
	if b.at == int64(len(b.mem)) && len(p) > 0 {
		return 0, io.EOF
	}
	n := copy(p, b.mem[b.at:])
	b.at += int64(n)
	b.tell()
	return n, nil
}

// Seek never moves behind the end.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	size := int64(len(b.mem))
	if b.mem == nil {
		size = b.file.Size()
	}
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += size
	}
	if offset < 0 || offset > size {
		return 0, errors.New("seeking out of a body")
	}
	if b.mem == nil {
		if _, err := b.file.Seek(offset, io.SeekStart); err != nil {
			return 0, err
		}
	}
	b.at = offset
	if whence == io.SeekCurrent {
		b.tell()
	}
	return offset, nil
}

func (b *body) tell() {
	if n := b.at - b.told; n != 0 {
		b.told = b.at
		b.progress(n)
	}
}

// takeBack takes back all that was told: the request has failed for good.
func (b *body) takeBack() {
	if b.told != 0 {
		b.progress(-b.told)
		b.told = 0
	}
}
