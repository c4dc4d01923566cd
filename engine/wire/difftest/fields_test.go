package difftest

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/s3haul/s3haul/engine/wire"
)

const (
	text = "what is in the object"
	// The key of SSE-C, and what goes with it.
	sseKey = "0123456789abcdef0123456789abcdef"
)

// fields says how each field of an input is covered: by the values that it is
// given, one request each. A field that has none is covered as the reason says.
type fields[I any] map[string]field[I]

type field[I any] struct {
	values []func(*I)
	why    string
}

func set[I any](values ...func(*I)) field[I] { return field[I]{values: values} }

func elsewhere[I any](why string) field[I] { return field[I]{why: why} }

// strs sets a *string, by its name, to each of the values.
func strs[I any](name string, values ...string) field[I] {
	var f field[I]
	for _, v := range values {
		f.values = append(f.values, func(in *I) {
			reflect.ValueOf(in).Elem().FieldByName(name).Set(reflect.ValueOf(&v))
		})
	}
	return f
}

// enum sets an enumeration to each of the values.
func enum[I any, E ~string](name string, values ...E) field[I] {
	var f field[I]
	for _, v := range values {
		f.values = append(f.values, func(in *I) {
			reflect.ValueOf(in).Elem().FieldByName(name).Set(reflect.ValueOf(v))
		})
	}
	return f
}

func times[I any](name string) field[I] {
	var f field[I]
	for _, v := range []time.Time{
		time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 987654321, time.FixedZone("", 5*3600)),
		time.Date(2101, 1, 2, 3, 4, 5, 0, time.UTC), time.Unix(0, 0),
		{},
	} {
		f.values = append(f.values, func(in *I) {
			reflect.ValueOf(in).Elem().FieldByName(name).Set(reflect.ValueOf(&v))
		})
	}
	return f
}

// complete fails where the table and the SDK's input do not have the same fields.
func (f fields[I]) complete(t *testing.T) {
	t.Helper()
	in := reflect.TypeFor[I]()
	names := map[string]bool{}
	for sf := range in.Fields() {
		if name := sf.Name; sf.IsExported() {
			names[name] = true
			if _, ok := f[name]; !ok {
				t.Errorf("%s has a field %s, and no case covers it", in, name)
			}
		}
	}
	for name, c := range f {
		if !names[name] {
			t.Errorf("%s has no field %s", in, name)
		}
		if len(c.values) == 0 && c.why == "" {
			t.Errorf("%s.%s has no values", in, name)
		}
	}
}

// each calls use with every value of every field, and every text that a header
// may be given in each field that is one.
func (f fields[I]) each(use func(name string, change func(*I))) {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		for i, change := range f[name].values {
			use(fmt.Sprintf("%s %d", name, i), change)
		}
		switch name {
		case "Bucket", "Key": // in keys and refusals
			continue
		case "ChecksumMode": // over TLS the SDK sends ENABLED whatever it was
			continue
		}
		sf, _ := reflect.TypeFor[I]().FieldByName(name)
		if sf.Type == reflect.TypeFor[*string]() || sf.Type.Kind() == reflect.String {
			for _, v := range []string{"", " ", " padded ", "two  spaces", "tab\there", "\u00fcn\u00ef", "a,b;c=d", `"quoted"`, "a%20b+c&d", "line\nbreak", "nul\x00", strings.Repeat("long ", 500)} {
				use(fmt.Sprintf("%s %.20q", name, v), func(in *I) {
					fv := reflect.ValueOf(in).Elem().FieldByName(name)
					if fv.Kind() == reflect.String {
						fv.SetString(v)
					} else {
						fv.Set(reflect.ValueOf(&v))
					}
				})
			}
		}
	}
}

