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
