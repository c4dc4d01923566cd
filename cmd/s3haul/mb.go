package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/wire"
)

func (a *app) mbCmd() *cobra.Command {
	var (
		unique string
		tags   bucketTags
	)
	cmd := &cobra.Command{
		Use:   "mb s3://BUCKET",
		Short: "Make a bucket",
		Long: `Make a bucket in the configured region: --region, AWS_REGION or the profile's.

The name of a bucket is taken for the whole of AWS as soon as somebody has it.
--unique PREFIX makes a name that nobody has: PREFIX, a - and a random UUID; it
is printed. A name has 3 to 63 characters, so that PREFIX may have 26.

Exit codes: 0 the bucket is there; 1 it is not; 252 usage.`,
		Example: `  s3haul mb s3://holiday-2026 --region eu-west-1
  s3haul mb --unique holiday
  s3haul mb s3://holiday-2026 --tags team photos --tags cost-centre 4711`,
		Args: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("unique") {
				return exactly("s3://BUCKET")(cmd, args)
			}
			if len(args) > 0 {
				return usagef("--unique makes the name: leave %q out", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := tags.check(); err != nil {
				return err
			}
			var name string
			var err error
			if cmd.Flags().Changed("unique") {
				name, err = uniqueName(unique)
			} else {
				name, err = bucketName(args[0])
			}
			if err != nil {
				return err
			}
			return a.bucket(cmd, "make_bucket", scheme+name, func(eng *engine.Engine, ctx context.Context, name string) error {
				return taken(eng.MakeTaggedBucket(ctx, name, tags.all))
			})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&unique, "unique", "", "make a name that nobody has: `PREFIX`, - and a random UUID")
	f.Var(&tags, "tags", "give the bucket a tag, `KEY VALUE`; may be given 50 times")
	several(f, "tags", 2)
	return cmd
}

// uniqueName is prefix and a random UUID.
func uniqueName(prefix string) (string, error) {
	prefix = strings.TrimSuffix(strings.TrimPrefix(prefix, scheme), "-")
	const most = 63 - 1 - 36
	switch {
	case prefix == "":
		return "", usagef("--unique is empty: give what the name is to begin with")
	case len(prefix) > most:
		return "", usagef("--unique %s has %d characters: with - and a UUID the name may have 63, so give %d at most", prefix, len(prefix), most)
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return "", fmt.Errorf("making a random name: %w", err)
	}
	return prefix + "-" + id.String(), nil
}

// taken says what to do where a name is.
func taken(err error) error {
	switch wire.Code(err) {
	case "BucketAlreadyExists":
		return &advised{err, "somebody has a bucket of that name already: choose another, or let --unique PREFIX make one"}
	case "BucketAlreadyOwnedByYou":
		return &advised{err, "it is yours: use it as it is"}
	}
	return err
}

// bucketTags is --tags of mb: a key and its value each time, as aws has it.
type bucketTags struct {
	all map[string]string
	key *string // that waits for its value
}

func (t *bucketTags) String() string { return "" }
func (t *bucketTags) Type() string   { return "KEY VALUE" }

func (t *bucketTags) Set(s string) error {
	if t.key == nil {
		if _, there := t.all[s]; there {
			return fmt.Errorf("the tag %q is given twice", s)
		}
		if s == "" {
			return errors.New("a tag has no key: write --tags KEY VALUE")
		}
		t.key = &s
		return nil
	}
	if t.all == nil {
		t.all = map[string]string{}
	}
	t.all[*t.key], t.key = s, nil
	return nil
}

func (t *bucketTags) check() error {
	if t.key != nil {
		return usagef("--tags %s has no value: write --tags KEY VALUE", *t.key)
	}
	return nil
}

// bucketName reads an argument that has to be a bucket and nothing more.
func bucketName(arg string) (string, error) {
	if !strings.HasPrefix(arg, scheme) {
		return "", usagef("%q is no bucket: write s3://%s", arg, arg)
	}
	at, err := parsePlace(arg)
	if err == nil && at.key != "" {
		err = usagef("%q has a key: write s3://%s", arg, at.bucket)
	}
	return at.bucket, err
}

// bucket does one thing with one bucket, with the lines of aws s3.
func (a *app) bucket(cmd *cobra.Command, verb, arg string, do func(*engine.Engine, context.Context, string) error) error {
	name, err := bucketName(arg)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	eng, end, err := a.open(ctx)
	if err == nil {
		err = do(eng, ctx, name)
		if cerr := end(); err == nil {
			err = cerr
		}
	}
	if err == nil {
		_, err = cmd.OutOrStdout().Write([]byte(verb + ": " + name + "\n"))
		return err
	}
	if context.Cause(ctx) != nil {
		err = context.Cause(ctx)
	}
	return a.ended(verb+" failed: "+scheme+name+" ", err)
}
