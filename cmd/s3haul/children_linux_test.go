package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// serverOf finds the process that a command runs as its server: its one child.
func serverOf(_ context.Context, pid int) (int, error) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var children []int
	for _, name := range all {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended meanwhile
		}
		// pid (name) state ppid ...: the name may have anything in it (proc(5)).
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) < 2 || string(fields[1]) != strconv.Itoa(pid) {
			continue
		}
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err != nil {
			return 0, err
		}
		children = append(children, child)
	}
	if len(children) != 1 {
		return 0, fmt.Errorf("process %d has the children %v, want one", pid, children)
	}
	return children[0], nil
}
