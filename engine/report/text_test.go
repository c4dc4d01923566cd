package report

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The lines were compared with those of aws-cli 1.45 against a server that
// answers AccessDenied.
func TestTextLines(t *testing.T) {
	up := Event{Op: Upload, Src: "./a", Dst: "s3://b/a"}
	with := func(e Event, k Kind, err error) Event {
		e.Kind, e.Err = k, err
		return e
	}
	tests := []struct {
		name     string
		event    Event
		out, err string
	}{
		{"upload", with(up, Done, nil), "upload: ./a to s3://b/a\n", ""},
		{"dry run", with(up, DryRun, nil), "(dryrun) upload: ./a to s3://b/a\n", ""},
		{"download", Event{Kind: Done, Op: Download, Src: "s3://b/a", Dst: "./a"}, "download: s3://b/a to ./a\n", ""},
		{"copy", Event{Kind: Done, Op: Copy, Src: "s3://b/a", Dst: "s3://c/a"}, "copy: s3://b/a to s3://c/a\n", ""},
		{"move", Event{Kind: Done, Op: Move, Src: "./a", Dst: "s3://c/a"}, "move: ./a to s3://c/a\n", ""},
		{"delete", Event{Kind: Done, Op: Delete, Src: "s3://b/k"}, "delete: s3://b/k\n", ""},
		{"delete dry run", Event{Kind: DryRun, Op: Delete, Src: "s3://b/k"}, "(dryrun) delete: s3://b/k\n", ""},
		{"make bucket", Event{Kind: Done, Op: MakeBucket, Src: "s3://b"}, "make_bucket: b\n", ""},
		{"remove bucket", Event{Kind: Done, Op: RemoveBucket, Src: "b"}, "remove_bucket: b\n", ""},
		{
			"upload failed", with(up, Failed, denied("PutObject")), "",
			"upload failed: ./a to s3://b/a An error occurred (AccessDenied) when calling the PutObject operation: Access Denied\n",
		},
		{
			"delete failed",
			Event{Kind: Failed, Op: Delete, Src: "s3://b/k", Err: denied("DeleteObject")},
			"",
			"delete failed: s3://b/k An error occurred (AccessDenied) when calling the DeleteObject operation: Access Denied\n",
		},
		{
			"make bucket failed",
			Event{Kind: Failed, Op: MakeBucket, Src: "s3://b", Err: denied("CreateBucket")},
			"",
			"make_bucket failed: s3://b An error occurred (AccessDenied) when calling the CreateBucket operation: Access Denied\n",
		},
		{
			"request id", with(up, Failed, deniedWithID("PutObject", "4Z9K")), "",
			"upload failed: ./a to s3://b/a An error occurred (AccessDenied) when calling the PutObject operation: Access Denied\n" +
				"  request 4Z9K\n",
		},
		{
			"advice", with(up, Failed, &advisedError{wrapper{deniedWithID("PutObject", "4Z9K")}, "needs kms:GenerateDataKey on alias/photos"}), "",
			"upload failed: ./a to s3://b/a An error occurred (AccessDenied) when calling the PutObject operation: Access Denied\n" +
				"  request 4Z9K: needs kms:GenerateDataKey on alias/photos\n",
		},
		{
			"advice of two lines", with(up, Failed, &advisedError{wrapper{errPlain}, "make room\nor use another disk"}), "",
			"upload failed: ./a to s3://b/a wrapped: disk full\n  make room\n  or use another disk\n",
		},
		{"plain error", with(up, Failed, errPlain), "", "upload failed: ./a to s3://b/a disk full\n"},
		{"no error", with(up, Failed, nil), "", "upload failed: ./a to s3://b/a unknown error\n"},
		{
			"no operation", with(up, Failed, &apiError{"NoSuchKey", "gone"}), "",
			"upload failed: ./a to s3://b/a An error occurred (NoSuchKey): gone\n",
		},
		{
			"no message", with(up, Failed, &operationError{wrapper{&codeOnly{"403"}}, "HeadObject"}), "",
			"upload failed: ./a to s3://b/a An error occurred (403) when calling the HeadObject operation: Unknown\n",
		},
		{
			"warning",
			Event{Kind: Warning, Err: errors.New("Skipping file ./p. File does not exist.")},
			"",
			"warning: Skipping file ./p. File does not exist.\n",
		},
		{"notice", Event{Kind: Notice, Err: errors.New("no checksums here")}, "", "notice: no checksums here\n"},
		{"not shown", Event{Kind: Progress, Bytes: 5}, "", ""},
		{"raw off a terminal", Event{Kind: Done, Op: Delete, Src: "s3://b/n\nl\x1b[31m"}, "delete: s3://b/n\nl\x1b[31m\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, s := plainConsole(t)
			text := NewText(c, Options{})
			text.Report(tt.event)
			closeConsole(t, c)
			same(t, "stdout", s.out.String(), tt.out)
			same(t, "stderr", s.err.String(), tt.err)
		})
	}
}

