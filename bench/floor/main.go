// Command floor is the plain loop that s3haul is measured against: the least Go
// program that does a transfer's work, file by file and part by part, with the
// SDK's signer, one http.Transport and CRC64NVME on every body. It retries
// nothing and plans nothing; an engineer writes it in a day.
//
//	floor [--workers N] up   DIR|FILE BUCKET KEY
//	floor [--workers N] down DIR|FILE BUCKET KEY
//	floor [--workers N] [--versions] list BUCKET LAYOUT:COUNT[:SIZE[:VERSIONS]]
//
// KEY is a prefix where the path ends in a slash. List fetches the pages of a
// bucket whose keys bench/s3sim makes up, as its --synthetic says, and prints how
// many there are: each worker knows where its range of them begins, and nothing
// is read of the pages but the keys' number and the last of them.
//
// AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_CA_BUNDLE are read.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// defaultWorkers is how many small files or pages are under way where nobody says.
const defaultWorkers = 64

func main() { os.Exit(run(os.Args[1:], os.Stdout)) } //nolint:forbidigo // this is main

func run(args []string, stdout io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := floor(ctx, args, stdout); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		return 1
	}
	return 0
}

func floor(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("floor", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	workers := flags.Int("workers", defaultWorkers, "small files or pages under way at a time")
	versions := flags.Bool("versions", false, "list all versions")
	if err := flags.Parse(args); err != nil {
		return err
	}
	what := flags.Arg(0)
	if need := arguments(what); need == 0 && what != "" {
		return fmt.Errorf("%q is none of up, down and list", what)
	} else if flags.NArg() != need || need == 0 || *workers < 1 || *versions && what != "list" {
		return errors.New("usage: floor [--workers N] up|down PATH BUCKET KEY, or [--versions] list BUCKET LAYOUT:COUNT[:SIZE[:VERSIONS]]")
	}
	c, err := newClient(os.Getenv, *workers)
	if err != nil {
		return err
	}
	defer c.http.CloseIdleConnections()
	if what == "list" {
		keys, err := s3sim.ParseSynthetic(flags.Arg(1) + "=" + flags.Arg(2))
		if err != nil {
			return err
		}
		n, err := (&listing{c, keys, *versions}).list(ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(stdout, n)
		return err
	}
	path, bucket, key := flags.Arg(1), flags.Arg(2), flags.Arg(3)
	tree := strings.HasSuffix(path, "/")
	switch {
	case what == "up" && tree:
		return uploadTree(ctx, c, path, bucket, key)
	case what == "up":
		return uploadFile(ctx, c, path, bucket, key)
	case tree:
		return downloadTree(ctx, c, bucket, key, path)
	}
	return downloadFile(ctx, c, bucket, key, path, 0)
}

// arguments is how many there are, what is to be done included; 0 where that is
// unknown.
func arguments(what string) int {
	switch what {
	case "up", "down":
		return 4
	case "list":
		return 3
	}
	return 0
}
