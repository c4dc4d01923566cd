package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// People have scripts that were written for aws, and aws reads its command line by
// Python's argparse. Before cobra and pflag see the arguments they are written
// as those read them: the command first, then each flag with its full name and its
// value as --name=value, then "--", then what is no flag.

// valuesOf is the annotation of a flag that takes other than one value: "?" for one
// or none, "+" for all up to the next flag, or a number of them.
const valuesOf = "s3haul_values"

// optional marks a flag that means absent where it is given without a value. The
// value may stand behind a space.
func optional(f *pflag.FlagSet, name, absent string) {
	flag := f.Lookup(name)
	flag.NoOptDefVal = absent
	annotate(flag, "?")
}

// between stands between the values of a flag that takes all up to the next one: it
// is in no argument.
const between = "\x00"

// several marks a flag that takes n values, and is set with each of them, or where
// n is 0 all up to the next flag: it is set with all at once, with between between
// them.
func several(f *pflag.FlagSet, name string, n int) {
	values := "+"
	if n > 0 {
		values = strconv.Itoa(n)
	}
	annotate(f.Lookup(name), values)
}

func annotate(flag *pflag.Flag, values string) {
	if flag.Annotations == nil {
		flag.Annotations = map[string][]string{}
	}
	flag.Annotations[valuesOf] = []string{values}
}

// pair adds the flag that turns on off, where on is the variable of another.
func pair(f *pflag.FlagSet, on *bool, name, usage string) {
	f.VarPF(negation{on}, name, "", usage).NoOptDefVal = "true"
}

// argparse rewrites a command line for root. The command is the one that is meant,
// and root where there is none.
func argparse(root *cobra.Command, args []string) ([]string, *cobra.Command, error) {
	if completing(args) {
		return args, root, nil // what is typed so far is no command line yet
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd(args...)
	cmd, rest := commandOf(root, args)
	cmd.InitDefaultHelpFlag()
	if cmd == root {
		cmd.InitDefaultVersionFlag()
	}
	p := argParser{flags: cmd.Flags()}
	p.flags.AddFlagSet(cmd.InheritedFlags())
	err := p.parse(rest)
	if err == nil {
		err = p.load()
	}
	if err != nil {
		return nil, cmd, err
	}
	if len(rest) == 1 && rest[0] == "help" && cmd != root {
		p.given, p.words = []string{"--help=true"}, nil // as in aws s3 cp help
	}
	if cmd == root {
		return slices.Concat(p.given, p.words), cmd, nil // for the error of an unknown command
	}
	out := strings.Fields(cmd.CommandPath())[1:]
	out = append(out, p.given...)
	if len(p.words) > 0 {
		out = append(append(out, "--"), p.words...)
	}
	return out, cmd, nil
}

// commandOf finds the command of a command line, and what is left without its name.
// Flags may stand before it.
func commandOf(root *cobra.Command, args []string) (*cobra.Command, []string) {
	cmd, rest := root, make([]string, 0, len(args))
	flags := root.PersistentFlags()
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return cmd, append(rest, args[i:]...)
		}
		rest = append(rest, arg)
		if isFlag(arg) {
			name, _, has := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
			flag, _ := find(flags, name)
			if strings.HasPrefix(arg, "--") && !has && flag != nil && flag.NoOptDefVal == "" && i+1 < len(args) {
				i++
				rest = append(rest, args[i])
			}
			continue
		}
		sub := subcommand(cmd, arg)
		if sub == nil {
			return cmd, append(rest, args[i+1:]...)
		}
		cmd, rest = sub, rest[:len(rest)-1]
		if !cmd.HasSubCommands() {
			return cmd, append(rest, args[i+1:]...)
		}
	}
	return cmd, rest
}

func subcommand(cmd *cobra.Command, name string) *cobra.Command {
	for _, sub := range cmd.Commands() {
		if sub.Name() == name || sub.HasAlias(name) {
			return sub
		}
	}
	return nil
}

// isFlag says that an argument is no word: - is one, for a stream.
func isFlag(arg string) bool { return len(arg) > 1 && arg[0] == '-' }

// find is the flag called name, or the one whose name begins so. Of several the one
// is meant that aws has; where that is not clear either, they come back.
func find(flags *pflag.FlagSet, name string) (*pflag.Flag, []string) {
	if flag := flags.Lookup(name); flag != nil || name == "" {
		return flag, nil
	}
	var all, aws []string
	flags.VisitAll(func(flag *pflag.Flag) {
		if strings.HasPrefix(flag.Name, name) {
			all = append(all, flag.Name)
			if ofAWS(flag.Name) {
				aws = append(aws, flag.Name)
			}
		}
	})
	if len(all) > 1 && len(aws) == 1 {
		all = aws
	}
	if len(all) == 1 {
		return flags.Lookup(all[0]), nil
	}
	slices.Sort(all)
	return nil, all
}

// argParser reads the arguments of one command.
type argParser struct {
	flags *pflag.FlagSet
	given []string // flags, as --name=value
	words []string // what is none
}

func (p *argParser) parse(args []string) error {
	for i := 0; i < len(args); {
		arg := args[i]
		switch {
		case arg == "--":
			p.words = append(p.words, args[i+1:]...)
			return nil
		case !isFlag(arg):
			p.words = append(p.words, arg)
			i++
		case strings.HasPrefix(arg, "--"):
			n, err := p.long(args[i:])
			if err != nil {
				return err
			}
			i += n
		default:
			n, err := p.short(args[i:])
			if err != nil {
				return err
			}
			i += n
		}
	}
	return nil
}

