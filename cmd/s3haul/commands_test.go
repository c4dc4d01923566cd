package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rogpeppe/go-internal/testscript"
)

// commands of the scripts, beside those of testscript.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	all := map[string]func(*testscript.TestScript, []string){
		"code":      cmdCode,
		"says":      cmdSays,
		"saysjson":  cmdSaysJSON,
		"silent":    cmdSilent,
		"put":       cmdPut,
		"bucket":    cmdBucket,
		"nouploads": cmdNoUploads,
		"tree":      cmdTree,
		"age":       cmdAge,
		"mode":      cmdMode,
		"fill":      cmdFill,
		"write":     cmdWrite,
		"refusing":  cmdRefusing,
		"climbing":  cmdClimbing,
		"tmpfs":     cmdTmpfs,
		"left":      cmdLeft,
		"damage":    cmdDamage,
		"visit":     cmdVisit,
	}
	maps.Copy(all, versionCommands())
	maps.Copy(all, tutorialCommands())
	cmds := make(map[string]func(*testscript.TestScript, bool, []string), len(all))
	for name, run := range all {
		cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			if neg {
				ts.Fatalf("%s has no opposite", name)
			}
			run(ts, args)
		}
	}
	return cmds
}

func need(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// code N PROGRAM ARG...: runs it and requires the exit code N. What it prints
// must not have the secret key.
func cmdCode(ts *testscript.TestScript, args []string) {
	need(ts, len(args) >= 2, "code N program [arg...]")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	s := scriptOf(ts)
	text := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	s.heard(text)
	if strings.Contains(text, s.target.SecretAccessKey) {
		ts.Fatalf("the secret access key was printed")
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// steady takes out of a text what differs from run to run: the id of a request,
// how long a run took, and when an object was made.
func steady(s string) string {
	for _, v := range [][2]string{
		{`(?m)^  request [0-9A-Za-z/+=-]+`, "  request ID"},
		{`(?m) in [0-9][0-9dhms.]*$`, " in …"},
		{`, [0-9][0-9dhms.]*(, [0-9.]+ [KMG]?i?B/s)?\)`, ", …)"},
		// Which checksums there are is the store's affair; verified has the number.
		{`(?m)^verified [0-9,]+ by [0-9A-Z]+(, [0-9,]+ by [0-9A-Z]+)*(  |\n)`, ""},
		{`(?m)^not verifiable [0-9,]+(  |\n)`, ""},
		{`(?m)^20\d\d-[01]\d-[0-3]\d [0-2]\d:[0-5]\d:[0-6]\d `, "DAY        TIME     "},
	} {
		s = regexp.MustCompile(v[0]).ReplaceAllString(s, v[1])
	}
	return s
}

// says [-ordered] FILE: all that the last command printed. Lines of FILE that
// begin with "2> " are those of stderr, in their order; the rest is stdout's,
// in any order without -ordered: transfers end as they like.
func cmdSays(ts *testscript.TestScript, args []string) {
	ordered := len(args) > 0 && args[0] == "-ordered"
	if ordered {
		args = args[1:]
	}
	need(ts, len(args) == 1, "says [-ordered] file")
	var out, errs []string
	for line := range strings.Lines(expand(ts, ts.ReadFile(args[0]))) {
		if rest, ok := strings.CutPrefix(line, "2> "); ok {
			errs = append(errs, rest)
		} else {
			out = append(out, line)
		}
	}
	got := slices.Collect(strings.Lines(steady(ts.ReadFile("stdout"))))
	if !ordered {
		slices.Sort(got)
		slices.Sort(out)
	}
	same(ts, "stdout", strings.Join(got, ""), strings.Join(out, ""))
	same(ts, "stderr", steady(ts.ReadFile("stderr")), strings.Join(errs, ""))
}

func expand(ts *testscript.TestScript, text string) string { return os.Expand(text, ts.Getenv) }

func same(ts *testscript.TestScript, what, got, want string) {
	if got != want {
		ts.Fatalf("%s is\n%s\nwant\n%s", what, got, want)
	}
}

// silent: the last command printed nothing at all.
func cmdSilent(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 0, "silent")
	same(ts, "stdout", ts.ReadFile("stdout"), "")
	same(ts, "stderr", ts.ReadFile("stderr"), "")
}

// saysjson FILE: stdout is one JSON object a line, all with "v" and "event",
// the last one the summary. FILE has them with their members sorted, in any
// order but the summary's, without request ids, sums and seconds; stderr is empty.
func cmdSaysJSON(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 1, "saysjson file")
	var got []string
	last := ""
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var o map[string]any
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			ts.Fatalf("%q: %v", line, err)
		}
		last, _ = o["event"].(string)
		if o["v"] != 1.0 || last == "" {
			ts.Fatalf("%q lacks v or event", line)
		}
		if s, has := o["seconds"].(float64); last == "summary" && (!has || s < 0) {
			ts.Fatalf("%q lacks the seconds", line)
		}
		delete(o, "seconds")
		delete(o, "request_id")
		delete(o, "checksum_value")
		text, err := json.Marshal(o)
		ts.Check(err)
		got = append(got, string(text)+"\n")
	}
	if last != "summary" {
		ts.Fatalf("the last line is %q, not the summary", last)
	}
	want := slices.Collect(strings.Lines(expand(ts, ts.ReadFile(args[0]))))
	slices.Sort(got)
	slices.Sort(want)
	same(ts, "stdout", strings.Join(got, ""), strings.Join(want, ""))
	same(ts, "stderr", ts.ReadFile("stderr"), "")
}

