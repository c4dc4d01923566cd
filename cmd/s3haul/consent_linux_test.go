package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sys/unix"

	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// openTerminal makes a terminal: what is written to person is typed on it, and
// what is read from person is shown on it.
func openTerminal(t *testing.T) (person, tty *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	number := 0
	raw, err := person.SyscallConn()
	if err == nil {
		cerr := raw.Control(func(fd uintptr) {
			if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err != nil {
				return
			}
			if number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN); err != nil {
				return
			}
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 200})
		})
		if err == nil {
			err = cerr
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(filepath.Join("/dev/pts", strconv.Itoa(number)), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	// A terminal that gets Ctrl-C throws away what it has not shown yet, the
	// answer of the process among it where that is quick.
	if raw, err = tty.SyscallConn(); err == nil {
		cerr := raw.Control(func(fd uintptr) {
			var settings *unix.Termios
			if settings, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err == nil {
				settings.Lflag |= unix.NOFLSH
				err = unix.IoctlSetTermios(int(fd), unix.TCSETS, settings)
			}
		})
		if err == nil {
			err = cerr
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return person, tty
}

// conversation runs s3haul on a terminal, waits for a question, and types an
// answer. It returns the exit code and all that is to be seen in the end, the
// answer among it, but for the ^C of the terminal, which may come late.
func conversation(t *testing.T, target wiretest.Target, answer string, args ...string) (int, string) {
	t.Helper()
	return conversationAt(t, target, t.TempDir(), answer, args...)
}

// conversationAt is conversation of somebody whose home is given.
func conversationAt(t *testing.T, target wiretest.Target, home, answer string, args ...string) (int, string) {
	t.Helper()
	person, tty := openTerminal(t)
	cmd := exec.CommandContext(t.Context(), "s3haul", args...)
	cmd.Env = environ(target, home)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err := cmd.Start()
	_ = tty.Close()
	if err != nil {
		t.Fatal(err)
	}
	seen, asked := answered(t, person, " to go on: ", answer)
	if err := cmd.Wait(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if !asked {
		t.Errorf("s3haul %q did not ask:\n%s", args, seen)
	}
	return cmd.ProcessState.ExitCode(), strings.NewReplacer("\r\n", "\n", "^C", "").Replace(seen)
}

// On a terminal the name of what goes has to be typed.
func TestConsent(t *testing.T) {
	t.Parallel()
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t, wiretest.Versioned(), wiretest.AllowUploads())
	client := target.Client(t)
	for _, key := range []string{"p/a", "p/b", "p/b", "p/c", "p/d", "q"} {
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: new("p/up")}); err != nil {
		t.Fatal(err)
	}
	versions := func() int {
		out, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.Versions) + len(out.DeleteMarkers)
	}
	traits := "  " + target.Region + ", versioning Enabled\n"
	tree := "s3://" + bucket + "/p/" + traits + "first: p/a  p/b  p/c\n"
	all := "s3://" + bucket + traits + "first: p/a  p/b  p/c\n"
	const goes = "Current objects go too. Irreversible. Count first: --dryrun\n"
	typeName := "Type " + bucket + "/p to go on: "
	typeBucket := "Type " + bucket + " to go on: "
	url := "s3://" + bucket
	for _, test := range []struct {
		name, answer string
		args         []string
		code         int
		seen         string
	}{
		{"another name", bucket + "/q\n", []string{"purge", url + "/p"}, 1, tree + goes + typeName + bucket + "/q\npurge: nothing was deleted\n"},
		{"yes", "yes\n", []string{"purge", url + "/p/"}, 1, tree + goes + typeName + "yes\npurge: nothing was deleted\n"},
		{"an empty line", "\n", []string{"purge", url + "/p"}, 1, tree + goes + typeName + "\npurge: nothing was deleted\n"},
		{"the name and more", bucket + "/p x\n", []string{"purge", url + "/p"}, 1, tree + goes + typeName + bucket + "/p x\npurge: nothing was deleted\n"},
		{"ctrl-d", "\x04", []string{"purge", url + "/p"}, 1, tree + goes + typeName + "\npurge: nothing was deleted\n"},
		{"ctrl-d behind the name", bucket + "/p\x04\x04", []string{"purge", url + "/p"}, 1, tree + goes + typeName + bucket + "/p\npurge: nothing was deleted\n"},
		{"ctrl-c", "\x03", []string{"purge", url + "/p"}, 130, tree + goes + typeName + "\ncancelled: ctrl-c received\n"},
		{"ctrl-c of rm", "\x03", []string{"rm", url + "/p", "--recursive", "--all-versions"}, 130, tree + goes + typeName + "\ncancelled: ctrl-c received\n"},
		{"the prefix of the bucket", bucket + "/p\n", []string{"purge", url}, 1, all + goes + typeBucket + bucket + "/p\npurge: nothing was deleted\n"},
		{"the bucket of the prefix", bucket + "\n", []string{"purge", url + "/p"}, 1, tree + goes + typeName + bucket + "\npurge: nothing was deleted\n"},
		{
			"what stays", "\n",
			[]string{"purge", url + "/p", "--keep-versions", "3", "--noncurrent-only", "--older-than", "30d", "--exclude", "x"},
			1, tree + "The newest 3 versions of each key stay. What is current stays. What is not older than 30d stays. So does what --exclude and --include leave out. Irreversible. Count first: --dryrun\n" +
				typeName + "\npurge: nothing was deleted\n",
		},
		{
			"a raw prefix", "\n",
			[]string{"purge", url, "--prefix", "p", "--markers-only"},
			1, "s3://" + bucket + "/p*" + traits + "first: p/a  p/b  p/c\nDelete markers with no version beneath go. Irreversible. Count first: --dryrun\n" +
				typeName + "\npurge: nothing was deleted\n",
		},
		{
			"one key", "\n",
			[]string{"rm", url + "/p/b", "--all-versions"},
			1, "s3://" + bucket + "/p/b" + traits + "first: p/b\n" + goes + "Type " + bucket + "/p/b to go on: \nrm: nothing was deleted\n",
		},
		{
			"rb", "\n",
			[]string{"rb", url, "--force", "--all-versions"},
			1, all + "Current objects go too, and then the bucket. Irreversible. Count first: --dryrun\n" + typeBucket + "\nrb: nothing was deleted\n",
		},
		{
			"uploads", "\n",
			[]string{"uploads", url + "/p", "--abort"},
			1, tree + "Unfinished uploads are aborted: their parts go. Irreversible. List first: --dryrun\n" + typeName + "\nuploads: nothing was aborted\n",
		},
	} {
		code, seen := conversation(t, target, test.answer, test.args...)
		if code != test.code || seen != test.seen {
			t.Errorf("%s: exit code %d, want %d; the terminal shows\n%s\nwant\n%s", test.name, code, test.code, seen, test.seen)
		}
		if n := versions(); n != 6 {
			t.Fatalf("%s: %d versions are left of 6", test.name, n)
		}
	}

	// The name exactly: what is below it goes, and nothing else.
	code, seen := conversation(t, target, bucket+"/p\n", "purge", url+"/p", "--no-progress")
	if code != 0 || !strings.HasPrefix(seen, tree+goes+typeName+bucket+"/p\n") {
		t.Errorf("exit code %d; the terminal shows\n%s", code, seen)
	}
	if n := versions(); n != 1 {
		t.Errorf("%d versions are left, want that of q", n)
	}
	noUploads(t, client, bucket)
	code, seen = conversation(t, target, bucket+"\n", "purge", url)
	if code != 0 || !strings.Contains(seen, "\nfirst: q\n"+goes+typeBucket+bucket+"\n") {
		t.Errorf("exit code %d; the terminal shows\n%s", code, seen)
	}
	if n := versions(); n != 0 {
		t.Errorf("%d versions are left", n)
	}
}

// What an interrupted run has left is shown, and goes only where that is wanted.
func TestConsentClean(t *testing.T) {
	t.Parallel()
	target := wiretest.Endpoint(t)
	bucket := wiretest.Bucket(t)
	client := target.Client(t)
	home, dir := t.TempDir(), t.TempDir()
	j, err := leave(t.Context(), client, target.Endpoint, bucket, home, dir, "p/", "large", 20<<20)
	if err == nil {
		err = j.Close(false)
	}
	if err != nil {
		t.Fatal(err)
	}
	question := " upload " + dir + " to s3://" + bucket + "/p/ at " + target.Endpoint + "\n" +
		"  1 object (20 MiB), 1 open upload; the same command goes on with it\n" +
		"Their uploads are aborted, and their temporary files removed: they begin anew. Irreversible.\nType clean to go on: "
	for _, test := range []struct {
		answer string
		code   int
		seen   string
		left   int
	}{
		{"yes\n", 1, "yes\nresume: nothing was removed\n", 1},
		{"\x04", 1, "\nresume: nothing was removed\n", 1},
		{"\x03", 130, "\ncancelled: ctrl-c received\n", 1},
		{"clean\n", 0, "clean\nupload_abort: s3://" + bucket + "/p/large\naborted 1 upload\n", 0},
	} {
		code, seen := conversationAt(t, target, home, test.answer, "resume", "--clean")
		_, shown, _ := strings.Cut(seen, " upload ") // behind the time
		if code != test.code || " upload "+shown != question+test.seen {
			t.Errorf("%q: exit code %d, want %d; the terminal shows\n%s\nwant\n%s", test.answer, code, test.code, seen, question+test.seen)
		}
		if open, err := openUploads(t.Context(), client, bucket); err != nil || len(open) != test.left {
			t.Errorf("%q: open uploads %q, %v: want %d", test.answer, open, err, test.left)
		}
	}
}

// answered reads what a person sees on a terminal until nobody has it open any more,
// and answers the question that ends so, once.
func answered(t *testing.T, person io.ReadWriter, question, answer string) (seen string, asked bool) {
	t.Helper()
	buf := make([]byte, 4096)
	for {
		n, err := person.Read(buf)
		seen += string(buf[:n])
		if !asked && strings.HasSuffix(seen, question) {
			asked = true
			if _, err := io.WriteString(person, answer); err != nil {
				t.Error(err)
			}
		}
		if err != nil { // EIO
			return seen, asked
		}
	}
}
