package main

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/wire"
)

func (a *app) cpCmd() *cobra.Command {
	var (
		t         transferFlags
		recursive bool
		expected  byteCount
	)
	cmd := &cobra.Command{
		Use:   "cp SOURCE DESTINATION",
		Short: "Copy a file or a directory to S3, back, or inside S3",
		Long: `Copy one file or object, or with --recursive all of a directory or prefix. What
is there already is replaced. Between two places in S3 the store copies, and
nothing comes here, but from another store or account.

  cp f s3://b/d     makes the key d;    cp f s3://b/d/  makes d/f
  cp s3://b/d/f new makes the file new; where new is a directory, new/f
  cp - s3://b/d     has the content of stdin; cp s3://b/d - writes to stdout

In the place of a bucket's name there may be the ARN of an access point. A * is
a character of the key, and with --glob a wildcard. Flags may be cut short as
long as it is clear which is meant, and may stand anywhere. A header may be in a
file, as in --cache-control file://FILE.

` + safely,
		Example: `  s3haul cp report.pdf s3://archive/2026/
  s3haul cp s3://archive/2026 here --recursive
  s3haul cp s3://archive/2026 s3://other/2026 --recursive
  s3haul cp 's3://archive/2026/*.jpg' pictures --glob
  s3haul cp site s3://web --recursive --acl public-read --cache-control max-age=3600
  s3haul cp secret s3://archive/secret --sse-c --sse-c-key fileb://key
  tar c photos | s3haul cp - s3://archive/photos.tar --storage-class GLACIER_IR`,
		Args: exactly("SOURCE", "DESTINATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.copies(cmd, &t, args, recursive, int64(expected), func(ctx context.Context, eng *engine.Engine, s sides, o engine.CopyOptions) (engine.Summary, error) {
				return eng.Copy(ctx, s.src, s.dst, o)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&recursive, "recursive", "r", false, "copy all that is below the source")
	t.registerCopy(f)
	t.choosing.registerGlob(f)
	f.Var(&expected, "expected-size", "of a stream: about how large it will be, in `BYTES`. One of more than 270 GiB\nwants it, and one of more than 600 GiB a larger --memory as well")
	return cmd
}

// copies carries out cp and mv of what args name.
func (a *app) copies(
	cmd *cobra.Command, t *transferFlags, args []string, recursive bool, expected int64,
	run func(context.Context, *engine.Engine, sides, engine.CopyOptions) (engine.Summary, error),
) error {
	from, to, err := places(args[0], args[1])
	if err != nil {
		return err
	}
	s, err := t.sides(cmd, from, to, recursive)
	if err != nil {
		return err
	}
	a.source = t.copying.attributes.remote(from, to)
	return a.transfer(cmd, t, slices.Concat(from.local(), to.local()),
		func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
			sum, err := run(ctx, eng, s, engine.CopyOptions{
				RunOptions: o, NoFollowSymlinks: t.skipLinks(), MakeBucket: t.makeBucket,
				Stdin: a.stdin, Stdout: a.stdout, ExpectedSize: expected,
			})
			if !s.tree {
				err = from.missing(err)
			}
			return sum, err
		})
}

// safely is what the help of cp, mv and sync says of what they have in common.
const safely = `Every byte is verified by a checksum on its way; the summary says by which, and
of how many objects the store has none. A large object whose transfer was
interrupted, by a kill too, goes on where it was when the same command is run
once more: see s3haul resume.`

// sides are the two ends of cp and mv.
func (t *transferFlags) sides(cmd *cobra.Command, from, to place, recursive bool) (s sides, err error) {
	s = sides{command: cmd.Name(), src: from.tree(), dst: to.tree(), from: from, to: to, tree: recursive}
	wild, pattern := t.choosing.wild(from)
	t.stream = from.stream || to.stream
	switch {
	case t.stream && (recursive || pattern || cmd.Name() != "cp"):
		return s, streams(from, to)
	case t.choosing.glob && !from.s3:
		return s, usagef("--glob is for the s3:// URL of the source, and %q is local", from.text)
	case pattern:
		s.src, s.tree = wild, true
	case !recursive && from.s3 && from.key != "" && strings.HasSuffix(from.key, "/"):
		if s.src, s.dst, err = marker(from, to); err != nil {
			return s, err
		}
	case !recursive:
		if s.src, s.dst, err = single(from, to); err != nil {
			return s, err
		}
	}
	if t.stream {
		if err := t.streaming(cmd.Flags(), to); err != nil {
			return s, err
		}
	}
	return s, t.prepare(cmd, s)
}

// streaming prepares for a copy from stdin or to stdout, which may have nothing
// else in it.
func (t *transferFlags) streaming(f *pflag.FlagSet, to place) error {
	for _, name := range []string{"retry-failed", "preserve"} {
		if changed(f, name) {
			return usagef("--%s is for files, and - is none: leave it out", name)
		}
	}
	if to.stream && t.json {
		return usagef("--json and - both print to stdout: leave --json out")
	}
	t.onlyErrors = true
	return nil
}

// marker finds the names for an object whose key ends with /, which is most often the
// empty one that stands for a folder. It has no name of its own.
func marker(from, to place) (src, dst engine.Location, err error) {
	src = engine.Object(from.bucket, from.key)
	switch {
	case to.stream:
		return src, engine.Stream(), nil
	case to.s3 && to.key != "":
		return src, engine.Object(to.bucket, to.key), nil
	case !to.s3 && !isDir(to.text):
		return src, engine.File(to.text), nil
	}
	return src, dst, usagef("%s has no name behind the last /: give --recursive to copy what is below it, or name the destination in full", from.text)
}

// missing adds to the error of an object that is not there what may be meant.
func (p place) missing(err error) error {
	if p.s3 && strings.HasSuffix(p.key, "/") && wire.NotFound(err) {
		return &advised{err, p.text + " is no object: give --recursive for what is below it"}
	}
	return err
}

// single finds the names of one source and its one destination.
func single(from, to place) (src, dst engine.Location, err error) {
	name := filepath.Base(from.text)
	src = engine.File(from.text)
	switch {
	case from.stream:
		src = engine.Stream()
		if to.key == "" || strings.HasSuffix(to.key, "/") {
			return src, dst, usagef("%s names no key, and a stream has no name: write s3://bucket/key", to.text)
		}
	case from.s3:
		if from.key == "" {
			return src, dst, usagef("%s is a bucket: give --recursive to copy all that is in it", from.text)
		}
		if strings.HasSuffix(from.key, "/") {
			return src, dst, usagef("%s is a prefix: give --recursive to copy all that is below it", from.text)
		}
		name = path.Base(from.key)
		src = engine.Object(from.bucket, from.key)
	}
	if to.stream {
		return src, engine.Stream(), nil
	}
	if to.s3 {
		key := to.key
		if key == "" || strings.HasSuffix(key, "/") {
			key += name
		}
		return src, engine.Object(to.bucket, key), nil
	}
	file := to.text
	if isDir(file) {
		if name == "." || !filepath.IsLocal(name) { // ".." climbs out of the directory
			return src, dst, usagef("%s: no file can be called %q: give the file a name", from.text, name)
		}
		file = filepath.Join(file, name)
	}
	return src, engine.File(file), nil
}
