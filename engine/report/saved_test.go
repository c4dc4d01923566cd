package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// savedLines is what a JSON keeps of events, behind a header.
func savedLines(t testing.TB, events []Event, end func(*JSON)) string {
	t.Helper()
	return savedOf(t, nil, events, end)
}

// savedOf is savedLines of a run that tries again what had failed before.
func savedOf(t testing.TB, before *Saved, events []Event, end func(*JSON)) string {
	t.Helper()
	var s streams
	c := NewConsole(ConsoleOptions{Out: &s.out, Err: io.Discard})
	j := NewJSON(c, JSONOptions{})
	j.Header("sync", "/data/photos", "s3://b/p/", before)
	for _, e := range events {
		j.Report(e)
	}
	if end != nil {
		end(j)
	}
	j.Close()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return s.out.String()
}

func keys(s Saved) string {
	names := make([]string, len(s.Failed))
	for i, f := range s.Failed {
		names[i] = f.Key
	}
	return strings.Join(names, " ")
}

func TestReadSaved(t *testing.T) {
	failed := func(key string) Event {
		return Event{Kind: Failed, Op: Upload, Src: "./" + key, Dst: "s3://b/p/" + key, Key: key, Err: errPlain}
	}
	done := func(key string) Event { return Event{Kind: Done, Op: Upload, Key: key} }
	events := []Event{
		done("a"), failed("b"), failed("c"), done("b"), failed("\xff\n"), failed("b"), failed("d"), done("d"), failed("c"),
		{Kind: DryRun, Op: Upload, Key: "c"}, // it was not done
		{Kind: Done, Op: Delete, Key: "c"},   // nor is this the object's end
		{Kind: Failed, Op: Delete, Key: "z", Err: errPlain},
		{Kind: Failed, Op: MakeBucket, Src: "s3://b", Err: errPlain},
		{Kind: Warning, Key: "w", Err: errPlain},
		{Kind: Notice, Err: errPlain},
	}
	text := savedLines(t, events, func(j *JSON) { j.Summary(Summary{}, 1) })
	got, err := ReadSaved(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "keys", keys(got), "b c \xff\n")
	same(t, "the rest", fmt.Sprint(got.Op, got.Src, got.Dst, got.Deletes, got.Complete), "sync/data/photoss3://b/p/1 true")
	if got.Failed[2] != (SavedFailure{"\xff\n", "./\xff\n", "s3://b/p/\xff\n"}) {
		t.Errorf("%+v", got.Failed[2])
	}
	// A line that was cut off is not there.
	for _, cut := range []int{1, 20} {
		got, err := ReadSaved(iotest.OneByteReader(strings.NewReader(text[:len(text)-cut])))
		if err != nil || keys(got) != "b c \xff\n" {
			t.Errorf("cut %d: %v, %q", cut, err, keys(got))
		}
		if want := cut == 1; got.Complete != want {
			t.Errorf("cut %d: complete %v", cut, got.Complete)
		}
	}
	// Lines of --json have no header; another run may follow.
	_, headless, _ := strings.Cut(text, "\n")
	got, err = ReadSaved(strings.NewReader(headless + "\n" + headless))
	if err != nil || keys(got) != "b c \xff\n" || got.Op != "" {
		t.Errorf("%v, %+v", err, got)
	}
	if got, err = ReadSaved(strings.NewReader("")); err != nil || len(got.Failed) != 0 || got.Complete {
		t.Errorf("of nothing: %v, %+v", err, got)
	}
}

