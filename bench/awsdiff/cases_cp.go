package main

// single are copies of one object, by what the two places look like.
func (m *matrix) single() {
	m.each("one/up", testcase{
		files: []string{"a.txt|hello", "d/b.txt|world", "sp ace ü.txt|x", "empty|", "-dash|x", "~tilde|t", "a+b&c=d%41.txt|q", "back\\slash|b"},
	},
		"cp a.txt s3://bkt",
		"cp a.txt s3://bkt/",
		"cp a.txt s3://bkt/k",
		"cp a.txt s3://bkt/k/",
		"cp a.txt s3://bkt/k/l.txt",
		"cp a.txt s3://bkt//k",
		"cp a.txt s3://bkt//",
		"cp a.txt s3://bkt/k//",
		"cp ./a.txt s3://bkt/x",
		"cp d/b.txt s3://bkt/x/",
		"cp d/../a.txt s3://bkt/x/",
		"cp 'sp ace ü.txt' s3://bkt/",
		"cp 'sp ace ü.txt' 's3://bkt/ö ä/ß'",
		"cp 'a+b&c=d%41.txt' s3://bkt/",
		"cp 'back\\slash' s3://bkt/",
		"cp empty s3://bkt/e",
		"cp ./-dash s3://bkt/",
		"cp '~tilde' s3://bkt/",
		"cp a.txt s3://bkt/./k",
		"cp a.txt s3://bkt/k/../l",
		"cp nothere s3://bkt/k",
		"cp d s3://bkt/k",
		"cp d/ s3://bkt/k",
		"cp a.txt s3://missing/k",
		"cp a.txt s3://missing/k --dryrun",
		"cp a.txt s3://bkt/k --dryrun",
		"cp a.txt s3://bkt --dryrun",
	)
	m.each("one/down", testcase{
		files: []string{"have/x|old|age=500", "file|old|age=500|mode=600", "sub/"},
		objects: []string{
			"bkt/a.txt|hello|age=60", "bkt/d/b.txt|world|age=120", "bkt/sp ace ü.txt|x", "bkt/empty|", "bkt//lead|l",
			"bkt/d//two|t", "bkt/dir/|", "bkt/full/|body", "bkt/a+b&c=d%41|q",
		},
	},
		"cp s3://bkt/a.txt .",
		"cp s3://bkt/a.txt ./",
		"cp s3://bkt/a.txt new",
		"cp s3://bkt/a.txt new/",
		"cp s3://bkt/a.txt have",
		"cp s3://bkt/a.txt have/",
		"cp s3://bkt/a.txt have/x",
		"cp s3://bkt/a.txt file",
		"cp s3://bkt/a.txt sub/deep/er",
		"cp s3://bkt/a.txt sub/../y",
		"cp s3://bkt/d/b.txt .",
		"cp 's3://bkt/sp ace ü.txt' .",
		"cp 's3://bkt/a+b&c=d%41' .",
		"cp s3://bkt/empty e",
		"cp s3://bkt//lead .",
		"cp s3://bkt/d//two .",
		"cp s3://bkt/nothere .",
		"cp s3://bkt/nothere . --dryrun",
		"cp s3://bkt/dir .",
		"cp s3://bkt/dir/ .",
		"cp s3://bkt/full/ .",
		"cp s3://bkt/d .",
		"cp s3://bkt .",
		"cp s3://bkt/ .",
		"cp s3://missing/k .",
		"cp s3://bkt/a.txt file/x",
		"cp s3://bkt/a.txt new --dryrun",
		"cp s3://bkt/a.txt new/ --dryrun",
	)
	m.each("one/copy", testcase{objects: []string{
		"bkt/a.txt|hello|age=60|type=text/css|meta.k=v|tag.t=1|cache=no-cache", "bkt/d/b.txt|world", "bkt/sp ace ü.txt|x", "bkt//lead|l",
	}},
		"cp s3://bkt/a.txt s3://other",
		"cp s3://bkt/a.txt s3://other/",
		"cp s3://bkt/a.txt s3://other/k",
		"cp s3://bkt/a.txt s3://other/k/",
		"cp s3://bkt/a.txt s3://bkt/c",
		"cp s3://bkt/a.txt s3://bkt/a.txt",
		"cp s3://bkt/a.txt s3://bkt/a.txt --storage-class STANDARD_IA",
		"cp s3://bkt/a.txt s3://bkt/a.txt --metadata-directive REPLACE --metadata n=1",
		"cp 's3://bkt/sp ace ü.txt' s3://other/",
		"cp s3://bkt//lead s3://other/x/",
		"cp s3://bkt/nothere s3://other/",
		"cp s3://bkt/nothere s3://other/ --dryrun",
		"cp s3://bkt/a.txt s3://missing/",
		"cp s3://missing/a s3://other/",
		"cp s3://bkt s3://other",
		"cp s3://bkt/d s3://other",
		"cp s3://bkt/a.txt s3://other/k --dryrun",
	)
}

