package main

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newRoot is the command as run makes it, without streams.
func newRoot() *cobra.Command {
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}
	return a.root()
}

func TestArgparse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"cp f s3://b/k", "cp -- f s3://b/k"},
		{"cp --recurs f s3://b/k --dry", "cp --recursive=true --dryrun=true -- f s3://b/k"},
		{"--region x cp f s3://b/k", "cp --region=x -- f s3://b/k"},
		{"--recursive cp f s3://b/k", "cp --recursive=true -- f s3://b/k"},
		{"--endpoint http://h cp f s3://b/k", "cp --endpoint-url=http://h -- f s3://b/k"},
		// One value or none.
		{"cp f s3://b/k --sse", "cp --sse=AES256 -- f s3://b/k"},
		{"cp f s3://b/k --sse aws:kms", "cp --sse=aws:kms -- f s3://b/k"},
		{"cp f s3://b/k --sse=aws:kms", "cp --sse=aws:kms -- f s3://b/k"},
		{"cp --sse --recursive f s3://b/k", "cp --sse=AES256 --recursive=true -- f s3://b/k"},
		{"cp --sse f s3://b/k", "cp --sse=f -- s3://b/k"}, // as argparse, which then says that f is no choice
		{"cp f s3://b/k --sse-c AES256 --sse-c-key k", "cp --sse-c=AES256 --sse-c-key=k -- f s3://b/k"},
		{"cp f s3://b/k --request-payer requester", "cp --request-payer=requester -- f s3://b/k"},
		{"cp f s3://b/k --request-p", "cp --request-payer=requester -- f s3://b/k"},
		// Several.
		{"cp f s3://b/k --grants read=id=a full=id=b", "cp --grants=read=id=a\x00full=id=b -- f s3://b/k"},
		{"cp --grants read=id=a full=id=b --dryrun f s3://b/k", "cp --grants=read=id=a\x00full=id=b --dryrun=true -- f s3://b/k"},
		// What aws has goes before what we have added: --ignore-errors, --source-profile.
		{"sync d s3://b --ignore", "sync --ignore-glacier-warnings=true -- d s3://b"},
		{"sync d s3://b --source x", "sync --source-region=x -- d s3://b"},
		// Values that begin with -.
		{"sync d s3://b --exclude -* --page-size -1", "sync --exclude=-* --page-size=-1 -- d s3://b"},
		{"sync d s3://b --exclude=--x", "sync --exclude=--x -- d s3://b"},
		{"cp - s3://b/k", "cp -- - s3://b/k"},
		{"cp s3://b/k -", "cp -- s3://b/k -"},
		{"cp -r d s3://b", "cp --recursive=true -- d s3://b"},
		{"cp -- -r s3://b", "cp -- -r s3://b"},
		{"cp d s3://b --no-follow-symlinks --follow-symlinks", "cp --no-follow-symlinks=true --follow-symlinks=true -- d s3://b"},
		{"cp d s3://b --recursive=false", "cp --recursive=false -- d s3://b"},
		{"help cp", "help -- cp"},
		{"cp --help", "cp --help=true"},
		{"cp help", "cp --help=true"},
		{"cp -h", "cp --help=true"},
		{"--version", "--version=true"},
		{"nonsense x", "nonsense x"},
		{"", ""},
		{"__complete cp --ac", "__complete cp --ac"},
		{"ls s3://b --output json --query q --color off --no-paginate --no-cli-pager", "ls --output=json --query=q --color=off --no-paginate=true --no-cli-pager=true -- s3://b"},
	} {
		got, _, err := argparse(newRoot(), strings.Fields(c.args))
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s\nis   %s (%v)\nwant %s", c.args, strings.Join(got, " "), err, c.want)
		}
	}
}

func TestArgparseErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, want string }{
		{"cp f s3://b/k --content x", "ambiguous option: --content could match --content-disposition, --content-encoding, --content-language, --content-type"},
		{"cp f s3://b/k --nonsense", "unknown flag: --nonsense"},
		{"cp f s3://b/k -x", "unknown flag: -x"},
		{"cp f s3://b/k --acl", "flag needs an argument: --acl"},
		{"cp f s3://b/k --acl --recursive", `flag needs an argument: --acl; if "--recursive" is meant to be it, write --acl=--recursive`},
		{"cp f s3://b/k --exclude -r", `flag needs an argument: --exclude; if "-r" is meant to be it, write --exclude=-r`},
		{"cp f s3://b/k --sse-c-key --SECRET", "flag needs an argument: --sse-c-key; write --sse-c-key=... where it begins with -"},
		{"cp f s3://b/k --grants", "--grants needs at least one value"},
		{"cp f s3://b/k --grants --recursive", "--grants needs at least one value"},
	} {
		_, cmd, err := argparse(newRoot(), strings.Fields(c.args))
		if err == nil || err.Error() != c.want || !isUsage(err) || cmd.Name() != "cp" {
			t.Errorf("%s: %v\nwant %s", c.args, err, c.want)
		}
	}
}

