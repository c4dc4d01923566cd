// Command pgo makes the profile that s3haul is compiled with
// (https://go.dev/doc/pgo): it does what people do with s3haul, against a
// simulator in a process of its own, and writes where the time went.
//
//	go run ./bench/pgo -o cmd/s3haul/default.pgo
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
)

const (
	smallFiles = 20_000
	smallSize  = 4 << 10
	largeSize  = 2 << 30
	listed     = 300_000
	bucket     = "pgo"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pgo:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(args []string) (err error) {
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt)
	defer release()
	flags := flag.NewFlagSet("pgo", flag.ContinueOnError)
	out := flags.String("o", "default.pgo", "`FILE` to write")
	base := flags.String("dir", "", "`DIR` for 4 GiB of data, best on a tmpfs; default the system's temporary one")
	if err := flags.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(*base, "s3haul-pgo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := makeFiles(dir); err != nil {
		return err
	}
	store, stop, err := simulator(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	eng, err := engine.New(ctx, store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, eng.Close()) }()

	profile := filepath.Join(dir, "profile")
	f, err := os.Create(profile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	err = work(ctx, eng, dir)
	pprof.StopCPUProfile()
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	b, err := os.ReadFile(profile)
	if err != nil {
		return err
	}
	return os.WriteFile(*out, b, 0o666)
}

// makeFiles writes many small files and a large one.
func makeFiles(dir string) error {
	content := s3sim.Content(0)
	small := make([]byte, smallSize)
	for i := range smallFiles {
		name := filepath.Join(dir, "small", fmt.Sprintf("%03d", i/100), fmt.Sprintf("%05d.bin", i))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			return err
		}
		if _, err := content.ReadAt(small, int64(i)); err != nil {
			return err
		}
		if err := os.WriteFile(name, small, 0o666); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(dir, "large.bin"))
	if err != nil {
		return err
	}
	_, err = content.WriteRange(f, 0, largeSize)
	return errors.Join(err, f.Close())
}

// simulator builds and starts bench/s3sim.
func simulator(ctx context.Context, dir string) (engine.Options, func() error, error) {
	program := filepath.Join(dir, "s3sim")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/s3haul/s3haul/bench/s3sim/cmd/s3sim")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return engine.Options{}, nil, fmt.Errorf("building the simulator: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "--json", "--bucket", bucket, "--synthetic", fmt.Sprintf("listed=dirs:%d", listed))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return engine.Options{}, nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return engine.Options{}, nil, err
	}
	if err := cmd.Start(); err != nil {
		return engine.Options{}, nil, fmt.Errorf("starting the simulator: %w", err)
	}
	stop := func() error { return errors.Join(stdin.Close(), cmd.Wait()) }
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return engine.Options{}, nil, errors.Join(fmt.Errorf("reading where the simulator listens: %w", err), stop())
	}
	var says struct {
		Endpoint string `json:"endpoint"`
		Region   string `json:"region"`
		ID       string `json:"access_key_id"`
		Secret   string `json:"secret_access_key"`
	}
	if err := json.Unmarshal(line, &says); err != nil {
		return engine.Options{}, nil, errors.Join(fmt.Errorf("reading where the simulator listens: %w", err), stop())
	}
	return engine.Options{EndpointURL: says.Endpoint, Region: says.Region, AccessKeyID: says.ID, SecretAccessKey: says.Secret}, stop, nil
}

// work is what people do, in about equal shares of the time.
func work(ctx context.Context, eng *engine.Engine, dir string) error {
	small, large := engine.Dir(filepath.Join(dir, "small")), filepath.Join(dir, "large.bin")
	sync := func(from, to engine.Location) error {
		sum, err := eng.Sync(ctx, from, to, engine.SyncOptions{})
		return errors.Join(err, sum.Err())
	}
	if err := sync(small, engine.Bucket(bucket, "small/")); err != nil {
		return err
	}
	for range 3 { // nothing to do
		if err := sync(small, engine.Bucket(bucket, "small/")); err != nil {
			return err
		}
	}
	if err := sync(engine.Bucket(bucket, "small/"), engine.Dir(filepath.Join(dir, "back"))); err != nil {
		return err
	}
	for i, ends := range [][2]engine.Location{
		{engine.File(large), engine.Object(bucket, "large.bin")},
		{engine.Object(bucket, "large.bin"), engine.File(filepath.Join(dir, "large.back"))},
	} {
		sum, err := eng.Copy(ctx, ends[0], ends[1], engine.CopyOptions{})
		if err = errors.Join(err, sum.Err()); err != nil {
			return fmt.Errorf("copy %d: %w", i, err)
		}
	}
	n := 0
	for _, err := range eng.List(ctx, engine.Bucket("listed", ""), engine.ListOptions{}) {
		if err != nil {
			return err
		}
		n++
	}
	if n != listed {
		return fmt.Errorf("%d keys were listed of %d", n, listed)
	}
	return nil
}
