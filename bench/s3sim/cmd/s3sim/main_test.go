package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.uber.org/goleak"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

func TestMain(m *testing.M) {
	wiretest.Isolate()
	goleak.VerifyTestMain(m)
}

// started is a run of the command.
type started struct {
	first string // line of its standard output
	stdin *io.PipeWriter
	code  chan int
	err   *bytes.Buffer
}

func start(ctx context.Context, t *testing.T, args ...string) *started {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	s := &started{stdin: inW, code: make(chan int, 1), err: &bytes.Buffer{}}
	go func() {
		code := run(ctx, args, inR, outW, s.err)
		_ = outW.Close()
		s.code <- code
	}()
	out := bufio.NewReader(outR)
	s.first, _ = out.ReadString('\n')
	rest := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, out)
		close(rest)
	}()
	t.Cleanup(func() {
		_ = inW.Close()
		<-rest
	})
	return s
}

// All flags together, as a program uses them, over TLS.
func TestServe(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	s := start(t.Context(), t, "--json", "--tls", "--ca-file", ca, "--h2", "--region", "eu-west-1", "--verify-signatures",
		"--latency", "1ms,p99=2ms", "--bandwidth", "100MiB", "--fault", "HeadObject:503:n=1", "--fault", "GetObject:error:status=400,code=Odd,key=odd",
		"--synthetic", "many=dirs:2500:4KiB", "--bucket", "one", "--bucket", "two", "--deviate", "no-checksums", "--keep-bodies", "1KiB", "--send-buffer", "64KiB", "--seed", "7")
	var line ready
	if err := json.Unmarshal([]byte(s.first), &line); err != nil {
		t.Fatalf("%q: %v, %s", s.first, err, s.err)
	}
	if line.CAFile != ca || line.Region != "eu-west-1" {
		t.Errorf("the line is %+v", line)
	}
	pem, err := os.Open(line.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	defer pem.Close()
	cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(line.Region), config.WithCustomCABundle(pem),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(line.AccessKeyID, line.SecretAccessKey, "")))
	if err != nil {
		t.Fatal(err)
	}
	c := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.BaseEndpoint, o.UsePathStyle, o.Retryer = &line.Endpoint, true, aws.NopRetryer{}
	})
	buckets, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil || len(buckets.Buckets) != 3 {
		t.Errorf("buckets: %+v, %v", buckets, err)
	}
	page, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("many"), StartAfter: aws.String("dir-000001/file-000998.bin")})
	if err != nil || len(page.Contents) != 501 || *page.Contents[0].Key != "dir-000001/file-000999.bin" || *page.Contents[0].Size != 4096 {
		t.Errorf("synthetic keys: %+v, %v", page, err)
	}
	_, err = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("many"), Key: aws.String("dir-000001/file-000999.bin")})
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("the fault did not happen: %v", err)
	}
	if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("one"), Key: aws.String("odd"), Body: strings.NewReader("x")}); err != nil {
		t.Error(err)
	}
	_, err = c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("one"), Key: aws.String("odd")})
	if err == nil || !strings.Contains(err.Error(), "Odd") {
		t.Errorf("the fault did not happen: %v", err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider(line.AccessKeyID, "wrong", "")
	wrong := s3.NewFromConfig(cfg, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &line.Endpoint, true })
	if _, err := wrong.ListBuckets(t.Context(), &s3.ListBucketsInput{}); err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
		t.Errorf("a wrong key: %v", err)
	}
	_ = s.stdin.Close()
	if code := <-s.code; code != 0 || s.err.Len() > 0 {
		t.Errorf("code %d, %s", code, s.err)
	}
	if _, err := c.ListBuckets(t.Context(), &s3.ListBucketsInput{}); err == nil {
		t.Error("it still answers")
	}
	if b, ok := cfg.HTTPClient.(interface{ CloseIdleConnections() }); ok {
		b.CloseIdleConnections()
	}
}

