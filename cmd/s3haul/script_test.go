package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// TestScripts runs testdata/script. Each script has a bucket of its own in
// $BUCKET, at the one server of the test binary, and the commands of
// commands_test.go.
func TestScripts(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts name local files with slashes, and expect them so in the output")
	}
	external := os.Getenv("S3HAUL_TEST_ENDPOINT") != ""
	noMount := canMount()
	t.Logf("mounting a file system: %v", noMount)
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		RequireUniqueNames: true,
		Setup:              setup,
		Cmds:               commands(),
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "external": // a store whose texts and limits may be others
				return external, nil
			case "mount":
				return noMount == nil, nil
			case "sysfs":
				fi, err := os.Stat("/sys/kernel/uevent_seqnum")
				return err == nil && fi.Size() >= 4096, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

func setup(env *testscript.Env) error {
	tb, ok := env.T().(testing.TB)
	if !ok {
		return fmt.Errorf("%T is no testing.TB", env.T())
	}
	target := wiretest.Endpoint(tb)
	home := filepath.Join(env.WorkDir, ".home")
	if err := os.MkdirAll(home, 0o777); err != nil {
		return err
	}
	env.Vars = append(env.Vars, variables(target, home)...)
	s := &script{tb: tb, target: target, bucket: wiretest.Bucket(tb), work: env.WorkDir}
	env.Values[scriptKey{}] = s
	env.Setenv("BUCKET", s.bucket)
	env.Defer(s.secrets)
	return nil
}

// script is what the commands of one script share.
type script struct {
	tb     testing.TB
	target wiretest.Target
	bucket string
	work   string

	mu   sync.Mutex
	said strings.Builder // everything that s3haul has printed
}

type scriptKey struct{}

func scriptOf(ts *testscript.TestScript) *script {
	s, ok := ts.Value(scriptKey{}).(*script)
	if !ok {
		ts.Fatalf("this script was not set up")
	}
	return s
}

func (s *script) heard(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said.WriteString(text)
}

// secrets fails the script where any output had a secret key in it: that of the
// shared server, or that of an embedded one below the script's directory.
func (s *script) secrets() {
	secrets := []string{s.target.SecretAccessKey}
	err := filepath.WalkDir(s.work, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "s3haul-server.json" || !d.Type().IsRegular() {
			return nil // what scripts make unreadable is no server's
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var marker struct {
			Secret string `json:"secret_access_key"`
		}
		if err := json.Unmarshal(text, &marker); err != nil {
			return err
		}
		if marker.Secret == "" {
			return errors.New("no secret in " + path)
		}
		secrets = append(secrets, marker.Secret)
		return nil
	})
	if err != nil {
		s.tb.Errorf("look for the secrets of servers: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		if strings.Contains(s.said.String(), secret) {
			s.tb.Errorf("a secret access key was printed")
		}
	}
}
