package pool_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3haul/s3haul/engine/pool"
)

const mib = 1 << 20

func bandwidth(t *testing.T, table pool.Timetable) *pool.Bandwidth {
	t.Helper()
	b, err := pool.NewBandwidth(table)
	if err != nil || b == nil {
		t.Fatalf("%v: %v", b, err)
	}
	return b
}

// load has n goroutines move bytes through b until done is closed, and tells
// of each piece when it may move.
func load(b *pool.Bandwidth, n int, done <-chan struct{}, moved func(at time.Time, n int)) (wait func()) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for {
				piece := b.Chunk()
				if !b.Wait(piece, done) {
					return
				}
				moved(time.Now(), piece)
				select {
				case <-done: // which is not looked at where there is no limit
					return
				default:
				}
			}
		})
	}
	return all.Wait
}

// However many connections there are, what moves in any five seconds is what
// the rate allows, within 5 %, from the first second on.
func TestBandwidthHolds(t *testing.T) {
	for _, q := range []struct {
		rate  int64
		conns int
	}{{64 << 10, 1}, {64 << 10, 50}, {mib + 12345, 7}, {20 * mib, 1}, {20 * mib, 64}, {20 * mib, 1000}, {1 << 30, 64}} {
		t.Run(fmt.Sprintf("%d/s over %d", q.rate, q.conns), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := bandwidth(t, pool.Constant(q.rate))
				const span, window, bin = 12, 5, 100 // s, s, bins a second
				var mu sync.Mutex
				bins := make([]int64, span*bin+1)
				began, done := time.Now(), make(chan struct{})
				wait := load(b, q.conns, done, func(at time.Time, n int) {
					mu.Lock()
					defer mu.Unlock()
					bins[min(int(at.Sub(began)*bin/time.Second), len(bins)-1)] += int64(n)
				})
				time.Sleep(span * time.Second)
				close(done)
				wait()
				want, sum := q.rate*window, int64(0)
				for i, n := range bins[:span*bin] {
					sum += n
					if i >= window*bin {
						sum -= bins[i-window*bin]
					}
					if i >= window*bin-1 && (sum < want*95/100 || sum > want*105/100) {
						t.Fatalf("%d bytes in the 5 s before %v, want %d", sum, time.Duration(i+1)*time.Second/bin, want)
					}
				}
			})
		})
	}
}

// After a pause no more than a little comes at once.
func TestBandwidthBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bandwidth(t, pool.Constant(10*mib))
		time.Sleep(time.Hour)
		began, moved := time.Now(), 0
		for time.Since(began) == 0 {
			if !b.Wait(b.Chunk(), nil) {
				t.Fatal("nobody said that it ended")
			}
			moved += b.Chunk()
		}
		if most := 10 * mib / 10; moved > most {
			t.Errorf("%d bytes at once, want at most %d", moved, most)
		}
	})
}

func TestBandwidthChunk(t *testing.T) {
	for rate, want := range map[int64]int{1: 4 << 10, 10 << 10: 4 << 10, mib: mib / 50, 20 * mib: 256 << 10, 1 << 40: 256 << 10} {
		if got := bandwidth(t, pool.Constant(rate)).Chunk(); got != want {
			t.Errorf("%d bytes a second: %d, want %d", rate, got, want)
		}
	}
	off := bandwidth(t, pool.Timetable{{Minute: 0, Rate: 0}, {Minute: (int(time.Now().Weekday())*24*60 + 3*24*60) % (7 * 24 * 60), Rate: 1}})
	if off.Rate() == 0 && off.Chunk() != 256<<10 {
		t.Errorf("without a limit: %d", off.Chunk())
	}
}

