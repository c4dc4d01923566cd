//go:build !nogateway

package gateway

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestForeignDir(t *testing.T) {
	for name, prepare := range map[string]func(dir string) error{
		"a file":         func(dir string) error { return os.WriteFile(filepath.Join(dir, "photo.jpg"), nil, 0o600) },
		"a folder":       func(dir string) error { return os.Mkdir(filepath.Join(dir, bucketsName), 0o700) },
		"a hidden file":  func(dir string) error { return os.WriteFile(filepath.Join(dir, ".x"), nil, 0o600) },
		"another marker": func(dir string) error { return os.WriteFile(filepath.Join(dir, "x-"+markerName), nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := prepare(dir); err != nil {
				t.Fatal(err)
			}
			before := tree(t, dir)
			s, err := Start(t.Context(), Options{Dir: dir})
			if s != nil || !errors.Is(err, ErrForeignDir) {
				t.Fatalf("Start is %v, %v, want ErrForeignDir", s, err)
			}
			if !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "empty directory") {
				t.Errorf("no name or no advice in %q", err)
			}
			if after := tree(t, dir); after != before {
				t.Errorf("the directory was %s, is %s", before, after)
			}
		})
	}
}

// tree lists what is below dir, with the times of change.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		b.WriteString(path + " " + fi.ModTime().String() + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestFileAsDir(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: name}); !errors.Is(err, ErrNotDirectory) {
		t.Errorf("Start on a file: %v, want ErrNotDirectory", err)
	}
	if text, err := os.ReadFile(name); err != nil || string(text) != "mine" {
		t.Errorf("the file is now %q, %v", text, err)
	}
	if _, err := Start(t.Context(), Options{Dir: filepath.Join(name, "below")}); err == nil {
		t.Error("a name below a file is taken")
	}
}

func TestCredentialsAreMadeOnce(t *testing.T) {
	noLinks := func(string, string) error { return &os.LinkError{Op: "link", Err: errors.ErrUnsupported} }
	for name, link := range map[string]func(string, string) error{"link": os.Link, "no links": noLinks} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			const processes = 8
			var wg sync.WaitGroup
			got := make([]marker, processes)
			for i := range got {
				wg.Go(func() {
					ours, err := isOurs(dir)
					if err == nil && !ours {
						err = makeMarker(dir, link)
					}
					if err == nil {
						got[i], err = readMarker(t.Context(), dir)
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for _, m := range got {
				if m != got[0] || len(m.AccessKey) != 20 || len(m.SecretKey) != 40 {
					t.Fatal("the processes have different credentials, or none")
				}
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 {
				t.Errorf("in the directory: %v, %v, want the marker alone", entries, err)
			}
			fi, err := os.Stat(filepath.Join(dir, markerName))
			if err != nil {
				t.Fatal(err)
			}
			if runtime.GOOS != "windows" && fi.Mode().Perm() != 0o600 {
				t.Errorf("mode of the credentials is %v", fi.Mode())
			}
		})
	}
}

// What a crash leaves while the marker is made does not make the directory
// somebody else's.
func TestLeftoverTempFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, tempPrefix+"123"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openDataDir(t.Context(), dir); err != nil {
		t.Error(err)
	}
}

func TestBadMarker(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx        context.Context
		text, want string
	}{
		"newer":      {t.Context(), `{"format":2,"secret_access_key":"hush"}`, "newer s3haul"},
		"no keys":    {t.Context(), `{"format":1,"metadata":"xattr","secret_access_key":"hush"}`, "not what s3haul writes"},
		"empty":      {t.Context(), ``, "damaged"},
		"half":       {t.Context(), `{"format":1,"secret_access_key":"hush`, "damaged"},
		"half, late": {cancelled, `{"format":1,"secret_access_key":"hush`, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, markerName), []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := openDataDir(c.ctx, dir)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			} else if strings.Contains(err.Error(), "hush") {
				t.Error("the secret is in the error")
			}
		})
	}
}
