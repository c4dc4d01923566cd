package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
		before, err := term.MakeRaw(fd) // before the question, so that nothing of the answer is shown
		if err != nil {
			return "", errors.New("there is no terminal to ask on")
		}
		defer func() { _ = term.Restore(fd, before) }()
		type answer struct {
			code string
			err  error
		}
		answers := make(chan answer, 1)
		go func() {
			t := term.NewTerminal(struct {
				io.Reader
				io.Writer
			}{in, out}, "")
			code, err := t.ReadPassword(fmt.Sprintf("Enter MFA code for %s: ", serial))
			answers <- answer{code, err}
		}()
		select {
		case <-ctx.Done(): // a read of a terminal cannot be called off, and the process ends
			return "", context.Cause(ctx)
		case got := <-answers:
			code := strings.TrimSpace(got.code)
			switch {
			case errors.Is(got.err, io.EOF): // Ctrl-C is a character here
				return "", &errInterrupted{os.Interrupt}
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
