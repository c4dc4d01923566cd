package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// settings are the flags, read.
type settings struct {
	options s3sim.Options
	buckets []string
	listen  string
	tls     bool
	caFile  string
	json    bool
}

// parse reads the flags; all that is wrong with them is in the error.
func parse(args []string, stderr io.Writer) (*settings, error) {
	set := &settings{}
	o := &set.options
	var (
		caFile, latency, bandwidth, keep string
		sendBuffer                       string
		faults, synthetic, deviations    []string
		cut                              partitions
	)
	flags := pflag.NewFlagSet("s3sim", pflag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.SortFlags = false
	flags.Usage = func() {
		fmt.Fprintf(stderr, `Serve a simulated S3. Ends with Ctrl-C, and with standard input where that is a pipe.

Usage:
  s3sim [flags]

Flags:
%s
GET /_s3sim/stats answers the counts as JSON, GET /_s3sim/timeline what was done in
each tenth of a second, POST /_s3sim/reset sets both to zero.

With any of --partition, --writes, --reads, --burst and --split-after the keys of
each bucket are cut at the partitions' first keys, and a request above its
partition's rate is answered 503 SlowDown and not carried out.

Layouts of synthetic keys: dirs, flat, dates, hex, giants, unicode.
Kinds of faults: %s.
Deviations: %s.
`, flags.FlagUsages(), kinds(), strings.Join(deviationNames(), ", "))
	}
	flags.StringVar(&set.listen, "listen", "127.0.0.1:0", "`HOST:PORT` to listen on; port 0 takes a free one")
	flags.BoolVar(&set.tls, "tls", false, "serve https, with a certificate made for this run")
	flags.BoolVar(&o.Conditions.HTTP2, "h2", false, "offer HTTP/2 beside HTTP/1.1 (with --tls)")
	flags.StringVar(&caFile, "ca-file", "", "`FILE` to write the certificate of the run's authority to (with --tls)")
	flags.StringVar(&o.Domain, "domain", "localhost", "`NAME` that bucket names stand in front of in virtual-host requests")
	flags.StringVar(&o.Region, "region", s3sim.DefaultRegion, "region of the buckets")
	flags.StringVar(&o.AccessKeyID, "access-key-id", s3sim.DefaultAccessKeyID, "`KEY` that clients sign with")
	flags.StringVar(&o.SecretAccessKey, "secret-access-key", s3sim.DefaultSecretAccessKey, "`SECRET` that clients sign with")
	flags.BoolVar(&o.VerifySignatures, "verify-signatures", false, "refuse requests that are not signed rightly")
	flags.StringVar(&latency, "latency", "0s", "wait before each answer: `20ms`, or 20ms,p99=80ms")
	flags.StringVar(&bandwidth, "bandwidth", "", "bytes a second of each connection in each direction: `50MiB`")
	flags.StringVar(&sendBuffer, "send-buffer", "", "`SIZE` of what the system takes of an answer ahead of the client: 64KiB")
	cut.flags(flags)
	flags.StringArrayVar(&faults, "fault", nil, "what goes wrong: `OPERATION:KIND[:n=3,every=100,after=1s,status=400,code=X,key=PART]`; * is any operation; can be given many times")
	flags.StringArrayVar(&synthetic, "synthetic", nil, "bucket of generated keys: `BUCKET=LAYOUT:COUNT[:SIZE[:VERSIONS]]`; can be given many times")
	flags.StringArrayVar(&set.buckets, "bucket", nil, "`NAME` of a bucket that is there at the start; can be given many times")
	flags.StringArrayVar(&deviations, "deviate", nil, "`NAME` of a way in which the store is not S3; can be given many times")
	flags.StringVar(&keep, "keep-bodies", "64KiB", "`SIZE` up to which bodies are kept; larger ones come back from the seed")
	flags.Uint64Var(&o.Seed, "seed", 0, "seed of the content and of the latencies")
	flags.BoolVar(&set.json, "json", false, "print one line of JSON for a program when ready")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}

	var errs []error
	check := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if flags.NArg() > 0 {
		check(fmt.Errorf("%q: there are flags only", flags.Args()))
	}
	if _, _, err := net.SplitHostPort(set.listen); err != nil {
		check(fmt.Errorf("--listen %q: write HOST:PORT, as 127.0.0.1:0", set.listen))
	}
	if !set.tls && (caFile != "" || o.Conditions.HTTP2) {
		check(errors.New("--ca-file and --h2 need --tls"))
	}
	var err error
	set.caFile, err = absolute(caFile)
	check(err)
	o.Conditions.Latency, err = s3sim.ParseLatency(latency)
	check(err)
	if bandwidth != "" {
		o.Conditions.Bandwidth, err = size("--bandwidth", bandwidth)
		if err == nil && o.Conditions.Bandwidth == 0 {
			err = errors.New("--bandwidth 0: nothing would ever arrive")
		}
		check(err)
	}
	if sendBuffer != "" {
		n, err := size("--send-buffer", sendBuffer)
		check(err)
		o.Conditions.SendBuffer = int(min(n, 1<<30))
	}
	o.KeepBodies, err = size("--keep-bodies", keep)
	check(err)
	if o.KeepBodies == 0 {
		o.KeepBodies = -1 // Options take 0 as the default
	}
	o.Conditions.Partitions, err = cut.all(flags)
	check(err)
	o.Conditions.SplitAfter = cut.splitAfter
	for _, text := range faults {
		f, err := s3sim.ParseFault(text)
		check(err)
		o.Conditions.Faults = append(o.Conditions.Faults, f)
	}
	for _, text := range synthetic {
		s, err := s3sim.ParseSynthetic(text)
		check(err)
		o.Synthetic = append(o.Synthetic, s)
	}
	for _, name := range deviations {
		if field := deviation(&o.Deviations, name); field != nil {
			*field = true
		} else {
			check(fmt.Errorf("--deviate %q is none of %s", name, strings.Join(deviationNames(), ", ")))
		}
	}
	return set, errors.Join(errs...)
}

func size(flag, text string) (int64, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil {
		return 0, fmt.Errorf("%s %q: write a size, as 50MiB: %w", flag, text, err)
	}
	return int64(min(n, math.MaxInt64)), nil
}

func kinds() string {
	var names []string
	for _, k := range s3sim.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// deviationFields are the deviations by the names that the command gives them.
func deviationFields(d *s3sim.Deviations) map[string]*bool {
	return map[string]*bool{
		"inclusive-key-marker":  &d.InclusiveKeyMarker,
		"markers-last":          &d.MarkersLast,
		"no-checksums":          &d.NoChecksums,
		"refuse-checksums":      &d.RefuseChecksums,
		"content-md5-only":      &d.ContentMD5Only,
		"unordered-lists":       &d.UnorderedLists,
		"no-encoding-type":      &d.NoEncodingType,
		"no-conditional-writes": &d.NoConditionalWrites,
		"no-full-object":        &d.NoFullObject,
		"ignore-range":          &d.IgnoreRange,
		"no-versioning":         &d.NoVersioning,
	}
}

func deviation(d *s3sim.Deviations, name string) *bool { return deviationFields(d)[name] }

func deviationNames() []string {
	return slices.Sorted(maps.Keys(deviationFields(&s3sim.Deviations{})))
}
