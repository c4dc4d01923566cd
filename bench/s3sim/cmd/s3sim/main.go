// Command s3sim serves a simulated S3 for tests and benchmarks: see package
// s3sim, and s3sim --help.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// closeWithin bounds the end of requests that are under way at the end.
const closeWithin = 5 * time.Second

func main() {
	if os.Getenv("GOGC") == "" {
		// The simulator must cost little CPU where it shares a machine with the
		// client that is measured; its memory is small.
		debug.SetGCPercent(400)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var stdin io.Reader
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		stdin = os.Stdin
	}
	code := run(ctx, os.Args[1:], stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code) //nolint:forbidigo // this is main
}

// run serves until ctx or stdin ends, and returns the exit code: 1 where it
// failed, 2 where it was not asked rightly. A nil stdin is not waited for.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	set, err := parse(args, stderr)
	if errors.Is(err, pflag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "s3sim:", err)
		return 2
	}
	if err := serve(ctx, set, stdin, stdout); err != nil {
		fmt.Fprintln(stderr, "s3sim:", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, set *settings, stdin io.Reader, stdout io.Writer) (err error) {
	server, err := s3sim.New(set.options)
	if err != nil {
		return err
	}
	for _, name := range set.buckets {
		if err := server.AddBucket(name, ""); err != nil {
			return err
		}
	}
	endpoint, err := server.Listen(set.listen, set.tls) //nolint:contextcheck // it lives until Close
	if err != nil {
		return err
	}
	defer func() {
		// What ended the run must not cut off the answers.
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
		defer cancel()
		err = errors.Join(err, endpoint.Close(within))
	}()
	if set.caFile != "" {
		if err := os.WriteFile(set.caFile, endpoint.CA(), 0o644); err != nil {
			return fmt.Errorf("write the certificate of the authority: %w", err)
		}
	}
	if err := announce(stdout, set, endpoint); err != nil {
		return fmt.Errorf("say that the server is ready: %w", err)
	}
	eof := make(chan struct{})
	if stdin != nil {
		go func() { // ends with the process where stdin does not
			_, _ = io.Copy(io.Discard, stdin)
			close(eof)
		}()
	}
	select {
	case <-ctx.Done():
	case <-eof:
	}
	return nil
}

// announce says how to reach the server.
func announce(w io.Writer, set *settings, endpoint *s3sim.Endpoint) error {
	o := set.options
	if set.json {
		return json.NewEncoder(w).Encode(ready{
			Endpoint: endpoint.URL, Region: o.Region,
			AccessKeyID: o.AccessKeyID, SecretAccessKey: o.SecretAccessKey, CAFile: set.caFile,
		})
	}
	text := fmt.Sprintf(`serving at %[1]s; Ctrl-C ends it. For S3 clients:
  export AWS_ENDPOINT_URL_S3=%[1]s AWS_REGION=%[2]s
  export AWS_ACCESS_KEY_ID=%[3]s AWS_SECRET_ACCESS_KEY=%[4]s
`, endpoint.URL, o.Region, o.AccessKeyID, o.SecretAccessKey)
	if set.caFile != "" {
		text += "  export AWS_CA_BUNDLE=" + set.caFile + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// ready is the line that a program reads.
type ready struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	CAFile          string `json:"ca_file,omitempty"`
}

func absolute(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	return filepath.Abs(file)
}
