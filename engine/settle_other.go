//go:build !linux

package engine

import "os"

// settle waits until files below root would outlast the loss of power.
func settle(root *os.Root, names []string) error { return settleEach(root, names) }