func TestTextLevels(t *testing.T) {
	all := func(text *Text) {
		text.Report(Event{Kind: Done, Op: Upload, Src: "a", Dst: "b"})
		text.Report(Event{Kind: DryRun, Op: Upload, Src: "a", Dst: "b"})
		text.Report(Event{Kind: Notice, Err: errPlain})
		text.Report(Event{Kind: Warning, Err: errPlain})
		text.Report(Event{Kind: Failed, Op: Upload, Src: "a", Dst: "b", Err: errPlain})
		text.Fatal(errPlain)
		text.Summary(Summary{Failed: 1})
	}
	t.Run("all", func(t *testing.T) {
		c, s := plainConsole(t)
		all(NewText(c, Options{}))
		closeConsole(t, c)
		same(t, "stdout", s.out.String(), "upload: a to b\n(dryrun) upload: a to b\n")
		same(t, "stderr", s.err.String(), "notice: disk full\nwarning: disk full\nupload failed: a to b disk full\n"+
			"fatal error: disk full\nFAILED 1 object\n")
	})
	t.Run("only errors", func(t *testing.T) {
		c, s := plainConsole(t)
		all(NewText(c, Options{OnlyErrors: true}))
		closeConsole(t, c)
		same(t, "stdout", s.out.String(), "(dryrun) upload: a to b\n") // as aws s3
		same(t, "stderr", s.err.String(), "warning: disk full\nupload failed: a to b disk full\nfatal error: disk full\n")
	})
	t.Run("quiet", func(t *testing.T) {
		c, s := plainConsole(t)
		all(NewText(c, Options{Quiet: true, OnlyErrors: true}))
		closeConsole(t, c)
		same(t, "stdout", s.out.String(), "")
		same(t, "stderr", s.err.String(), "")
	})
}

func TestTextOnTerminalEscapes(t *testing.T) {
	s := newScreen()
	c := terminal(t, s, 80)
	text := NewText(c, Options{})
	text.Report(Event{Kind: Done, Op: Upload, Src: "./n\nl", Dst: "s3://b/\x1b[2J\x9b\u009b\u202e"})
	text.Report(Event{Kind: Failed, Op: Upload, Src: "./n\rl", Err: errors.New("a\x1b]0;title\x07\nb")})
	text.Report(Event{Kind: Warning, Err: fmt.Errorf("Skipping file %s. Why.", "\x1bc")})
	closeConsole(t, c)
	same(t, "screen", s.text(), `upload: ./n\nl to s3://b/\x1b[2J\x9b\u009b\u202e`+"\n"+
		`upload failed: ./n\rl a\x1b]0;title\x07\nb`+"\n"+
		`warning: Skipping file \x1bc. Why.`+"\n")
	if len(s.bad) > 0 {
		t.Errorf("reached the terminal: %v", s.bad)
	}
}

// Each stream is judged on its own: stdout may be a file while stderr is not.
func TestTextEscapesByStream(t *testing.T) {
	var s streams
	c := NewConsole(ConsoleOptions{Out: &s.out, Err: &s.err, ErrTerminal: true})
	text := NewText(c, Options{})
	text.Report(Event{Kind: Done, Op: Delete, Src: "s3://b/\x1b"})
	text.Report(Event{Kind: Failed, Op: Delete, Src: "s3://b/\x1b", Err: errPlain})
	closeConsole(t, c)
	same(t, "stdout", s.out.String(), "delete: s3://b/\x1b\n")
	same(t, "stderr", s.err.String(), "delete failed: s3://b/\\x1b disk full\n")
}