// recursive are copies of trees.
func (m *matrix) recursive() {
	tree := []string{"t/a.txt|hello|age=9", "t/d/b.txt|world", "t/d/e/c.txt|!", "t/d.txt|sorts before", "t/empty/", "t/sp ace ü|x", "u/a.txt|other", "file|f"}
	m.each("tree/up", testcase{files: tree},
		"cp t s3://bkt --recursive",
		"cp t/ s3://bkt --recursive",
		"cp t s3://bkt/ --recursive",
		"cp t s3://bkt/p --recursive",
		"cp t s3://bkt/p/ --recursive",
		"cp t/ s3://bkt/p/ --recursive",
		"cp t s3://bkt//p --recursive",
		"cp t s3://bkt/p// --recursive",
		"cp . s3://bkt --recursive",
		"cp ./ s3://bkt/p --recursive",
		"cp t/d s3://bkt/p --recursive",
		"cp t/d/.. s3://bkt/p --recursive",
		"cp nothere s3://bkt --recursive",
		"cp nothere/ s3://bkt --recursive",
		"cp file s3://bkt --recursive",
		"cp file s3://bkt/p --recursive",
		"cp t/empty s3://bkt --recursive",
		"cp t s3://missing --recursive",
		"cp t s3://bkt/p --recursive --dryrun",
		"cp t s3://missing/p --recursive --dryrun",
		"cp --recursive t s3://bkt/p",
	)
	bucket := []string{
		"bkt/a.txt|hello|age=60", "bkt/p/a.txt|hello|age=60", "bkt/p/d/b.txt|world|age=7", "bkt/p/d.txt|x", "bkt/pq|beside", "bkt/p/empty/|",
		"bkt/p/sp ace ü|x", "bkt/one|alone",
	}
	m.each("tree/down", testcase{objects: bucket, files: []string{"have/old|o|age=99", "have/a.txt|older|age=99|mode=640", "file|f"}},
		"cp s3://bkt . --recursive",
		"cp s3://bkt/ new --recursive",
		"cp s3://bkt/p new --recursive",
		"cp s3://bkt/p/ new --recursive",
		"cp s3://bkt/p new/ --recursive",
		"cp s3://bkt/p have --recursive",
		"cp s3://bkt/p/ have/ --recursive",
		"cp s3://bkt/p/d new/deep/er --recursive",
		"cp s3://bkt/nothere new --recursive",
		"cp s3://bkt/one new --recursive",
		"cp s3://bkt/p file --recursive",
		"cp s3://missing new --recursive",
		"cp s3://bkt/p new --recursive --dryrun",
		"cp s3://bkt/p new --recursive --page-size 2",
	)
	m.each("tree/copy", testcase{objects: bucket},
		"cp s3://bkt s3://other --recursive",
		"cp s3://bkt/p s3://other --recursive",
		"cp s3://bkt/p/ s3://other/ --recursive",
		"cp s3://bkt/p s3://other/q --recursive",
		"cp s3://bkt/p/ s3://other/q/ --recursive",
		"cp s3://bkt/p s3://bkt/q --recursive",
		"cp s3://bkt/nothere s3://other --recursive",
		"cp s3://missing s3://other --recursive",
		"cp s3://bkt s3://missing --recursive",
		"cp s3://bkt/p s3://other --recursive --dryrun",
		"cp s3://bkt/p s3://other --recursive --page-size 1",
	)
	strange := []string{"bkt/p//two|2", "bkt/p/d//|", "bkt/p/x/|body"}
	m.each("tree/strange", testcase{objects: strange},
		"cp s3://bkt/p s3://other --recursive",
		"cp s3://bkt/p s3://other/q --recursive",
		"cp s3://bkt/p new --recursive",
		"sync s3://bkt/p s3://other",
	)
	m.each("tree/lead", testcase{objects: []string{"bkt//lead|1", "bkt//d/x|2"}},
		"cp s3://bkt s3://other --recursive",
		"cp s3://bkt new --recursive",
		"cp s3://bkt/ new --recursive",
		"cp s3://bkt// new --recursive",
		"rm s3://bkt --recursive",
		"rm s3://bkt// --recursive",
		"rm s3://bkt//lead",
		"ls s3://bkt//",
		"ls s3://bkt",
		"mv s3://bkt//lead s3://bkt/x",
	)
	m.each("tree/climb", testcase{objects: []string{"bkt/p/../up|1", "bkt/p/a/../../out|2", "bkt/p/ok|3"}},
		"cp s3://bkt/p new --recursive",
		"sync s3://bkt/p new",
		"cp s3://bkt/p s3://other --recursive",
		"cp s3://bkt/p/../up new",
	)
}

