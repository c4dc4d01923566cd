// Command floor is the plain loop that s3haul is measured against: the least Go
// program that does a transfer's work, file by file and part by part, with the
// SDK's signer, one http.Transport and CRC64NVME on every body. It retries
// nothing, plans nothing and prints nothing; an engineer writes it in a day.
//
//	floor [--workers N] up   DIR|FILE BUCKET KEY
//	floor [--workers N] down DIR|FILE BUCKET KEY
//
// KEY is a prefix where the path ends in a slash. AWS_ENDPOINT_URL, AWS_REGION,
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_CA_BUNDLE are read.
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
)

// defaultWorkers is how many small files are under way where nobody says.
const defaultWorkers = 64

func main() { os.Exit(run(os.Args[1:])) } //nolint:forbidigo // this is main

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := floor(ctx, args); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		return 1
	}
	return 0
}

func floor(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("floor", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the error says it
	workers := flags.Int("workers", defaultWorkers, "small files under way at a time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if args = flags.Args(); len(args) != 4 || *workers < 1 {
		return errors.New("usage: floor [--workers N] up|down PATH BUCKET KEY")
	}
	c, err := newClient(os.Getenv, *workers)
	if err != nil {
		return err
	}
	defer c.http.CloseIdleConnections()
	what, path, bucket, key := args[0], args[1], args[2], args[3]
	tree := strings.HasSuffix(path, "/")
	switch {
	case what == "up" && tree:
		return uploadTree(ctx, c, path, bucket, key)
	case what == "up":
		return uploadFile(ctx, c, path, bucket, key)
	case what == "down" && tree:
		return downloadTree(ctx, c, bucket, key, path)
	case what == "down":
		return downloadFile(ctx, c, bucket, key, path, 0)
	}
	return fmt.Errorf("%q is neither up nor down", what)
}
