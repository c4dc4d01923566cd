package wire

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"gopkg.in/ini.v1"
)

// withConfigFile fills in what the "s3 =" section of the AWS config file says
// and the options do not. The SDK does not read that section; aws s3 does
// (https://docs.aws.amazon.com/cli/latest/topic/s3-config.html).
func (o Options) withConfigFile() (Options, error) {
	file := cmp.Or(os.Getenv("AWS_CONFIG_FILE"), config.DefaultSharedConfigFilename())
	values, err := s3Section(file, cmp.Or(o.Profile, os.Getenv("AWS_PROFILE"), os.Getenv("AWS_DEFAULT_PROFILE"), "default"))
	if err != nil {
		return o, &UsageError{fmt.Sprintf("reading the s3 section of the AWS config file: %v", err)}
	}
	if o.AddressingStyle == "" {
		o.AddressingStyle = values["addressing_style"]
	}
	if v, ok := values["payload_signing_enabled"]; ok && !o.SignPayload {
		if o.SignPayload, err = strconv.ParseBool(strings.ToLower(v)); err != nil {
			return o, &UsageError{fmt.Sprintf("payload_signing_enabled of the AWS config file is %q; give true or false", v)}
		}
	}
	return o, nil
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
