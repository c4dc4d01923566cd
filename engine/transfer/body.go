package transfer

import "io"

// body is what a request sends: it tells how far it has been read, and takes it
// back where it is rewound to be sent again. It has no WriteTo on purpose: the
// SDK reads it under a lock that must not be held for the whole of it.
type body struct {
	r        io.ReadSeeker
	at       int64
	progress func(int64)
	// begin, where it is not nil, is asked before the first byte is read.
	begin func() error
}

func (b *body) Read(p []byte) (int, error) {
	if b.at == 0 && b.begin != nil {
		if err := b.begin(); err != nil {
			return 0, err
		}
	}
	n, err := b.r.Read(p)
	if n > 0 {
		b.at += int64(n)
		b.progress(int64(n))
	}
	return n, err
}

func (b *body) Seek(offset int64, whence int) (int64, error) {
	to, err := b.r.Seek(offset, whence)
	if err == nil && to != b.at {
		b.progress(to - b.at)
		b.at = to
	}
	return to, err
}
