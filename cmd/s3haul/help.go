package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manyFlags is how many flags of its own a command may have before its help puts
// them into groups.
const manyFlags = 20

// helpOf writes what the help of a command has behind its words.
func helpOf(cmd *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if cmd.Runnable() && cmd.HasParent() {
		b.WriteString("  " + cmd.UseLine() + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("  " + cmd.CommandPath() + " [command]\n")
	}
	if cmd.HasExample() {
		b.WriteString("\nExamples:\n" + cmd.Example + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nAvailable Commands:\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				fmt.Fprintf(&b, "  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	own := cmd.LocalFlags()
	n := 0
	own.VisitAll(func(*pflag.Flag) { n++ })
	for _, g := range grouped(own, n > manyFlags) {
		b.WriteString("\n" + g.title + ":\n" + strings.TrimRight(g.flags.FlagUsages(), " \n") + "\n")
	}
	if cmd.HasAvailableInheritedFlags() {
		b.WriteString("\nGlobal Flags:\n" + strings.TrimRight(cmd.InheritedFlags().FlagUsages(), " \n") + "\n")
	}
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\nUse \"" + cmd.CommandPath() + " [command] --help\" for more information about a command.\n")
	}
	_, err := io.WriteString(cmd.OutOrStderr(), b.String())
	return err
}

// group is some flags under one title.
type group struct {
	title string
	flags *pflag.FlagSet
}

// grouped puts flags into groups, or all into one.
func grouped(flags *pflag.FlagSet, split bool) []group {
	titles := []string{"Flags"}
	if split {
		titles = []string{"Flags", choosingGroup, headerGroup, encryptionGroup, outputGroup, sourceGroup}
	}
	var all []group
	for _, title := range titles {
		g := group{title, pflag.NewFlagSet(title, pflag.ContinueOnError)}
		g.flags.SortFlags = false
		flags.VisitAll(func(f *pflag.Flag) {
			if !split || groupOf(f.Name) == title {
				g.flags.AddFlag(f)
			}
		})
		if g.flags.HasAvailableFlags() {
			all = append(all, g)
		}
	}
	return all
}

const (
	choosingGroup   = "Which objects"
	headerGroup     = "What objects are given"
	encryptionGroup = "Encryption"
	outputGroup     = "Output"
	sourceGroup     = "The source, and who pays"
)

func groupOf(flag string) string {
	switch flag {
	case "exclude", "include", "files-from", "glob", "older-than", "newer-than", "min-size", "max-size",
		"retry-failed", "follow-symlinks", "no-follow-symlinks", "force-glacier-transfer", "ignore-glacier-warnings",
		"size-only", "exact-timestamps", "update", "checksum", "no-overwrite", "immutable", "case-conflict":
		return choosingGroup
	case "acl", "grants", "storage-class", "content-type", "guess-mime-type", "no-guess-mime-type",
		"content-disposition", "content-encoding", "content-language", "cache-control", "expires",
		"metadata", "metadata-directive", "copy-props", "tag", "website-redirect", "preserve":
		return headerGroup
	case "sse", "sse-kms-key-id", "sse-c", "sse-c-key", "sse-c-copy-source", "sse-c-copy-source-key":
		return encryptionGroup
	case "quiet", "only-show-errors", "no-progress", "progress-frequency", "progress-multiline", "json", "report":
		return outputGroup
	case "source-region", "source-endpoint-url", "source-profile", "request-payer":
		return sourceGroup
	}
	return "Flags"
}