// filters are --exclude and --include, in any order.
func (m *matrix) filters() {
	files := []string{"t/a.txt|1", "t/b.jpg|2", "t/d/a.txt|3", "t/d/c.jpg|4", "t/d/e/a.txt|5", "t/.hid|6", "t/[x].txt|7", "t/q?.txt|8", "t/Upper.TXT|9"}
	var objects []string
	for _, f := range files {
		objects = append(objects, "bkt"+f[1:])
	}
	for _, filter := range []string{
		"--exclude '*'",
		"--exclude '*.txt'",
		"--exclude a.txt",
		"--exclude '*a.txt'",
		"--exclude 'd/*'",
		"--exclude d",
		"--exclude d/",
		"--exclude '/d/*'",
		"--exclude './d/*'",
		"--exclude '*' --include '*.txt'",
		"--include '*.txt' --exclude '*'",
		"--exclude '*' --include 'd/*'",
		"--exclude '*' --include 'd/*' --exclude '*.jpg'",
		"--exclude '*' --include '?.txt'",
		"--exclude '*' --include '[ab].*'",
		"--exclude '*' --include '[!a]*'",
		"--exclude '*' --include '[[]x].txt'",
		"--exclude '*' --include '[x].txt'",
		"--exclude '*.TXT'",
		"--exclude '.*'",
		"--exclude '*/e/*'",
		"--exclude '**/a.txt'",
		"--exclude ''",
		"--include '*.jpg'",
	} {
		m.add("filter/up/"+short(filter), "cp t s3://bkt/p --recursive "+filter, testcase{files: files})
		m.add("filter/down/"+short(filter), "cp s3://bkt new --recursive "+filter, testcase{objects: objects})
	}
	for _, filter := range []string{"--exclude '*' --include '*.txt'", "--exclude 'd/*'", "--exclude '*.txt' --include 'd/*'"} {
		m.add("filter/copy/"+short(filter), "cp s3://bkt s3://other --recursive "+filter, testcase{objects: objects})
		m.add("filter/sync up/"+short(filter), "sync t s3://other --delete "+filter, testcase{
			files: files, objects: []string{"other/old.txt|o", "other/d/old|o", "other/old|o"},
		})
		m.add("filter/sync down/"+short(filter), "sync s3://bkt new --delete "+filter, testcase{
			objects: objects, files: []string{"new/old.txt|o", "new/d/old|o", "new/old|o"},
		})
		m.add("filter/rm/"+short(filter), "rm s3://bkt --recursive "+filter, testcase{objects: objects})
		m.add("filter/mv/"+short(filter), "mv t s3://bkt/p --recursive "+filter, testcase{files: files})
	}
	m.each("filter/one", testcase{files: files, objects: objects},
		"cp t/a.txt s3://other/ --exclude '*'",
		"cp t/a.txt s3://other/ --exclude a.txt",
		"cp t/a.txt s3://other/ --exclude '*.jpg'",
		"cp s3://bkt/a.txt new --exclude '*'",
		"cp s3://bkt/a.txt new --exclude a.txt",
		"rm s3://bkt/a.txt --exclude '*'",
		"rm s3://bkt/a.txt --exclude a.txt",
		"cp t s3://other --recursive --exclude",
	)
}