// A text of aws's flags may be in a file.
func TestArgparseFiles(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a b")
	if err := os.WriteFile(file, []byte("max-age=3600\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := "file://" + file
	got, _, err := argparse(newRoot(), []string{"cp", in, "s3://b/k", "--cache-control", in, "--expires=" + in, "--grants", in, "--tag", in, "--exclude", in})
	want := []string{"cp", "--cache-control=max-age=3600", "--expires=max-age=3600", "--grants=max-age=3600", "--tag=" + in, "--exclude=" + in, "--", in, "s3://b/k"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q (%v)\nwant %q", got, err, want)
	}
	_, _, err = argparse(newRoot(), []string{"cp", "f", "s3://b/k", "--content-type", in + "none"})
	if err == nil || !isUsage(err) || !strings.HasPrefix(err.Error(), "--content-type: Unable to load paramfile "+in+"none: ") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// What is wrong with a value is said in words.
func TestFlagErrors(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"cp --page-size x":                      `invalid argument "x" for "--page-size" flag: write a whole number`,
		"cp --cli-read-timeout 1.5":             `invalid argument "1.5" for "--cli-read-timeout" flag: write a whole number`,
		"ls --concurrency 99999999999999999999": `invalid argument "99999999999999999999" for "--concurrency" flag: the number is out of range`,
		"presign --expires-in 1h":               `invalid argument "1h" for "--expires-in" flag: write a whole number`,
		"rm --recursive=perhaps":                `invalid argument "perhaps" for "--recursive" flag: write true or false, or the flag alone`,
		"cp --grants read=id=a x":               `invalid argument "read=id=a x" for "--grants" flag: grants should be of the form permission=principal, as read=uri=http://acs.amazonaws.com/groups/global/AllUsers`,
		"cp --acl x --grants read=id=a x":       `invalid argument "x" for "--acl" flag: give private, `,
	} {
		root := newRoot()
		line, _, err := argparse(root, strings.Fields(args))
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		root.SetArgs(line)
		if err := root.ExecuteContext(t.Context()); err == nil || !isUsage(err) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", args, err, want)
		}
	}
}

// A flag with a number of values is set with each of them.
func TestArgparsePairs(t *testing.T) {
	t.Parallel()
	root := &cobra.Command{Use: "root"}
	sub := &cobra.Command{Use: "sub", Run: func(*cobra.Command, []string) {}}
	sub.Flags().StringArray("tags", nil, "")
	several(sub.Flags(), "tags", 2)
	root.AddCommand(sub)
	got, _, err := argparse(root, strings.Fields("sub --tags k v a --tags k2 v2"))
	if want := "sub --tags=k --tags=v --tags=k2 --tags=v2 -- a"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %q (%v), want %s", got, err, want)
	}
	if _, _, err := argparse(root, strings.Fields("sub --tags k")); err == nil || err.Error() != "--tags needs 2 values" {
		t.Errorf("one value: %v", err)
	}
}

