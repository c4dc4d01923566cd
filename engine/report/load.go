package report

import "strconv"

// Load is what is under way at one moment, for those who look on.
type Load struct {
	// InFlight is the number of requests in flight, Limit how many may be.
	InFlight, Limit int
	// Throttled is the number of answers so far that asked to be sent less.
	Throttled int64
	// Paced is how many requests a second go to what is throttled now, 0 where
	// nothing is.
	Paced float64
}

// String is "64 in flight, limit 96, throttled to 340/s", or empty for the
// zero Load.
func (l Load) String() string {
	if l == (Load{}) {
		return ""
	}
	text := strconv.Itoa(l.InFlight) + " in flight, limit " + strconv.Itoa(l.Limit)
	if l.Paced > 0 {
		text += ", throttled to " + count(max(1, int64(l.Paced+0.5))) + "/s"
	}
	return text
}
