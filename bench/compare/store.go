package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
)

// store is where the tools send their requests, and a client of its own for
// what is made and checked around their runs.
type store struct {
	endpoint, region, id, secret string
	caFile                       string // "" without a CA of its own
	bucket, prefix               string // what is made is below it
	simulated                    bool   // it counts requests
	synthetic                    bool   // it made up the keys of the no-op sync
	s3                           *s3.Client
	http                         *http.Client
	stop                         func() error
}

// simulator is how bench/s3sim is started.
type simulator struct {
	program    string
	latency    string
	tls        bool
	keepBodies int64 // 0: its default
	noop       int   // how many keys its bucket noop has
	dir        string
}

// start runs a simulator and waits until it can be asked.
func (sim simulator) start(ctx context.Context) (*store, error) {
	args := []string{
		"--listen", "127.0.0.1:0", "--json", "--bucket", "compare",
		"--synthetic", fmt.Sprintf("%s=%s:%d:%d", noopKeys(0).Bucket, noopKeys(0).Layout, sim.noop, noopSize),
	}
	if sim.latency != "" && sim.latency != "0" {
		args = append(args, "--latency", sim.latency)
	}
	if sim.keepBodies > 0 {
		args = append(args, "--keep-bodies", fmt.Sprint(sim.keepBodies))
	}
	var caFile string
	if sim.tls {
		caFile = filepath.Join(sim.dir, "ca.pem")
		args = append(args, "--tls", "--ca-file", caFile)
	}
	cmd := exec.Command(sim.program, args...) //nolint:noctx // it ends with its standard input, by stop
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the simulator: %w", err)
	}
	stop := func() error {
		_ = stdin.Close()
		if err := cmd.Wait(); err != nil {
			return fmt.Errorf("the simulator: %w: %s", err, complaints.String())
		}
		return nil
	}
	var ready struct {
		Endpoint string `json:"endpoint"`
		Region   string `json:"region"`
		ID       string `json:"access_key_id"`
		Secret   string `json:"secret_access_key"`
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the simulator's first line %q: %w", line, err), stop())
	}
	s := &store{
		endpoint: ready.Endpoint, region: ready.Region, id: ready.ID, secret: ready.Secret,
		caFile: caFile, bucket: "compare", synthetic: true, stop: stop,
	}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, stop())
	}
	if !s.simulated {
		return nil, errors.Join(errors.New("the simulator gives no counts"), stop())
	}
	return s, nil
}

// connect makes the store's client, and learns whether it is a simulator.
func (s *store) connect(ctx context.Context) error {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16}
	if s.caFile != "" {
		pem, err := os.ReadFile(s.caFile)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s holds no certificate", s.caFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	s.http = &http.Client{Transport: transport}
	s.s3 = s3.New(s3.Options{
		Region: s.region, BaseEndpoint: &s.endpoint, UsePathStyle: true, HTTPClient: s.http,
		Credentials: credentials.NewStaticCredentialsProvider(s.id, s.secret, ""),
	})
	_, err := s.stats(ctx)
	s.simulated = err == nil
	if s.simulated {
		return nil
	}
	_, err = s.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &s.prefix, MaxKeys: sdk.Int32(1)})
	return err
}

func (s *store) close() error {
	s.http.CloseIdleConnections()
	if s.stop == nil {
		return nil
	}
	return s.stop()
}

// stats asks a simulator for its counts.
func (s *store) stats(ctx context.Context) (s3sim.Stats, error) {
	var stats s3sim.Stats
	body, err := s.control(ctx, http.MethodGet, "stats")
	if err == nil {
		err = json.Unmarshal(body, &stats)
	}
	return stats, err
}

// reset has a simulator count from zero.
func (s *store) reset(ctx context.Context) error {
	if !s.simulated {
		return nil
	}
	_, err := s.control(ctx, http.MethodPost, "reset")
	return err
}

func (s *store) control(ctx context.Context, method, what string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.endpoint+"/_s3sim/"+what, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s of the simulator: %w", what, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s of the simulator: %s %w", what, resp.Status, err)
	}
	return body, nil
}

// has says how the objects below prefix differ from f.
func (s *store) has(ctx context.Context, prefix string, f *files) error {
	pages := s3.NewListObjectsV2Paginator(s.s3, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix})
	seen := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, object := range page.Contents {
			name := strings.TrimPrefix(*object.Key, prefix)
			want, ok := f.sums[name]
			if !ok {
				return fmt.Errorf("%s was not to be uploaded", name)
			}
			if *object.Size != want.Size {
				return fmt.Errorf("%s has %d bytes, not %d", name, *object.Size, want.Size)
			}
			seen++
		}
	}
	if seen != len(f.sums) {
		return fmt.Errorf("%d objects of %d are there", seen, len(f.sums))
	}
	return nil
}

// holds says how one object differs from the sum of what it was made of, as far
// as the store tells.
func (s *store) holds(ctx context.Context, key string, want checksum.CRC64NVME) error {
	head, err := s.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		return err
	}
	if *head.ContentLength != want.Size {
		return fmt.Errorf("%s has %d bytes, not %d", key, *head.ContentLength, want.Size)
	}
	if sum := head.ChecksumCRC64NVME; sum != nil && *sum != want.String() {
		return fmt.Errorf("%s has the CRC64NVME %s, not %s", key, *sum, want)
	}
	raw, ok := middleware.GetRawResponse(head.ResultMetadata).(*smithyhttp.Response)
	if ok && raw.Header.Get("X-S3sim-Replaced") != "" {
		return fmt.Errorf("%s: other bytes came than were to be uploaded", key)
	}
	return nil
}

// clear removes what is below prefix.
func (s *store) clear(ctx context.Context, prefix string) error {
	for {
		page, err := s.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix})
		if err != nil {
			return err
		}
		if len(page.Contents) == 0 {
			return nil
		}
		ids := make([]types.ObjectIdentifier, len(page.Contents))
		for i, object := range page.Contents {
			ids[i].Key = object.Key
		}
		gone, err := s.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &s.bucket, Delete: &types.Delete{Objects: ids, Quiet: sdk.Bool(true)},
		})
		if err != nil {
			return err
		}
		if len(gone.Errors) > 0 {
			return fmt.Errorf("removing %s: %s", sdk.ToString(gone.Errors[0].Key), sdk.ToString(gone.Errors[0].Message))
		}
	}
}

// given is a store that was there before.
func given(ctx context.Context, o *options) (*store, error) {
	s := &store{
		endpoint: strings.TrimSuffix(o.endpoint, "/"), region: o.region,
		id: os.Getenv("AWS_ACCESS_KEY_ID"), secret: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		caFile: o.caFile, bucket: o.bucket,
		prefix: fmt.Sprintf("s3haul-compare-%d/", time.Now().UnixNano()),
	}
	if err := s.connect(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", o.endpoint, err)
	}
	s.stop = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Minute)
		defer cancel()
		return s.clear(ctx, s.prefix)
	}
	return s, nil
}