// What argparse has written means the same when it is read once more, and cobra
// finds the same command in it with the same words.
func FuzzArgparse(f *testing.F) {
	for _, seed := range []string{
		"cp\nf\ns3://b/k\n--sse\n--recurs", "--region\nx\nls", "sync\n-\n--\n--x", "cp\n-rh\n--grants\na\nb", "__complete\n--", "\n", "cp\n--=x", "cp\n--\n-",
		"help\ncp", "rm\n-r=\n--glob=", "cp\n--metadata\nk=v,l='\\''",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\n")
		if len(args) > 0 && strings.HasPrefix(args[0], "__complete") {
			return
		}
		once, cmd, err := argparse(newRoot(), args)
		if err != nil {
			if !isUsage(err) {
				t.Errorf("%q: %v", args, err)
			}
			return
		}
		twice, again, err := argparse(newRoot(), once)
		if cmd.Name() == newRoot().Name() {
			return // there is no command, and cobra will say so
		}
		if err != nil || !slices.Equal(once, twice) || cmd.Name() != again.Name() {
			t.Fatalf("%q\nonce  %q\ntwice %q (%v)", args, once, twice, err)
		}
		words := 0
		for _, arg := range once {
			if arg == "--" {
				break
			}
			words++
		}
		found, rest, err := newRoot().Find(once)
		if cmd.Name() == "help" || cmd.HasParent() && cmd.Parent().Name() == "completion" {
			return // cobra makes these while it runs
		}
		if err != nil || found.Name() != cmd.Name() {
			t.Fatalf("%q: cobra finds %q (%v), want %q", once, found.Name(), err, cmd.Name())
		}
		if err := found.ParseFlags(rest); err == nil && !slices.Equal(found.Flags().Args(), once[min(words+1, len(once)):]) {
			t.Errorf("%q: cobra reads the words %q", once, found.Flags().Args())
		}
	})
}

func TestParseMap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want map[string]string
	}{
		{"a=b", map[string]string{"a": "b"}},
		{"a=b,c=d", map[string]string{"a": "b", "c": "d"}},
		{"a = b , c = d e ", map[string]string{"a": "b", "c": "d e"}},
		{`a="b, c",d='e=f'`, map[string]string{"a": "b, c", "d": "e=f"}},
		{`a="say \"hi\" \\ bye"`, map[string]string{"a": `say "hi" \ bye`}},
		{`a='it\'s'`, map[string]string{"a": "it's"}},
		{`a=b\,c,d=e`, map[string]string{"a": "b,c", "d": "e"}},
		{"a=", map[string]string{"a": ""}},
		{"a=,b=c", map[string]string{"a": "", "b": "c"}},
		{"a=https://x/y?z=1", map[string]string{"a": "https://x/y?z=1"}},
		{"x-y_z.#/:1=v", map[string]string{"x-y_z.#/:1": "v"}},
		{` {"a": "b,c", "d": ""} `, map[string]string{"a": "b,c", "d": ""}},
		{"{}", map[string]string{}},
	} {
		if got, err := parseMap(c.text); err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%s is %q (%v), want %q", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{"", "a", "a=b,", "a=b,c", "a=b,,c=d", "a=b,a=c", `a="b`, `a="b"c`, `a=b"c"`, "a=[b]", "a={b=c}", `["a"]`, `{"a":1}`, `{"a":["b"]}`, `{"a"`, "a=b c=d,e"} {
		if got, err := parseMap(text); err == nil {
			t.Errorf("%s is %q, want an error", text, got)
		}
	}
}

// What is written in quotes is read as it was.
func FuzzParseMap(f *testing.F) {
	for _, seed := range [][2]string{{"a", "b"}, {"k", `it's "\\" ,`}, {"x", "\\"}, {"", "="}, {"k", "{\"a\":\"b\"}"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		if _, err := parseMap(value); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		s := shorthand{text: key}
		if s.key() != key {
			return
		}
		for _, quote := range []string{"'", `"`} {
			quoted := key + "=" + quote + strings.NewReplacer(`\`, `\\`, quote, `\`+quote).Replace(value) + quote
			got, err := parseMap(quoted + ",zz" + key + "=1")
			if want := map[string]string{key: value, "zz" + key: "1"}; err != nil || !maps.Equal(got, want) {
				t.Errorf("%s is %q (%v), want %q", quoted, got, err, want)
			}
		}
	})
}

// Each command has an example, and each flag says what it does.
func TestHelp(t *testing.T) {
	t.Parallel()
	root := newRoot()
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Runnable() && cmd.HasParent() && (!strings.Contains(cmd.Example, cmd.CommandPath()) || cmd.Short == "") {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		all := 0
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				all++
			}
			if f.Usage == "" {
				t.Errorf("%s --%s says nothing", cmd.CommandPath(), f.Name)
			}
		})
		shown := 0
		for _, g := range grouped(cmd.LocalFlags(), true) {
			g.flags.VisitAll(func(f *pflag.Flag) {
				if !f.Hidden {
					shown++
				}
			})
		}
		if all != shown {
			t.Errorf("%s has %d flags, and its help %d", cmd.CommandPath(), all, shown)
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
