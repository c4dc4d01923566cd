package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// tell gives the counts, and writes the page; false where something differs
// without a reason.
func tell(results []result, o *options, stdout io.Writer) (bool, error) {
	var counts [unexplained + 1]int
	for i := range results {
		counts[results[i].is()]++
	}
	fmt.Fprintf(stdout, "%d cases: %d equal, %d better on purpose, %d not yet, %d without a reason\n",
		len(results), counts[same], counts[better], counts[notYet], counts[unexplained])
	if o.write != "" {
		if err := os.WriteFile(o.write, []byte(page(results, counts[:])), 0o666); err != nil {
			return false, err
		}
	}
	return counts[unexplained] == 0, nil
}

// show says how the two sides of a case differ, if they do; what has a reason is
// for the verbose.
func show(w io.Writer, r *result, verbose bool) {
	if is := r.is(); is == same || is != unexplained && !verbose {
		return
	}
	fmt.Fprintf(w, "%s: %s\n", r.testcase.name, strings.Join(r.testcase.args, " "))
	for _, d := range r.differences {
		why := "no reason"
		if d.reason != nil {
			why = d.reason.name
		}
		fmt.Fprintf(w, "  %s (%s)\n", d.kind, why)
		for _, line := range d.aws {
			fmt.Fprintf(w, "    aws    %s\n", line)
		}
		for _, line := range d.ours {
			fmt.Fprintf(w, "    s3haul %s\n", line)
		}
	}
}

// intro is the part of the page that does not change.
const intro = `# Beside aws s3

<!-- written by: go run ./bench/awsdiff --aws /usr/bin/aws --write cmd/s3haul/docs/aws.md -->

The real ` + "`aws s3`" + ` (Debian's awscli 2.9) and s3haul are run on copies of the same trees and
buckets, and everything is compared: the files and their modes and times, the objects and
all that they have (content, headers, metadata, tags, class, encryption, ACL, versions), the
lines of both streams, and the exit code. The store is this repository's simulator.

    go run ./bench/awsdiff --aws /usr/bin/aws                        # exit code 1 where something differs without a reason
    go run ./bench/awsdiff --aws /usr/bin/aws --run '^sync/' --verbose
    go run ./bench/awsdiff --list

Not compared are what two runs of one program would not have alike: the order of lines where work
is done side by side, dates of now, request ids, signatures. Four things differ in every case, on
purpose, and are left out of it:

- progress: aws draws it on stdout, s3haul on stderr, and not at all off a terminal;
- the summary (` + "`uploaded 9,869 (…)`, `verified …`" + `) is on stderr, and only s3haul's;
- advice and the request id follow an error, indented, on stderr;
- where both exit with 252, the text about the usage is s3haul's own.

aws takes content types from the machine's ` + "`mime.types`" + ` too, s3haul from a table of its own that is
the same everywhere. They are compared with that file out of the way.

`

// page is the tables in Markdown.
func page(results []result, counts []int) string {
	var b strings.Builder
	b.WriteString(intro)
	fmt.Fprintf(&b, "| Cases | |\n|---|---:|\n| equal | %d |\n| better on purpose | %d |\n| not yet | %d |\n", counts[same], counts[better], counts[notYet])
	if counts[unexplained] > 0 {
		fmt.Fprintf(&b, "| different without a reason | %d |\n", counts[unexplained])
	}
	fmt.Fprintf(&b, "| all | %d |\n\n", len(results))
	b.WriteString("## By what was run\n\n| Cases | equal | better | not yet |\n|---|---:|---:|---:|\n")
	var order []string
	groups := map[string]*[unexplained + 1]int{}
	for i := range results {
		group, _, _ := strings.Cut(results[i].testcase.name, "/")
		if groups[group] == nil {
			groups[group] = &[unexplained + 1]int{}
			order = append(order, group)
		}
		groups[group][results[i].is()]++
	}
	for _, group := range order {
		n := groups[group]
		fmt.Fprintf(&b, "| `%s`: %s | %d | %d | %d |\n", group, about(group), n[same], n[better], n[notYet]+n[unexplained])
	}
	table(&b, results, better, "## Different on purpose", "The number is of the cases that show it.")
	table(&b, results, notYet, "## Not yet", "")
	return b.String()
}

// about says what the cases are of whose names begin with group.
func about(group string) string {
	switch group {
	case "one":
		return "cp of one object: up, down, and inside S3, by what the places look like"
	case "tree":
		return "cp --recursive: slashes, directories that are there, strange keys"
	case "filter":
		return "--exclude and --include in all orders"
	case "links":
		return "links: followed, broken, not followed"
	case "special":
		return "devices and pipes"
	case "quiet":
		return "--quiet, --only-show-errors, --no-progress, --dryrun"
	case "header":
		return "headers, metadata, classes, ACLs, grants, encryption: up, copied, in trees, in parts"
	case "type":
		return "content types by the name, 70 of them"
	case "copy":
		return "--copy-props, --metadata-directive: small copies, and copies by parts"
	case "customer":
		return "encryption with a customer's key"
	case "archived":
		return "objects in GLACIER and DEEP_ARCHIVE"
	case "stream":
		return "cp from and to `-`"
	case "sync":
		return "new, same, other size, newer, older, extra; with each flag, in all directions"
	case "mv":
		return "moves, up, down and inside S3"
	case "rm":
		return "rm: one, trees, markers, versions"
	case "ls":
		return "ls in all its forms"
	case "mb":
		return "mb: names good and bad, taken, in regions"
	case "rb":
		return "rb, with --force and without"
	case "website":
		return "website"
	case "presign":
		return "the parts of the URL, but for date and signature"
	case "syntax":
		return "what argparse takes, and what not"
	case "bad":
		return "bad input"
	case "config":
		return "the `s3 =` section"
	}
	return "the command"
}

// table are the reasons of one kind that any case has.
func table(b *strings.Builder, results []result, kind verdict, title, text string) {
	fmt.Fprintf(b, "\n%s\n\n", title)
	var rows strings.Builder
	for _, reason := range reasons() {
		if reason.verdict != kind {
			continue
		}
		n, example := 0, ""
		for i := range results {
			for _, d := range results[i].differences {
				if d.reason != nil && d.reason.name == reason.name {
					n++
					if example == "" {
						example = strings.Join(results[i].testcase.args, " ")
					}
					break
				}
			}
		}
		if n > 0 {
			fmt.Fprintf(&rows, "| %s | %s | `%s` | %d |\n", reason.name, cell(reason.says), cell(example), n)
		}
	}
	if rows.Len() == 0 {
		b.WriteString("Nothing.\n")
		return
	}
	if text != "" {
		fmt.Fprintf(b, "%s\n\n", text)
	}
	b.WriteString("| What | aws s3, and s3haul | For example | Cases |\n|---|---|---|---:|\n" + rows.String())
}

// cell is text in a table of Markdown.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
