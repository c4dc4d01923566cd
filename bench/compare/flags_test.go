package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

func TestParse(t *testing.T) {
	o, err := parse([]string{"--workload", "small,list", "--latency", "0,5ms", "--large", "1MiB", "--s5cmd", "/x/s5cmd"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.large != 1<<20 || !slices.Equal(o.latencies, []string{"0", "5ms"}) || *o.paths["s5cmd"] != "/x/s5cmd" || o.rounds != 5 {
		t.Errorf("%+v", o)
	}
	works, err := chosen(o.workloads)
	if err != nil || len(works) != 5 || works[0].name != "small-up" || works[2].name != "list" || works[4].name != "list-hex" {
		t.Errorf("%v, %v", works, err)
	}
	for _, c := range []struct{ args, want string }{
		{"--rounds 0", "--rounds 0"},
		{"--scale 0", "--scale 0"},
		{"--scale 101", "--scale 101"},
		{"--large 0", "one byte"},
		{"--large much", "much"},
		{"--timeout 0s", "--timeout"},
		{"--workload small --workload smal", `no workload "smal"`},
		{"--bucket b", "go with --endpoint"},
		{"--endpoint http://x --bucket b --tls", "the simulator's"},
		{"--endpoint http://x --bucket b --latency 1ms", "the simulator's"},
		{"--endpoint http://x", "needs --bucket"},
		{"more", "only flags"},
		{"--unknown", "unknown flag"},
		{"--rounds 0 --scale 0", "--scale 0"},
	} {
		if _, err := parse(strings.Fields(c.args), io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", c.args, err, c.want)
		}
	}
}

func TestEndpointNeedsCredentials(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	args := []string{"--endpoint", "http://x", "--bucket", "b"}
	if _, err := parse(args, io.Discard); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("%v", err)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	o, err := parse(args, io.Discard)
	if err != nil || !slices.Equal(o.latencies, []string{""}) {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestExitCodes(t *testing.T) {
	var said strings.Builder
	if code := run([]string{"--help"}, io.Discard, &said); code != 0 || !strings.Contains(said.String(), "--workload") {
		t.Errorf("%d: %s", code, said.String())
	}
	if code := run([]string{"--rounds", "0"}, io.Discard, io.Discard); code != 2 {
		t.Errorf("%d", code)
	}
}

// Every tool does every kind of work or says why not, and is told where.
func TestTools(t *testing.T) {
	s := &lab.Store{Endpoint: "https://127.0.0.1:9", Region: "r", ID: "the-id", Secret: "the/secret", CAFile: "/ca.pem"}
	for _, tool := range append(others(), s3haul("s3haul"), plainLoop("floor")) {
		env := tool.environment(s)
		for k := upTree; k <= version; k++ {
			j := job{kind: k, local: "/local/", bucket: "bucket", key: "key/", made: &s3sim.Synthetic{Layout: "flat", Count: 5, Size: 1, Versions: 2}}
			args := strings.Join(tool.args(j, s), " ")
			if (args == "") != (tool.cannot[k] != "") || args == "" && k <= downFile {
				t.Errorf("%s, %d: %q, cannot %q", tool.name, k, args, tool.cannot[k])
			}
			if tool.name == "floor" && (k == list || k == listVersions) {
				if !strings.Contains(args, "list bucket flat:5:1:2") {
					t.Errorf("floor: %q", args)
				}
				continue
			}
			if args == "" || k == version {
				continue
			}
			if !strings.Contains(args, "bucket/key/") && !strings.Contains(args, "bucket key/") {
				t.Errorf("%s: %q", tool.name, args)
			}
			if k < list && !strings.Contains(args, "/local/") {
				t.Errorf("%s: %q", tool.name, args)
			}
			if all := args + " " + strings.Join(env, " "); !strings.Contains(all, "127.0.0.1:9") || !strings.Contains(all, "the-id") {
				t.Errorf("%s is not told where: %s", tool.name, all)
			}
		}
		for _, want := range []string{"AWS_CA_BUNDLE=/ca.pem", "AWS_EC2_METADATA_DISABLED=true"} {
			if !slices.Contains(env, want) {
				t.Errorf("%s: %s is not in %v", tool.name, want, env)
			}
		}
	}
}