func TestServeForPeople(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := start(ctx, t)
	if !strings.HasPrefix(s.first, "serving at http://127.0.0.1:") {
		t.Errorf("it says %q, %s", s.first, s.err)
	}
	cancel()
	if code := <-s.code; code != 0 {
		t.Errorf("code %d, %s", code, s.err)
	}
}

func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"--listen 1234":                       "--listen",
		"--ca-file x":                         "--tls",
		"--h2":                                "--tls",
		"--latency fast":                      "latency",
		"--bandwidth much":                    "--bandwidth",
		"--bandwidth 0":                       "--bandwidth",
		"--keep-bodies x":                     "--keep-bodies",
		"--fault *:explode":                   "explode",
		"--synthetic x=y:1":                   `layout "y"`,
		"--partition a:writes=x":              "--partition",
		"--partition a --partition a":         "does not come behind",
		"--send-buffer x":                     "--send-buffer",
		"--writes -1":                         "no rate",
		"--split-after -1s":                   "split after",
		"--deviate politely":                  "politely",
		"arguments":                           "arguments",
		"--nonsense":                          "nonsense",
		"--latency fast --bandwidth much":     "--bandwidth", // all of it is said
		"--fault *:explode --synthetic x=y:1": "explode",
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), nil, io.Discard, &stderr); code != 2 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: code %d, %s; want %s", args, code, &stderr, want)
		}
	}
	for args, want := range map[string]string{
		"--listen 192.0.2.1:1":                           "192.0.2.1",
		"--bucket A":                                     "A",
		"--synthetic b=flat:1 --bucket b":                "b",
		"--tls --ca-file " + filepath.Join("no", "file"): "certificate",
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), nil, io.Discard, &stderr); code != 1 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: code %d, %s; want %s", args, code, &stderr, want)
		}
	}
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, nil, io.Discard, &stderr); code != 0 {
		t.Errorf("--help: code %d", code)
	}
	for _, want := range []string{"--latency", "stall-body", "inclusive-key-marker", "dirs, flat", "--partition", "timeline"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("--help does not say %s", want)
		}
	}
}

func TestPartitions(t *testing.T) {
	for args, want := range map[string][]s3sim.Partition{
		"":                          nil,
		"--split-after 1m":          {{Writes: 3500, Reads: 5500}},
		"--writes 0":                {{Reads: 5500}},
		"--burst 7":                 {{Writes: 3500, Reads: 5500, Burst: 7}},
		"--partition m:reads=1":     {{Writes: 3500, Reads: 5500}, {From: "m", Writes: 3500, Reads: 1}},
		"--partition :writes=2":     {{Writes: 2, Reads: 5500}},
		"--partition z --reads 550": {{Writes: 3500, Reads: 550}, {From: "z", Writes: 3500, Reads: 550}},
		"--partition z --partition b:writes=1:burst=2 --partition :reads=3": {
			{Writes: 3500, Reads: 3}, {From: "b", Writes: 1, Reads: 5500, Burst: 2}, {From: "z", Writes: 3500, Reads: 5500},
		},
	} {
		set, err := parse(strings.Fields(args), io.Discard)
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		if c := set.options.Conditions; !reflect.DeepEqual(c.Partitions, want) || (c.SplitAfter > 0) != strings.Contains(args, "split") {
			t.Errorf("%s: %+v, %v; want %+v", args, c.Partitions, c.SplitAfter, want)
		}
	}
}

// Each deviation has a name.
func TestDeviations(t *testing.T) {
	var d s3sim.Deviations
	for _, name := range deviationNames() {
		field := deviation(&d, name)
		if *field {
			t.Errorf("%s is another's field", name)
		}
		*field = true
	}
	v := reflect.ValueOf(d)
	for i := range v.NumField() {
		if !v.Field(i).Bool() {
			t.Errorf("%s has no name", v.Type().Field(i).Name)
		}
	}
}
