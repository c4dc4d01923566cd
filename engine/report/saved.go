package report

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// maxSavedLine is the longest line of a report in bytes: three names and what S3
// says of an error are far less.
const maxSavedLine = 1 << 20

// ErrNotReport is in the chain of the error of [ReadSaved] where what it reads
// is no output of a [JSON].
var ErrNotReport = errors.New("this is no report of s3haul")

// Saved is what was kept of a run: the lines of a [JSON], in a file.
type Saved struct {
	// Op, Src and Dst are those of [JSON.Header]; empty where there is none.
	Op, Src, Dst string
	// Failed are the objects that failed, and were not moved later on, by their
	// keys. A key of none is that of the one object of the run.
	Failed []SavedFailure
	// Deletes is the number of deletes that failed.
	Deletes int64
	// Complete says that the run came to its end, and dealt with everything: else
	// there may be objects of which it says nothing. Those below are why it is not,
	// but for a run that was ended.
	Complete bool
	// DryRun says that it did nothing.
	DryRun bool
	// Unlisted says that there were directories that it could not list.
	Unlisted bool
	// Earlier says that it tried again what had failed in a run that was not
	// complete.
	Earlier bool
}

// SavedFailure is an object that failed.
type SavedFailure struct{ Key, Src, Dst string }

// savedRecord is what is read of a line.
type savedRecord struct {
	header
	names
	undone
	DryRun   bool   `json:"dryrun"`
	Fatal    bool   `json:"fatal"`
	Unlisted bool   `json:"unlisted"`
	CutShort string `json:"cut_short"`
}

// ReadSaved reads the lines of a [JSON]. Those of several runs may follow one
// another; a last line that was cut off is passed over. It keeps what failed in
// memory, and nothing else. Errors are [ErrNotReport], and those of r.
func ReadSaved(r io.Reader) (Saved, error) {
	s := savedReader{failed: map[string]SavedFailure{}}
	lines := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	for n := 1; ; n++ {
		var err error
		line, err = appendLine(line[:0], lines)
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return Saved{}, fmt.Errorf("line %d: %w", n, err)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 {
			if err := s.take(text, n); err != nil && (!ended || n == 1) {
				return Saved{}, fmt.Errorf("line %d: %w", n, err)
			} else if err != nil {
				s.saved.Complete = false
			}
		}
		if ended {
			break
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.failed)) {
		s.saved.Failed = append(s.saved.Failed, s.failed[key])
	}
	return s.saved, nil
}

type savedReader struct {
	saved  Saved
	failed map[string]SavedFailure
	// Of the run whose summary is to come: stopped says that an error has ended it,
	// the others are as in Saved.
	stopped, unlisted, earlier bool
}

// take reads one line, the nth.
func (s *savedReader) take(line []byte, n int) error {
	var r savedRecord
	if err := json.Unmarshal(line, &r); err != nil {
		return fmt.Errorf("%w: %w", ErrNotReport, err)
	}
	if r.V != 1 || r.Event == "" {
		return ErrNotReport
	}
	if err := r.decode(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotReport, err)
	}
	switch r.Event {
	case eventReport:
		op := string(r.Op)
		if n > 1 && (op != s.saved.Op || r.Src != s.saved.Src || r.Dst != s.saved.Dst) {
			return fmt.Errorf("%w alone: another one follows it", ErrNotReport)
		}
		s.saved.Op, s.saved.Src, s.saved.Dst = op, r.Src, r.Dst
		s.saved.Complete, s.saved.DryRun, s.saved.Unlisted, s.saved.Earlier = false, false, false, r.Incomplete
		s.stopped, s.unlisted, s.earlier = false, false, r.Incomplete
		s.saved.Deletes = max(s.saved.Deletes, r.Deletes) // of the run before, which may be above
	case "object":
		if moves(r.Op) && !r.DryRun {
			delete(s.failed, r.Key)
		}
	case "error":
		switch {
		case r.Fatal:
			s.stopped = true
		case r.Unlisted:
			s.unlisted = true
		case moves(r.Op):
			s.failed[r.Key] = SavedFailure{Key: r.Key, Src: r.Src, Dst: r.Dst}
		case r.Op == Delete:
			s.saved.Deletes++
		}
	case "summary":
		s.saved.DryRun, s.saved.Unlisted, s.saved.Earlier = r.DryRun, s.unlisted, s.earlier
		s.saved.Complete = r.CutShort == "" && !s.stopped && !s.unlisted && !s.earlier && !r.DryRun
		s.stopped, s.unlisted, s.earlier = false, false, false // another run may follow
	}
	return nil
}

// decode puts the names in that JSON could not carry.
func (n *names) decode() error {
	for _, name := range []struct {
		plain   *string
		encoded string
	}{{&n.Src, n.SrcBase64}, {&n.Dst, n.DstBase64}, {&n.Key, n.KeyBase64}} {
		if name.encoded == "" {
			continue
		}
		text, err := base64.StdEncoding.DecodeString(name.encoded)
		if err != nil {
			return err
		}
		*name.plain = string(text)
	}
	return nil
}

// moves says that op brings an object from one side to the other.
func moves(op Op) bool { return op == Upload || op == Download || op == Copy || op == Move }

// appendLine appends the next line, with its end. The error is io.EOF where none
// follows.
func appendLine(dst []byte, r *bufio.Reader) ([]byte, error) {
	for {
		part, err := r.ReadSlice('\n')
		dst = append(dst, part...)
		switch {
		case len(dst) > maxSavedLine:
			return dst, fmt.Errorf("%w: the line is longer than %d bytes", ErrNotReport, maxSavedLine)
		case !errors.Is(err, bufio.ErrBufferFull):
			return dst, err
		}
	}
}

// IsSaved says whether line could be one of a [JSON].
func IsSaved(line []byte) bool {
	var h header
	return json.Unmarshal(line, &h) == nil && h.V == 1 && h.Event != ""
}
