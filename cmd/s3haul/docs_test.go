package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The tables for those who come from other tools name only what there is.
func TestMigration(t *testing.T) {
	t.Parallel()
	flags, commands := map[string]bool{}, map[string]bool{}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		commands[cmd.Name()] = true
		for _, set := range []*pflag.FlagSet{cmd.LocalFlags(), cmd.InheritedFlags()} {
			set.VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRoot())
	text, err := os.ReadFile(filepath.Join("docs", "migration.md"))
	if err != nil {
		t.Fatal(err)
	}
	code, flag, command := regexp.MustCompile("`[^`]+`"), regexp.MustCompile(`--([a-z0-9-]+)`), regexp.MustCompile("^`([a-z]+)\\b")
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, ""), "|")
		if len(cells) != 4 || strings.HasPrefix(cells[1], "--") {
			if strings.HasPrefix(line, "|") && len(cells) != 4 {
				t.Errorf("%d cells: %s", len(cells)-2, line)
			}
			continue
		}
		rows++
		for _, span := range code.FindAllString(cells[2], -1) {
			for _, m := range flag.FindAllStringSubmatch(span, -1) {
				if !flags[m[1]] {
					t.Errorf("there is no flag --%s: %s", m[1], line)
				}
			}
			if m := command.FindStringSubmatch(span); m != nil && !commands[m[1]] && !strings.HasPrefix(span, "`fileb:") {
				t.Errorf("there is no command %s: %s", m[1], line)
			}
		}
	}
	if rows < 80 {
		t.Errorf("%d rows were read", rows)
	}
}
