//go:build !nogateway

package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.uber.org/goleak"
)

// helperEnv makes the test binary play the part of a program with a server.
const helperEnv = "S3HAUL_GATEWAY_TEST_HELPER"

func TestMain(m *testing.M) {
	if code, isChild := ChildMain(); isChild {
		os.Exit(code)
	}
	if dir := os.Getenv(helperEnv); dir != "" {
		if err := helper(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Under the race detector each child would sleep a second before it exits.
	if err := os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func startServer(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, ErrEnded) {
			t.Error(err)
		}
	})
	return s
}

// client returns an S3 client for s and what closes its connections.
func client(s *Server) (*s3.Client, func()) {
	access, secret := s.Credentials()
	tr := &http.Transport{DialContext: s.Dial}
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.Endpoint()),
		Region:       s.Region(),
		Credentials:  credentials.NewStaticCredentialsProvider(access, secret, ""),
		UsePathStyle: true,
		HTTPClient:   &http.Client{Transport: tr},
		Retryer:      aws.NopRetryer{},
	}), tr.CloseIdleConnections
}

// listBuckets is the smallest request that shows that s lives and knows its
// credentials.
func listBuckets(ctx context.Context, s *Server) error {
	c, done := client(s)
	defer done()
	_, err := c.ListBuckets(ctx, &s3.ListBucketsInput{})
	return err
}
