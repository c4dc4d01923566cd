//go:build !unix

package engine_test

func syncAsSomebody() bool { return false }
