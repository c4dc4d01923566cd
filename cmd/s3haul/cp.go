package main

import (
	"context"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
)

func (a *app) cpCmd() *cobra.Command {
	var (
		t         transferFlags
		recursive bool
	)
	cmd := &cobra.Command{
		Use:   "cp SOURCE DESTINATION",
		Short: "Copy a file or a directory to S3, back, or inside S3",
		Long: `Copy one file or object, or with --recursive all of a directory or prefix. What
is there already is replaced. Between two places in S3 the store copies, and
nothing comes here.

  cp f s3://b/d     makes the key d;    cp f s3://b/d/  makes d/f
  cp s3://b/d/f new makes the file new; where new is a directory, new/f

` + safely,
		Example: `  s3haul cp report.pdf s3://archive/2026/
  s3haul cp s3://archive/2026 here --recursive
  s3haul cp s3://archive/2026 s3://other/2026 --recursive`,
		Args: exactly("SOURCE", "DESTINATION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.copies(cmd, &t, args, recursive, func(ctx context.Context, eng *engine.Engine, s sides, o engine.CopyOptions) (engine.Summary, error) {
				return eng.Copy(ctx, s.src, s.dst, o)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&recursive, "recursive", "r", false, "copy all that is below the source")
	t.registerCopy(f)
	return cmd
}

// copies carries out cp and mv of what args name.
func (a *app) copies(
	cmd *cobra.Command, t *transferFlags, args []string, recursive bool,
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
	return a.transfer(cmd, t, slices.Concat(from.local(), to.local()),
		func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
			return run(ctx, eng, s, engine.CopyOptions{RunOptions: o, NoFollowSymlinks: t.skipLinks(), MakeBucket: t.makeBucket})
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
	if !recursive {
		if s.src, s.dst, err = single(from, to); err != nil {
			return s, err
		}
	}
	return s, t.prepare(cmd, s)
}

// single finds the names of one source and its one destination.
func single(from, to place) (src, dst engine.Location, err error) {
	name := filepath.Base(from.text)
	src = engine.File(from.text)
	if from.s3 {
		if from.key == "" {
			return src, dst, usagef("%s is a bucket: give --recursive to copy all that is in it", from.text)
		}
		if strings.HasSuffix(from.key, "/") {
			return src, dst, usagef("%s is a prefix: give --recursive to copy all that is below it", from.text)
		}
		name = path.Base(from.key)
		src = engine.Object(from.bucket, from.key)
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
