package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"
)

// mfaToken asks for the code of a device, on the terminal itself: stdin may be
// what is uploaded, and stdout what was downloaded. What is typed is not shown, as
// aws has it.
func (a *app) mfaToken(ctx context.Context) func(serial string) (string, error) {
	return func(serial string) (string, error) {
		in, out, err := controlling()
		if err != nil {
			return "", errors.New("there is no terminal to ask on")
		}
		defer out.Close()
		defer in.Close()
		fd := int(in.Fd())
		before, err := term.GetState(fd)
		if err != nil {
			return "", errors.New("there is no terminal to ask on")
		}
		if _, err := fmt.Fprintf(out, "Enter MFA code for %s: ", serial); err != nil {
			return "", fmt.Errorf("asking for it: %w", err)
		}
		type answer struct {
			code []byte
			err  error
		}
		answers := make(chan answer, 1)
		go func() {
			code, err := term.ReadPassword(fd)
			answers <- answer{code, err}
		}()
		select {
		case <-ctx.Done():
			// A read of a terminal cannot be called off, and the process ends. What
			// it would leave behind is a terminal that shows nothing.
			_ = term.Restore(fd, before)
			fmt.Fprintln(out)
			return "", context.Cause(ctx)
		case got := <-answers:
			fmt.Fprintln(out)
			code := strings.TrimSpace(string(got.code))
			switch {
			case got.err != nil:
				return "", fmt.Errorf("reading it: %w", got.err)
			case code == "":
				return "", errors.New("none was typed")
			}
			return code, nil
		}
	}
}

// controlling opens the terminal of the process, to read and to write.
func controlling() (in, out *os.File, err error) {
	names := [2]string{"/dev/tty", "/dev/tty"}
	if runtime.GOOS == "windows" {
		names = [2]string{"CONIN$", "CONOUT$"}
	}
	if in, err = os.OpenFile(names[0], os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	if out, err = os.OpenFile(names[1], os.O_RDWR, 0); err != nil {
		_ = in.Close()
		return nil, nil, err
	}
	return in, out, nil
}
