//go:build !linux && !darwin

package lab

func kernel() string { return "" }

// Filesystem is unknown here.
func Filesystem(string) string { return "" }
