//go:build unix

package spool

import "os"

// removeOpen takes the name from a file that stays open, and says whether it
// could.
func removeOpen(name string) bool { return os.Remove(name) == nil }
