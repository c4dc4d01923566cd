package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
)

// scope is what a command is to empty.
type scope struct {
	at engine.Location
	// bucket and prefix are what at is made of.
	bucket, prefix string
	// name is what is typed to go on: bucket/prefix.
	name string
	// title is how a person is told of it.
	title string
	// whole says that it is a bucket with all that is in it.
	whole bool
}

// scopeOf reads the argument of a command that empties a prefix, or a bucket.
// prefix is --prefix: what keys begin with, where the argument's key would be a
// folder.
func scopeOf(f *pflag.FlagSet, command, arg, prefix string) (scope, error) {
	raw := f.Changed("prefix")
	at, err := parsePlace(arg)
	switch {
	case err != nil:
		return scope{}, err
	case !at.s3:
		return scope{}, usagef("%q is local: %s works in S3, write s3://bucket/prefix", arg, command)
	case at.unset():
		return scope{}, usagef("%s ends after the bucket's name: an empty variable?  write s3://%s%s to mean all of it",
			arg, at.bucket, allFlag(f))
	case raw && prefix == "":
		return scope{}, usagef("--prefix is empty: an empty variable?  write s3://%s%s without it to mean all of it", at.bucket, allFlag(f))
	case raw && at.key != "":
		return scope{}, usagef("--prefix goes with a bucket alone: write s3://%s --prefix ...", at.bucket)
	case raw:
		return scope{
			at: engine.Bucket(at.bucket, prefix), bucket: at.bucket, prefix: prefix,
			name: at.bucket + "/" + strings.TrimSuffix(prefix, "/"), title: scheme + at.bucket + "/" + prefix + "*",
		}, nil
	}
	return treeScope(at), nil
}

// treeScope is a folder, or a bucket.
func treeScope(at place) scope {
	s := scope{at: at.tree(), bucket: at.bucket, name: at.bucket, title: scheme + at.bucket, whole: at.key == ""}
	if !s.whole {
		s.name += "/" + strings.TrimSuffix(at.key, "/")
		s.title = s.at.String()
		s.prefix = strings.TrimPrefix(s.title, scheme+at.bucket+"/")
	}
	return s
}

// unset says that the place looks like s3://b/$P of a script in which P is not
// set.
func (p place) unset() bool {
	return strings.Trim(p.key, "/") == "" && strings.HasSuffix(p.text, "/")
}

// allFlag is what a whole bucket needs besides its name.
func allFlag(f *pflag.FlagSet) string {
	if f.Lookup("whole-bucket") == nil {
		return ""
	}
	return " --whole-bucket"
}

// keyScope is one key.
func keyScope(at place) scope {
	return scope{at: engine.Object(at.bucket, at.key), bucket: at.bucket, prefix: at.key, name: at.bucket + "/" + at.key, title: at.text}
}

// consent is how a person says that they mean it.
type consent struct{ yes, wholeBucket bool }

func (c *consent) register(f *pflag.FlagSet) {
	c.registerYes(f)
	f.BoolVar(&c.wholeBucket, "whole-bucket", false, "needed, beside --yes, where all of a bucket goes")
}

func (c *consent) registerYes(f *pflag.FlagSet) {
	f.BoolVar(&c.yes, "yes", false, "do not ask; needed where there is no terminal")
}

// needed says whether there is to be a question. Where there can be none, it
// says which flags are needed instead.
func (a *app) needed(c *consent, s *scope) (bool, error) {
	if c.wholeBucket && !s.whole {
		return false, usagef("--whole-bucket is for a bucket as a whole, and %s is a part of one", s.title)
	}
	var lack []string
	ask := terminal(a.stdin) && terminal(a.stderr)
	if !c.yes && !ask {
		lack = append(lack, "--yes")
	}
	if s.whole && !c.wholeBucket && (c.yes || !ask) {
		lack = append(lack, "--whole-bucket")
	}
	switch {
	case len(lack) > 0 && c.yes:
		return false, usagef("%s is a whole bucket: give --whole-bucket too", s.title)
	case len(lack) > 0:
		return false, usagef("this cannot be undone, and there is no terminal to ask on: give %s", strings.Join(lack, " "))
	}
	return !c.yes, nil
}

// asking returns the question of a command, nil where none is needed. what says
// what goes and what stays; nothing is what has happened where the answer is
// another than the name.
func (a *app) asking(c *consent, s *scope, dryRun bool, what, nothing string) (question, error) {
	if dryRun {
		return nil, nil
	}
	ask, err := a.needed(c, s)
	if err != nil || !ask {
		return nil, err
	}
	return func(ctx context.Context, eng *engine.Engine) error {
		facts, err := eng.Facts(ctx, s.at)
		if err != nil {
			return err
		}
		var b strings.Builder
		for _, line := range []string{s.title + "  " + traits(&facts), firstKeys(facts.First), what} {
			fmt.Fprintln(&b, report.Visible(line))
		}
		fmt.Fprintf(&b, "Type %s to go on: ", report.Visible(s.name))
		fmt.Fprint(a.stderr, b.String())
		answer, err := a.answer(ctx)
		if cause := context.Cause(ctx); cause != nil {
			fmt.Fprintln(a.stderr)
			a.fail("", cause)
			return &exitError{codeOf(cause, asOther)}
		}
		// A name that cannot be typed is typed as it is shown.
		if err == nil && (answer == s.name || answer == report.Visible(s.name)) {
			return nil
		}
		if err != nil {
			fmt.Fprintln(a.stderr)
		}
		fmt.Fprintf(a.stderr, "%s: %s\n", strings.TrimPrefix(a.name, "s3haul "), nothing)
		return &exitError{exitFailed}
	}, nil
}

// traits are what makes a bucket one to think twice about.
func traits(f *engine.BucketFacts) string {
	var parts []string
	if f.Region != "" {
		parts = append(parts, f.Region)
	}
	if f.Status == "" {
		parts = append(parts, "versioning off")
	} else {
		parts = append(parts, "versioning "+f.Status)
	}
	if f.MFADelete {
		parts = append(parts, "MFA delete on")
	}
	if f.ObjectLock {
		parts = append(parts, "Object Lock on")
	}
	return strings.Join(parts, ", ")
}

func firstKeys(keys []string) string {
	if len(keys) == 0 {
		return "no key is there"
	}
	return "first: " + strings.Join(keys, "  ")
}

// answer reads a line of stdin; half a line is an error. When ctx ends it leaves the reading behind: a
// read of a terminal cannot be ended, and the process is about to.
func (a *app) answer(ctx context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	lines := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(a.stdin).ReadString('\n')
		lines <- line{strings.TrimRight(text, "\r\n"), err}
	}()
	select {
	case l := <-lines:
		return l.text, l.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
