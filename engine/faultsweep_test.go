package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
	"github.com/s3haul/s3haul/walker/local"
)

// swept is a command whose operations fail one after the other. Its steps are
// given to a sweep each time anew.
type swept struct {
	name string
	// requests and calls are how many there are at least without a fault, of the
	// store and of the file system: else the sweep has gone blind.
	requests, calls int
	// ops are requests that have to be among those that failed.
	ops []string
	// before makes what is there; run does the work.
	before func(*sweep)
	run    func(context.Context, *sweep, *engine.Engine, engine.RunOptions) (engine.Summary, error)
	// look says what is not as it has to be: in the middle, after a run that failed
	// at the operation struck; else in the end.
	look func(s *sweep, middle bool, struck string) []string
	// uploads says that there are open ones from the beginning; still, that it
	// moves nothing, and so has no journal.
	uploads, still bool
	// sampled has it meet one fault in three, each at every operation: what it adds to
	// other commands is not worth the time of all.
	sampled bool
}

// sweep is one store and one directory, with the state of one fault.
type sweep struct {
	t      *testing.T
	sim    *simulated
	client *s3.Client
	dir    string // has "src", "dst" and "state"
	now    tree   // what is moved
	remote bool   // the source is taken for another store
}

// newSweep has a simulator of its own, which goes with it: thousands are made.
func newSweep(t *testing.T, now tree) (*sweep, func()) {
	sim, err := s3sim.New(s3sim.Options{}) // which does not keep large bodies, but knows its own
	must(t, err)
	must(t, sim.AddBucket("src", ""))
	must(t, sim.AddBucket("dst", ""))
	server := httptest.NewServer(sim)
	dir, err := os.MkdirTemp(t.TempDir(), "sweep") //nolint:usetesting // it is removed long before the test ends
	must(t, err)
	for _, name := range []string{"src", "dst"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o777))
	}
	s := &sweep{t: t, sim: &simulated{Server: server, sim: sim}, dir: dir, now: now}
	s.client = s.sim.client()
	return s, func() {
		server.Close()
		must(t, os.RemoveAll(dir))
	}
}

func (s *sweep) src() string { return filepath.Join(s.dir, "src") }
func (s *sweep) dst() string { return filepath.Join(s.dir, "dst") }

// sweptTree is what is moved: three small files, and one of two parts. was is what
// some of it replaces, and extra is to go.
func sweptTree(t *testing.T) tree {
	t.Helper()
	var large strings.Builder
	_, err := s3sim.Content(0).WriteRange(&large, 0, 5*mib+1)
	must(t, err)
	return tree{"a": "1", "b b/c": strings.Repeat("new ", 100), "m": "", "large": large.String()}
}

func was() tree { return tree{"b b/c": "old", "large": strings.Repeat("old", 1000)} }

func extra() tree { return tree{"x": "extra", "0": "too"} }

// fault is one that is tried.
type fault struct {
	kind    blow          // of a request; empty: of the file system
	errno   syscall.Errno // of the file system
	good    bool          // each time, and not once
	journal bool
}

func (f fault) String() string {
	what, often, journal := string(f.kind), "once", "no journal"
	if f.kind == "" {
		what = f.errno.Error()
	}
	if f.good {
		often = "for good"
	}
	if f.journal {
		journal = "journal"
	}
	return what + ", " + often + ", " + journal
}

// engine makes one; at most four requests at a time, or one.
func (s *sweep) engine(f fault) *engine.Engine {
	o := s.sim.options()
	o.PartSize, o.MaxInFlight, o.Store = 5*mib, 1, "sweep" // a decorated client does not know its endpoint
	if s.remote {
		o.Source = &engine.Remote{EndpointURL: s.sim.URL}
	}
	if f.journal {
		o.StateDir, o.MaxInFlight = filepath.Join(s.dir, "state"), 4
	}
	eng, err := engine.New(s.t.Context(), o)
	must(s.t, err)
	eng.Hurried(time.Microsecond)
	eng.Impatient(10 * time.Millisecond)
	return eng
}

