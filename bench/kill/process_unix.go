//go:build unix

package main

import (
	"errors"
	"os/exec"
	"syscall"
)

// canKill says that processes can be killed here as this program does it.
const canKill = true

// alone gives a process a group of its own: its children are killed with it.
func alone(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killAll ends a process and its children, with nothing that they could do. One
// that has ended is none.
func killAll(cmd *exec.Cmd) error {
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
