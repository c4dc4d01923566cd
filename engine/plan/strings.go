package plan

import "strconv"

// String returns the name of the operation in lower case.
func (o Op) String() string {
	switch o {
	case Keep:
		return "keep"
	case Transfer:
		return "transfer"
	case Check:
		return "check"
	case Delete:
		return "delete"
	default:
		return "Op(" + strconv.Itoa(int(o)) + ")"
	}
}

// String returns the name of the reason in lower case.
func (r Reason) String() string {
	switch r {
	case Same:
		return "same"
	case New:
		return "new"
	case Size:
		return "size"
	case Newer:
		return "newer"
	case Time:
		return "time"
	case Absent:
		return "absent"
	default:
		return "Reason(" + strconv.Itoa(int(r)) + ")"
	}
}