// strike runs c with the fault at the i-th operation, and then without. hit says
// that there was one.
func (c *swept) strike(s *sweep, f fault, i int) (struck string, hit bool, problems []string) {
	c.before(s)
	eng, rec := s.engine(f), &recorder{}
	defer eng.Close()
	client := &saboteur{at: i, kind: f.kind, good: f.good}
	files := &breaker{at: i, errno: f.errno, good: f.good}
	if f.kind != "" {
		eng.Wrap(func(inner wire.Client) wire.Client { client.Client = inner; return client })
	} else {
		eng.SetFault(files.fault)
	}
	if s.remote {
		eng.OneStore()
	}
	sum, err := c.run(s.t.Context(), s, eng, engine.RunOptions{Report: rec})
	op, key := client.op, client.key
	struck, hit = client.struck, client.hit > 0
	if f.kind == "" {
		op, key = files.op, files.key
		struck, hit = files.struck, files.struck != ""
	}
	if !hit { // there are fewer operations, or the kind means nothing to this one
		return struck, false, nil
	}
	failed := err != nil || sum.Exit() != 0
	wrong := func(when string, all []string) {
		for _, p := range all {
			problems = append(problems, when+": "+p)
		}
	}
	said := errors.Join(err, sum.Err())
	if failed {
		if !named(rec, said, op, key) {
			problems = append(problems, fmt.Sprintf("it failed, and does not name %q: %v", key, said))
		}
		if f.kind != "" && f.kind.passes(op) && !f.good {
			problems = append(problems, fmt.Sprintf("once is too often: %v", said))
		}
	}
	wrong("after the fault", c.look(s, failed, struck))
	// A create whose answer was lost for good has an upload whose id nobody knows.
	orphaned := f.kind == lostAnswer && op == "CreateMultipartUpload" && f.good
	if !orphaned {
		wrong("after the fault", s.left(failed && f.journal, failed && c.uploads))
	}
	if eng.PoolStats().InFlight != 0 {
		problems = append(problems, "slots are taken still")
	}

	again := s.engine(f)
	defer again.Close()
	sum, err = c.run(s.t.Context(), s, again, engine.RunOptions{})
	if err != nil || sum.Exit() != 0 {
		problems = append(problems, fmt.Sprintf("the next run ended with %v; %v", err, sum.Err()))
	}
	wrong("after the next run", c.look(s, false, ""))
	if !orphaned {
		wrong("after the next run", s.left(false, false))
	}
	return struck, hit, problems
}

// named says whether a failure is of that key, or where it has none of that
// operation.
func named(rec *recorder, said error, op, key string) bool {
	text := fmt.Sprint(said)
	if key == "" {
		return strings.Contains(text, op)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return strings.Contains(text, key) || slices.ContainsFunc(rec.all, func(e report.Event) bool {
		return (e.Key == key || path.Base(e.Key) == key) && (e.Kind == report.Failed || e.Kind == report.Warning || e.Kind == report.Compared && e.Outcome != report.Equal)
	})
}

// left is what a run has left behind, and must not: temporary files, and open
// uploads, unless a journal has them.
func (s *sweep) left(journaled, uploads bool) (problems []string) {
	known := map[string]bool{}
	state := filepath.Join(s.dir, "state")
	infos, err := engine.Interrupted(s.t.Context(), state)
	must(s.t, err)
	for _, info := range infos {
		if !journaled || info.Err != nil {
			problems = append(problems, fmt.Sprintf("the journal of %s to %s is left, with %d records: %v", info.Job.Src, info.Job.Dst, len(info.Records), info.Err))
		}
		for _, rec := range info.Records {
			known[rec.UploadID], known[rec.Temp] = true, true
		}
	}
	must(s.t, filepath.WalkDir(s.dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".part") && !known[name] {
			problems = append(problems, "a temporary file is left: "+filepath.Base(name))
		}
		return nil
	}))
	for _, bucket := range []string{"src", "dst"} {
		for _, id := range s.uploads(bucket) {
			if !known[id] && !uploads {
				problems = append(problems, "an upload is open: "+id)
			}
		}
	}
	return problems
}

// over has every operation of c fail in its turn, by f: n in all, of which hits were
// met by runs, and ops is what they were.
func (c *swept) over(t *testing.T, now tree, f fault, step int) (n, hits int, ops, problems []string) {
	for i := 1; ; i += step {
		s, leave := newSweep(t, now)
		struck, hit, wrong := c.strike(s, f, i)
		leave()
		for _, p := range wrong {
			problems = append(problems, fmt.Sprintf("%s, %s, operation %d, %s: %s", c.name, f, i, struck, p))
		}
		if struck == "" {
			return i - 1, hits, ops, problems
		}
		if hit {
			hits++
			ops = append(ops, strings.Fields(struck)[0])
		}
	}
}

// faults are all there are of one side.
func faults(files bool) (all []fault) {
	for _, good := range []bool{false, true} {
		for _, journal := range []bool{false, true} {
			if files {
				for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EACCES} {
					all = append(all, fault{errno: errno, good: good, journal: journal})
				}
				continue
			}
			for _, kind := range blows() {
				all = append(all, fault{kind: kind, good: good, journal: journal})
			}
		}
	}
	return all
}

// notTwice leaves out what takes minutes and is the same with either client.
func notTwice(t *testing.T) {
	t.Helper()
	if wiretest.SDK() {
		t.Skip("the faults are above the client: the run without S3HAUL_TEST_CLIENT=sdk has them")
	}
}

