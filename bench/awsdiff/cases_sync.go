package main

import "fmt"

// sync is every relation that two sides can have, with each flag.
func (m *matrix) sync() {
	// The first is the source's content and age, the second the destination's; "-" is
	// that it is not there.
	relations := []struct{ name, from, to string }{
		{"new", "hello|age=60", "-"},
		{"same", "hello|age=60", "hello|age=60"},
		{"size", "hello|age=60", "bye|age=60"},
		{"size, source older", "hello|age=90", "bye|age=60"},
		{"newer", "hello|age=30", "HELLO|age=60"},
		{"older", "hello|age=90", "HELLO|age=60"},
		{"newer, same bytes", "hello|age=30", "hello|age=60"},
		{"extra", "-", "hello|age=60"},
	}
	place := func(root, line string) []string {
		if line == "-" {
			return []string{root + "/keep|k|age=60"}
		}
		content, age := line[:len(line)-7], line[len(line)-6:]
		return []string{root + "/keep|k|age=60", fmt.Sprintf("%s/x|%s|%s", root, content, age)}
	}
	for _, r := range relations {
		for _, flag := range []string{"", " --delete", " --size-only", " --exact-timestamps"} {
			name := r.name + flag
			m.add("sync/up/"+name, "sync t s3://bkt/p"+flag, testcase{files: place("t", r.from), objects: place("bkt/p", r.to)})
			m.add("sync/down/"+name, "sync s3://bkt/p t"+flag, testcase{files: place("t", r.to), objects: place("bkt/p", r.from)})
			m.add("sync/copy/"+name, "sync s3://bkt/p s3://other/q"+flag, testcase{objects: lines(place("bkt/p", r.from), place("other/q", r.to))})
		}
	}
}

// syncMore are places and other things of sync.
func (m *matrix) syncMore() {
	tree := []string{"t/a|1", "t/d/b|2", "t/empty/", "file|f"}
	m.each("sync/places/up", testcase{files: tree, objects: []string{"bkt/old|o", "bkt/pq|o", "bkt/p/old|o"}},
		"sync t s3://bkt",
		"sync t/ s3://bkt/",
		"sync t s3://bkt/p",
		"sync t s3://bkt/p/",
		"sync t s3://bkt/p --delete",
		"sync t s3://bkt --delete",
		"sync t s3://bkt --delete --dryrun",
		"sync . s3://bkt/p",
		"sync file s3://bkt/p",
		"sync nothere s3://bkt/p",
		"sync t s3://missing",
		"sync t s3://missing --dryrun",
		"sync t/empty s3://bkt/p",
		"sync t/empty s3://bkt/p --delete",
		"sync t s3://bkt/p --page-size 1",
	)
	m.each("sync/places/down", testcase{
		objects: []string{"bkt/a|1", "bkt/p/a|1", "bkt/p/d/b|2", "bkt/p/dir/|", "bkt/pq|o"},
		files:   []string{"have/old|o|age=99", "have/d/older|o|age=99", "have/emp/", "file|f"},
	},
		"sync s3://bkt/p new",
		"sync s3://bkt/p/ new/",
		"sync s3://bkt new",
		"sync s3://bkt/p have",
		"sync s3://bkt/p have --delete",
		"sync s3://bkt/p have --delete --dryrun",
		"sync s3://bkt/p file",
		"sync s3://bkt/nothere new",
		"sync s3://bkt/nothere have --delete",
		"sync s3://missing new",
		"sync s3://bkt/p .",
	)
	m.each("sync/places/copy", testcase{objects: []string{"bkt/p/a|1", "bkt/p/d/b|2", "other/q/old|o", "other/q/a|1|age=5"}},
		"sync s3://bkt/p s3://other/q",
		"sync s3://bkt/p s3://other/q --delete",
		"sync s3://bkt/p s3://other/q --delete --dryrun",
		"sync s3://bkt/p s3://bkt/q",
		"sync s3://bkt s3://bkt",
		"sync s3://bkt/p s3://bkt/p",
		"sync s3://bkt/nothere s3://other/q --delete",
		"sync s3://missing s3://other/q",
	)
	m.each("sync/held", testcase{
		files:   []string{"t/a|1", "t/broken -> nothere", "t/p|fifo"},
		objects: []string{"bkt/broken|copy", "bkt/p|copy", "bkt/gone|x"},
	}, "sync t s3://bkt --delete", "sync t s3://bkt --delete --no-follow-symlinks")
	m.each("sync/order", testcase{files: []string{"t/foo.txt|1", "t/foo/x|2", "t/foo-bar|3", "t/foo|"}[:3], objects: []string{"bkt/foo|o", "bkt/foo/y|o"}},
		"sync t s3://bkt", "sync t s3://bkt --delete")
	m.each("sync/kinds", testcase{files: []string{"t/x/y|1", "t/z|2"}, objects: []string{"bkt/x|file", "bkt/z/w|dir"}},
		"sync s3://bkt t", "sync s3://bkt t --delete")
	m.each("sync/arguments", testcase{files: tree}, "sync t", "sync", "sync t u", "sync t s3://bkt s3://other", "sync s3://bkt")
}

