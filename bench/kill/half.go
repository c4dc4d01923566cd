package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
)

// half kills the upload of one large file when half of it has gone, and the
// download, and says what the run after it sends.
func (b *bench) half(ctx context.Context) error {
	for _, up := range []bool{true, false} {
		if err := b.halfOf(ctx, up); err != nil {
			return err
		}
	}
	return nil
}

// halfName is that of the file: what the simulator calls its first key.
const halfName = "object-000000000"

func (b *bench) halfOf(ctx context.Context, up bool) (err error) {
	size := b.options.halfSize
	name, bucket := "download", "made-up"
	if up {
		name, bucket = "upload", "half"
	}
	store, err := lab.Simulator{Program: b.simulator, Bucket: "half", Dir: b.dir, Flags: []string{
		"--synthetic", fmt.Sprintf("made-up=flat:1:%d", size),
	}}.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	store.Bucket = bucket
	dir := filepath.Join(b.dir, "half-"+name)
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	// Of its own: what the programs say is beside it.
	local := filepath.Join(dir, "down", halfName)
	if err := os.Mkdir(filepath.Dir(local), 0o777); err != nil {
		return err
	}
	content := s3sim.Content(0)
	moved := func(st s3sim.Stats) int64 { return st.BytesOut }
	from, to := "s3://"+bucket+"/"+halfName, local
	if up {
		moved = func(st s3sim.Stats) int64 { return st.BytesIn }
		from, to = to, from
		if err := lab.Create(local, func(file *os.File) error {
			_, err := content.WriteRange(file, 0, size)
			return err
		}); err != nil {
			return err
		}
	}
	s := &spot{dir: dir, store: store}
	// Some seconds in all, for the count is asked for again and again meanwhile.
	args := []string{
		"cp", from, to, "--json", "--part-size", "5MiB", "--concurrency", fmt.Sprint(concurrency),
		"--limit-rate", fmt.Sprintf("%dMiB", max(10, size/mib/12)),
	}
	if err := store.Reset(ctx); err != nil {
		return err
	}
	p, err := b.start(ctx, dir, s.env(), args)
	if err != nil {
		return err
	}
	began, last := time.Now(), int64(0)
	for last < size/2 && p.running() && time.Since(began) < b.options.timeout {
		stats, err := store.Stats(ctx)
		if err != nil {
			return errors.Join(err, killAll(p.cmd))
		}
		last = moved(stats)
	}
	o := outcome{twice: -1, early: !p.killAfter(0)}
	stats, err := store.Stats(ctx)
	if err != nil {
		return err
	}
	first := moved(stats)
	if err := store.Reset(ctx); err != nil {
		return err
	}
	if err := b.ends(ctx, &spot{dir: dir, store: store, args: args, done: func(ctx context.Context) (problems []error) {
		var err error
		if up {
			err = store.Holds(ctx, halfName, content.Sum(size))
		} else {
			err = (&lab.Files{Sums: map[string]checksum.CRC64NVME{halfName: content.Sum(size)}}).Same(filepath.Join(dir, "down"))
		}
		if err != nil {
			problems = append(problems, err)
		}
		problems = append(problems, openUploads(ctx, store, bucket, "")...)
		return append(problems, leftIn("of the journal", s.state())...)
	}}, &o); err != nil {
		return err
	}
	if stats, err = store.Stats(ctx); err != nil {
		return err
	}
	second := moved(stats)
	o.twice, o.may, o.unit = max(0, first+second-size), inFlight, "bytes"
	if o.early {
		o.wrong("half", errors.New("it had ended before it could be killed"))
	}
	if o.twice > o.may {
		o.wrong("half", fmt.Errorf("%d bytes were sent twice, and %d may be", o.twice, o.may))
	}
	b.table.add("half, "+name, time.Since(began), o, "--half --kills 0 --server-kills 0")
	b.table.notes = append(b.table.notes, fmt.Sprintf("half, %s of %s: the killed run moved %s, the next one %s, both together %s more than the file has",
		name, amount(size, "bytes"), amount(first, "bytes"), amount(second, "bytes"), amount(first+second-size, "bytes")))
	return ctx.Err()
}
