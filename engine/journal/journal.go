// Package journal keeps what an interrupted run need not do again: which large
// objects were under way, and where. It is kept in one file a job, of mode 0600,
// and has no secret in it: no credentials, no signature, no content.
//
// Nothing in a journal is believed: whoever goes on by it compares what is there
// (the parts that the store lists, the bytes of a temporary file) first. So a
// record that is lost, or late, costs a transfer and not its correctness.
package journal

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Job says what a run is to do. Two runs of one Job share a journal.
type Job struct {
	// Endpoint is the URL of the store, Account something that tells apart whose
	// buckets they are, without being a secret: the access key id, hashed.
	Endpoint, Account string
	// Op is the verb: upload, download, copy, move.
	Op string
	// Src and Dst are the two sides in full: absolute paths, s3://bucket/prefix.
	Src, Dst string
}

// Kind says what a Record is about.
type Kind string

// The kinds.
const (
	Upload   Kind = "upload"
	Download Kind = "download"
	Copy     Kind = "copy"
)

// ID names a record. Bucket and Key are those of the object that is written,
// of a Download those of the one that is read.
type ID struct {
	Kind        Kind
	Bucket, Key string
}

// Record is one large object that is under way.
type Record struct {
	ID
	// Source is where the bytes come from, and Target where a download goes, for
	// people: absolute paths, s3://bucket/key.
	Source, Target string
	// Size, ModTime, ChangeTime and Inode are those of the source when it was
	// begun; ETag is that of a source in S3.
	Size       int64
	ModTime    time.Time
	ChangeTime time.Time
	Inode      uint64
	ETag       string
	// PartSize is the size of the parts or ranges, Algorithm how they are summed.
	PartSize  int64
	Algorithm string
	// Attributes tells apart what the upload was begun with beside the content;
	// empty is nothing, and what records have that are from before there was any.
	Attributes string
	// Intended is when the record was made, by the clock of the store as far as
	// that is known.
	Intended time.Time
	// UploadID is that of the multipart upload; empty until it is known.
	UploadID string
	// Temp is the path of the temporary file of a download.
	Temp string
	// Tries is how many runs may have begun an upload and not have lived to write
	// down its id.
	Tries int
}

// Errors of a journal that cannot be used. The work goes on without.
var (
	// ErrLocked: a living process has it.
	ErrLocked = errors.New("another s3haul works on the same job")
	// ErrDamaged: it was cut off, or is no journal.
	ErrDamaged = errors.New("the journal is damaged")
	// ErrVersion: another version of s3haul has written it.
	ErrVersion = errors.New("the journal is of another version of s3haul")
	// ErrMeanwhile: there was none when it was opened, and another run has come and
	// gone since, and has left one.
	ErrMeanwhile = errors.New("another s3haul has worked on the same job meanwhile")
	// ErrForeign: it is that of another job, or endpoint.
	ErrForeign = errors.New("the journal is of another job")
)

// Options of Open.
type Options struct {
	// Dir is the directory of the journals; it is made, with mode 0700.
	Dir string
	Job Job
	// Trouble is told once why there is no journal, or none any more: an error
	// that wraps one of the above, or that of the file system. One that is damaged
	// is replaced by a new one; it is told that, too. It may be called by any of
	// the methods and by another goroutine, and must not call them. nil tells
	// nobody.
	Trouble func(error)

	hooks hooks
}

// hooks are where tests look, or let things fail.
type hooks struct {
	commit    func() error // before a commit
	committed func()       // after it
}

// entry is a record as it is known, written already or on the way.
type entry struct {
	Record
	old     bool // of an interrupted run, and not written again since
	claimed bool
}

// Journal is that of one job, for as long as it runs. It may be used
// concurrently. Where its file cannot be used, it holds nothing and says so once.
type Journal struct {
	o    Options
	path string

	mu      sync.Mutex
	entries map[ID]*entry
	dirs    map[string]*batch // how each was written
	oldDirs []string
	first   []string // what there was of them when it was opened, and had no file
	off     bool     // there is none, or none any more
	told    bool
	closed  bool
	err     error // of what failed while it was closed

	// The commits, see commit.go. What is queued waits in next.
	next    *batch
	urgent  bool
	running bool
	wake    chan struct{}
	stop    chan struct{}
	ended   chan struct{}

	store *store // nil until there is a file
	temps directories
}

