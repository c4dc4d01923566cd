// Package sorted puts what a Source yields in the order of its keys, on disk
// where it is much.
package sorted

import (
	"bufio"
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"github.com/s3haul/s3haul/walker"
)

// Options of Open.
type Options struct {
	// Dir is where the file lies; empty is that for temporary files.
	Dir string
	// Memory bounds, in bytes, what is sorted at a time, and what a walk holds of the
	// file; 0 means 8 MiB.
	Memory int
	// Pick says which of two entries of one key counts; nil takes any of them. A
	// Skipped counts more than an entry.
	Pick func(a, b walker.Entry) walker.Entry
}

// Source is an ordered Source of what another has yielded. It is not made with a
// library for sorting, since those give their result once: the two sides of a run
// walk over the same names.
type Source struct {
	o    Options
	file *os.File // nil while all is in memory
	// gone says that the file has no name any more.
	gone bool
	runs []section
	last []record // the run that is in memory
}

var _ walker.Source = (*Source)(nil)

// section is where a run lies in the file.
type section struct{ at, size int64 }

// record is what a walk yields for one key.
type record struct {
	entry walker.Entry
	skip  *walker.Skipped
}

// overhead is what an entry takes in memory beside its strings.
const overhead = 200

// Open reads src to its end. An error of src is returned, and then there is no
// Source. Close has to be called when all walks have ended.
func Open(ctx context.Context, src walker.Source, o Options) (*Source, error) {
	s := &Source{o: o}
	s.o.Memory = cmp.Or(o.Memory, 8<<20)
	held := 0
	for e, err := range src.Walk(ctx) {
		skip := walker.AsSkipped(err)
		if err == nil || skip != nil {
			s.last = append(s.last, record{e, skip})
			held += overhead + len(e.Key) + len(e.ETag) + len(e.VersionID)
			err = nil
			if held >= s.o.Memory {
				held = 0
				err = s.spill()
			}
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	s.sort()
	return s, nil
}

// sort is stable, so that of the records of one key Pick is asked in their order.
func (s *Source) sort() {
	slices.SortStableFunc(s.last, func(a, b record) int { return cmp.Compare(a.entry.Key, b.entry.Key) })
}

// spill writes the run that is in memory to the file.
func (s *Source) spill() error {
	s.sort()
	if s.file == nil {
		f, err := os.CreateTemp(s.o.Dir, "s3haul-sorted-")
		if err != nil {
			return fmt.Errorf("making a file to sort names in: %w", err)
		}
		s.file = f
		// Nobody has to clean up after a crash where a file outlives its name.
		s.gone = os.Remove(f.Name()) == nil
	}
	at := int64(0)
	if n := len(s.runs); n > 0 {
		at = s.runs[n-1].at + s.runs[n-1].size
	}
	w := bufio.NewWriterSize(io.NewOffsetWriter(s.file, at), 64<<10)
	size := int64(0)
	var b []byte
	for i := range s.last {
		b = appendRecord(b[:0], &s.last[i])
		n, err := w.Write(b)
		size += int64(n)
		if err != nil {
			return fmt.Errorf("writing the names that are sorted: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the names that are sorted: %w", err)
	}
	s.runs = append(s.runs, section{at, size})
	clear(s.last)
	s.last = s.last[:0]
	return nil
}

// Close removes the file.
func (s *Source) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if !s.gone {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	s.file = nil
	return err
}

// Ordered implements walker.Source.
func (*Source) Ordered() bool { return true }

// Walk merges the runs.
func (s *Source) Walk(ctx context.Context) iter.Seq2[walker.Entry, error] {
	return func(yield func(walker.Entry, error) bool) {
		m, err := s.merge()
		if err != nil {
			yield(walker.Entry{}, err)
			return
		}
		for n := 0; ; n++ {
			if n%64 == 0 && ctx.Err() != nil {
				yield(walker.Entry{}, context.Cause(ctx))
				return
			}
			rec, ok, err := s.next(m)
			switch {
			case err == nil && !ok && ctx.Err() != nil:
				err = context.Cause(ctx) // what was ended does not look complete
			case err == nil && !ok:
				return
			case err == nil && rec.skip != nil:
				if !yield(rec.entry, rec.skip) {
					return
				}
				continue
			}
			if !yield(rec.entry, err) || err != nil {
				return
			}
		}
	}
}

// next takes all records of the next key.
func (s *Source) next(m *merge) (record, bool, error) {
	if len(*m) == 0 {
		return record{}, false, nil
	}
	rec := (*m)[0].record
	for {
		if err := m.advance(); err != nil {
			return record{}, false, err
		}
		if len(*m) == 0 || (*m)[0].entry.Key != rec.entry.Key {
			return rec, true, nil
		}
		other := (*m)[0].record
		switch {
		case rec.skip != nil:
		case other.skip != nil:
			rec = other
		case s.o.Pick != nil:
			rec.entry = s.o.Pick(rec.entry, other.entry)
		}
	}
}

// cursor is where a merge is in one run.
type cursor struct {
	record
	order int // of the run, for records of one key
	read  func(*record) error
}

// merge is a heap of cursors by key.
type merge []*cursor

func (m merge) Len() int      { return len(m) }
func (m merge) Swap(i, j int) { m[i], m[j] = m[j], m[i] }
func (m *merge) Push(any)     {} // heap.Init and heap.Fix alone are used, and heap.Pop

// Less implements heap.Interface.
func (m merge) Less(i, j int) bool {
	if c := cmp.Compare(m[i].entry.Key, m[j].entry.Key); c != 0 {
		return c < 0
	}
	return m[i].order < m[j].order
}

// Pop implements heap.Interface.
func (m *merge) Pop() any {
	n := len(*m) - 1
	c := (*m)[n]
	*m = (*m)[:n]
	return c
}

// advance moves the first cursor on.
func (m *merge) advance() error {
	c := (*m)[0]
	switch err := c.read(&c.record); {
	case errors.Is(err, io.EOF):
		heap.Pop(m)
	case err != nil:
		return err
	default:
		heap.Fix(m, 0)
	}
	return nil
}

// merge opens all runs.
func (s *Source) merge() (*merge, error) {
	m := &merge{}
	add := func(read func(*record) error) error {
		c := &cursor{order: len(*m), read: read}
		err := read(&c.record)
		if err == nil {
			*m = append(*m, c)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	for _, run := range s.runs {
		size := min(max(s.o.Memory/len(s.runs), 4<<10), 256<<10)
		r := bufio.NewReaderSize(io.NewSectionReader(s.file, run.at, run.size), size)
		if err := add(func(rec *record) error { return readRecord(r, rec) }); err != nil {
			return nil, err
		}
	}
	rest := s.last
	err := add(func(rec *record) error {
		if len(rest) == 0 {
			return io.EOF
		}
		*rec, rest = rest[0], rest[1:]
		return nil
	})
	heap.Init(m)
	return m, err
}