// puts gives every field of PutObject its values, with a sum as the engine has
// it and with the SDK's own.
func puts(t *testing.T, w *world) {
	table := putFields()
	table.complete(t)
	unlocked, locked := w.bucket(t, plain), w.bucket(t, locking)
	table.each(func(name string, change func(*s3.PutObjectInput)) {
		bucket := unlocked
		if strings.HasPrefix(name, "ObjectLock") {
			bucket = locked
		}
		for _, summed := range []bool{true, false} {
			label := "PutObject with " + name
			if !summed {
				label += ", no sum of ours"
			}
			w.same(t, call{
				name: label, before: perhaps(remove(bucket, "k")), after: stored(bucket, "k"), anew: []string{"VersionId"},
				do: func(ctx context.Context, c wire.Client) (any, error) {
					in := &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader(text)}
					change(in)
					if summed && !strings.HasPrefix(name, "Checksum") {
						var content string
						if r, ok := in.Body.(*strings.Reader); ok && r.Len() > 0 {
							content = text
						}
						in.ChecksumCRC64NVME = aws.String(crc64(content))
					}
					return c.PutObject(ctx, in)
				},
			})
		}
	})
	// A condition on what is there.
	for _, change := range []func(*s3.PutObjectInput){
		func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") },
		func(in *s3.PutObjectInput) { in.IfMatch = aws.String("*") },
		func(in *s3.PutObjectInput) { in.IfMatch = aws.String(`"900150983cd24fb0d6963f7d28e17f72"`) }, // of abc
		func(in *s3.PutObjectInput) { in.IfMatch = aws.String(`"other"`) },
		func(in *s3.PutObjectInput) {
			in.Body, in.ChecksumCRC64NVME = offset(text, 5), aws.String(crc64(text[5:]))
		},
		func(in *s3.PutObjectInput) {
			in.Body, in.ChecksumCRC64NVME = strings.NewReader(strings.Repeat("large", 1<<16)), aws.String(crc64(strings.Repeat("large", 1<<16)))
		},
	} {
		w.same(t, call{
			name: "PutObject over another", before: put(unlocked, "k", "abc"), after: stored(unlocked, "k"),
			do: func(ctx context.Context, c wire.Client) (any, error) {
				in := &s3.PutObjectInput{Bucket: &unlocked, Key: aws.String("k"), Body: strings.NewReader(text), ChecksumCRC64NVME: aws.String(crc64(text))}
				change(in)
				return c.PutObject(ctx, in)
			},
		})
	}
}

// offset is a reader that does not stand at its beginning.
func offset(s string, n int64) *strings.Reader {
	r := strings.NewReader(s)
	_, _ = r.Seek(n, 0)
	return r
}

// reads gives every field of GetObject and HeadObject its values.
func reads(t *testing.T, w *world) {
	bucket := w.bucket(t, versioned)
	var versions []string
	for _, content := range []string{"an older one", text} {
		out, err := w.plain.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader(content), Metadata: map[string]string{"a": "b", "Second": "two  spaces"},
			ContentType: aws.String("text/x"), CacheControl: aws.String("no-store"), ContentLanguage: aws.String("de"),
			ContentDisposition: aws.String("inline"), ContentEncoding: aws.String("zz"), Expires: aws.Time(time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC)),
			ChecksumCRC64NVME: aws.String(crc64(content)),
		})
		must(t, err)
		versions = append(versions, aws.ToString(out.VersionId))
	}
	must(t, put(bucket, "empty", "")(t.Context(), w.plain))
	must(t, put(bucket, "gone", "x")(t.Context(), w.plain))
	gone, err := w.plain.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("gone")})
	must(t, err)
	etag := `"` + hexMD5(text) + `"`
	gets, heads := readFields[s3.GetObjectInput](etag), readFields[s3.HeadObjectInput](etag)
	gets.complete(t)
	heads.complete(t)
	for _, q := range []struct{ key, version string }{
		{"k", versions[0]}, {"k", versions[1]}, {"empty", ""}, {"gone", ""}, {"gone", aws.ToString(gone.VersionId)}, {"absent", ""},
	} {
		gets["VersionId"] = set(append(gets["VersionId"].values, func(in *s3.GetObjectInput) { in.Key, in.VersionId = &q.key, optional(q.version) })...)
		heads["VersionId"] = set(append(heads["VersionId"].values, func(in *s3.HeadObjectInput) { in.Key, in.VersionId = &q.key, optional(q.version) })...)
	}
	gets.each(func(name string, change func(*s3.GetObjectInput)) {
		w.same(t, call{name: "GetObject with " + name, garbled: strings.Contains(name, `\x00`), do: func(ctx context.Context, c wire.Client) (any, error) {
			in := &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("k")}
			change(in)
			return c.GetObject(ctx, in)
		}})
	})
	heads.each(func(name string, change func(*s3.HeadObjectInput)) {
		w.same(t, call{name: "HeadObject with " + name, do: func(ctx context.Context, c wire.Client) (any, error) {
			in := &s3.HeadObjectInput{Bucket: &bucket, Key: aws.String("k")}
			change(in)
			return c.HeadObject(ctx, in)
		}})
	})
	// Ranges of what is empty, with sums.
	for _, key := range []string{"k", "empty"} {
		for _, r := range []string{"", "bytes=0-0", "bytes=-1", "bytes=0-"} {
			w.same(t, call{name: "GetObject of " + key + " with its sum, " + r, do: func(ctx context.Context, c wire.Client) (any, error) {
				return c.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: optional(r), ChecksumMode: types.ChecksumModeEnabled})
			}})
		}
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
