package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// visit [-put] FILE: the URL that the last command printed gives what is in FILE, or
// with -put takes it, to somebody who has no credentials.
func cmdVisit(ts *testscript.TestScript, args []string) {
	put := len(args) == 2 && args[0] == "-put"
	need(ts, len(args) == 1 || put, "visit [-put] file")
	want, method := ts.ReadFile(args[len(args)-1]), http.MethodGet
	var body io.Reader
	if put {
		method, body = http.MethodPut, bytes.NewReader([]byte(want))
	}
	url := strings.TrimSuffix(ts.ReadFile("stdout"), "\n")
	r, err := http.NewRequestWithContext(scriptOf(ts).tb.Context(), method, url, body)
	ts.Check(err)
	resp, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s", resp.Status, got)
	}
	if !put {
		same(ts, "what the URL gives", string(got), want)
	}
}

// The end of the credentials is told of where it comes before that of the URL, and no
// more than the URL is a secret.
func TestPresignOfShortLivedCredentials(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the credentials come from cat")
	}
	dir := filepath.Join(t.TempDir(), "work")
	home := filepath.Join(filepath.Dir(dir), "home")
	for _, d := range []string{dir, home} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	const secret = "the/secret/access/key"
	file := filepath.Join(home, "credentials.json")
	text := fmt.Sprintf(`{"Version":1,"AccessKeyId":"AKID","SecretAccessKey":%q,"SessionToken":"token","Expiration":%q}`,
		secret, time.Now().Add(2*time.Hour).UTC().Format(time.RFC3339))
	for name, content := range map[string]string{file: text, filepath.Join(home, "config"): "[profile role]\ncredential_process = cat " + file + "\n"} {
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for seconds, warned := range map[string]bool{"3600": false, "86400": true} {
		cmd := command(t, wiretest.Target{Endpoint: "http://127.0.0.1:1", Region: "eu-west-1"}, dir,
			"presign", "s3://bucket/key", "--expires-in", seconds, "--profile", "role")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, &stderr)
		}
		if !strings.Contains(string(out), "X-Amz-Security-Token=token") || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%s", out)
		}
		if got := strings.HasPrefix(stderr.String(), "warning: the URL is good until 20"); got != warned || strings.Contains(string(out)+stderr.String(), secret) {
			t.Errorf("for %s s: %s", seconds, &stderr)
		}
	}
}
