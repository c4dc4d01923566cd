package wire

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"gopkg.in/ini.v1"
)

// Settings is what the "s3 =" section of the AWS config file says of how much
// may be under way at once, as aws s3 reads it
// (https://docs.aws.amazon.com/cli/latest/topic/s3-config.html).
type Settings struct {
	// MaxConcurrentRequests is the most requests in flight; 0: it is not set.
	MaxConcurrentRequests int
	// MaxBandwidth is in bytes a second; 0: it is not set.
	MaxBandwidth int64
	// MultipartThreshold is the size from which on an object goes in parts, and
	// MultipartChunksize that of a part, in bytes; 0: it is not set.
	MultipartThreshold, MultipartChunksize int64
}

// Settings reads the section of the profile that o names. A value that cannot be
// is a [*UsageError].
func (o Options) Settings() (Settings, error) {
	var s Settings
	if o.complete() {
		return s, nil
	}
	values, err := o.s3Values()
	if err != nil {
		return s, err
	}
	if v, ok := values["max_concurrent_requests"]; ok {
		if s.MaxConcurrentRequests, err = strconv.Atoi(v); err != nil || s.MaxConcurrentRequests < 1 {
			return Settings{}, &UsageError{fmt.Sprintf("max_concurrent_requests of the AWS config file is %q; give a number of at least 1", v)}
		}
	}
	if v, ok := values["max_bandwidth"]; ok {
		if s.MaxBandwidth, ok = bandwidth(v); !ok {
			return Settings{}, &UsageError{fmt.Sprintf("max_bandwidth of the AWS config file is %q; give it as 50MB/s, 100Mb/s, or a number of bytes a second", v)}
		}
	}
	for name, into := range map[string]*int64{"multipart_threshold": &s.MultipartThreshold, "multipart_chunksize": &s.MultipartChunksize} {
		if v, ok := values[name]; ok {
			if *into, ok = size(v); !ok {
				return Settings{}, &UsageError{fmt.Sprintf("%s of the AWS config file is %q; give it as 8MB, 64MiB, 1GB, or a number of bytes", name, v)}
			}
		}
	}
	return s, nil
}

// size reads a size as aws s3 does: KB and KiB are both 1024 bytes.
func size(text string) (n int64, ok bool) {
	t := strings.ToLower(text)
	unit := int64(1)
	for i, letter := range []string{"k", "m", "g", "t"} {
		for _, suffix := range []string{letter + "ib", letter + "b"} {
			if number, found := strings.CutSuffix(t, suffix); found {
				t, unit = number, 1<<(10*(i+1))
			}
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(t), 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/unit {
		return 0, false
	}
	return n * unit, true
}

// bandwidth reads a rate as aws s3 does: K is 1024, and a small b is a bit.
func bandwidth(text string) (perSecond int64, ok bool) {
	t, per := strings.CutSuffix(text, "/s")
	unit := float64(1)
	if per {
		t, per = strings.CutSuffix(t, "B")
		if !per {
			if t, per = strings.CutSuffix(t, "b"); !per {
				return 0, false
			}
			unit = 1. / 8
		}
		t = strings.TrimSuffix(t, "i")
		if n := len(t); n > 0 {
			if i := strings.IndexByte("KMGT", t[n-1]&^0x20); i >= 0 {
				t, unit = t[:n-1], unit*float64(int64(1)<<(10*(i+1)))
			}
		}
	}
	n, err := strconv.ParseUint(strings.TrimSpace(t), 10, 50)
	if err != nil {
		return 0, false
	}
	rate := float64(n) * unit
	return int64(rate), rate >= 1 && rate < 1<<62
}

// withConfigFile fills in what the "s3 =" section says and the options do not.
// The SDK does not read that section.
func (o Options) withConfigFile() (Options, error) {
	values, err := o.s3Values()
	if err != nil {
		return o, err
	}
	if o.AddressingStyle == "" {
		o.AddressingStyle = values["addressing_style"]
	}
	var arnRegion bool
	for name, into := range map[string]*bool{
		"payload_signing_enabled": &o.SignPayload, "use_accelerate_endpoint": &o.accelerate,
		"use_dualstack_endpoint": &o.dualStack, "use_arn_region": &arnRegion,
	} {
		v, ok := values[name]
		if !ok || *into {
			continue
		}
		if *into, err = strconv.ParseBool(strings.ToLower(v)); err != nil {
			return o, &UsageError{fmt.Sprintf("%s of the AWS config file is %q; give true or false", name, v)}
		}
		if name == "use_arn_region" {
			o.arnRegion = into
		}
	}
	return o, nil
}

// s3Values are the values of the section that counts for o.
func (o Options) s3Values() (map[string]string, error) {
	file := cmp.Or(os.Getenv("AWS_CONFIG_FILE"), config.DefaultSharedConfigFilename())
	values, err := s3Section(file, o.profile())
	if err != nil {
		return nil, &UsageError{fmt.Sprintf("reading the s3 section of the AWS config file: %v", err)}
	}
	return values, nil
}

// profile is the section of the AWS config files that counts for o.
func (o Options) profile() string {
	return cmp.Or(o.Profile, os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE"), "default")
}

// s3Section returns the values below "s3 =" of a profile; none where there is
// no such file, profile or section.
func s3Section(file, profile string) (map[string]string, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, nil //nolint:nilerr // the SDK says what it thinks of its config file
	}
	f, err := ini.LoadSources(ini.LoadOptions{
		AllowNestedValues: true, SkipUnrecognizableLines: true, IgnoreInlineComment: true, Loose: true,
	}, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	values := map[string]string{}
	names := []string{"profile " + profile}
	if profile == "default" {
		names = append(names, profile)
	}
	for _, name := range names {
		section, err := f.GetSection(name)
		if err != nil || !section.HasKey("s3") {
			continue
		}
		for _, line := range section.Key("s3").NestedValues() {
			if key, value, ok := strings.Cut(line, "="); ok {
				values[strings.TrimSpace(key)] = strings.TrimSpace(value)
			}
		}
	}
	return values, nil
}
