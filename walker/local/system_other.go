//go:build !linux

package local

func newSystem() system { return portable{} }
