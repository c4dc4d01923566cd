// Package report carries what happens in a run to those who want to know: a
// terminal, a stream of JSON lines, a summary. The engine emits events; sinks
// take them.
package report

// Op is the verb of a line, as `aws s3` prints it.
type Op string

// The verbs.
const (
	Upload       Op = "upload"
	Download     Op = "download"
	Copy         Op = "copy"
	Move         Op = "move"
	Delete       Op = "delete"
	MakeBucket   Op = "make_bucket"
	RemoveBucket Op = "remove_bucket"
	// Verify compares two sides and changes neither.
	Verify Op = "verify"
)

// What a purge removes.
const (
	// RemoveVersion is a version with data, or an object of a store without
	// versions.
	RemoveVersion Op = "version"
	// RemoveCurrent says how many of the RemoveVersion were current.
	RemoveCurrent Op = "current"
	// RemoveMarker is a delete marker.
	RemoveMarker Op = "marker"
	// AbortUpload is an unfinished multipart upload.
	AbortUpload Op = "upload_abort"
)

// Undelete is an object that is there again: the delete markers that hid it are
// gone.
const Undelete Op = "undelete"

// What is changed of objects that stay where they are.
const (
	// SetClass copies an object onto itself in another storage class, which is the Dst.
	SetClass Op = "class"
	// SetACL replaces the ACL of an object; the Dst is a canned one.
	SetACL Op = "acl"
)

// Kind says what an Event is about.
type Kind uint8

// The kinds.
const (
	// Planned adds to what the run expects to do: Count objects, Bytes.
	Planned Kind = iota
	// Listed says that both sides are listed: the totals are final.
	Listed
	// Progress adds Bytes that have been moved. Bytes is negative where an
	// attempt failed and its bytes have to be moved again.
	Progress
	// Done ends one object well.
	Done
	// DryRun is an object that would have been done.
	DryRun
	// Unchanged adds Count objects that need nothing.
	Unchanged
	// Failed ends one object with Err.
	Failed
	// Warning is something skipped; the run exits with 2.
	Warning
	// Notice is something to know that never changes the exit code.
	Notice
	// Retried is one request that is sent once more because of Err.
	Retried
	// Held adds Count deletes that were due and were not run.
	Held
	// Resumed adds Bytes of an object that an interrupted run had moved before,
	// and that were found to be right: they are not in Progress.
	Resumed
	// Compared ends the comparison of one object with its Outcome, and Err where
	// that is Unreadable.
	Compared
	// Found adds Count entries of a listing, and their Bytes.
	Found
	// Removed adds Count entries that are gone, or in a dry run would be, and
	// their Bytes: there may be millions, so that no event is of one alone.
	Removed
)

// Event is something that happened. Only the fields that its Kind names are set.
type Event struct {
	Kind Kind
	Op   Op
	// Src and Dst are as a person would write them: "./a", "s3://b/a". Delete
	// has only Src; so have MakeBucket and RemoveBucket, "s3://b".
	Src, Dst string
	// Key is relative to the locations of the run.
	Key string
	// Bytes is the size of the object; for Planned and Progress the amount.
	Bytes int64
	// By is the kind of checksum by which the bytes of a Done were found to be the
	// same on both sides, "CRC64NVME", or those of a Compared were compared; empty
	// where they could not be. Sum is that checksum as the store has it.
	By, Sum string
	// Outcome is that of a Compared.
	Outcome Outcome
	// Count is the number of objects of Planned, Unchanged, Held, Found
	// and Removed. A Failed with a Count stands for so many failures more, of
	// which nothing else is told.
	Count int64
	// Unlisted says of a Failed that it is a directory that could not be listed, and
	// no object.
	Unlisted bool
	// Err is the failure, the warning, the notice.
	Err error
}

// Outcome is what the comparison of one object came to, as rclone's --combined
// writes it.
type Outcome string

// The outcomes.
const (
	// Equal: the contents are the same.
	Equal Outcome = "="
	// SameSize: the sizes are the same, and no more is known. It is written "=".
	SameSize Outcome = "~"
	// Missing: the destination does not have it.
	Missing Outcome = "+"
	// Extra: the destination alone has it.
	Extra Outcome = "-"
	// Differs: the contents differ.
	Differs Outcome = "*"
	// Unreadable: one of the sides could not be read.
	Unreadable Outcome = "!"
)

// Sink takes events. Report is called from many goroutines at once, and must
// not block for longer than a write to a terminal does.
type Sink interface {
	Report(Event)
}

// Multi is a Sink that hands each event to all of its sinks in turn.
type Multi []Sink

// Report implements Sink.
func (m Multi) Report(e Event) {
	for _, s := range m {
		s.Report(e)
	}
}

// Discard is a Sink that drops everything.
type Discard struct{}

// Report implements Sink.
func (Discard) Report(Event) {}
