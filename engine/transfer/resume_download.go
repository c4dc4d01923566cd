package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"

	"github.com/s3haul/s3haul/engine/journal"
	"github.com/s3haul/s3haul/walker/local"
)

// A download of a large object that another run may go on with has, behind the
// content, a mark for each piece of its ranges in the temporary file: the CRC64NVME
// of the piece once it has come, and the same once more, changed by its place. A
// mark promises nothing about the order in which the system writes to the disk:
// the piece is read again, and must have that sum.
const markSize = 16

// mark returns the 16 bytes that say that piece i has come.
func mark(i int, crc uint64) (b [markSize]byte) {
	binary.BigEndian.PutUint64(b[:], crc)
	binary.BigEndian.PutUint64(b[8:], crc^markKey(i))
	return b
}

// markOf returns the sum of piece i that b tells of, and whether it does.
func markOf(i int, b []byte) (crc uint64, ok bool) {
	crc = binary.BigEndian.Uint64(b)
	return crc, binary.BigEndian.Uint64(b[8:]) == crc^markKey(i)
}

func markKey(i int) uint64 { return (uint64(i) + 1) * 0x9e3779b97f4a7c15 }

// marked is what a target has of the pieces of ranges.
type marked struct {
	// on says that they are marked as they come.
	on bool
	// size is that of the content, in front of the marks; count is their number.
	size, count int64
	// came has the sums of those pieces that an interrupted run has marked, and
	// not those that it has not.
	came map[int]uint64
	// all says that the interrupted run had everything, and had taken the marks
	// away: the content is right if it has the sum of the object.
	all bool
}

// any says whether something may be there already.
func (m *marked) any() bool { return m.all || len(m.came) > 0 }

// has says whether piece i may be there already, and the sum that it has then;
// that is not known where all is set.
func (m *marked) has(i int) (crc uint64, known, ok bool) {
	if m.all {
		return 0, false, true
	}
	crc, ok = m.came[i]
	return crc, ok, ok
}

// anew has nothing there any more: what came was not right.
func (t *target) anew() error {
	t.marks.came = nil
	if !t.marks.all {
		return nil
	}
	t.marks.all, t.marks.on = false, true
	return t.Truncate(t.marks.size + t.marks.count*markSize)
}

// mark writes down that piece i has come.
func (t *target) mark(i int, crc uint64) error {
	if !t.marks.on {
		return nil
	}
	b := mark(i, crc)
	_, err := t.WriteAt(b[:], t.marks.size+int64(i)*markSize)
	return err
}

// unmark takes the marks away: the file is complete.
func (t *target) unmark() error {
	if !t.marks.on {
		return nil
	}
	return t.Truncate(t.marks.size)
}

// rangeTarget opens the temporary file of an interrupted download of src, or
// makes one.
func (t *Transfer) rangeTarget(ctx context.Context, src Object, root *os.Root, name string, step int64) (*target, error) {
	count := (src.Size + step - 1) / step * piecesIn(step)
	if t.Journal == nil {
		return t.dirs.create(ctx, root, name, src.Size)
	}
	return t.dirs.in(root, name, func(f *target) error {
		if err := f.look(); err != nil {
			return err
		}
		dir, err := f.dir.path()
		if err != nil {
			return err
		}
		want := downloadRecord(src, filepath.Join(dir, f.base), step)
		if had, found := t.Journal.Find(want.ID); found {
			if continues(had, want) && had.Target == want.Target && filepath.Dir(had.Temp) == dir && f.reopen(filepath.Base(had.Temp), src.Size, count) {
				return nil
			}
			if err := t.abandon(had, want); err != nil {
				return err
			}
		}
		f.temp = local.TempName(rand.Uint64())
		want.Temp = filepath.Join(dir, f.temp)
		want.Intended = t.Clock(ctx)
		// Before there is such a file: nobody else would know what it is.
		if f.marks.on, err = t.Journal.Intend(ctx, want); err != nil {
			return err
		}
		size := src.Size
		if f.marks.size, f.marks.count = size, count; f.marks.on {
			size += count * markSize
		}
		chosen := f.temp
		if err := f.open(size); err != nil {
			return err
		}
		if f.temp != chosen { // somebody had a file of that name
			want.Temp = filepath.Join(dir, f.temp)
			if _, err := t.Journal.Intend(ctx, want); err != nil {
				f.remove()
				return err
			}
		}
		return nil
	})
}

func downloadID(src Object) journal.ID {
	return journal.ID{Kind: journal.Download, Bucket: src.Bucket, Key: src.Key}
}

func downloadRecord(src Object, path string, step int64) journal.Record {
	return journal.Record{
		ID: downloadID(src), Source: "s3://" + src.Bucket + "/" + src.Key, Target: path,
		Size: src.Size, ModTime: src.ModTime, ETag: src.ETag, PartSize: step,
	}
}

// abandon removes the temporary file of an interrupted download that does not go
// on, and says so.
func (t *Transfer) abandon(had, want journal.Record) error {
	if _, err := os.Lstat(had.Temp); err == nil {
		why := "its temporary file is not what it was"
		if !continues(had, want) {
			why = "it is not what it was when an interrupted run began to fetch it"
		}
		t.Notice(fmt.Sprintf("%s: %s: it is fetched anew", had.Source, why))
	}
	_, err := RemoveTemporary(had.Temp)
	return err
}

// reopen takes the temporary file of an interrupted run, if it is one and no
// living process has it, and reads which pieces it is said to have.
func (t *target) reopen(temp string, size, count int64) bool {
	if !local.IsTemp(temp) {
		return false
	}
	f, err := t.dir.OpenFile(temp, os.O_RDWR|syscall.O_NONBLOCK|nofollow, 0)
	if err != nil {
		return false
	}
	t.File, t.temp = f, temp
	fi, err := f.Stat()
	if err == nil && fi.Mode().IsRegular() && t.locked() && t.readMarks(fi, size, count) == nil {
		return true
	}
	_ = f.Close()
	t.File, t.temp = nil, ""
	return false
}

func (t *target) readMarks(fi fs.FileInfo, size, count int64) error {
	t.marks = marked{size: size, count: count}
	switch fi.Size() {
	case size:
		t.marks.all = true
		return nil
	case size + count*markSize:
		t.marks.on = true
	default:
		return errors.New("a temporary file of another size")
	}
	b := make([]byte, count*markSize)
	if _, err := t.ReadAt(b, size); err != nil {
		return err
	}
	t.marks.came = map[int]uint64{}
	for i := range int(count) {
		if crc, ok := markOf(i, b[i*markSize:]); ok {
			t.marks.came[i] = crc
		}
	}
	return nil
}

// keep leaves the temporary file for another run.
func (t *target) keep() {
	_ = t.Close()
	t.dir.release()
}
