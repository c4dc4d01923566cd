package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/cmd/s3haul/internal/gateway"
)

func (a *app) serveCmd() *cobra.Command {
	var (
		listen, domain string
		asJSON         bool
	)
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Serve a directory as S3",
		Long: `Run an S3 server on a directory, for tests and trials with any S3 client. DIR is
made where it is not there; it has to be empty or made by s3haul before. The
credentials are made once and kept in DIR/credentials, for the owner alone.

Ends with Ctrl-C; with --json, also when standard input ends.`,
		Example: "  s3haul serve data --listen 127.0.0.1:9000",
		Args:    exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.embedded != "" || a.endpointURL != "" {
				return usagef("serve is a server itself: leave out --embedded and --endpoint-url")
			}
			return a.serve(cmd.Context(), gateway.Options{Dir: args[0], Listen: listen, Domain: domain}, asJSON)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9000", "`HOST:PORT` to listen on; port 0 takes a free one")
	cmd.Flags().StringVar(&domain, "domain", "", "take the bucket from the host name too, as in bucket.`NAME`")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON for a program, and end with standard input")
	return cmd
}

func (a *app) serve(ctx context.Context, o gateway.Options, asJSON bool) error {
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		return usagef("--listen %q: write HOST:PORT, as 127.0.0.1:9000", o.Listen)
	}
	if strings.ContainsAny(o.Domain, ":/ ") || strings.HasPrefix(o.Domain, ".") {
		return usagef("--domain %q: write a host name alone, as localhost", o.Domain)
	}
	if a.debug {
		o.Log = a.stderr
	}
	server, err := gateway.Start(ctx, o)
	if errors.Is(err, gateway.ErrAddrInUse) {
		return &advised{fmt.Errorf("%s: %w", o.Listen, gateway.ErrAddrInUse), "another program listens there: give --listen another port, or port 0 for a free one"}
	}
	if err != nil {
		return err
	}
	err = a.announce(server, o.Dir, asJSON)
	if err == nil {
		eof := make(chan struct{})
		if asJSON {
			go func() {
				_, _ = io.Copy(io.Discard, a.stdin)
				close(eof)
			}()
		}
		select {
		case <-server.Done():
			return server.Close() // says why it ended
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-eof:
		}
	}
	return errors.Join(err, server.Close())
}

// announce says how to reach the server. The secret stays in its file.
func (a *app) announce(server *gateway.Server, dir string, asJSON bool) error {
	file, err := credentialsFile(server, dir)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(map[string]string{
			"endpoint": server.Endpoint(), "region": server.Region(), "credentials_file": file,
		})
	}
	_, err = fmt.Fprintf(a.stdout, `serving %s at %s; Ctrl-C ends it. For other S3 clients:
  export AWS_SHARED_CREDENTIALS_FILE=%s
  export AWS_ENDPOINT_URL_S3=%s AWS_REGION=%s
`, dir, server.Endpoint(), file, server.Endpoint(), server.Region())
	return err
}

// credentialsFile writes the server's credentials as the AWS SDKs read them.
func credentialsFile(server *gateway.Server, dir string) (string, error) {
	file, err := filepath.Abs(filepath.Join(dir, "credentials"))
	if err != nil {
		return "", err
	}
	id, secret := server.Credentials()
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", id, secret)
	if old, err := os.ReadFile(file); err == nil && string(old) == text {
		return file, nil
	}
	f, err := os.CreateTemp(dir, ".credentials-*") // 0600
	if err != nil {
		return "", fmt.Errorf("writing the credentials: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("writing the credentials: %w", err)
	}
	return file, nil
}
