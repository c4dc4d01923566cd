package pool

// Move is a change of the number of slots, or of the rate of a key range.
type Move struct {
	// Where is the key range whose rate moved, from its space and a slash to the
	// key that it begins with; "" where it was the slots.
	Where string
	// From and To are slots, or requests a second; 0 is no bound.
	From, To float64
	// Why is the reason, in words for a reader.
	Why string
}
