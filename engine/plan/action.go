// Package plan decides what has to be done to make one side like the other. It
// merges two ordered streams of entries into a stream of actions; it does no
// I/O of its own and holds a few keys at a time, whatever the number of objects.
package plan

import "github.com/s3haul/s3haul/walker"

// Op is what is to be done with one key.
type Op uint8

// The operations, in the order in which a golden plan lists its totals.
const (
	// Keep leaves the destination as it is: both sides are the same.
	Keep Op = iota
	// Transfer copies the source's object to the destination.
	Transfer
	// Check copies it unless the contents prove to be the same: sizes agree,
	// times leave a doubt.
	Check
	// Delete removes the key at the destination: the source does not have it.
	Delete
)

// Reason says why a key is transferred.
type Reason uint8

// The reasons.
const (
	// Same goes with Keep.
	Same Reason = iota
	// New: the destination does not have the key.
	New
	// Size: the sizes differ.
	Size
	// Newer: the source was changed after the destination was.
	Newer
	// Time: the times differ in a way that proves nothing.
	Time
	// Absent goes with Delete: the source does not have the key.
	Absent
)

// Action is one step of a plan. It is plain data and can be encoded: what has
// to be known to carry it out is here and in the two locations of the run.
type Action struct {
	Op     Op
	Reason Reason
	// Key is relative to both locations.
	Key string
	// Src is the source's entry; zero for Delete.
	Src walker.Entry
	// Dst is the destination's entry; zero where Reason is New.
	Dst walker.Entry
}
