package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/s3haul/s3haul/bench/internal/lab"
)

// given is a store that was there before.
func given(ctx context.Context, o *options) (*lab.Store, error) {
	s := &lab.Store{
		Endpoint: strings.TrimSuffix(o.endpoint, "/"), Region: o.region,
		ID: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		CAFile: o.caFile, Bucket: o.bucket,
		Prefix: fmt.Sprintf("s3haul-compare-%d/", time.Now().UnixNano()),
	}
	if err := s.Connect(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", o.endpoint, err)
	}
	s.Stop = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Minute)
		defer cancel()
		return s.Clear(ctx, s.Prefix)
	}
	return s, nil
}
