package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// tell prints what differs and the counts, and writes the page; false where
// something differs without a reason.
func tell(results []result, o *options, stdout io.Writer) (bool, error) {
	var counts [unexplained + 1]int
	for i := range results {
		r := &results[i]
		is := r.is()
		counts[is]++
		if is == unexplained || o.verbose && is != same {
			show(stdout, r)
		}
	}
	fmt.Fprintf(stdout, "%d cases: %d equal, %d better on purpose, %d not yet, %d without a reason\n",
		len(results), counts[same], counts[better], counts[notYet], counts[unexplained])
	if o.write != "" {
		text, err := page(results)
		if err == nil {
			err = os.WriteFile(o.write, []byte(text), 0o666)
		}
		if err != nil {
			return false, err
		}
	}
	return counts[unexplained] == 0, nil
}

func show(w io.Writer, r *result) {
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

func page(results []result) (string, error) {
	_ = results
	return "", nil
}
