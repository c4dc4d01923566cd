//go:build !linux && !darwin

package main

import "os"

// peakRSS is unknown here.
func peakRSS(*os.ProcessState) int64 { return 0 }
