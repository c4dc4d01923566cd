package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
)

// The crash model: bbolt writes the pages of a commit, syncs, writes a meta page,
// and syncs. At a crash, of what was written since the last sync each sector of
// 512 bytes may be on the disk or not. So from the file before and after each
// commit the images are made that the next run may find, and all are opened: what
// was promised before is there, and what is there was written.

const sector = 512

// states is what the driver of a crash test knows of the records.
type states struct {
	mu      sync.Mutex
	written map[ID][]Record // each version, in order
	durable map[ID]int      // how many of them are promised; 0 after a Forget
}

func (s *states) writing(r Record) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written[r.ID] = append(s.written[r.ID], r)
	return len(s.written[r.ID])
}

func (s *states) promised(id ID, version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.durable[id] = version
}

// demand is what an image has to hold: of each record this version or a later one.
func (s *states) demand() map[ID]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := map[ID]int{}
	for id, v := range s.durable {
		if v > 0 {
			d[id] = v
		}
	}
	return d
}

// drive makes the changes of one run on keys of its own: records are intended,
// begun, and mostly forgotten.
func (s *states) drive(t *testing.T, j *Journal, g, n int, rng *rand.Rand) {
	for i := range n {
		r := record(fmt.Sprintf("%d/%d/%s", g, i%40, string(bytes.Repeat([]byte{'k'}, rng.IntN(60)))))
		v := s.writing(r)
		if ok, err := j.Intend(t.Context(), r); !ok || err != nil {
			t.Errorf("Intend = %v, %v", ok, err)
			return
		}
		s.promised(r.ID, v)
		if rng.IntN(2) == 0 {
			r.UploadID = fmt.Sprintf("upload-%d", i)
			v = s.writing(r)
			if err := j.Begun(t.Context(), r.ID, r.UploadID); err != nil {
				t.Error(err)
				return
			}
			s.promised(r.ID, v)
		}
		if rng.IntN(3) > 0 {
			s.promised(r.ID, 0)
			j.Forget(r.ID)
		}
	}
}

// shot is the file before and after a commit, and what it has to hold.
type shot struct {
	before, after []byte
	demand        map[ID]int
}

// images makes what may be on the disk in the midst of the commit, or just after.
func (s shot) images(rng *rand.Rand, n int) [][]byte {
	var all [][]byte
	for i := range n {
		full := append([]byte(nil), s.after...)
		if i%6 == 0 { // all pages are there, and of the meta page what was written by then
			for at := 0; at < 2*pageSize; at += sector {
				if rng.IntN(2) == 0 {
					copy(full[at:at+sector], s.before[at:])
				}
			}
			if rng.IntN(4) == 0 { // a disk that tears within a sector
				at := rng.IntN(2)*pageSize + rng.IntN(80)
				copy(full[at/pageSize*pageSize:at], s.before[at/pageSize*pageSize:])
			}
			all = append(all, full)
			continue
		}
		// The meta pages are those of before, of the others some sectors are new.
		image := append([]byte(nil), s.before...)
		if rng.IntN(8) > 0 { // the new length is there already
			image = append(image, make([]byte, len(full)-len(image))...)
		}
		odds := 1 + rng.IntN(8)
		for page := 2 * pageSize; page < len(image); page += pageSize {
			torn := rng.IntN(4) == 0
			whole := rng.IntN(odds) == 0
			for at := page; at < page+pageSize; at += sector {
				if torn && rng.IntN(2) == 0 || !torn && whole {
					copy(image[at:at+sector], full[at:])
				}
			}
		}
		all = append(all, image)
	}
	return all
}

// check opens an image and compares it with what may be in it.
func (s *states) check(t *testing.T, dir string, image []byte, demand map[ID]int) {
	t.Helper()
	got, err := tryImage(t, dir, image)
	if err != nil {
		t.Fatalf("an image of a crash: %v", err)
	}
	have := map[ID]bool{}
	for _, r := range got {
		have[r.ID] = true
		v := slices.Index(s.written[r.ID], r)
		if v < 0 {
			t.Fatalf("%+v was never written", r)
		}
		if v < demand[r.ID]-1 && !slices.Contains(s.written[r.ID][demand[r.ID]-1:], r) {
			t.Fatalf("%+v is older than what was promised", r)
		}
	}
	for id := range demand {
		if !have[id] {
			t.Fatalf("%+v is lost, of %d", id, len(demand))
		}
	}
}

