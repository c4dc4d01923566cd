package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/wire"
)

func (a *app) statCmd() *cobra.Command {
	var (
		o     engine.StatOptions
		sseC  choice
		key   secret
		payer choice
		asked bool // --json
	)
	cmd := &cobra.Command{
		Use:   "stat s3://BUCKET/KEY",
		Short: "Say all that is known of an object",
		Long: `Say all that the store tells of one object beside its content: size, time, ETag,
version, storage class, headers, encryption, checksums, Object Lock, tags,
metadata. Each is a line, Name: value, in an order that stays; what the object
does not have has none. Times are local.

Exit codes: 0 all is done; 130 Ctrl-C; 252 usage; 253 credentials or region; 254
the service said no, or there is no such object; 255 no connection.`,
		Example: `  s3haul stat s3://holiday/2026/a.jpg
  s3haul stat s3://holiday/2026/a.jpg --version-id 3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH
  s3haul stat s3://holiday/2026/a.jpg --json | jq .storage_class`,
		Args: exactly("s3://BUCKET/KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := objectArg("stat", args[0])
			if err == nil {
				err = notEmpty(cmd.Flags(), "version-id")
			}
			if err == nil {
				o.CustomerKey, err = customerKey("--sse-c", sseC, key)
			}
			if err != nil {
				return err
			}
			o.RequestPayer = payer.set()
			return a.reading(cmd.Context(), func(ctx context.Context, eng *engine.Engine, out *bufio.Writer) error {
				info, err := eng.Stat(ctx, engine.Object(at.bucket, at.key), o)
				if err != nil {
					return err
				}
				if asked {
					return writeRecord(out, statRecord{recordOf("object", at.url()), info})
				}
				for _, line := range statLines(at.url(), info) {
					a.println(out, line)
				}
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.VersionID, "version-id", "", "the version of this `ID`, or null")
	f.BoolVar(&asked, "json", false, "print one JSON object instead of text")
	sseC.of = []string{"AES256"}
	f.Var(&sseC, "sse-c", "the object is encrypted with a key that S3 does not keep, `HOW`: AES256")
	optional(f, "sse-c", "AES256")
	f.Var(&key, "sse-c-key", "with --sse-c: the `KEY` of 32 bytes; fileb://FILE has it in a file")
	registerPayer(f, &payer)
	return cmd
}

// objectArg reads an argument that has to be one object. As for aws presign,
// b/k works too.
func objectArg(command, arg string) (place, error) {
	if arg == "" {
		return place{}, usagef("a path is empty")
	}
	at, err := parsePlace(scheme + strings.TrimPrefix(arg, scheme))
	if err == nil && at.key == "" {
		err = usagef("s3://%s names a bucket where a key is needed: %s is about one object", at.bucket, command)
	}
	return at, err
}

// url is the place as it is printed.
func (p place) url() string { return scheme + p.bucket + "/" + p.key }

// statLines writes what is known of an object, a line each.
func statLines(url string, i *wire.ObjectInfo) []string {
	lines := []string{"Object: " + url, "Size: " + strconv.FormatInt(i.Size, 10)}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return strconv.Itoa(n)
	}
	add("Modified", localTime(&i.Modified))
	add("ETag", i.ETag)
	add("Parts", number(i.Parts))
	add("Version", i.VersionID)
	add("Storage-Class", i.StorageClass)
	add("Archive-Status", i.ArchiveStatus)
	add("Restore", i.Restore)
	add("Expiration", i.Expiration)
	add("Content-Type", i.ContentType)
	add("Content-Encoding", i.ContentEncoding)
	add("Content-Disposition", i.ContentDisposition)
	add("Content-Language", i.ContentLanguage)
	add("Cache-Control", i.CacheControl)
	add("Expires", i.Expires)
	add("Website-Redirect", i.Redirect)
	add("Encryption", i.Encryption)
	add("KMS-Key", i.KMSKeyID)
	if i.BucketKey {
		add("Bucket-Key", "true")
	}
	if i.CustomerAlgorithm != "" {
		add("Encryption", i.CustomerAlgorithm+" with the customer's key")
		add("Customer-Key-MD5", i.CustomerKeyMD5)
	}
	for _, by := range slices.Sorted(maps.Keys(i.Checksums)) {
		add("Checksum-"+by, i.Checksums[by])
	}
	add("Checksum-Type", i.ChecksumType)
	add("Lock-Mode", i.LockMode)
	add("Lock-Until", localTime(i.LockUntil))
	add("Legal-Hold", i.LegalHold)
	add("Replication", i.Replication)
	for _, k := range slices.Sorted(maps.Keys(i.Tags)) {
		lines = append(lines, "Tag "+k+": "+i.Tags[k])
	}
	if i.NoTags != "" {
		add("Tags", "not known, "+i.NoTags)
	}
	for _, k := range slices.Sorted(maps.Keys(i.Metadata)) {
		lines = append(lines, "Metadata "+k+": "+i.Metadata[k])
	}
	add("Metadata-Unreadable", number(i.Unreadable))
	return lines
}

func localTime(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.Local().Format(time.RFC3339)
}

// recordHead is what each line of --json begins with.
type recordHead struct {
	V     int    `json:"v"`
	Event string `json:"event"`
	Src   string `json:"src,omitempty"`
	// SrcBase64 has the bytes of a name that is no UTF-8.
	SrcBase64 string `json:"src_base64,omitempty"`
}

func recordOf(event, src string) recordHead {
	r := usageRecord{}
	r.named(src)
	return recordHead{V: 1, Event: event, Src: src, SrcBase64: r.SrcBase64}
}

type statRecord struct {
	recordHead
	*wire.ObjectInfo
}

// writeRecord writes a line of JSON in which nothing is left that a terminal may
// act on.
func writeRecord(out io.Writer, record any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(record); err != nil {
		return fmt.Errorf("a line of JSON: %w", err)
	}
	line := strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
	_, err := fmt.Fprintln(out, report.Visible(line))
	return err
}
