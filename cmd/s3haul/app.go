package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/s3haul/s3haul/cmd/s3haul/internal/gateway"
	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/pool"
	"github.com/s3haul/s3haul/engine/report"
)

// app is one command line: its streams and the flags that every command has.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	name           string // of the command that runs, as "s3haul sync"
	content        bool   // it reads what is in the objects, or files
	stateDir       string // where the journals are; empty where it keeps none
	unasked        bool   // nobody is to be asked for anything, though there is a terminal

	embedded         string
	endpointURL      string
	profile, region  string
	noSign, noVerify bool
	caBundle         string
	readTimeout      int
	connectTimeout   int
	debug            bool
	concurrency      int
	client           string
	memory, partSize size
	limitRate        limitRate

	source *engine.Remote // where the source is, where that is elsewhere
	// instead is called with what a transfer would do, in its place; nil has it done.
	instead func(*cobra.Command, *transferFlags, []string, question, work) error

	debugLine sync.Mutex
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "s3haul",
		Short: "Move many objects between local directories and S3",
		Long: `s3haul copies and moves files and directories to S3, back, and inside S3, keeps
them in sync, verifies copies, lists and removes objects. Commands, flags, output
and exit codes are those of aws s3 wherever aws s3 has them. Credentials, region
and endpoint come from the AWS configuration: environment, profiles, SSO, roles.

With --embedded DIR a command runs against an S3 server of its own on DIR, with
no account and no network.

` + exitHelp,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmp.Or[error](cmd.Help(), &exitError{exitUsage}) // as aws: a command is missing
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.name = cmd.CommandPath()
			a.content = slices.Contains([]string{"cp", "mv", "sync", "verify", "cat", "run"}, cmd.Name())
			return notEmpty(cmd.Flags(), "embedded", "endpoint-url", "profile")
		},
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetUsageFunc(helpOf)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		a.name = cmd.CommandPath()
		return flagError(err)
	})
	f := root.PersistentFlags()
	f.SortFlags = false
	f.StringVar(&a.embedded, "embedded", "", "run against an S3 server of our own on `DIR`, made where it is not there")
	f.StringVar(&a.endpointURL, "endpoint-url", "", "S3's `URL` instead of the configured one")
	f.StringVar(&a.profile, "profile", "", "section `NAME` of the AWS config files")
	f.StringVar(&a.region, "region", "", "`NAME` of the region")
	f.BoolVar(&a.noSign, "no-sign-request", false, "send requests unsigned, for public buckets")
	f.BoolVar(&a.noVerify, "no-verify-ssl", false, "take any certificate")
	f.StringVar(&a.caBundle, "ca-bundle", "", "PEM `FILE` of certificate authorities")
	f.IntVar(&a.readTimeout, "cli-read-timeout", 60, "`SECONDS` without a byte after which a connection is given up; 0: never")
	f.IntVar(&a.connectTimeout, "cli-connect-timeout", 60, "`SECONDS` to wait for a connection; 0: without end")
	f.IntVar(&a.concurrency, "concurrency", 0, "at most `N` requests in flight; without it the number finds itself, up to 1024")
	f.Var(&a.memory, "memory", "most memory for buffers, `SIZE` (default 128MiB, at least 16MiB)")
	f.Var(&a.partSize, "part-size", "`SIZE` of a part, and from which on files go in parts (default 8MiB)")
	f.Var(&a.limitRate, "limit-rate", "most bytes a second, `RATE` for both directions together, as 20M, or by the\n"+
		"local time of day or week, as '08:00,20M 19:00,off' or 'Mon-08:00,20M Fri-18:00,off'")
	f.StringVar(&a.client, "client", "fast", "`NAME` of the S3 client: fast, or sdk for the AWS SDK's alone")
	f.BoolVar(&a.debug, "debug", false, "tell on stderr of each request, and of each move of the limit")
	accepted(f)
	root.AddCommand(a.syncCmd(), a.cpCmd(), a.mvCmd(), a.verifyCmd(), a.resumeCmd())
	root.AddCommand(a.rmCmd(), a.lsCmd(), a.mbCmd(), a.rbCmd(), a.serveCmd())
	root.AddCommand(a.purgeCmd(), a.undeleteCmd(), a.uploadsCmd())
	root.AddCommand(a.duCmd(), a.statCmd(), a.catCmd(), a.aclCmd(), a.versioningCmd(), a.classCmd(), a.presignCmd(), a.websiteCmd())
	root.AddCommand(a.runCmd(), a.manCmd())
	return root
}

// accepted registers flags of aws that are taken and have no effect here: there is
// one form of output, which nothing pages.
func accepted(f *pflag.FlagSet) {
	for _, name := range []string{"output", "query", "color", "cli-binary-format"} {
		f.String(name, "", "taken for aws's sake, without effect")
	}
	for _, name := range []string{"no-paginate", "no-cli-pager", "cli-auto-prompt", "no-cli-auto-prompt"} {
		f.Bool(name, false, "taken for aws's sake, without effect")
	}
	for _, name := range []string{
		"output", "query", "color", "cli-binary-format", "no-paginate", "no-cli-pager", "cli-auto-prompt", "no-cli-auto-prompt",
	} {
		f.Lookup(name).Hidden = true
	}
}