// First come, first served; and who asks for more than fits at once gets it in
// one turn.
func TestBandwidthOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bandwidth(t, pool.Constant(1000))
		began := time.Now()
		var mu sync.Mutex
		var got []string
		var all sync.WaitGroup
		for i, n := range []int{2000, 500, 1000, 1, 499} {
			all.Go(func() {
				if !b.Wait(n, nil) {
					t.Error("nobody said that it ended")
				}
				mu.Lock()
				defer mu.Unlock()
				got = append(got, fmt.Sprintf("%d:%d@%v", i, n, time.Since(began)))
			})
			synctest.Wait() // it waits, or is done, before the next one asks
		}
		all.Wait()
		want := "[0:2000@2s 1:500@2.5s 2:1000@3.5s 3:1@3.501s 4:499@4s]"
		if fmt.Sprint(got) != want {
			t.Errorf("%v, want %s", got, want)
		}
	})
}

// Who gives up while it waits for its turn, or for its bytes, is gone at once and
// takes nothing along.
func TestBandwidthDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bandwidth(t, pool.Constant(1000))
		began := time.Now()
		head, queued := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		for _, done := range []chan struct{}{head, queued} {
			all.Go(func() {
				if b.Wait(100_000, done) {
					t.Error("it got what there was not")
				}
			})
			synctest.Wait()
		}
		time.Sleep(time.Second)
		close(queued)
		synctest.Wait()
		close(head)
		all.Wait()
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if !b.Wait(1000, nil) || time.Since(began) > 2*time.Second {
			t.Errorf("the next thousand bytes came after %v", time.Since(began))
		}
		closed := make(chan struct{})
		close(closed)
		if !b.Wait(0, closed) {
			t.Error("nothing has to be waited for, and was")
		}
	})
}

// The rate follows the timetable while it is used: the golden line has what
// moved in each minute. Who waits for a slow byte goes on when the limit goes.
func TestBandwidthTimetable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().Local().Truncate(time.Minute)
		at := func(after int) int {
			when := start.Add(time.Duration(after) * time.Minute)
			return int(when.Weekday())*24*60 + when.Hour()*60 + when.Minute()
		}
		changes := map[int]int64{at(0): 100 << 10, at(1): 400 << 10, at(2): 50 << 10, at(4): 1, at(6): 0}
		var table pool.Timetable
		for minute := range 7 * 24 * 60 {
			if rate, ok := changes[minute]; ok {
				table = append(table, pool.Change{Minute: minute, Rate: rate})
			}
		}
		b := bandwidth(t, table)
		time.Sleep(time.Until(start.Add(time.Minute)))
		var mu sync.Mutex
		moved := map[int]int64{}
		done := make(chan struct{})
		wait := load(b, 5, done, func(when time.Time, n int) {
			mu.Lock()
			defer mu.Unlock()
			minute := int(when.Sub(start) / time.Minute)
			if moved[minute] += int64(n); minute >= 6 && moved[minute] > 10*mib {
				select {
				case <-done:
				default:
					close(done)
				}
			}
		})
		<-done
		wait()
		took := time.Since(start)
		mu.Lock()
		defer mu.Unlock()
		for minute, rate := range map[int]int64{1: 400 << 10, 2: 50 << 10, 3: 50 << 10} {
			if got, want := moved[minute], 60*rate; got < want*97/100 || got > want*103/100 {
				t.Errorf("minute %d: %d bytes, want %d", minute, got, want)
			}
		}
		if moved[4]+moved[5] > 5*4<<10 || took != 6*time.Minute {
			t.Errorf("at a byte a second %d came; without a limit all came after %v", moved[4]+moved[5], took)
		}
	})
}

func TestBandwidthOfNothing(t *testing.T) {
	for name, table := range map[string]pool.Timetable{"zero": nil, "off": {{Minute: 5}}} {
		if b, err := pool.NewBandwidth(table); b != nil || err != nil {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
	for name, table := range map[string]pool.Timetable{
		"negative": {{Rate: -1}}, "late": {{Minute: 7 * 24 * 60, Rate: 1}}, "early": {{Minute: -1, Rate: 1}},
		"twice": {{Rate: 1}, {Rate: 2}}, "disorder": {{Minute: 2, Rate: 1}, {Minute: 1, Rate: 1}},
	} {
		if b, err := pool.NewBandwidth(table); b != nil || err == nil {
			t.Errorf("%s: %v, %v", name, b, err)
		}
	}
}
