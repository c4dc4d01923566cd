package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) catCmd() *cobra.Command {
	var (
		o     engine.ReadOptions
		sseC  choice
		key   secret
		payer choice
	)
	cmd := &cobra.Command{
		Use:   "cat s3://BUCKET/KEY...",
		Short: "Write objects to stdout",
		Long: `Write objects to stdout, one behind the other, and nothing else. A large one comes
in ranges, many at the same time, all of the same object: one that is replaced
meanwhile fails. Each is verified by the checksum that the store has of it; where a
large one turns out to be wrong it has been written, and the exit code tells.

It ends with the first object that cannot be read: what is written has no gaps. A
reader that goes away ends it without a word, with 1.

Exit codes: 0 all is done; 1 stdout could not be written; 130 Ctrl-C; 252 usage;
253 credentials or region; 254 the service said no, or there is no such object;
255 no connection, or what came is not the object.`,
		Example: `  s3haul cat s3://logs/2026/11/22.log.gz | zcat | grep error
  s3haul cat s3://logs/parts/1 s3://logs/parts/2 > whole
  s3haul cat s3://archive/disk.img --range bytes=0-511 | file -`,
		Args: atLeastOne("s3://BUCKET/KEY"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := notEmpty(cmd.Flags(), "version-id", "range"); err != nil {
				return err
			}
			if len(args) > 1 && o.VersionID != "" {
				return usagef("--version-id names a version of one object: give one object, not %d", len(args))
			}
			all := make([]place, len(args))
			for i, arg := range args {
				if all[i], err = objectArg("cat", arg); err != nil {
					return err
				}
			}
			if o.CustomerKey, err = customerKey("--sse-c", sseC, key); err != nil {
				return err
			}
			o.RequestPayer, o.Notice = payer.set(), a.noticed
			return a.writes(cmd.Context(), all, o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.VersionID, "version-id", "", "the version of this `ID`, or null")
	f.StringVar(&o.Range, "range", "", "some of each object: `BYTES` as bytes=0-99, bytes=100- or bytes=-100, which\ncannot be verified")
	sseC.of = []string{"AES256"}
	f.Var(&sseC, "sse-c", "the objects are encrypted with a key that S3 does not keep, `HOW`: AES256")
	optional(f, "sse-c", "AES256")
	f.Var(&key, "sse-c-key", "with --sse-c: the `KEY` of 32 bytes; fileb://FILE has it in a file")
	registerPayer(f, &payer)
	return cmd
}

// atLeastOne wants one argument or more.
func atLeastOne(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("the following arguments are required: %s", name)
		}
		return nil
	}
}

// writes writes objects to stdout.
func (a *app) writes(ctx context.Context, all []place, o engine.ReadOptions) error {
	eng, end, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer pipesMayClose()()
	for _, at := range all {
		if err = eng.Read(ctx, engine.Object(at.bucket, at.key), a.stdout, o); err != nil {
			break
		}
	}
	if cerr := end(); err == nil {
		err = cerr
	}
	switch cause := context.Cause(ctx); {
	case cause != nil:
		return cause
	case errors.Is(err, engine.ErrPipeClosed):
		return &exitError{exitFailed}
	}
	if w, ok := errors.AsType[*engine.WriteError](err); ok {
		return &outputError{w}
	}
	return err
}
