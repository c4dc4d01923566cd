package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3haul/s3haul/engine/transfer"
)

func TestCustomerKey(t *testing.T) {
	t.Parallel()
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(i * 9) // no text
	}
	dir := t.TempDir()
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key, text := file("key", raw), file("text", []byte(strings.Repeat("k", 32)+"\n"))
	aes := choice{value: "AES256"}
	got, err := customerKey("--sse-c", aes, secret("fileb://"+key))
	if err != nil || got == nil || !slices.Equal(got.Key[:], raw) {
		t.Errorf("the key of a file is %v (%v)", got, err)
	}
	if got, err := customerKey("--sse-c", choice{}, ""); got != nil || err != nil {
		t.Errorf("no key is %v (%v)", got, err)
	}
	for _, c := range []struct {
		algorithm  choice
		text, want string
	}{
		{aes, "", "If --sse-c is specified, --sse-c-key must be specified as well."},
		{choice{}, "k", "If --sse-c-key is specified, --sse-c must be specified as well."},
		{aes, "short", "--sse-c-key has 5 bytes: a key for AES256 has 32"},
		{aes, base64.StdEncoding.EncodeToString(raw), "--sse-c-key has 44 bytes: a key for AES256 has 32; if it is base64, decode it and give it as fileb://FILE"},
		{aes, hex.EncodeToString(raw), "--sse-c-key has 64 bytes: a key for AES256 has 32; if it is hexadecimal, decode it and give it as fileb://FILE"},
		{aes, "file://" + text, "--sse-c-key has 33 bytes: a key for AES256 has 32; there is white space around it"},
		{aes, "file://" + key, fmt.Sprintf("--sse-c-key: Unable to load paramfile (%s), text contents could not be decoded; give a binary file as fileb://", key)},
	} {
		_, err := customerKey("--sse-c", c.algorithm, secret(c.text))
		if err == nil || err.Error() != c.want || !isUsage(err) {
			t.Errorf("%q: %v\nwant %s", c.text, err, c.want)
		}
	}
}

// A parameter's file may be named by a variable, or below the home directory.
func TestParameter(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("S3HAUL_TEST_DIR", home)
	if err := os.WriteFile(filepath.Join(home, "p"), []byte("a=b"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"file://~/p", "fileb://$S3HAUL_TEST_DIR/p", "a=b"} {
		if got, err := parameter(value); err != nil || got != "a=b" {
			t.Errorf("%s is %q (%v)", value, got, err)
		}
	}
	if got, err := parameter("file://$S3HAUL_TEST_NONE/p"); err == nil {
		t.Errorf("a variable that is not set: %q", got)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	noon := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2027-01-31T12:00:00Z":          noon,
		"2027-01-31T13:00:00+01:00":     noon,
		"Sun, 31 Jan 2027 12:00:00 GMT": noon,
		"1801396800":                    noon,
		"1801396800.5":                  noon,
		"0":                             time.Unix(0, 0),
		"2027-01-31":                    time.Date(2027, 1, 31, 0, 0, 0, 0, time.Local),
		"2027-01-31 12:00:00":           time.Date(2027, 1, 31, 12, 0, 0, 0, time.Local),
	} {
		var e expiry
		if err := e.Set(text); err != nil || !e.time.Equal(want) {
			t.Errorf("%s is %v (%v), want %v", text, e.time, err, want)
		}
	}
	for _, text := range []string{"", "soon", "2h", "30d", "-1", "NaN", "Inf", "2027-13-01", "1e300"} {
		var e expiry
		if err := e.Set(text); err == nil {
			t.Errorf("%s is %v, want an error", text, e.time)
		}
	}
}

func TestAttributeValues(t *testing.T) {
	t.Parallel()
	var g grants
	given := []string{"read=id=a", "full=uri=http://x/y?z=1, emailaddress=a@b", "read=id=c,id=d"}
	if err := g.Set(strings.Join(given, between)); err != nil {
		t.Errorf("%s: %v", given, err)
	}
	want := grants{{Permission: "full", Grantees: "uri=http://x/y?z=1, emailaddress=a@b"}, {Permission: "read", Grantees: "id=c,id=d"}}
	if !slices.Equal(g, want) {
		t.Errorf("the grants are %v, want %v: the last of one permission", g, want)
	}
	if err := g.Set("readacl=id=a"); err != nil || len(g) != 1 {
		t.Errorf("the grants are %v (%v), want those of the last flag", g, err)
	}
	for _, s := range []string{"", "read", "read=", "write=id=a", "read=a", "read=id=", "read=id=a,b"} {
		if err := g.Set(s); err == nil {
			t.Errorf("grant %q: no error", s)
		}
	}
	var all tags
	for i := range 10 {
		if err := all.Set(fmt.Sprintf("k%d=a=b", i)); err != nil || all[fmt.Sprint("k", i)] != "a=b" {
			t.Errorf("tag %d: %v", i, err)
		}
	}
	for _, s := range []string{"k10=v", "k1=v", "=v", "k"} {
		if err := all.Set(s); err == nil {
			t.Errorf("tag %q: no error", s)
		}
	}
	few := tags{}
	for _, s := range []string{strings.Repeat("k", 129) + "=v", "k=" + strings.Repeat("v", 257)} {
		if err := few.Set(s); err == nil {
			t.Errorf("a tag of %d characters: no error", len(s))
		}
	}
	var m metadata
	for _, s := range []string{"a=é", "a b=c", "=v", "{\"a\":\"b\\nc\"}", "file:///nowhere/at/all"} {
		if err := m.Set(s); err == nil {
			t.Errorf("metadata %q: no error", s)
		}
	}
	for text, want := range map[string]byteCount{"0": 0, "53687091200": 53687091200, "60GiB": 60 << 30} {
		var n byteCount
		if err := n.Set(text); err != nil || n != want {
			t.Errorf("%s is %d (%v)", text, n, err)
		}
	}
	var n byteCount
	if err := n.Set("-1"); err == nil {
		t.Error("-1 bytes: no error")
	}
	var key any = transfer.CustomerKey{Key: [32]byte([]byte(strings.Repeat("k", 32)))}
	for _, text := range []string{fmt.Sprint(key), fmt.Sprintf("%+v", key), fmt.Sprintf("%#v", key)} {
		if strings.Contains(text, "kkk") || strings.Contains(text, "107") || strings.Contains(text, "0x6b") {
			t.Errorf("a key is printed as %s", text)
		}
	}
}