func TestCrash(t *testing.T) {
	images, ops := 2800, 24
	if testing.Short() {
		images, ops = 240, 12
	}
	rng := rand.New(rand.NewPCG(3, 4))
	s := &states{written: map[ID][]Record{}, durable: map[ID]int{}}
	dir := t.TempDir()
	var shots []shot
	var now shot
	path := fileOf(dir)
	j := Open(Options{Dir: dir, Job: job(), hooks: hooks{
		commit: func() error {
			now = shot{demand: s.demand()}
			var err error
			now.before, err = os.ReadFile(path)
			return err
		},
		committed: func() {
			now.after, _ = os.ReadFile(path)
			shots = append(shots, now)
		},
	}})
	var wg sync.WaitGroup
	for g := range 8 {
		seed := rng.Uint64()
		wg.Go(func() { s.drive(t, j, g, ops, rand.New(rand.NewPCG(seed, 5))) })
	}
	wg.Wait()
	end := s.demand()
	if err := j.Close(false); err != nil {
		t.Fatal(err)
	}
	if len(shots) < ops || t.Failed() {
		t.Fatalf("%d commits", len(shots))
	}
	last := read(t, path)
	work := t.TempDir()
	s.check(t, work, last, end)

	seed := maphash.MakeSeed()
	tried, distinct := 0, map[uint64]bool{}
	for i, sh := range shots {
		if len(sh.after) < len(sh.before) {
			t.Fatalf("commit %d made the file shorter", i)
		}
		for _, image := range sh.images(rng, images/len(shots)+1) {
			distinct[maphash.Bytes(seed, image)] = true
			s.check(t, work, image, sh.demand)
			if tried++; tried%40 == 0 {
				goOn(t, work, image)
			}
		}
	}
	t.Logf("%d images of %d commits, %d of them distinct, of up to %d bytes", tried, len(shots), len(distinct), len(last))
}

// goOn has the next run write to what it found, and the one after that read it.
func goOn(t *testing.T, dir string, image []byte) {
	t.Helper()
	write(t, fileOf(dir), image)
	j, tr := open(t, dir)
	before := len(j.Unclaimed())
	mustIntend(t, j, record("new"), record("newer"))
	j.Forget(record("new").ID)
	if err := j.Close(false); err != nil {
		t.Fatal(err)
	}
	tr.want(t, nil)
	j, tr = open(t, dir)
	if _, ok := j.Find(record("newer").ID); !ok || len(j.Unclaimed()) != before {
		t.Fatalf("%d records, before %d", len(j.Unclaimed()), before)
	}
	tr.want(t, nil)
	j.Close(false)
}

// The crash comes while the file is made: nothing was promised, and the next run
// has a journal, new if need be.
func TestCrashAtTheBeginning(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 7))
	dir, work := t.TempDir(), t.TempDir()
	s, _, _, err := openStore(fileOf(dir), job(), true)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(false); err != nil {
		t.Fatal(err)
	}
	whole := read(t, fileOf(dir))
	images := 150
	if testing.Short() {
		images = 30
	}
	damages := 0
	for range images {
		image := append([]byte(nil), whole...)
		if rng.IntN(2) == 0 {
			image = image[:rng.IntN(5)*pageSize]
		}
		for at := 0; at < len(image); at += sector {
			if rng.IntN(3) == 0 {
				clear(image[at : at+sector])
			}
		}
		got, err := tryImage(t, work, image)
		if len(got) != 0 || err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatalf("%d records, %v", len(got), err)
		}
		if err != nil {
			damages++
		}
		j, tr := open(t, work)
		mustIntend(t, j, record("a"))
		tr.want(t, nil)
		j.Forget(record("a").ID)
		if err := j.Close(true); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d images, %d of them damaged", images, damages)
}

// The file is copied while the process writes, which is what is left of it when
// it is killed: of a copy that no commit has ended in between, all is as above.
func TestCopiesAtAnyTime(t *testing.T) {
	s := &states{written: map[ID][]Record{}, durable: map[ID]int{}}
	dir, work := t.TempDir(), t.TempDir()
	path := fileOf(dir)
	j := Open(Options{Dir: dir, Job: job()})
	first := record("first")
	s.promised(first.ID, s.writing(first))
	mustIntend(t, j, first)
	var wg sync.WaitGroup
	ended := make(chan struct{})
	for g := range 4 {
		wg.Go(func() { s.drive(t, j, g, 30, rand.New(rand.NewPCG(uint64(g), 8))) })
	}
	go func() {
		wg.Wait()
		close(ended)
	}()
	type copied struct {
		image  []byte
		demand map[ID]int
	}
	var copies []copied
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
		}
		c := copied{demand: s.demand()}
		one := read(t, path)
		c.image = read(t, path)
		two := read(t, path)
		if bytes.Equal(one[:2*pageSize], two[:2*pageSize]) && bytes.Equal(one[:2*pageSize], c.image[:2*pageSize]) {
			copies = append(copies, c)
		}
	}
	if err := j.Close(false); err != nil {
		t.Fatal(err)
	}
	for i, c := range copies {
		if i%(1+len(copies)/400) != 0 {
			continue // as many as disks are fast
		}
		// A Forget may be in the image, though not in what was asked for before.
		for id := range c.demand {
			if s.durable[id] == 0 {
				delete(c.demand, id)
			}
		}
		s.check(t, work, c.image, c.demand)
	}
	t.Logf("%d copies", len(copies))
}
