package wire_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/engine/wire"
)

// What the config file's s3 section says holds where the options say nothing.
func TestS3Section(t *testing.T) {
	f := newFake(t, nil).plain()
	file := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(file, []byte(`
[default]
region = us-east-1
s3 =
  payload_signing_enabled = true
  max_concurrent_requests = 20

[profile plain]
region = us-east-1

[profile bad]
s3 =
  payload_signing_enabled = perhaps

[profile style]
s3 =
    addressing_style = house
`), 0o600))
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_ACCESS_KEY_ID", keyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	for profile, signed := range map[string]bool{"": true, "default": true, "plain": false} {
		c := newClient(t, wire.Options{EndpointURL: f.URL, Profile: profile, AccessKeyID: keyID, SecretAccessKey: secret})
		before := len(f.requests())
		must(t, putBody(c, t.Context(), strings.NewReader("x")))
		if hash := f.requests()[before].Header.Get("X-Amz-Content-Sha256"); (hash != "UNSIGNED-PAYLOAD") != signed {
			t.Errorf("profile %q: %s", profile, hash)
		}
	}
	for profile, words := range map[string]string{"bad": "payload_signing_enabled", "style": "addressing_style"} {
		var usage *wire.UsageError
		if _, err := wire.New(t.Context(), wire.Options{EndpointURL: f.URL, Profile: profile}); !errors.As(err, &usage) || !strings.Contains(err.Error(), words) {
			t.Errorf("profile %s: %v", profile, err)
		}
	}
}

// How much may be under way, as aws s3 reads it.
func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	t.Setenv("AWS_CONFIG_FILE", file)
	for _, q := range []struct {
		section string
		want    wire.Settings
		says    string // of the error
	}{
		{"", wire.Settings{}, ""},
		{"max_concurrent_requests = 20", wire.Settings{MaxConcurrentRequests: 20}, ""},
		{"max_bandwidth = 50MB/s", wire.Settings{MaxBandwidth: 50 << 20}, ""},
		{"max_bandwidth = 50 MB/s", wire.Settings{MaxBandwidth: 50 << 20}, ""},
		{"max_bandwidth = 10KiB/s", wire.Settings{MaxBandwidth: 10 << 10}, ""},
		{"max_bandwidth = 1Gb/s", wire.Settings{MaxBandwidth: 1 << 27}, ""},
		{"max_bandwidth = 7B/s", wire.Settings{MaxBandwidth: 7}, ""},
		{"max_bandwidth = 5000", wire.Settings{MaxBandwidth: 5000}, ""},
		{"multipart_threshold = 64MB", wire.Settings{MultipartThreshold: 64 << 20}, ""},
		{"multipart_threshold = 64MiB\n  multipart_chunksize = 16777216", wire.Settings{MultipartThreshold: 64 << 20, MultipartChunksize: 16 << 20}, ""},
		{"multipart_chunksize = 1gb", wire.Settings{MultipartChunksize: 1 << 30}, ""},
		{"multipart_chunksize = 512 KB", wire.Settings{MultipartChunksize: 512 << 10}, ""},
		{"multipart_chunksize = 1TB", wire.Settings{MultipartChunksize: 1 << 40}, ""},
		{"io_chunksize = 1\n  max_queue_size = x\n  preferred_transfer_client = crt\n  nobody = knows", wire.Settings{}, ""},
		{"multipart_threshold = 0", wire.Settings{}, "multipart_threshold"},
		{"multipart_chunksize = 16M", wire.Settings{}, "multipart_chunksize"},
		{"multipart_chunksize = -1", wire.Settings{}, "multipart_chunksize"},
		{"multipart_chunksize = 99999999999TB", wire.Settings{}, "multipart_chunksize"},
		{"multipart_chunksize = 1.5MB", wire.Settings{}, "multipart_chunksize"},
		{"max_concurrent_requests = 0", wire.Settings{}, "max_concurrent_requests"},
		{"max_concurrent_requests = many", wire.Settings{}, "max_concurrent_requests"},
		{"max_bandwidth = 50MB", wire.Settings{}, "max_bandwidth"},
		{"max_bandwidth = 50M/s", wire.Settings{}, "max_bandwidth"},
		{"max_bandwidth = 0", wire.Settings{}, "max_bandwidth"},
		{"max_bandwidth = 7b/s", wire.Settings{}, "max_bandwidth"},
		{"max_bandwidth = -1MB/s", wire.Settings{}, "max_bandwidth"},
		{"max_bandwidth = MB/s", wire.Settings{}, "max_bandwidth"},
	} {
		must(t, os.WriteFile(file, []byte("[default]\ns3 =\n  "+q.section+"\n"), 0o600))
		got, err := wire.Options{}.Settings()
		var usage *wire.UsageError
		if got != q.want || (q.says == "") != (err == nil) || err != nil && (!errors.As(err, &usage) || !strings.Contains(err.Error(), q.says)) {
			t.Errorf("%q: %+v, %v", q.section, got, err)
		}
	}
	if got, err := (wire.Options{Profile: "absent"}).Settings(); got != (wire.Settings{}) || err != nil {
		t.Errorf("a profile without a section: %+v, %v", got, err)
	}
}
