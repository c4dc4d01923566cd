package transfer

import "os"

// SameFile says that nothing has happened to a file between two looks at it, as
// far as the system can tell: what was read between them is what is there.
func SameFile(a, b os.FileInfo) bool { return os.SameFile(a, b) && stampOf(a) == stampOf(b) }
