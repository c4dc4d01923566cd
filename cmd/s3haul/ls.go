package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
	"github.com/s3haul/s3haul/walker"
)

func (a *app) lsCmd() *cobra.Command {
	var (
		l        listing
		pageSize int
		which    wire.BucketsRequest
		glob     choosing
		payer    choice
	)
	cmd := &cobra.Command{
		Use:   "ls [s3://BUCKET[/PREFIX]]",
		Short: "List buckets, or objects",
		Long: `List the buckets, or the objects whose keys begin with a prefix: time, size, name.
Without --recursive, what lies behind the next / is one line with PRE.

With --versions each version and each delete marker has a line, the newest of a
key first: time, size, state, version id, name. The state is one word: latest
and noncurrent for versions, latest-marker and marker for delete markers, which
have "-" for a size. A key whose newest line says latest-marker is deleted for
who does not ask for versions.

With --long the storage class, the ETag and the version id stand before the name;
the version is - where the listing does not have it: --versions and --metadata do.
--metadata asks for each object by itself, many at a time, and has a line behind
it for each entry of its metadata.

Exit codes: 0 all is done; 1 there is no such key or prefix; 2 with --metadata: an
object was listed and could not be asked for; 130 Ctrl-C; 252 usage; 253
credentials or region; 254 the service said no; 255 no connection.`,
		Example: `  s3haul ls
  s3haul ls --bucket-name-prefix holiday- --bucket-region eu-west-1
  s3haul ls s3://holiday/2026/ --recursive --human-readable --summarize
  s3haul ls s3://holiday --recursive --long --metadata
  s3haul ls s3://holiday --recursive --versions | awk '$4 == "latest-marker"'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("unknown argument: %q", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if err := checkPageSize(pageSize); err != nil {
				return err
			}
			buckets := len(args) == 0 || strings.TrimPrefix(args[0], scheme) == ""
			if err := l.check(cmd.Flags(), buckets); err != nil {
				return err
			}
			if cmd.Flags().Changed("page-size") {
				which.PageSize = pageSize
			}
			return a.reading(cmd.Context(), func(ctx context.Context, eng *engine.Engine, out *bufio.Writer) error {
				l.out, l.visible, l.stamp = out, terminal(a.stdout), newStamper(time.Local)
				l.began = time.Now()
				l.warn = func(err error) { a.fail("warning: ", err) }
				if buckets {
					return l.buckets(ctx, eng, which)
				}
				// ls b/p works too.
				at, err := parsePlace(scheme + strings.TrimPrefix(args[0], scheme))
				if err != nil {
					return err
				}
				o := engine.ListOptions{
					ByLevel: !l.recursive, Versions: l.versions, PageSize: pageSize, RequestPayer: payer.set(), Notice: a.noticed,
				}
				where, pattern := glob.wild(at)
				if !pattern {
					where = engine.Bucket(at.bucket, at.key)
				}
				if pattern { // what matches may be at any level
					l.recursive, o.ByLevel = true, false
				}
				return l.objects(ctx, eng, at, where, o)
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVarP(&l.recursive, "recursive", "r", false, "list all that is below the prefix")
	f.BoolVar(&l.versions, "versions", false, "list all versions and delete markers, with their ids")
	f.BoolVar(&l.long, "long", false, "add the storage class, the ETag and the version id")
	f.BoolVar(&l.metadata, "metadata", false, "ask for each object: as --long, with the version id and the metadata")
	f.BoolVar(&l.human, "human-readable", false, "sizes as 1.2 MiB")
	f.BoolVar(&l.summarize, "summarize", false, "add the number of objects and their size")
	f.BoolVar(&l.json, "json", false, "print one JSON object a line instead of text, and a summary")
	registerPageSize(f, &pageSize)
	f.StringVar(&which.Prefix, "bucket-name-prefix", "", "of the buckets, those whose names begin with `TEXT`")
	f.StringVar(&which.Region, "bucket-region", "", "of the buckets, those in the region of this `NAME`")
	glob.registerGlob(f)
	registerPayer(f, &payer)
	return cmd
}

// check finds what makes no sense together; buckets says that they are listed.
func (l *listing) check(f *pflag.FlagSet, buckets bool) error {
	for _, name := range []string{"versions", "long", "metadata", "glob"} {
		if buckets && f.Changed(name) {
			return usagef("--%s goes with a bucket: write s3://BUCKET", name)
		}
	}
	for _, name := range []string{"bucket-name-prefix", "bucket-region"} {
		if !buckets && f.Changed(name) {
			return usagef("--%s says which buckets to list: leave the bucket out", name)
		}
	}
	l.long = l.long || l.metadata
	return notEmpty(f, "bucket-region")
}

func checkPageSize(n int) error {
	if n < 1 || n > 1000 {
		return usagef("--page-size %d: S3 takes 1 to 1000", n)
	}
	return nil
}

// reading runs a command that changes nothing and whose results are lines.
func (a *app) reading(ctx context.Context, do func(context.Context, *engine.Engine, *bufio.Writer) error) error {
	eng, end, err := a.open(ctx)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	err = do(ctx, eng, out)
	if ferr := out.Flush(); ferr != nil {
		err = &outputError{fmt.Errorf("writing the list: %w", ferr)}
	}
	if cerr := end(); err == nil {
		err = cerr
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return err
}

// println writes a line of results, without what would change a terminal.
func (a *app) println(out *bufio.Writer, line string) {
	if terminal(a.stdout) {
		line = report.Visible(line)
	}
	fmt.Fprintln(out, line) // bufio keeps the error for Flush
}

// noticed tells of what is worth knowing and changes no exit code.
func (a *app) noticed(err error) { a.fail("notice: ", err) }

// listing prints what ls finds, in the columns of aws s3.
type listing struct {
	recursive, versions   bool
	long, metadata        bool
	human, summarize      bool
	json                  bool
	visible               bool // control characters as escapes: it is a terminal
	out                   *bufio.Writer
	warn                  func(error)
	began                 time.Time
	stamp                 *stamper
	count, markers, bytes int64
}

func (l *listing) buckets(ctx context.Context, eng *engine.Engine, which wire.BucketsRequest) error {
	all, err := eng.Buckets(ctx, which)
	if err != nil {
		return err
	}
	for _, b := range all {
		if l.json {
			if err := writeRecord(l.out, bucketRecord{recordOf("bucket", scheme+b.Name), b.Created.UTC(), b.Region}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(l.out, "%s %s\n", b.Created.Local().Format(stamp), b.Name)
	}
	return l.end(0)
}

func (l *listing) objects(ctx context.Context, eng *engine.Engine, at place, where engine.Location, o engine.ListOptions) error {
	found, code := false, 0
	each := func(e *engine.Listed) error {
		found = true
		if e.Err != nil && !wire.NotFound(e.Err) { // or it went meanwhile
			l.warn(fmt.Errorf("s3://%s/%s could not be asked for: %w", at.bucket, e.Key, e.Err))
			code = exitSkipped
		}
		return l.print(at.bucket, e)
	}
	if l.metadata {
		for e, err := range eng.ListInfo(ctx, where, o) {
			if err == nil {
				err = each(&e)
			}
			if err != nil {
				return err
			}
		}
	} else {
		e := engine.Listed{}
		for entry, err := range eng.List(ctx, where, o) {
			if err == nil {
				e.Entry = entry
				err = each(&e)
			}
			if err != nil {
				return err
			}
		}
	}
	if !found && at.key != "" {
		code = exitFailed // as aws: no such key or prefix
	}
	if err := l.end(code); err != nil {
		return err
	}
	if code != 0 {
		return &exitError{code}
	}
	return nil
}

// print writes what there is to say of an entry.
func (l *listing) print(bucket string, e *engine.Listed) error {
	if l.json {
		return l.record(bucket, e)
	}
	if e.Info != nil {
		e.VersionID = cmp.Or(e.VersionID, e.Info.VersionID)
	}
	if _, err := l.out.Write(l.line(l.out.AvailableBuffer(), &e.Entry)); err != nil {
		return err
	}
	if e.Info == nil {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(e.Info.Metadata)) {
		line := append(l.out.AvailableBuffer(), "    "...)
		line = append(l.name(line, k+": "+e.Info.Metadata[k]), '\n')
		if _, err := l.out.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// end writes what stands behind the list.
func (l *listing) end(code int) error {
	if l.json {
		r := totalRecord{recordHead: recordHead{V: 1, Event: "summary"}, Objects: l.count, Bytes: l.bytes, Seconds: time.Since(l.began).Seconds(), Exit: code}
		if l.versions {
			r.Markers = &l.markers
		}
		return writeRecord(l.out, r)
	}
	if l.summarize {
		l.sum()
	}
	return nil
}

// classOf is the storage class of an entry, which S3 may leave out where it is the
// usual one.
func classOf(e *walker.Entry) string {
	if e.DeleteMarker {
		return ""
	}
	return cmp.Or(e.StorageClass, "STANDARD")
}

// add counts an entry.
func (l *listing) add(e *walker.Entry) {
	l.bytes += e.Size
	if e.DeleteMarker {
		l.markers++
	} else {
		l.count++
	}
}

// line appends the line of an entry, and counts it.
func (l *listing) line(b []byte, e *walker.Entry) []byte {
	name := e.Key
	if e.CommonPrefix {
		name = name[strings.LastIndexByte(name[:len(name)-1], '/')+1:]
		b = append(b, "                           PRE "...)
		return append(l.name(b, name), '\n')
	}
	if !l.recursive {
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	l.add(e)
	b = append(l.stamp.append(b, e.ModTime), ' ')
	start := len(b)
	switch {
	case e.DeleteMarker:
		b = append(b, '-')
	case l.human:
		b = append(b, humanSize(e.Size)...)
	default:
		b = strconv.AppendInt(b, e.Size, 10)
	}
	b = append(right(b, start, 10), ' ')
	if l.versions {
		start = len(b)
		b = left(append(b, state(e)...), start, len("latest-marker"))
		b = append(b, ' ')
	}
	if l.long {
		// The longest of the usual classes, and the ETag of one that went whole.
		start = len(b)
		b = append(left(append(b, cmp.Or(classOf(e), "-")...), start, len("INTELLIGENT_TIERING")), ' ')
		start = len(b)
		b = append(left(l.name(b, cmp.Or(e.ETag, "-")), start, 32), ' ')
	}
	if l.versions || l.long {
		// Version ids of S3 have 32 characters: with these, names stand in a column.
		start = len(b)
		b = append(left(l.name(b, cmp.Or(e.VersionID, "-")), start, 32), ' ')
	}
	return append(l.name(b, name), '\n')
}

// state is one word without spaces, so that awk finds the column behind it.
func state(e *walker.Entry) string {
	switch {
	case e.DeleteMarker && e.Latest:
		return "latest-marker"
	case e.DeleteMarker:
		return "marker"
	case e.Latest:
		return "latest"
	}
	return "noncurrent"
}

func (l *listing) name(b []byte, s string) []byte {
	if l.visible {
		s = report.Visible(s)
	}
	return append(b, s...)
}

// right pads b[start:] with spaces before it, to a width.
func right(b []byte, start, width int) []byte {
	n := width - (len(b) - start)
	if n <= 0 {
		return b
	}
	end := len(b)
	b = left(b, start, width)
	copy(b[start+n:], b[start:end])
	for i := range n {
		b[start+i] = ' '
	}
	return b
}

// left pads b[start:] with spaces behind it, to a width.
func left(b []byte, start, width int) []byte {
	for len(b) < start+width {
		b = append(b, ' ')
	}
	return b
}

func (l *listing) sum() {
	size := strconv.FormatInt(l.bytes, 10)
	if l.human {
		size = humanSize(l.bytes)
	}
	if l.versions {
		fmt.Fprintf(l.out, "\nTotal Versions: %d\n Total Markers: %d\n    Total Size: %s\n", l.count, l.markers, size)
		return
	}
	fmt.Fprintf(l.out, "\nTotal Objects: %d\n   Total Size: %s\n", l.count, size)
}

// humanSize writes a size as aws s3 ls --human-readable does.
func humanSize(n int64) string {
	if n == 1 {
		return "1 Byte"
	}
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " Bytes"
	}
	v := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		v /= 1024
		// What rounds to 1024.0 belongs to the next unit.
		if v < 1023.95 {
			return strconv.FormatFloat(v, 'f', 1, 64) + " " + unit
		}
	}
	return strconv.FormatFloat(v/1024, 'f', 1, 64) + " EiB"
}
