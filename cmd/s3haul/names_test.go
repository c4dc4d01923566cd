package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// oddNames are names that people have, and that something between a disk and
// the XML of a listing may take for something else.
func oddNames() []string {
	names := []string{
		"with space", " leading space", "trailing space ", "trailing dot.", "...", ".hidden",
		"new\nline", "tab\there", "carriage\rreturn",
		"plus+plus", "per%cent", "%2F", "%41", "a%20b", "a+b c",
		"&<>\"'", "&amp;", "<![CDATA[x]]>", "back\\slash", "quote\"d", "it's", "`tick`",
		"#hash", "?query=1&b", "semi;colon", "co:lon", "~tilde", "*star", "[x]", "{y}", "|pipe", "$HOME", "!bang", "@at", "=eq", "com,ma", "^caret", "(paren)",
		"-dash", "--delete", "-",
		"\u00e4 composed", "a\u0308 decomposed", "\u212b angstrom", "\U0001f600 emoji", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u202eoverride", "\u00a0nbsp", "\ufeffbom", "\u65e5\u672c\u8a9e",
		"s3:", "http:", "con", "nul.txt", "UPPER", "upper",
		strings.Repeat("n", 255), strings.Repeat("\u00e4", 127) + "x", strings.Repeat("\U0001f600", 63) + "xyz",
		// Listings put these in another order than directories do.
		"a.b", "a-b", "a/c", "a/c.d/e", "a0", "a b/c", "a&b/<c>", "dir with space/\u00e4/-x",
		strings.Repeat("d", 255) + "/" + strings.Repeat("f", 255),
	}
	return slices.DeleteFunc(names, func(name string) bool {
		switch runtime.GOOS {
		case "darwin": // APFS takes one name for another
			return slices.Contains([]string{"a\u0308 decomposed", "upper", strings.Repeat("\u00e4", 127) + "x"}, name)
		case "windows":
			return strings.ContainsAny(name, "\n\t\r<>:\"\\|?*") || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") ||
				strings.HasPrefix(name, "con") || strings.HasPrefix(name, "nul") || name == "upper"
		}
		return false
	})
}

// Names go up and come back byte for byte, with their contents, and once there
// each sync finds them again.
func TestOddNames(t *testing.T) {
	t.Parallel()
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t)
	work := t.TempDir()
	want := make(map[string][]byte)
	for i, name := range oddNames() {
		want[name] = fmt.Appendf(nil, "content %d of %q", i, name)
		file := filepath.Join(work, "src", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, want[name], 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// A prefix and a directory may be odd as well.
	for _, prefix := range []string{"", "an odd+prefix%2F&<\u00e4>"} {
		at := "s3://" + bucket + "/" + prefix
		down := filepath.Join("down", "an odd+dir%2F "+prefix)
		up := runCommand(t, target, work, "sync", "src", at).want(t, 0)
		if up.lines("upload: ") != len(want) {
			t.Errorf("%d lines of uploads for %d files:\n%s", up.lines("upload: "), len(want), up.stdout)
		}
		runCommand(t, target, work, "sync", "src", at).silent(t)
		sameNames(t, "the bucket", keysOf(t, target.Client(t), bucket, prefix), want)

		runCommand(t, target, work, "sync", at, down).want(t, 0)
		runCommand(t, target, work, "sync", at, down).silent(t)
		runCommand(t, target, work, "sync", at, down, "--delete").silent(t)
		got := make(map[string]bool)
		dir := filepath.Join(work, down)
		eachFile(t, dir, false, func(path string) error {
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			name := filepath.ToSlash(rel)
			got[name] = true
			text, err := os.ReadFile(path)
			if err == nil && !bytes.Equal(text, want[name]) {
				err = fmt.Errorf("%q has the content %q, want %q", name, text, want[name])
			}
			return err
		})
		sameNames(t, down, got, want)

		// Back up again, all by their names, and away.
		runCommand(t, target, work, "sync", down, at, "--delete", "--size-only").silent(t)
		runCommand(t, target, work, "rm", at, "--recursive", "--quiet").want(t, 0)
		if left := keysOf(t, target.Client(t), bucket, prefix); len(left) > 0 {
			t.Errorf("rm left %q", slices.Sorted(maps.Keys(left)))
		}
	}
}

// One file each, by cp: the name is an argument here.
func TestOddNamesOneByOne(t *testing.T) {
	t.Parallel()
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t)
	work := t.TempDir()
	every := 2 // three processes a name: all of them would take as long as the rest of the package
	if testing.Short() {
		t.Log("-short: every eighth of the names")
		every = 8
	}
	for i, name := range oddNames() {
		if i%every != 0 || strings.Contains(name, "/") {
			continue
		}
		if err := os.WriteFile(filepath.Join(work, name), []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
		file := "." + string(filepath.Separator) + name
		runCommand(t, target, work, "cp", file, "s3://"+bucket+"/one/", "--quiet").silent(t)
		runCommand(t, target, work, "cp", "s3://"+bucket+"/one/"+name, "back/", "--quiet").silent(t)
		got, err := os.ReadFile(filepath.Join(work, "back", name))
		if err != nil || string(got) != name {
			t.Errorf("%q came back as %q, %v", name, got, err)
		}
		runCommand(t, target, work, "rm", "s3://"+bucket+"/one/"+name, "--quiet").silent(t)
	}
	if left := keysOf(t, target.Client(t), bucket, ""); len(left) > 0 {
		t.Errorf("rm left %q", slices.Sorted(maps.Keys(left)))
	}
}

// keysOf lists the keys below a prefix, without it.
func keysOf(t *testing.T, client *s3.Client, bucket, prefix string) map[string]bool {
	t.Helper()
	if prefix != "" {
		prefix += "/"
	}
	keys := make(map[string]bool)
	for p := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys[strings.TrimPrefix(aws.ToString(o.Key), prefix)] = true
		}
	}
	return keys
}

func sameNames(t *testing.T, where string, got map[string]bool, want map[string][]byte) {
	t.Helper()
	for name := range want {
		if !got[name] {
			t.Errorf("%s has no %q", where, name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s has %q, which nobody put there", where, name)
		}
	}
}