// links are links and files that cannot be sent.
func (m *matrix) links() {
	m.each("links", testcase{files: []string{
		"t/a|1", "t/ln -> a", "out/x|2", "t/dir -> ../out", "t/broken -> nothere", "single -> t/a", "sd -> out",
	}},
		"cp t s3://bkt --recursive",
		"cp t s3://bkt --recursive --follow-symlinks",
		"cp t s3://bkt --recursive --no-follow-symlinks",
		"sync t s3://bkt",
		"sync t s3://bkt --no-follow-symlinks",
		"sync t s3://bkt --follow-symlinks --no-follow-symlinks",
		"cp single s3://bkt/",
		"cp single s3://bkt/ --no-follow-symlinks",
		"cp t/broken s3://bkt/",
		"cp t/broken s3://bkt/ --no-follow-symlinks",
		"cp sd s3://bkt --recursive",
		"cp sd s3://bkt --recursive --no-follow-symlinks",
		"cp t s3://bkt --recursive --exclude broken",
		"mv single s3://bkt/",
	)
	m.each("special", testcase{files: []string{"t/a|1", "t/p|fifo"}, objects: []string{"bkt/k|body"}},
		"cp t s3://bkt --recursive",
		"sync t s3://bkt/q",
		"cp t s3://bkt --recursive --quiet",
		"cp t s3://bkt --recursive --only-show-errors",
		"cp /dev/null s3://bkt/null",
		"cp s3://bkt/k /dev/null",
		"cp s3://bkt/k /dev/stdout",
	)
}

// quiet are the flags of what is said.
func (m *matrix) quiet() {
	c := testcase{
		files:   []string{"t/a|1", "t/b|2", "t/broken -> nothere"},
		objects: []string{"bkt/k/a|1", "bkt/k/b|2", "other/old|3"},
	}
	for _, flag := range []string{"--quiet", "--only-show-errors", "--no-progress", "--quiet --only-show-errors", "--dryrun --quiet", "--dryrun --only-show-errors"} {
		m.each("quiet", c,
			"cp t s3://other --recursive "+flag,
			"cp s3://bkt/k new --recursive "+flag,
			"rm s3://bkt/k --recursive "+flag,
			"mv s3://bkt/k s3://other/m --recursive "+flag,
			"cp nothere s3://bkt/ "+flag,
			"cp s3://bkt/nothere . "+flag,
		)
	}
	m.each("quiet", c,
		"sync t s3://other --delete --quiet",
		"sync t s3://other --delete --only-show-errors",
		"cp t s3://other --recursive --progress-frequency 1",
		"cp t s3://other --recursive --progress-multiline",
	)
}
