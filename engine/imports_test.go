package engine_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/s3haul/s3haul"

// mayImport is what each package may import beside the standard library: names
// of this module without its path, and prefixes of the paths of others. A new
// package needs a row here before it can be used.
func mayImport() map[string][]string {
	const (
		sdk      = "github.com/aws/aws-sdk-go-v2/"
		smithy   = "github.com/aws/smithy-go"
		sync     = "golang.org/x/sync"
		sys      = "golang.org/x/sys"
		humanize = "github.com/dustin/go-humanize"
		goleak   = "go.uber.org/goleak"
	)
	return map[string][]string{
		"cmd/s3haul": {
			"cmd/s3haul/internal/gateway", "engine", "engine/checksum", "engine/journal", "engine/pool", "engine/report", "engine/transfer", "engine/wire", "walker",
			sdk, humanize, "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/google/uuid", "golang.org/x/term",
		},
		"cmd/s3haul/internal/gateway": {"github.com/versity/versitygw", sys},

		"bench/awsdiff": {"bench/internal/lab", "bench/s3sim", sdk, smithy, sync, sys, "github.com/spf13/pflag"},
		"bench/compare": {
			"bench/internal/lab", "bench/s3sim", "engine/checksum", humanize, "github.com/go-analyze/charts", "github.com/spf13/pflag",
		},
		"bench/compare/measure":      {},
		"bench/floor":                {"bench/s3sim", "engine/checksum", sdk, sync},
		"bench/internal/lab":         {"bench/s3sim", "engine/checksum", sdk, smithy, sys, "github.com/spf13/pflag"},
		"bench/internal/lab/labtest": {"bench/internal/lab", "bench/s3sim", sdk},
		"bench/kill":                 {"bench/internal/lab", "bench/s3sim", "engine/checksum", "walker/local", sdk, smithy, sync, "github.com/spf13/pflag"},
		"bench/limits": {
			"bench/internal/lab", "bench/s3sim", "engine/checksum", "github.com/go-analyze/charts", "github.com/spf13/pflag",
		},
		"bench/pgo":             {"bench/s3sim", "engine", "engine/checksum"},
		"bench/s3sim":           {"engine/checksum", "github.com/google/btree", humanize, "golang.org/x/time"},
		"bench/s3sim/cmd/s3sim": {"bench/s3sim", humanize, "github.com/spf13/pflag"},

		"walker":          {},
		"walker/local":    {"walker", sys, "github.com/lanrat/extsort"},
		"walker/bucket":   {"walker"},
		"walker/manifest": {"walker"},
		"walker/sorted":   {"walker"},
		"walker/walktest": {"walker", goleak},

		"engine": {
			"engine/checksum", "engine/journal", "engine/plan", "engine/pool", "engine/purge", "engine/purge/s3calls", "engine/remove", "engine/report", "engine/spool", "engine/transfer", "engine/wire",
			"walker", "walker/bucket", "walker/local", "walker/manifest", "walker/sorted", "golang.org/x/text/unicode/norm", sys,
		},
		"engine/journal":       {"go.etcd.io/bbolt", sys},
		"engine/checksum":      {"github.com/minio/crc64nvme"},
		"engine/plan":          {"walker"},
		"engine/pool":          {sync, "golang.org/x/time"},
		"engine/purge":         {"walker"},
		"engine/purge/s3calls": {"engine/wire", sdk},
		"engine/spool":         {"engine/plan", "walker"},
		"engine/report":        {"github.com/schollz/progressbar/v3", humanize},
		"engine/wire":          {"engine/pool", "engine/wire/s3xml", "walker", "walker/bucket", sdk, smithy, "gopkg.in/ini.v1"},
		"engine/wire/s3xml":    {"walker", "walker/bucket"},
		"engine/wire/wiretest": {sdk, "github.com/google/uuid", goleak},
		"engine/transfer":      {"engine/checksum", "engine/journal", "engine/pool", "engine/wire", "engine/wire/s3xml", "walker", "walker/local", sdk, smithy, sync, sys},
		"engine/remove":        {"engine/pool", "engine/wire", "engine/wire/s3xml", "walker"},
	}
}