// Operation i of each command fails, for each i: of the client, and of the local
// file system; in each of the ways that it can, once and for good, with a journal
// and without. The run succeeds with the right result, or fails and names the
// object, nothing half written can be seen, and the next run repairs it.
func TestFaultSweep(t *testing.T) {
	notTwice(t)
	const shown = 25 // problems of one command; more are alike
	step := 1
	if testing.Short() {
		step = 7
	}
	now := sweptTree(t)
	for _, c := range sweptCommands() {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for _, files := range []bool{false, true} {
				least, what := c.requests, "requests"
				if files {
					least, what = c.calls, "calls of the file system"
				}
				runs, most, fewest := 0, 0, 1<<30
				var (
					mu  sync.Mutex // of seen, and of what follows from each fault
					all []string
					g   errgroup.Group
				)
				g.SetLimit(4) // a run waits more than it works: for what it retries, and aborts more than once
				for i, f := range faults(files) {
					if c.sampled && i%3 != 0 {
						continue
					}
					if files && c.calls == 0 {
						break
					}
					if f.journal && c.still {
						continue
					}
					g.Go(func() error {
						n, hits, struck, problems := c.over(t, now, f, step)
						mu.Lock()
						defer mu.Unlock()
						runs += hits
						most, fewest = max(most, n), min(fewest, n)
						all = append(all, problems...)
						for _, op := range struck {
							seen[op] = true
						}
						return nil
					})
				}
				must(t, g.Wait())
				if runs == 0 {
					continue
				}
				t.Logf("%s: i = 1 to %d of %s, %d runs with a fault, %d problems", c.name, most, what, runs, len(all))
				for i, p := range all {
					if i == shown {
						t.Errorf("and %d more", len(all)-shown)
						break
					}
					t.Error(p)
				}
				if step == 1 && fewest < least {
					t.Errorf("%s has %d %s at least, and %d were to be: the sweep is blind", c.name, fewest, what, least)
				}
			}
			for _, op := range c.ops {
				if step == 1 && !seen[op] {
					t.Errorf("%s: no %s has failed, only %v", c.name, op, slices.Sorted(maps.Keys(seen)))
				}
			}
		})
	}
}

// The sweep finds what it is for: a run that is silent about a failure, one that
// does not say of which object, one that leaves something half done, and one that
// does not repair.
func TestFaultSweepFinds(t *testing.T) {
	notTwice(t)
	now := sweptTree(t)
	all := sweptCommands()
	command := func(name string) swept {
		return all[slices.IndexFunc(all, func(c swept) bool { return c.name == name })]
	}
	for _, q := range []struct {
		name, command string
		fault         fault
		breaks        func(*sweep, engine.Summary, error) (engine.Summary, error)
		want          string
	}{
		{"silent", "rm", fault{kind: denied, good: true}, func(*sweep, engine.Summary, error) (engine.Summary, error) {
			return engine.Summary{}, nil
		}, "are left"},
		{"nameless", "sync up", fault{kind: denied, good: true}, func(_ *sweep, _ engine.Summary, err error) (engine.Summary, error) {
			return engine.Summary{}, errors.New("something failed")
		}, "does not name"},
		{"half", "sync down", fault{kind: reset, good: true}, func(s *sweep, sum engine.Summary, err error) (engine.Summary, error) {
			must(s.t, os.WriteFile(filepath.Join(s.dst(), "a"), []byte("12"), 0o600))
			return sum, err
		}, `"a" has 2 bytes of something`},
		{"temporary", "sync down", fault{errno: syscall.ENOSPC}, func(s *sweep, sum engine.Summary, err error) (engine.Summary, error) {
			must(s.t, os.WriteFile(filepath.Join(s.dst(), local.TempName(1)), nil, 0o600))
			return sum, err
		}, "a temporary file is left"},
		{"deletes", "sync down", fault{errno: syscall.EIO, good: true}, func(s *sweep, sum engine.Summary, err error) (engine.Summary, error) {
			_ = os.Remove(filepath.Join(s.dst(), "x")) // the next run has removed it itself
			return sum, err
		}, `"x" was deleted`},
		{"lost", "move up", fault{kind: internal, good: true}, func(s *sweep, sum engine.Summary, err error) (engine.Summary, error) {
			_ = os.Remove(filepath.Join(s.src(), "a")) // the run may have done it
			_, derr := s.client.DeleteObject(s.t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("dst"), Key: aws.String("a")})
			must(s.t, derr)
			return sum, err
		}, `"a" is lost`},
	} {
		t.Run(q.name, func(t *testing.T) {
			c := command(q.command)
			run, broken := c.run, false
			c.run = func(ctx context.Context, s *sweep, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
				sum, err := run(ctx, s, eng, o)
				if broken {
					return sum, err
				}
				broken = true
				return q.breaks(s, sum, err)
			}
			// The fault comes first: nothing was done yet.
			s, leave := newSweep(t, now)
			defer leave()
			_, hit, problems := c.strike(s, q.fault, 1)
			if !hit || !strings.Contains(strings.Join(problems, "\n"), q.want) {
				t.Errorf("it does not find %q: hit %v, %q", q.want, hit, problems)
			}
		})
	}
}