func TestStdoutComesBeforeStderr(t *testing.T) {
	s := newScreen()
	c := NewConsole(ConsoleOptions{Out: s, Err: s}) // both into one file
	text := NewText(c, Options{})
	text.Report(Event{Kind: Done, Op: Delete, Src: "1"})
	text.Report(Event{Kind: Failed, Op: Delete, Src: "2", Err: errPlain})
	text.Report(Event{Kind: Done, Op: Delete, Src: "3"})
	c.Errln("4")
	closeConsole(t, c)
	same(t, "file", s.text(), "delete: 1\ndelete failed: 2 disk full\ndelete: 3\n4\n")
}

func TestStdoutWaits200ms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := plainConsole(t)
		text := NewText(c, Options{})
		time.Sleep(flushEvery + time.Millisecond) // virtual
		synctest.Wait()
		text.Report(Event{Kind: Done, Op: Delete, Src: "1"})
		time.Sleep(flushEvery - 2*time.Millisecond)
		synctest.Wait()
		same(t, "early", s.out.String(), "")
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		same(t, "late", s.out.String(), "delete: 1\n")
		closeConsole(t, c)
		// A closed console keeps nothing back.
		text.Report(Event{Kind: Done, Op: Delete, Src: "2"})
		same(t, "after Close", s.out.String(), "delete: 1\ndelete: 2\n")
	})
}

func TestClosedPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	var s streams
	c := NewConsole(ConsoleOptions{Out: w, Err: &s.err})
	text := NewText(c, Options{})
	if err := text.Err(); err != nil {
		t.Fatalf("before a write: %v", err)
	}
	text.Report(Event{Kind: Done, Op: Delete, Src: "1"})
	first := c.Flush()
	if first == nil {
		t.Fatal("Flush found no error")
	}
	if pe := new(os.PathError); !errors.As(first, &pe) {
		t.Errorf("the cause is lost: %v", first)
	}
	text.Report(Event{Kind: Done, Op: Delete, Src: strings.Repeat("x", 2*outBuffer)})
	text.Report(Event{Kind: Failed, Op: Delete, Src: "2", Err: errPlain})
	if got := text.Err(); !errors.Is(got, first) {
		t.Errorf("Err = %v, want %v", got, first)
	}
	if got := c.Close(); !errors.Is(got, first) {
		t.Errorf("Close = %v, want %v", got, first)
	}
	same(t, "stderr", s.err.String(), "delete failed: 2 disk full\n")
}

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) / 2, nil }

func TestShortWrite(t *testing.T) {
	c := NewConsole(ConsoleOptions{Out: shortWriter{}, Err: new(strings.Builder)})
	NewText(c, Options{}).Report(Event{Kind: Done, Op: Delete, Src: "1"})
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "short write") {
		t.Errorf("Close = %v", err)
	}
}

func TestTextSummary(t *testing.T) {
	t.Run("off a terminal where nothing happened", func(t *testing.T) {
		c, s := plainConsole(t)
		NewText(c, Options{}).Summary(Summary{Unchanged: 5})
		closeConsole(t, c)
		same(t, "stderr", s.err.String(), "")
	})
	t.Run("off a terminal where deletes were held back", func(t *testing.T) {
		c, s := plainConsole(t)
		NewText(c, Options{}).Summary(Summary{Held: 2})
		closeConsole(t, c)
		same(t, "stderr", s.err.String(), "2 due deletes were not run\n")
	})
	t.Run("off a terminal", func(t *testing.T) {
		c, s := plainConsole(t)
		NewText(c, Options{}).Summary(Summary{Unchanged: 5, Skipped: 1})
		closeConsole(t, c)
		same(t, "stderr", s.err.String(), "unchanged 5  skipped 1\n")
	})
	t.Run("on a terminal", func(t *testing.T) {
		s := newScreen()
		c := terminal(t, s, 80)
		NewText(c, Options{}).Summary(Summary{Unchanged: 5, Retries: 2})
		closeConsole(t, c)
		same(t, "screen", s.text(), "unchanged 5  skipped 0\nretries 2\n")
	})
}