// move is mv.
func (m *matrix) move() {
	c := testcase{
		files:   []string{"a.txt|hello", "t/a|1", "t/d/b|2", "t/empty/", "have/x|o"},
		objects: []string{"bkt/k|body|age=60|type=text/css|meta.a=b", "bkt/p/x|1", "bkt/p/d/y|2", "bkt/dir/|", "bkt/sp ace ü|s"},
	}
	m.each("mv", c,
		"mv a.txt s3://bkt",
		"mv a.txt s3://bkt/",
		"mv a.txt s3://bkt/new",
		"mv a.txt s3://bkt/new/",
		"mv a.txt s3://bkt/new --dryrun",
		"mv a.txt s3://missing/new",
		"mv nothere s3://bkt/new",
		"mv t s3://bkt/new",
		"mv t s3://bkt/new --recursive",
		"mv t/ s3://bkt/new/ --recursive",
		"mv t s3://bkt/new --recursive --dryrun",
		"mv s3://bkt/k .",
		"mv s3://bkt/k new",
		"mv s3://bkt/k new/",
		"mv s3://bkt/k have",
		"mv s3://bkt/k have/x",
		"mv s3://bkt/k new --dryrun",
		"mv 's3://bkt/sp ace ü' .",
		"mv s3://bkt/nothere .",
		"mv s3://bkt/p new --recursive",
		"mv s3://bkt new --recursive",
		"mv s3://bkt/p new --recursive --dryrun",
		"mv s3://bkt/k s3://other",
		"mv s3://bkt/k s3://other/",
		"mv s3://bkt/k s3://other/l",
		"mv s3://bkt/k s3://bkt/l",
		"mv s3://bkt/k s3://bkt/k",
		"mv s3://bkt/k s3://bkt/",
		"mv s3://bkt/k s3://bkt",
		"mv s3://bkt/p s3://bkt/q --recursive",
		"mv s3://bkt/p s3://bkt/p --recursive",
		"mv s3://bkt/p s3://other/q --recursive",
		"mv s3://bkt/p s3://missing/q --recursive",
		"mv s3://bkt/k s3://other/l --storage-class STANDARD_IA",
		"mv s3://bkt/k s3://other/l --metadata n=1 --metadata-directive REPLACE",
		"mv s3://bkt/k s3://other/l --acl public-read",
		"mv a.txt b.txt",
		"mv a.txt",
		"mv",
	)
}

// remove is rm.
func (m *matrix) remove() {
	c := testcase{objects: []string{"bkt/k|1", "bkt/p/x|1", "bkt/p/d/y|2", "bkt/pq|3", "bkt/dir/|", "bkt/sp ace ü|s"}}
	m.each("rm", c,
		"rm s3://bkt/k",
		"rm s3://bkt/k --dryrun",
		"rm s3://bkt/k --quiet",
		"rm s3://bkt/nothere",
		"rm s3://missing/k",
		"rm 's3://bkt/sp ace ü'",
		"rm s3://bkt/dir/",
		"rm s3://bkt/dir",
		"rm s3://bkt/p",
		"rm s3://bkt/p/",
		"rm s3://bkt",
		"rm s3://bkt/",
		"rm s3://bkt --recursive",
		"rm s3://bkt/ --recursive",
		"rm s3://bkt/p --recursive",
		"rm s3://bkt/p/ --recursive",
		"rm s3://bkt/p --recursive --dryrun",
		"rm s3://bkt/nothere --recursive",
		"rm s3://missing --recursive",
		"rm s3://bkt/p --recursive --page-size 1",
		"rm s3://bkt/p --recursive --request-payer",
		"rm k",
		"rm",
		"rm s3://bkt/k s3://bkt/pq",
		"rm s3://",
	)
	m.each("rm/versioned", testcase{buckets: []string{"bkt:versioned"}, objects: []string{"bkt/k|1", "bkt/k|2", "bkt/p/x|1"}},
		"rm s3://bkt/k", "rm s3://bkt --recursive", "mv s3://bkt/k s3://other/", "cp s3://bkt/k s3://bkt/k --metadata-directive REPLACE", "rb s3://bkt --force")
}