// put KEY [CONTENT]: puts an object with the SDK; "\n" ends a content.
func cmdPut(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 1 || len(args) == 2, "put key [content]")
	s := scriptOf(ts)
	bucket := ts.Getenv("BUCKET")
	content := ""
	if len(args) == 2 {
		content = args[1] + "\n"
	}
	_, err := s.target.Client(s.tb).PutObject(s.tb.Context(), &s3.PutObjectInput{
		Bucket: &bucket, Key: &args[0], Body: strings.NewReader(content),
	})
	ts.Check(err)
}

// bucket [FILE]: the objects of $BUCKET, as the SDK sees them, are those of
// FILE, "key = content" a line in the order of the keys; without FILE none. A
// content of more than a line is given by its size.
func cmdBucket(ts *testscript.TestScript, args []string) {
	need(ts, len(args) <= 1, "bucket [file]")
	s := scriptOf(ts)
	ctx := s.tb.Context()
	client := s.target.Client(s.tb)
	var got strings.Builder
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &s.bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		ts.Check(err)
		for _, o := range page.Contents {
			out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: o.Key})
			ts.Check(err)
			content, err := io.ReadAll(out.Body)
			_ = out.Body.Close()
			ts.Check(err)
			describe(&got, aws.ToString(o.Key), content)
		}
	}
	want := ""
	if len(args) == 1 {
		want = ts.ReadFile(args[0])
	}
	same(ts, "the bucket", got.String(), want)
}

func describe(b *strings.Builder, name string, content []byte) {
	text, ended := strings.CutSuffix(string(content), "\n")
	switch {
	case len(content) == 0:
		fmt.Fprintf(b, "%s\n", name)
	case !ended || strings.Contains(text, "\n") || len(text) > 80:
		fmt.Fprintf(b, "%s: %d bytes\n", name, len(content))
	default:
		fmt.Fprintf(b, "%s = %s\n", name, text)
	}
}

// nouploads: no multipart upload is open in $BUCKET.
func cmdNoUploads(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 0, "nouploads")
	s := scriptOf(ts)
	open, err := openUploads(s.tb.Context(), s.target.Client(s.tb), s.bucket)
	ts.Check(err)
	if len(open) > 0 {
		ts.Fatalf("multipart uploads are open: %q", open)
	}
}

func openUploads(ctx context.Context, client *s3.Client, bucket string) (keys []string, err error) {
	out, err := client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err != nil {
		return nil, err
	}
	for _, u := range out.Uploads {
		keys = append(keys, aws.ToString(u.Key))
	}
	return keys, nil
}

// tree DIR [FILE]: what is below DIR is what FILE says, as with bucket; an
// empty directory ends in '/', and a link has "-> target".
func cmdTree(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 1 || len(args) == 2, "tree dir [file]")
	root := ts.MkAbs(args[0])
	type line struct{ name, text string }
	var all []line
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		var b strings.Builder
		switch {
		case d.IsDir():
			below, err := os.ReadDir(path)
			if err != nil || len(below) > 0 {
				return err
			}
			name += "/"
			fmt.Fprintf(&b, "%s\n", name)
		case d.Type()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s -> %s\n", name, to)
		case !d.Type().IsRegular():
			fmt.Fprintf(&b, "%s is special\n", name)
		default:
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			describe(&b, name, content)
		}
		all = append(all, line{name, b.String()})
		return nil
	})
	ts.Check(err)
	slices.SortFunc(all, func(a, b line) int { return cmp.Compare(a.name, b.name) })
	var got strings.Builder
	for _, l := range all {
		got.WriteString(l.text)
	}
	want := ""
	if len(args) == 2 {
		want = ts.ReadFile(args[1])
	}
	same(ts, args[0], got.String(), want)
}

// age DURATION FILE...: the files were written so long ago, or with a minus
// sign, will have been.
func cmdAge(ts *testscript.TestScript, args []string) {
	need(ts, len(args) >= 2, "age duration file...")
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	when := time.Now().Add(-d)
	for _, file := range args[1:] {
		ts.Check(os.Chtimes(ts.MkAbs(file), when, when))
	}
}

// mode OCTAL FILE: the permissions of FILE.
func cmdMode(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 2, "mode octal file")
	fi, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	same(ts, "the mode of "+args[1], fmt.Sprintf("%o", fi.Mode().Perm()), args[0])
}

// fill SIZE FILE: makes a file of so many bytes.
func cmdFill(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 2, "fill size file")
	n, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	ts.Check(fillFile(ts.MkAbs(args[1]), n))
}

// write FILE CONTENT: makes a file of one line.
func cmdWrite(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 2, "write file content")
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o777))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]+"\n"), 0o666))
}

// refusing NAME: $NAME is the host:port of which the listener has just gone.
func cmdRefusing(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 1, "refusing name")
	var lc net.ListenConfig
	l, err := lc.Listen(scriptOf(ts).tb.Context(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

// climbing KEY...: another store, that the script uses from now on; its one
// bucket "climb" has these keys, which stores that keep objects as files would
// refuse.
func cmdClimbing(ts *testscript.TestScript, args []string) {
	need(ts, len(args) >= 1, "climbing key...")
	server := httptest.NewServer(store(slices.Sorted(slices.Values(args))))
	ts.Defer(server.Close)
	ts.Setenv("AWS_ENDPOINT_URL_S3", server.URL)
}

// tmpfs DIR SIZE: mounts a file system of that size until the script ends.
func cmdTmpfs(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 2, "tmpfs dir size")
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	unmount, err := mountTmpfs(dir, args[1])
	ts.Check(err)
	ts.Defer(func() {
		if err := unmount(); err != nil {
			scriptOf(ts).tb.Errorf("unmount %s: %v", dir, err)
		}
	})
}