// Open opens the journal of a job. A file is made with the first record only: a
// run of small files has none. Of one that is there, all records are read.
func Open(o Options) *Journal {
	j := &Journal{
		o: o, path: filepath.Join(o.Dir, o.Job.name()+suffix),
		entries: map[ID]*entry{}, dirs: map[string]*batch{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	j.temps.path = directoriesOf(j.path)
	st, err := os.Stat(j.path)
	switch {
	case err == nil && st.Mode().IsRegular() && st.Size() == 0:
		// Nothing was written yet when its process ended.
		j.first, _ = j.temps.read()
	case err == nil:
		if err := j.attach(false); err != nil {
			j.fail(err)
		}
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR):
		j.first, _ = j.temps.read() // an error is one of attach, too
	default:
		j.fail(fmt.Errorf("looking for a journal: %w", err))
	}
	return j
}

// Path is that of the journal's file, which need not be there.
func (j *Journal) Path() string { return j.path }

// name is that of the file of a job.
func (o Job) name() string {
	h := sha256.New()
	for _, s := range []string{o.Endpoint, o.Account, o.Op, o.Src, o.Dst} {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// attach opens the file and takes over what it says. It is called by Open, and
// where that finds none, by the goroutine of the commits.
func (j *Journal) attach(create bool) error {
	s, old, why, err := openStore(j.path, j.o.Job, create)
	if errors.Is(err, fs.ErrNotExist) && !create {
		return nil // it was removed in between: its job has ended
	}
	if err != nil {
		return err
	}
	if s == nil {
		j.tell(why)
		return nil
	}
	dirs, err := j.temps.read()
	if err != nil {
		return errors.Join(err, s.close(false))
	}
	j.mu.Lock()
	if j.overtaken(old.records, dirs) {
		j.mu.Unlock()
		return errors.Join(fmt.Errorf("%s: %w", j.path, ErrMeanwhile), s.close(false))
	}
	j.store = s
	for _, r := range old.records {
		if j.entries[r.ID] == nil {
			j.entries[r.ID] = &entry{Record: r, old: true}
		}
	}
	for _, d := range dirs {
		if j.dirs[d] == nil {
			j.dirs[d] = done(nil)
		}
	}
	j.oldDirs = dirs
	j.mu.Unlock()
	if why != nil {
		j.tell(why)
	}
	return nil
}

// overtaken says that this run has begun objects without knowing of what the file
// has: what it wrote might take the place of an upload, or of a temporary file,
// that nobody would know of then. The caller has the lock.
func (j *Journal) overtaken(records []Record, dirs []string) bool {
	if len(j.entries) == 0 {
		return false
	}
	return len(records) > 0 || slices.ContainsFunc(dirs, func(d string) bool { return !slices.Contains(j.first, d) })
}

// fail ends the journal: nothing is written any more. Its file stays as it is,
// and locked until Close, since what it says is under way in this process.
func (j *Journal) fail(err error) {
	j.mu.Lock()
	j.off = true
	if j.closed && j.err == nil {
		j.err = err
	}
	closed := j.closed
	j.mu.Unlock()
	if !closed {
		j.tell(err)
	}
}

func (j *Journal) tell(err error) {
	j.mu.Lock()
	tell := !j.told && j.o.Trouble != nil
	j.told = true
	j.mu.Unlock()
	if tell {
		j.o.Trouble(err)
	}
}

// Find returns the record of an interrupted run, and claims it: it is dealt
// with, and not found a second time.
func (j *Journal) Find(id ID) (Record, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e := j.entries[id]
	if e == nil || !e.old || e.claimed {
		return Record{}, false
	}
	e.claimed = true
	return e.Record, true
}

// Intend writes r down, durably: when it returns true, r is there after a crash
// of the machine. False means that there is no journal, and that nothing is to
// be left behind for another run. Several calls at a time share one fsync. The
// error is that of ctx; r may be written all the same then.
func (j *Journal) Intend(ctx context.Context, r Record) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	j.mu.Lock()
	c, err := put(r)
	if err != nil || j.off || j.closed {
		j.mu.Unlock()
		return false, nil // a name that is too long has no record
	}
	j.entries[r.ID] = &entry{Record: r}
	b := j.queue(c, true)
	j.mu.Unlock()
	return b.wait(ctx)
}

// put is the change that writes r.
func put(r Record) (change, error) {
	key, value, err := encodeRecord(r)
	if err == nil && len(key) > bolt.MaxKeySize {
		err = fmt.Errorf("a key of %d bytes", len(key))
	}
	return change{key, value}, err
}

// Begun adds the upload id to a record. It survives the end of the process
// when it returns, and that of the machine soon after. The error is that of ctx.
func (j *Journal) Begun(ctx context.Context, id ID, uploadID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.mu.Lock()
	e := j.entries[id]
	if e == nil || j.off || j.closed {
		j.mu.Unlock()
		return nil
	}
	r := e.Record
	r.UploadID = uploadID
	c, err := put(r)
	if err != nil {
		j.mu.Unlock()
		return nil
	}
	e.Record = r
	b := j.queue(c, true)
	j.mu.Unlock()
	_, err = b.wait(ctx)
	return err
}

// Forget removes a record, some time soon and by Close at the latest.
func (j *Journal) Forget(id ID) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.entries[id] == nil {
		return
	}
	delete(j.entries, id)
	if !j.off && !j.closed {
		j.queue(change{key: id.key()}, false)
	}
}

// Unclaimed are the records of the interrupted run that Find has not returned
// and Forget has not removed, by bucket and key.
func (j *Journal) Unclaimed() []Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	var rs []Record
	for _, e := range j.entries {
		if e.old && !e.claimed {
			rs = append(rs, e.Record)
		}
	}
	slices.SortFunc(rs, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Kind, b.Kind))
	})
	return rs
}

// Close writes what is left to write. Where complete is true the directories
// are forgotten, too; a journal without records is removed. What it cannot
// write is its error, and not told otherwise. Later calls do nothing.
func (j *Journal) Close(complete bool) error {
	j.mu.Lock()
	if j.closed {
		j.mu.Unlock()
		return nil
	}
	j.closed = true
	running := j.running
	j.mu.Unlock()
	if running {
		close(j.stop)
		<-j.ended
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.store == nil {
		return j.err
	}
	forget := complete && !j.off || len(j.dirs) == 0
	err := j.temps.close(forget)
	empty := len(j.entries) == 0 && !j.off && forget && err == nil
	return errors.Join(j.err, err, j.store.close(empty))
}
