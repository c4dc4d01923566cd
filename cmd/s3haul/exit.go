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
  0    all is done; verify: both sides are the same
  1    cp, mv, rm, sync, run, mb, rb: an object, the service or the credentials
       failed, or Ctrl-C, or --max-transfer or --max-duration ended it before its
       end; run has the worst code of its lines; purge: something of what was
       asked for is left, or Ctrl-C, --max-delete or --max-duration ended it;
       verify: an object differs, is missing or cannot be read, or Ctrl-C or
       --max-duration ended it; undelete, uploads, acl set, class: an object
       failed; resume: something could not be removed; where a command asks: the
       answer was no consent, and nothing was done; ls, du: there is no such key
       or prefix; all: the results, or the FILE of --report, could not be
       written
  2    something was skipped with a warning; verify: of some objects no more than
       the size could be compared; ls: the --metadata of an object is not known
  130  Ctrl-C at a question, and in the commands of 253, but purge and verify
  143  SIGTERM
  252  the command line makes no sense, or nothing would be done
  253  all but cp, mv, rm, sync, run, mb, rb: credentials or region
  254  the same: the service said no; cat, stat: there is no such object
  255  no such local source, unknown profile, no FILE can be made for --report;
       the same: no connection; cat: what came is not the object;
       man: the pages could not be written`

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
	var w *wire.UsageError
	return errors.As(err, &u) || errors.As(err, &w) || errors.Is(err, engine.ErrUsage) || errors.Is(err, gateway.ErrForeignDir) ||
		errors.Is(err, gateway.ErrNotDirectory) || errors.Is(err, gateway.ErrNoServer)
}

// exits is which of the rows of exitHelp a command is in.
type exits uint8

const (
	// asTransfer: 1 for whatever went wrong, as aws has it for cp, mv, rm, sync, mb
	// and rb.
	asTransfer exits = iota
	// asPurge: 1 where something is left, or differs, Ctrl-C among the reasons;
	// what ended the command before it began is told apart as with asOther.
	asPurge
	// asOther tells what went wrong.
	asOther
)

// codeOf is the exit code of an error that ended a command.
func codeOf(err error, as exits) int {
	var (
		stopped *errInterrupted
		profile config.SharedConfigProfileNotExistError
		creds   *wire.CredentialsError
		missing *engine.MissingError
		bound   *engine.BoundError
		netErr  net.Error
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &stopped):
		switch {
		case stopped.signal == syscall.SIGTERM:
			return exitTerminated
		case as == asOther:
			return exitInterrupted
		}
		return exitFailed
	case isUsage(err):
		return exitUsage
	case isOutput(err):
		return exitFailed
	case errors.As(err, &profile), errors.As(err, &missing):
		return exitOther
	case as == asTransfer, errors.As(err, &bound):
		return exitFailed
	case errors.As(err, &creds) && creds.Refused():
		return exitService // STS
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