// notEmpty refuses flags that say where to work and are given without a value:
// --embedded "$UNSET" must not mean the account of the configuration.
func notEmpty(f *pflag.FlagSet, names ...string) error {
	for _, name := range names {
		if fl := f.Lookup(name); fl != nil && fl.Changed && fl.Value.String() == "" {
			return usagef("--%s is empty", name)
		}
	}
	return nil
}

// noCommand is the check of a root command that was given words: none of them
// is a command.
func noCommand(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("there is no command %q", args[0])
	}
	return nil
}

// flagError is the error of a flag's value in words for people: those of strconv
// name its functions.
func flagError(err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return &usageError{err.Error()}
	}
	why := bad.Unwrap().Error()
	switch number, of := errors.AsType[*strconv.NumError](err); {
	case !of:
	case number.Func == "ParseBool":
		why = "write true or false, or the flag alone"
	case errors.Is(number, strconv.ErrRange):
		why = "the number is out of range"
	default:
		why = "write a whole number"
	}
	return usagef("invalid argument %q for \"--%s\" flag: %s", strings.ReplaceAll(bad.GetValue(), between, " "), bad.GetFlag().Name, why)
}

// exactly wants n arguments, named for the error.
func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef("the following arguments are required: %s", names[len(args)])
		case len(args) > len(names):
			return usagef("unknown argument: %q", args[len(names)])
		}
		return nil
	}
}

func version() string {
	v := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		v = info.Main.Version
	}
	return fmt.Sprintf("s3haul/%s %s %s/%s", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// open makes the engine, with the embedded server where that is asked for. Of
// the local paths, none may be inside the server's directory, or the reverse.
// The function that comes back ends both.
func (a *app) open(ctx context.Context, paths ...string) (*engine.Engine, func() error, error) {
	if a.client != "fast" && a.client != "sdk" {
		return nil, nil, usagef("--client is %q; give fast or sdk", a.client)
	}
	o := engine.Options{
		SDK: a.client == "sdk", EndpointURL: a.endpointURL, Profile: a.profile, Region: a.region,
		NoSign: a.noSign, NoVerifySSL: a.noVerify, CABundle: a.caBundle,
		ReadTimeout: seconds(a.readTimeout), ConnectTimeout: seconds(a.connectTimeout),
		MaxInFlight: a.concurrency, Memory: int64(a.memory), PartSize: int64(a.partSize),
		LimitRate: a.limitRate.table,
		Source:    a.source,
		StateDir:  a.stateDir,
		Version:   version(),
	}
	if !a.unasked {
		o.MFAToken = a.mfaToken(ctx)
	}
	if a.debug {
		o.OnAttempt, o.OnLimit = a.tellAttempt, a.tellMove
	}
	boundMemory(int64(a.memory), a.content)
	closeServer := func() error { return nil }
	if a.embedded != "" {
		if a.endpointURL != "" || a.profile != "" || a.noSign {
			return nil, nil, usagef("--embedded has an endpoint and credentials of its own: leave out --endpoint-url, --profile and --no-sign-request")
		}
		for _, p := range paths {
			if err := apart(a.embedded, p); err != nil {
				return nil, nil, err
			}
		}
		so := gateway.Options{Dir: a.embedded}
		if a.debug {
			so.Log = a.stderr
		}
		server, err := gateway.Start(ctx, so)
		if err != nil {
			return nil, nil, err
		}
		o.EndpointURL, o.Dial = server.Endpoint(), server.Dial
		o.AccessKeyID, o.SecretAccessKey = server.Credentials()
		o.Region = server.Region()
		o.Store = "--embedded " + resolve(a.embedded) // its address is another each time
		closeServer = server.Close
	}
	eng, err := engine.New(ctx, o)
	if err != nil {
		return nil, nil, errors.Join(err, closeServer())
	}
	return eng, func() error { return errors.Join(eng.Close(), closeServer()) }, nil
}

// seconds reads aws's time-outs: 0 is none at all.
func seconds(n int) time.Duration {
	if n <= 0 {
		return -1
	}
	return time.Duration(n) * time.Second
}

// tellAttempt prints a line a request. No header and no URL is in it, and so no
// signature.
func (a *app) tellAttempt(op string, took time.Duration, err error) {
	line := fmt.Sprintf("debug: %s %s", op, took.Round(time.Microsecond))
	if err != nil {
		line += " " + report.Redact(err.Error())
	}
	a.debugf("%s", line)
}

// tellMove prints a line each time the limit moves, or the rate of a key range.
func (a *app) tellMove(m pool.Move) {
	if m.Where == "" {
		a.debugf("debug: limit %.0f -> %.0f: %s", m.From, m.To, m.Why)
		return
	}
	a.debugf("debug: rate of %s%s.. %.0f -> %.0f/s: %s", scheme, report.Visible(m.Where), m.From, m.To, m.Why)
}

func (a *app) debugf(format string, args ...any) {
	a.debugLine.Lock()
	defer a.debugLine.Unlock()
	fmt.Fprintf(a.stderr, format+"\n", args...)
}

// terminal says whether a stream is one.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// width is the number of columns of the terminal behind stderr.
func (a *app) width() int {
	f, ok := a.stderr.(*os.File)
	if !ok {
		return 0
	}
	w, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return w
}