func TestReadSavedKnowsWhatEndedTheRun(t *testing.T) {
	for name, end := range map[string]func(*JSON){
		"a kill":   nil,
		"an error": func(j *JSON) { j.Fatal(errPlain); j.Summary(Summary{}, 1) },
		"a bound":  func(j *JSON) { j.Summary(Summary{CutShort: "max-transfer"}, 1) },
		"nothing":  func(j *JSON) { j.Summary(Summary{DryRun: true}, 0) },
		"a directory that cannot be listed": func(j *JSON) {
			j.Report(Event{Kind: Failed, Op: Upload, Src: "./d", Key: "d/", Unlisted: true, Err: errPlain})
			j.Summary(Summary{Failed: 1}, 1)
		},
	} {
		text := savedLines(t, nil, end)
		if got, err := ReadSaved(strings.NewReader(text)); err != nil || got.Complete || len(got.Failed) > 0 {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
		// So it is of a run that tried again what had failed, whole as that was.
		got, err := ReadSaved(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		again := savedOf(t, &got, nil, func(j *JSON) { j.Summary(Summary{}, 0) })
		if got, err := ReadSaved(strings.NewReader(again)); err != nil || got.Complete || !got.Earlier {
			t.Errorf("%s and a retry: %v, %+v", name, err, got)
		}
		// The same command once more came to its end.
		text += savedLines(t, nil, func(j *JSON) { j.Summary(Summary{}, 0) })
		if got, err := ReadSaved(strings.NewReader(text)); err != nil || !got.Complete {
			t.Errorf("%s and once more: %v, complete %v", name, err, got.Complete)
		}
	}
}

func TestReadSavedRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":         "upload: ./a to s3://b/a\n",
		"half a line":     `{"v":1,"event":"obj`,
		"another version": `{"v":2,"event":"object","op":"upload"}` + "\n",
		"JSON of others":  `{"key":"a"}` + "\n",
		"an array":        "[]\n",
		"a bad name":      `{"v":1,"event":"error","op":"upload","key_base64":"*"}` + "\n",
		"damage inside":   `{"v":1,"event":"object"}` + "\nx\n" + `{"v":1,"event":"object"}` + "\n",
		"two of them":     `{"v":1,"event":"report","op":"cp"}` + "\n" + `{"v":1,"event":"report","op":"mv"}` + "\n",
		"a long line":     `{"v":1,"event":"object","key":"` + strings.Repeat("x", maxSavedLine) + `"}` + "\n",
		"a binary":        "\x7fELF\x00\x01",
	} {
		if got, err := ReadSaved(strings.NewReader(text)); !errors.Is(err, ErrNotReport) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
	if _, err := ReadSaved(iotest.ErrReader(errPlain)); !errors.Is(err, errPlain) || errors.Is(err, ErrNotReport) {
		t.Errorf("an error of the disk: %v", err)
	}
}

func TestIsSaved(t *testing.T) {
	for line, want := range map[string]bool{
		`{"v":1,"event":"report","op":"cp"}` + "\n": true,
		`{"v":1,"event":"object"}`:                  true,
		`{"v":2,"event":"object"}`:                  false,
		`{"v":1}`:                                   false,
		`{"v":1,"event":"rep`:                       false,
		"":                                          false,
		"= a\n":                                     false,
	} {
		if IsSaved([]byte(line)) != want {
			t.Errorf("%q is not %v", line, want)
		}
	}
}

func FuzzReadSaved(f *testing.F) {
	f.Add([]byte(savedLines(f, []Event{
		{Kind: Failed, Op: Upload, Key: "a\xff", Err: errPlain}, {Kind: Done, Op: Upload, Key: "b"},
	}, func(j *JSON) { j.Fatal(errPlain); j.Summary(Summary{}, 1) })))
	f.Add([]byte(`{"v":1,"event":"error","op":"copy","key_base64":"//8="}` + "\n\n"))
	f.Add([]byte("{\"v\":1,\"event\":\"summary\",\"cut_short\":\"x\"}\r\n{\"v\":1,"))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ReadSaved(strings.NewReader(string(text)))
		if err != nil {
			if !errors.Is(err, ErrNotReport) {
				t.Errorf("%v", err)
			}
			return
		}
		if !slices.IsSortedFunc(got.Failed, func(a, b SavedFailure) int {
			if c := strings.Compare(a.Key, b.Key); c != 0 {
				return c
			}
			return 1 // one key twice
		}) {
			t.Errorf("not in order, or twice: %q", keys(got))
		}
		// What it has read is kept again, and read again the same.
		var events []Event
		for _, f := range got.Failed {
			events = append(events, Event{Kind: Failed, Op: Copy, Src: f.Src, Dst: f.Dst, Key: f.Key, Err: errPlain})
		}
		again, err := ReadSaved(strings.NewReader(savedLines(t, events, nil)))
		if err != nil || !slices.Equal(again.Failed, got.Failed) {
			t.Errorf("%v: %+v, want %+v", err, again.Failed, got.Failed)
		}
	})
}
