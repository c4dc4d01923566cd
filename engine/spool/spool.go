// Package spool keeps actions until they may run: deletes wait until both
// sides are listed and everything else went well, and there may be more of
// them than memory holds.
package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"sync"

	"github.com/s3haul/s3haul/engine/plan"
)

// blockSize is where a block of encoded actions is full: what is not more than
// that never touches the disk.
const blockSize = 64 << 10

// headerSize is that of a block: length of what follows, number of actions,
// number of the block, and CRC32C of all that but itself.
const headerSize = 16

// ErrCorrupt is in the chain of the error where the file does not hold what
// was written. None of the actions of the damaged block is yielded.
var ErrCorrupt = errors.New("the spool file is damaged")

// ErrClosed is in the chain of the error where a Spool is used after Close.
var ErrClosed = errors.New("the spool is closed")

// file is what a Spool needs of an *os.File.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Name() string
}

// Spool keeps actions in the order in which they were added: the first 64 KiB
// in memory, what comes after that in a temporary file, so that it needs about
// 200 KiB whatever it holds. It may be used from several goroutines.
//
// The file is for this process alone: its mode is 0600, and on Unix it has no
// name as soon as it is there, so that nothing is left behind whatever kills
// the process. Elsewhere Close removes it.
type Spool struct {
	dir    string
	create func(dir string) (f file, remove string, err error)
	full   int // blockSize, but for tests

	mu     sync.Mutex
	f      file
	remove string // a path that Close has to remove
	end    int64  // bytes in f
	blocks uint32 // blocks in f
	count  int64  // actions in f
	buf    []byte // the block that is not full yet, with room for its header
	enc    encoder
	// broken is the error of the first failed write. What was being written is
	// lost, so nothing may be added or read any more.
	broken error
}

// New returns an empty Spool whose file, if one is needed, will be in dir; an
// empty dir is os.TempDir().
func New(dir string) *Spool {
	return &Spool{dir: dir, create: createTemp, full: blockSize}
}

func createTemp(dir string) (file, string, error) {
	f, err := os.CreateTemp(dir, "s3haul-spool-*") // 0600
	if err != nil {
		return nil, "", err
	}
	if removeOpen(f.Name()) {
		return f, "", nil
	}
	return f, f.Name(), nil
}

// Add appends a. Times keep their instant, to the nanosecond, and come back as
// UTC. An error, as of a full disk, names the file; after one nothing can be
// added or read any more, since a plan with a hole is not the plan.
func (s *Spool) Add(a plan.Action) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if s.buf == nil {
		s.buf = make([]byte, headerSize, headerSize+s.full+1024)
	}
	s.buf = s.enc.append(s.buf, a)
	if len(s.buf)-headerSize < s.full {
		return nil
	}
	if err := s.flush(); err != nil {
		s.broken = fmt.Errorf("spooling %s %q: %w", a.Op, a.Key, err)
	}
	return s.broken
}

// flush writes the block and begins a new one.
func (s *Spool) flush() error {
	if s.f == nil {
		f, remove, err := s.create(s.dir)
		if err != nil {
			return fmt.Errorf("creating the spool file: %w", err)
		}
		s.f, s.remove = f, remove
	}
	seal(s.buf, s.enc.count, s.blocks)
	if _, err := s.f.WriteAt(s.buf, s.end); err != nil {
		return fmt.Errorf("writing the spool file %s: %w", s.f.Name(), err)
	}
	s.end += int64(len(s.buf))
	s.count += int64(s.enc.count)
	s.blocks++
	s.buf = s.buf[:headerSize]
	s.enc.reset()
	return nil
}

// seal fills in the header of block.
func seal(block []byte, count, number uint32) {
	binary.LittleEndian.PutUint32(block[0:], uint32(len(block)-headerSize))
	binary.LittleEndian.PutUint32(block[4:], count)
	binary.LittleEndian.PutUint32(block[8:], number)
	binary.LittleEndian.PutUint32(block[12:], checksum(block))
}

func checksum(block []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli) // Made once by the library.
	return crc32.Update(crc32.Checksum(block[:12], table), table, block[headerSize:])
}

// Len returns the number of actions that were added.
func (s *Spool) Len() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count + int64(s.enc.count)
}

// Bytes returns the size of the encoded actions, in memory and on disk.
func (s *Spool) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end + int64(max(0, len(s.buf)-headerSize))
}

// Close drops the actions and removes the file. It may be called again.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if s.f != nil {
		if err := s.f.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing the spool file: %w", err))
		}
	}
	if s.remove != "" {
		if err := os.Remove(s.remove); err != nil {
			errs = append(errs, fmt.Errorf("removing the spool file: %w", err))
		}
	}
	s.f, s.remove, s.buf = nil, "", nil
	s.end, s.blocks, s.count = 0, 0, 0
	s.enc.reset()
	s.broken = ErrClosed
	return errors.Join(errs...)
}

// All yields the actions in the order in which they were added, up to the last
// one that was added before the range began. It can be ranged over again. An
// error is the last thing that is yielded: [ErrCorrupt], or that of ctx, of
// reading, or of the Add that failed.
func (s *Spool) All(ctx context.Context) iter.Seq2[plan.Action, error] {
	return func(yield func(plan.Action, error) bool) {
		r, err := s.reader()
		if err != nil {
			yield(plan.Action{}, fmt.Errorf("reading spooled actions: %w", err))
			return
		}
		if err := r.run(ctx, yield); err != nil {
			yield(plan.Action{}, err)
		}
	}
}

// reader notes what there is at this moment; it needs no lock afterwards.
func (s *Spool) reader() (*reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, s.broken
	}
	r := &reader{f: s.f, end: s.end, blocks: s.blocks, count: s.count}
	if s.enc.count > 0 {
		r.tail = append(r.tail, s.buf[headerSize:]...)
		r.tailCount = s.enc.count
	}
	return r, nil
}
