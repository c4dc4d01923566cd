package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/checksum"
	"github.com/s3haul/s3haul/engine/report"
)

// copyFlags are the flags of what brings objects from one side to the other: cp,
// sync and mv.
type copyFlags struct {
	algorithm   algorithm
	noOverwrite bool
	immutable   bool
	preserve    bool
	conflict    string
	noResume    bool
	report      string // FILE of --report
	retry       string // FILE of --retry-failed

	attributes attributeFlags

	// sides are what the command brings together; nil of one that has none of
	// these flags.
	sides *sides
	// only are the keys that --retry-failed leaves; nil means all. notices are
	// what there is to say of it.
	only    []string
	notices []string
	// before is what the report of --retry-failed has else; nil without.
	before *report.Saved
}

func (c *copyFlags) register(f *pflag.FlagSet) {
	f.Var(&c.algorithm, "checksum-algorithm", "`NAME` of the checksum that uploads are verified by and the store keeps:\n"+
		"CRC64NVME (the default), CRC32C, CRC32, SHA256 or SHA1")
	f.BoolVar(&c.noOverwrite, "no-overwrite", false, "leave alone what is there already, and say nothing of it")
	f.BoolVar(&c.immutable, "immutable", false, "an object that is there already and differs fails, and stays")
	f.BoolVar(&c.preserve, "preserve", false, "keep time and mode of files in the metadata of objects, and give them back")
	f.StringVar(&c.conflict, "case-conflict", "ignore", "in the download of a tree, of names that differ in case alone:\n"+
		"`WHAT` is ignore (write all; mv skips), warn (the same), skip (all but the first) or error")
	f.StringVar(&c.report, "report", "", "keep what became of each object in `FILE`, as the lines of --json. It is\n"+
		"FILE.partial until the end, which a crash leaves; an older report is replaced")
	f.StringVar(&c.retry, "retry-failed", "", "only what has failed in the run of which `FILE` is the --report; it may be\n"+
		"the FILE of --report as well. Nothing is deleted; exit code 1 where that run\n"+
		"was ended before its end")
	f.BoolVar(&c.noResume, "no-resume", false, "keep no journal: large objects begin anew where a run was interrupted")
	c.attributes.register(f)
}

// prepare checks the flags of a command with its two sides.
func (t *transferFlags) prepare(cmd *cobra.Command, s sides) error {
	if err := t.choosing.check(cmd.Flags(), s.tree); err != nil {
		return err
	}
	return t.copying.prepare(cmd.Flags(), s)
}

// prepare looks for what makes no sense together, and reads what --retry-failed
// names.
func (c *copyFlags) prepare(f *pflag.FlagSet, s sides) error {
	if err := c.check(f, s.from, s.to, s.tree); err != nil {
		return err
	}
	for _, file := range s.files() {
		if c.report != "" && onto(c.report, file) {
			return usagef("--report %s would be in the place of %s, which is copied: name another file", c.report, file)
		}
	}
	c.sides = &s
	if c.retry == "" {
		return nil
	}
	var err error
	c.notices, err = c.retrying(&s)
	return err
}

// nothing says that --retry-failed has found nothing to do.
func (c *copyFlags) nothing() bool { return c.retry != "" && len(c.only) == 0 }

func (c *copyFlags) check(f *pflag.FlagSet, from, to place, tree bool) error {
	if err := notEmpty(f, "report", "retry-failed"); err != nil {
		return err
	}
	if err := c.attributes.check(f, from, to); err != nil {
		return err
	}
	if c.noOverwrite && c.immutable {
		return usagef("--no-overwrite says nothing of what is there, --immutable fails where it differs: leave one out")
	}
	if !slices.Contains([]string{"ignore", "skip", "warn", "error"}, c.conflict) {
		return usagef("--case-conflict is %q; give ignore, skip, warn or error", c.conflict)
	}
	if f.Changed("case-conflict") && (to.s3 || !tree) {
		return usagef("--case-conflict is for the download of a tree, where names may meet: leave it out")
	}
	if fl := f.Lookup("delete"); c.retry != "" && fl != nil && fl.Changed {
		return usagef("--retry-failed looks at what has failed alone: leave --delete out")
	}
	if c.report == "-" {
		return usagef("--report wants a file; --json prints the same")
	}
	for _, dir := range slices.Concat(from.local(), to.local()) {
		if c.report != "" && tree && inside(dir, c.report) {
			return usagef("--report %s is inside of %s, which is copied: name a file elsewhere", c.report, dir)
		}
	}
	return nil
}

// into sets what the engine wants to know of them.
func (c *copyFlags) into(o *engine.RunOptions) {
	o.ChecksumAlgorithm = string(c.algorithm)
	o.NoOverwrite, o.Immutable, o.Preserve = c.noOverwrite, c.immutable, c.preserve
	o.CaseConflict = c.conflict
	c.attributes.into(o)
	if c.sides != nil && c.sides.tree {
		o.Only = c.only
	}
}

// algorithm is --checksum-algorithm.
type algorithm checksum.Algorithm

func (a *algorithm) String() string { return string(*a) }
func (a *algorithm) Type() string   { return "NAME" }

func (a *algorithm) Set(s string) error {
	name := strings.ToUpper(s)
	if !slices.Contains(a.choices(), name) {
		return fmt.Errorf("give one of %s", strings.Join(a.choices(), ", "))
	}
	*a = algorithm(name)
	return nil
}

// choices are what completion offers.
func (a *algorithm) choices() (names []string) {
	for _, known := range checksum.Algorithms() {
		names = append(names, string(known))
	}
	return names
}