// onlyIn are imports that one file or one directory alone may have, whatever
// the rows say.
func onlyIn() map[string]string {
	return map[string]string{
		"github.com/aws/aws-sdk-go-v2/feature/s3/manager":         "engine/transfer/manager.go",
		"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager": "nowhere",
		"github.com/versity": "cmd/s3haul/internal/gateway",
	}
}

// objection says why file of package pkg may not import imp; "" means that it may.
func objection(rows map[string][]string, only map[string]string, pkg, file, imp string) string {
	for prefix, place := range only {
		if below(imp, prefix) && file != place && pkg != place {
			return imp + " is for " + place + " alone"
		}
	}
	row, ok := rows[pkg]
	if !ok {
		return "the package has no row in mayImport"
	}
	if own, ok := strings.CutPrefix(imp, module+"/"); ok {
		if strings.HasPrefix(own, "cmd/") && !strings.HasPrefix(pkg, "cmd/") {
			return "nothing outside of cmd may import " + own
		}
		if !slices.Contains(row, own) {
			return own + " is not in its row of mayImport"
		}
		return ""
	}
	if first, _, _ := strings.Cut(imp, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	if !slices.ContainsFunc(row, func(prefix string) bool { return below(imp, prefix) }) {
		return imp + " is not in its row of mayImport"
	}
	return ""
}

// below says whether imp is prefix, or a package below it.
func below(imp, prefix string) bool {
	prefix = strings.TrimSuffix(prefix, "/")
	return imp == prefix || strings.HasPrefix(imp, prefix+"/")
}

// The direction of the imports. All files are read, for whatever system and
// with whatever tag they are built; tests may import what they like.
func TestImports(t *testing.T) {
	root, err := filepath.Abs("..")
	must(t, err)
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	rows, only := mayImport(), onlyIn()
	seen := map[string]bool{}
	must(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch base := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && name != root && (base[0] == '.' || base[0] == '_' || base == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go"):
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		pkg := path.Dir(rel)
		seen[pkg] = true
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		if _, ok := rows[pkg]; !ok {
			t.Errorf("%s: the package %s has no row in mayImport", rel, pkg)
			return nil
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if why := objection(rows, only, pkg, rel, imp); why != "" {
				t.Errorf("%s: %s", rel, why)
			}
		}
		return nil
	}))
	for _, pkg := range slices.Sorted(maps.Keys(rows)) {
		if !seen[pkg] {
			t.Errorf("mayImport has a row for %s, which is not there", pkg)
		}
	}
}

// That the rules refuse what they are for.
func TestImportRules(t *testing.T) {
	rows, only := mayImport(), onlyIn()
	const sdk = "github.com/aws/aws-sdk-go-v2/"
	for _, c := range []struct {
		file, imp string
		ok        bool
	}{
		{"engine/plan/join.go", "iter", true},
		{"engine/plan/join.go", module + "/walker", true},
		{"engine/plan/join.go", module + "/walker/local", false},
		{"engine/plan/join.go", sdk + "aws", false},
		{"walker/filter.go", module + "/engine", false},
		{"walker/bucket/source.go", sdk + "service/s3", false},
		{"walker/local/walk.go", module + "/engine/wire", false},
		{"engine/report/bar.go", module + "/engine", false},
		{"engine/run.go", module + "/cmd/s3haul/internal/gateway", false},
		{"engine/wire/wiretest/server.go", module + "/cmd/s3haul/internal/gateway", false},
		{"cmd/s3haul/serve.go", module + "/cmd/s3haul/internal/gateway", true},
		{"cmd/s3haul/serve.go", "github.com/versity/versitygw/embedgw", false},
		{"cmd/s3haul/internal/gateway/start.go", "github.com/versity/versitygw/embedgw", true},
		{"engine/transfer/manager.go", sdk + "feature/s3/manager", true},
		{"engine/transfer/upload.go", sdk + "feature/s3/manager", false},
		{"engine/wire/sdk.go", sdk + "feature/s3/manager", false},
		{"engine/wire/sdk.go", "github.com/aws/smithy-go/logging", true},
		{"engine/wire/sdk.go", "github.com/aws/smithy-gone", false},
		{"engine/new/file.go", "fmt", false},
	} {
		if why := objection(rows, only, path.Dir(c.file), c.file, c.imp); (why == "") != c.ok {
			t.Errorf("%s imports %s: %q", c.file, c.imp, why)
		}
	}
}
