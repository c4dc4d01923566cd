package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/wire"
)

func (a *app) purgeCmd() *cobra.Command {
	var (
		p purgeFlags
		c consent
	)
	cmd := &cobra.Command{
		Use:   "purge s3://BUCKET[/PREFIX]",
		Short: "Remove every version, delete marker and unfinished upload",
		Long: `Remove every version, every delete marker and every unfinished multipart upload
below a prefix, for good: nothing takes it back. s3://logs/2019 means what is
below 2019/; --prefix is for what only begins so. It works as well where
versioning was never on, and where it is suspended.

A terminal asks, and wants the bucket and prefix typed. Elsewhere --yes is
needed, and for a whole bucket --whole-bucket too. --dryrun counts what would
go, and never asks.

It never makes visible what was not: the newest version or marker of a key goes
only when every other one of the key is gone, and stays where one is held back.
It never sends what the flags keep, and passes no retention without
--bypass-governance-retention. It ends by listing again, and says what is left
and why. Interrupted, it is started again, and comes to the same end.

--expire removes nothing itself: it adds a rule to the bucket's lifecycle
configuration by which S3 does, at no charge, in a day or more.

Exit codes: 0 nothing is left of what was asked for; 1 something is, the question
was answered with something else, or Ctrl-C ended it (130 at the question); 252
usage; 253 credentials or region; 254 the service said no; 255 no connection.`,
		Example: `  s3haul purge s3://logs/2019 --dryrun
  s3haul purge s3://logs --keep-versions 1 --older-than 30d
  s3haul purge s3://scratch --yes --whole-bucket`,
		Args: exactly("s3://BUCKET[/PREFIX]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := cmd.Flags()
			s, err := scopeOf(f, "purge", args[0], p.prefix)
			if err == nil {
				err = p.check(f)
			}
			if err != nil {
				return err
			}
			ask, err := a.asking(&c, &s, p.t.dryRun, p.what(), "nothing was deleted")
			if err != nil {
				return err
			}
			if p.expire {
				return a.expire(cmd, &p, s, ask)
			}
			return a.asked(cmd, &p.t, nil, ask,
				func(ctx context.Context, eng *engine.Engine, o engine.RunOptions) (engine.Summary, error) {
					return eng.Purge(ctx, s.at, p.options(o))
				})
		},
	}
	f := cmd.Flags()
	p.register(f)
	c.register(f)
	return cmd
}

// purgeFlags say what of a prefix goes and what stays.
type purgeFlags struct {
	t              transferFlags
	prefix         string
	keep           atLeast1
	noncurrentOnly bool
	markersOnly    bool
	older          age
	expire         bool
	passing        passing
}

func (p *purgeFlags) register(f *pflag.FlagSet) {
	p.t.exits = asPurge
	f.SortFlags = false
	f.StringVar(&p.prefix, "prefix", "", "all keys that begin with `TEXT`, which need not end at a /")
	p.keep.what = "how many versions of each key stay, 1 or more; without --keep-versions none do"
	f.Var(&p.keep, "keep-versions", "the newest `N` versions of each key stay, the current one included")
	f.BoolVar(&p.noncurrentOnly, "noncurrent-only", false, "what is current stays: the newest version or marker of each key")
	f.BoolVar(&p.markersOnly, "markers-only", false, "remove only delete markers that have no version beneath")
	f.Var(&p.older, "older-than", "only what is older than `DURATION` (30d, 12h, 2w); a noncurrent version's age\n"+
		"runs from when its successor came, as lifecycle rules count")
	p.t.maxDelete.what = "how many may be removed, 1 or more; without --max-delete any number may"
	f.Var(&p.t.maxDelete, "max-delete", "end when `N` are removed, exit code 1 where more was to go")
	p.t.register(f)
	p.passing.register(f)
	f.BoolVar(&p.expire, "expire", false, "let S3 do it, by a rule in the bucket's lifecycle configuration")
}

// check finds what contradicts itself.
func (p *purgeFlags) check(f *pflag.FlagSet) error {
	if err := contradicts(f, "markers-only", "keep-versions", "noncurrent-only"); err != nil {
		return err
	}
	if !p.expire {
		return p.passing.check(f)
	}
	err := contradicts(f, "expire", "exclude", "include", "max-delete", "max-duration", "dryrun", "json",
		"page-size", "bypass-governance-retention", "mfa")
	if err != nil {
		return err
	}
	if time.Duration(p.older)%day != 0 {
		return usagef("--older-than %s: with --expire write whole days, as lifecycle rules count", p.older.String())
	}
	return nil
}

// contradicts wants none of the others beside flag.
func contradicts(f *pflag.FlagSet, flag string, others ...string) error {
	if !f.Changed(flag) {
		return nil
	}
	for _, other := range others {
		if f.Changed(other) {
			return usagef("--%s and --%s contradict one another: leave one out", flag, other)
		}
	}
	return nil
}

func (p *purgeFlags) options(o engine.RunOptions) engine.PurgeOptions {
	return engine.PurgeOptions{
		RunOptions: o, KeepVersions: int(p.keep.n), NoncurrentOnly: p.noncurrentOnly, MarkersOnly: p.markersOnly,
		OlderThan: time.Duration(p.older), MaxDelete: p.t.maxDelete.n, Delete: p.passing.options(),
	}
}

// what says before the question what goes and what stays.
func (p *purgeFlags) what() string {
	var parts []string
	switch {
	case p.markersOnly:
		parts = append(parts, "Delete markers with no version beneath go.")
	case p.keep.n == 1:
		parts = append(parts, "The newest version of each key stays.")
	case p.keep.n > 1:
		parts = append(parts, fmt.Sprintf("The newest %d versions of each key stay.", p.keep.n))
	}
	switch {
	case p.noncurrentOnly:
		parts = append(parts, "What is current stays.")
	case p.keep.n == 0 && !p.markersOnly:
		parts = append(parts, "Current objects go too.")
	}
	if p.older != 0 {
		parts = append(parts, "What is not older than "+p.older.String()+" stays.")
	}
	if len(p.t.rules) > 0 {
		parts = append(parts, "So does what --exclude and --include leave out.")
	}
	if p.expire {
		return strings.Join(append(parts, "S3 itself does it, with what comes later too, until the rule is removed. Irreversible."), " ")
	}
	return strings.Join(append(parts, "Irreversible. Count first: --dryrun"), " ")
}

// passing is what lets a deletion pass what protects a version.
type passing struct {
	bypass bool
	mfa    string
}

func (p *passing) register(f *pflag.FlagSet) {
	f.BoolVar(&p.bypass, "bypass-governance-retention", false, "remove what a governance retention protects, too")
	f.StringVar(&p.mfa, "mfa", "", "`'SERIAL CODE'` of the device, where the bucket has MFA delete")
}

func (p *passing) check(f *pflag.FlagSet) error {
	if !f.Changed("mfa") {
		return nil
	}
	words := strings.Fields(p.mfa)
	if len(words) != 2 || strings.Trim(words[1], "0123456789") != "" {
		return usagef("--mfa wants two words in quotes: the serial number or ARN of the device, and its present code")
	}
	p.mfa = strings.Join(words, " ")
	return nil
}

func (p *passing) options() wire.DeleteOptions {
	return wire.DeleteOptions{BypassGovernance: p.bypass, MFA: p.mfa}
}
