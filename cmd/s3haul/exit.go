package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/s3haul/s3haul/cmd/s3haul/internal/gateway"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
)

// Exit codes, as aws s3 has them.
const (
	exitFailed      = 1   // a transfer failed, or was interrupted
	exitSkipped     = 2   // something was skipped with a warning
	exitInterrupted = 130 // SIGINT where nothing is transferred
	exitTerminated  = 143
	exitUsage       = 252
	exitConfig      = 253 // credentials or region
	exitService     = 254 // the service said no
	exitOther       = 255 // connection, unknown profile, no such local source
)

const exitHelp = `Exit codes:
  0    all is done
  1    cp, rm, sync, mb, rb: an object, the service or the credentials failed, or
       Ctrl-C, or --max-transfer or --max-duration ended it before its end;
       ls: there is no such key or prefix
  2    something was skipped with a warning
  130  Ctrl-C outside transfers
  143  SIGTERM
  252  the command line makes no sense, or nothing would be done
  253  ls: credentials or region
  254  ls: the service said no
  255  no such local source, unknown profile; ls: no connection`

// exitError ends the command with a code; what there was to say has been said.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// outputError is an error of writing the results.
type outputError struct{ error }

func (e *outputError) Unwrap() error { return e.error }

// usage is an error of the command line.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

func isUsage(err error) bool {
	var u *usageError
	return errors.As(err, &u) || errors.Is(err, engine.ErrUsage) || errors.Is(err, gateway.ErrForeignDir) ||
		errors.Is(err, gateway.ErrNotDirectory) || errors.Is(err, gateway.ErrNoServer)
}

// codeOf is the exit code of an error that ended a command. Transfers have one
// code for whatever went wrong; other commands tell more.
func codeOf(err error, transfers bool) int {
	var (
		stopped *errInterrupted
		profile config.SharedConfigProfileNotExistError
		missing *engine.MissingError
		netErr  net.Error
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &stopped):
		switch {
		case stopped.signal == syscall.SIGTERM:
			return exitTerminated
		case transfers:
			return exitFailed
		}
		return exitInterrupted
	case isUsage(err):
		return exitUsage
	case isOutput(err):
		return exitFailed
	case errors.As(err, &profile), errors.As(err, &missing):
		return exitOther
	case transfers:
		return exitFailed
	case errors.Is(err, wire.ErrCredentials), missingRegion(err):
		return exitConfig
	case wire.Code(err) != "":
		return exitService
	case errors.As(err, &netErr):
		return exitOther
	}
	return exitOther
}

func isOutput(err error) bool {
	_, ok := errors.AsType[*outputError](err)
	return ok
}

func missingRegion(err error) bool {
	var e *aws.MissingRegionError
	return errors.As(err, &e)
}

// fail says what ended a command.
func (a *app) fail(prefix string, err error) {
	var stopped *errInterrupted
	switch {
	case errors.As(err, &stopped):
		fmt.Fprintln(a.stderr, stopped)
		return
	case isUsage(err):
		fmt.Fprintf(a.stderr, "s3haul: error: %s\n", report.Redact(err.Error()))
		var g interface{ Advice() string }
		if errors.As(err, &g) {
			fmt.Fprintf(a.stderr, "  %s\n", g.Advice())
		} else if a.name != "" {
			fmt.Fprintf(a.stderr, "  see: %s --help\n", a.name)
		}
		return
	}
	p := report.Explain(advise(err))
	fmt.Fprintf(a.stderr, "%s%s\n", prefix, p)
	if d := p.Detail(); d != "" {
		fmt.Fprintf(a.stderr, "  %s\n", d)
	}
}
