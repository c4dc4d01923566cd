package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/checksum"
)

// Store is where the tools send their requests, and a client of its own for
// what is made and checked around their runs.
type Store struct {
	// Endpoint, Region, ID and Secret are what the tools are told; CAFile is ""
	// without a CA of its own.
	Endpoint, Region, ID, Secret, CAFile string
	// Bucket and Prefix are what all that is made is below.
	Bucket, Prefix string
	// Simulated says that it counts requests.
	Simulated bool
	// Stop is what Close does at the end; may be nil.
	Stop func() error
	// CPU is what a simulator took in all, in seconds, once it is closed.
	CPU float64
	// S3 is a client of the store, from Connect on.
	S3 *s3.Client

	http *http.Client
}

// Environment is how tools learn of the store: AWS's own variables.
func (s *Store) Environment() []string {
	env := []string{
		"AWS_ACCESS_KEY_ID=" + s.ID, "AWS_SECRET_ACCESS_KEY=" + s.Secret,
		"AWS_REGION=" + s.Region, "AWS_DEFAULT_REGION=" + s.Region,
		"AWS_ENDPOINT_URL=" + s.Endpoint, "AWS_EC2_METADATA_DISABLED=true",
	}
	if s.CAFile != "" {
		env = append(env, "AWS_CA_BUNDLE="+s.CAFile)
	}
	return env
}

// Connect makes the store's client, and learns whether it is a simulator.
func (s *Store) Connect(ctx context.Context) error {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 16,
		ResponseHeaderTimeout: 30 * time.Second, // a request that a fault stalls is sent again
	}
	if s.CAFile != "" {
		pem, err := os.ReadFile(s.CAFile)
		if err != nil {
			return err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s holds no certificate", s.CAFile)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	s.http = &http.Client{Transport: transport}
	s.S3 = s3.New(s3.Options{
		Region: s.Region, BaseEndpoint: &s.Endpoint, UsePathStyle: true, HTTPClient: s.http,
		Credentials: credentials.NewStaticCredentialsProvider(s.ID, s.Secret, ""),
	})
	_, err := s.Stats(ctx)
	s.Simulated = err == nil
	if s.Simulated {
		return nil
	}
	_, err = s.S3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.Bucket, Prefix: &s.Prefix, MaxKeys: sdk.Int32(1)})
	return err
}

// Close ends the store, where it was started or has something to be removed.
func (s *Store) Close() error {
	s.http.CloseIdleConnections()
	if s.Stop == nil {
		return nil
	}
	return s.Stop()
}

// Stats asks a simulator for its counts.
func (s *Store) Stats(ctx context.Context) (stats s3sim.Stats, err error) {
	return stats, s.ask(ctx, "stats", &stats)
}

// Timeline asks a simulator for what it did when.
func (s *Store) Timeline(ctx context.Context) (line s3sim.Timeline, err error) {
	return line, s.ask(ctx, "timeline", &line)
}

func (s *Store) ask(ctx context.Context, what string, into any) error {
	body, err := s.control(ctx, http.MethodGet, what)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s of the simulator: %w", what, err)
	}
	return nil
}

// Reset has a simulator count from zero.
func (s *Store) Reset(ctx context.Context) error {
	if !s.Simulated {
		return nil
	}
	_, err := s.control(ctx, http.MethodPost, "reset")
	return err
}

func (s *Store) control(ctx context.Context, method, what string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.Endpoint+"/_s3sim/"+what, nil)
	if err != nil {
		return nil, err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s of the simulator: %w", what, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode/100 != 2 {
		err = errors.New(resp.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("%s of the simulator: %w", what, err)
	}
	return body, nil
}

// Has says how the objects below prefix differ from f.
func (s *Store) Has(ctx context.Context, prefix string, f *Files) error {
	pages := s3.NewListObjectsV2Paginator(s.S3, &s3.ListObjectsV2Input{Bucket: &s.Bucket, Prefix: &prefix})
	seen := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, object := range page.Contents {
			name := strings.TrimPrefix(*object.Key, prefix)
			want, ok := f.Sums[name]
			if !ok {
				return fmt.Errorf("%s was not to be uploaded", name)
			}
			if *object.Size != want.Size {
				return fmt.Errorf("%s has %d bytes, not %d", name, *object.Size, want.Size)
			}
			seen++
		}
	}
	if seen != len(f.Sums) {
		return fmt.Errorf("%d objects of %d are there", seen, len(f.Sums))
	}
	return nil
}

// Holds says how one object differs from the sum of what it was made of, as far
// as the store tells.
func (s *Store) Holds(ctx context.Context, key string, want checksum.CRC64NVME) error {
	head, err := s.S3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.Bucket, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
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

// CopiesInParts fails where the store copies an object with one request that S3
// copies in parts alone: one of more than 5 GiB.
func (s *Store) CopiesInParts(ctx context.Context, bucket, key string) error {
	_, err := s.S3.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &s.Bucket, Key: sdk.String("whole"), CopySource: sdk.String(bucket + "/" + key)})
	if err == nil {
		return fmt.Errorf("CopyObject has copied all of s3://%s/%s", bucket, key)
	}
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "InvalidRequest" {
		return fmt.Errorf("CopyObject of s3://%s/%s: InvalidRequest was expected: %w", bucket, key, err)
	}
	return nil
}

// Empty says what is left of the versions, markers and unfinished uploads of a
// bucket; nothing is where the bucket is gone too.
func (s *Store) Empty(ctx context.Context, bucket string) error {
	page, err := s.S3.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	var said smithy.APIError
	if errors.As(err, &said) && said.ErrorCode() == "NoSuchBucket" {
		return nil
	}
	if err != nil {
		return err
	}
	if left := len(page.Versions) + len(page.DeleteMarkers); left > 0 {
		more := ""
		if sdk.ToBool(page.IsTruncated) {
			more = " or more"
		}
		return fmt.Errorf("%d%s versions and markers of %s are left", left, more, bucket)
	}
	uploads, err := s.S3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err == nil && len(uploads.Uploads) > 0 {
		err = fmt.Errorf("%d uploads of %s are left", len(uploads.Uploads), bucket)
	}
	return err
}

// Clear removes what is below prefix.
func (s *Store) Clear(ctx context.Context, prefix string) error {
	for {
		page, err := s.S3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.Bucket, Prefix: &prefix})
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
		gone, err := s.S3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: &s.Bucket, Delete: &types.Delete{Objects: ids, Quiet: sdk.Bool(true)},
		})
		if err != nil {
			return err
		}
		if len(gone.Errors) > 0 {
			return fmt.Errorf("removing %s: %s", sdk.ToString(gone.Errors[0].Key), sdk.ToString(gone.Errors[0].Message))
		}
	}
}
