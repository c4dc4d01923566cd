package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

func (a *app) manCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages",
		Long: `Write a manual page of each command to DIR, as s3haul.1, s3haul-cp.1 and so on.
DIR is made where it is not there. The date on the pages is that of
SOURCE_DATE_EPOCH where that is set, else today's.`,
		Example: `  s3haul man ~/.local/share/man/man1 && man s3haul-cp`,
		Args:    exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" {
				return usagef("a path is empty")
			}
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return fmt.Errorf("make the directory of the manual pages: %w", err)
			}
			root := cmd.Root()
			forManual(root)
			header := &doc.GenManHeader{Title: "S3HAUL", Section: "1", Source: "s3haul", Manual: "s3haul"}
			if err := doc.GenManTree(root, header, args[0]); err != nil {
				return fmt.Errorf("write the manual pages: %w", err)
			}
			return nil
		},
	}
}

// forManual makes Markdown of the words of a command and of those below it: so doc
// reads them.
func forManual(cmd *cobra.Command) {
	cmd.DisableAutoGenTag = true
	cmd.Short, cmd.Long = markdown(cmd.Short), markdown(cmd.Long)
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		name, usage := pflag.UnquoteUsage(f)
		usage = markdown(strings.ReplaceAll(usage, "\n", " "))
		if name != "" && strings.Contains(f.Usage, "`") {
			usage = strings.Replace(usage, markdown(name), "`"+name+"`", 1)
		}
		f.Usage = usage
		if f.DefValue == "" && f.NoOptDefVal == "" {
			f.DefValue = name // which doc prints as --name=DEFAULT
		}
	})
	for _, sub := range cmd.Commands() {
		forManual(sub)
	}
}

// markdown keeps the characters of a text as they are, and its lines that begin
// with two spaces as lines.
func markdown(text string) string {
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "<", `\<`, "[", `\[`, "`", "\\`", "#", `\#`)
	var b strings.Builder
	indented := false
	for line := range strings.Lines(text) {
		if in := strings.HasPrefix(line, "  "); in != indented && strings.TrimSpace(line) != "" {
			b.WriteString("\n")
			indented = in
		}
		if strings.HasPrefix(line, "  ") {
			b.WriteString("    " + line) // a block of code
			continue
		}
		b.WriteString(escape.Replace(line))
	}
	return b.String()
}
