//go:build !unix

package local

func child() bool { return false }
