package main

import (
	"io"
	"net/http"
	"os"
	"regexp"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"
)

// tutorialCommands are what the tutorials do with a shell and a browser.
func tutorialCommands() map[string]func(*testscript.TestScript, []string) {
	return map[string]func(*testscript.TestScript, []string){
		"capture": cmdCapture,
		"fetch":   cmdFetch,
		"uuid":    cmdUUID,
	}
}

// capture NAME REGEXP: $NAME is what the first group matches of the last stdout.
func cmdCapture(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 2, "capture name regexp")
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	found := re.FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) < 2 {
		ts.Fatalf("nothing in stdout matches %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// uuid NAME: $NAME is a new random UUID.
func cmdUUID(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 1, "uuid name")
	ts.Setenv(args[0], uuid.NewString())
}

// fetch STATUS URL [FILE]: a GET without credentials is answered with STATUS, and
// FILE is its body then.
func cmdFetch(ts *testscript.TestScript, args []string) {
	need(ts, len(args) == 2 || len(args) == 3, "fetch status url [file]")
	req, err := http.NewRequestWithContext(scriptOf(ts).tb.Context(), http.MethodGet, args[1], nil)
	ts.Check(err)
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if resp.Status[:3] != args[0] {
		ts.Fatalf("GET was answered %s: %s", resp.Status, body)
	}
	if len(args) == 3 {
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), body, 0o666))
	}
}