// long takes --name, with what is its value, and says how many arguments that was.
func (p *argParser) long(args []string) (int, error) {
	name, value, has := strings.Cut(args[0][2:], "=")
	flag, several := find(p.flags, name)
	switch {
	case len(several) > 0:
		return 0, usagef("ambiguous option: --%s could match --%s", name, strings.Join(several, ", --"))
	case flag == nil:
		return 0, usagef("unknown flag: --%s", name)
	case has:
		p.set(flag, value)
		return 1, nil
	}
	n, err := p.values(flag, args[1:])
	return n + 1, err
}

// values takes what stands behind a flag and is its value.
func (p *argParser) values(flag *pflag.Flag, args []string) (int, error) {
	kind := ""
	if a := flag.Annotations[valuesOf]; len(a) > 0 {
		kind = a[0]
	}
	switch want, err := strconv.Atoi(kind); {
	case kind == "?":
		if len(args) == 0 || isFlag(args[0]) {
			p.set(flag, flag.NoOptDefVal)
			return 0, nil
		}
		p.set(flag, args[0])
		return 1, nil
	case kind == "+":
		n := 0
		for n < len(args) && !isFlag(args[n]) {
			n++
		}
		if n == 0 {
			return 0, usagef("--%s needs at least one value", flag.Name)
		}
		p.set(flag, strings.Join(args[:n], between))
		return n, nil
	case err == nil:
		for i := range want {
			if i == len(args) || p.looksLikeFlag(args[i]) {
				return 0, usagef("--%s needs %d values", flag.Name, want)
			}
			p.set(flag, args[i])
		}
		return want, nil
	case flag.NoOptDefVal != "": // a switch
		p.set(flag, flag.NoOptDefVal)
		return 0, nil
	case len(args) == 0:
		return 0, usagef("flag needs an argument: --%s", flag.Name)
	case p.looksLikeFlag(args[0]):
		if _, ok := flag.Value.(*secret); ok {
			return 0, usagef("flag needs an argument: --%s; write --%[1]s=... where it begins with -", flag.Name)
		}
		return 0, usagef("flag needs an argument: --%s; if %q is meant to be it, write --%[1]s=%[2]s", flag.Name, args[0])
	}
	p.set(flag, args[0])
	return 1, nil
}

// looksLikeFlag says that an argument is a flag, and no value that stands behind one.
// Not each that begins with - is one: -1, or the pattern -* of --exclude.
func (p *argParser) looksLikeFlag(arg string) bool {
	return isFlag(arg) && (strings.HasPrefix(arg, "--") || p.flags.ShorthandLookup(arg[1:2]) != nil)
}

// short takes -r, or several of one letter together, of which the last may have a
// value.
func (p *argParser) short(args []string) (int, error) {
	letters := args[0][1:]
	for i := range len(letters) {
		flag := p.flags.ShorthandLookup(letters[i : i+1])
		if flag == nil {
			return 0, usagef("unknown flag: %s", args[0])
		}
		if flag.NoOptDefVal != "" && flag.Annotations[valuesOf] == nil {
			p.set(flag, flag.NoOptDefVal)
			continue
		}
		if value := strings.TrimPrefix(letters[i+1:], "="); value != "" {
			p.set(flag, value)
			return 1, nil
		}
		n, err := p.values(flag, args[1:])
		return n + 1, err
	}
	return 1, nil
}

func (p *argParser) set(flag *pflag.Flag, value string) {
	p.given = append(p.given, "--"+flag.Name+"="+value)
}

// load puts what is in a file in the place of file://FILE and fileb://FILE.
func (p *argParser) load() error {
	for i, given := range p.given {
		flag, value, _ := strings.Cut(given, "=")
		if !fromFile(flag[len("--"):]) {
			continue
		}
		text, err := parameter(value)
		if err != nil {
			return usagef("%s: %v", flag, err)
		}
		if text != value { // editors put a newline there, which no header can carry
			text = strings.TrimRight(text, "\r\n")
		}
		p.given[i] = flag + "=" + text
	}
	return nil
}

// fromFile says that aws takes file://FILE for the value of this flag: it does for
// texts of which it does not know the choices. --metadata and the keys read their
// files themselves.
func fromFile(name string) bool {
	switch name {
	case "grants", "content-type", "content-disposition", "content-encoding", "content-language",
		"cache-control", "expires", "website-redirect", "sse-kms-key-id", "expected-size", "source-region",
		"index-document", "error-document", "bucket-name-prefix", "bucket-region":
		return true
	}
	return false
}

// ofAWS says that aws s3 has a flag of this name.
func ofAWS(name string) bool {
	switch name {
	case "recursive", "exclude", "include", "delete", "size-only", "exact-timestamps", "dryrun",
		"quiet", "only-show-errors", "no-progress", "progress-frequency", "progress-multiline",
		"follow-symlinks", "no-follow-symlinks", "acl", "grants", "sse", "sse-c", "sse-c-key",
		"sse-kms-key-id", "sse-c-copy-source", "sse-c-copy-source-key", "storage-class", "content-type",
		"content-disposition", "content-encoding", "content-language", "cache-control", "expires",
		"metadata", "metadata-directive", "copy-props", "website-redirect", "no-guess-mime-type",
		"expected-size", "request-payer", "force-glacier-transfer", "ignore-glacier-warnings",
		"page-size", "checksum-algorithm", "checksum-mode", "no-overwrite", "case-conflict",
		"source-region", "validate-same-s3-paths", "tags", "bucket-name-prefix", "bucket-region",
		"expires-in", "index-document", "error-document", "human-readable", "summarize", "force",
		"endpoint-url", "profile", "region", "no-sign-request", "no-verify-ssl", "ca-bundle",
		"cli-read-timeout", "cli-connect-timeout", "debug", "output", "query", "color", "no-paginate",
		"no-cli-pager", "cli-binary-format", "cli-auto-prompt", "no-cli-auto-prompt", "version":
		return true
	}
	return false
}
