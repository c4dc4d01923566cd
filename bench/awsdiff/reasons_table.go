package main

// reasons are in the order of the page.
func reasons() []reason {
	return []reason{
		{
			"252 where aws does nothing, or another thing than was meant", better,
			"Without `--recursive`, `aws s3 cp s3://bucket .` does nothing and says nothing, and `aws s3 rm s3://bucket` deletes one marker of a directory; a file given to `--recursive` or sync is a warning about a path that nobody named. s3haul exits with 252 and says what to write.",
			[]match{
				{cases: `^(one/down/cp s3://bkt/? \.|one/copy/cp s3://bkt s3://other|rm/rm s3://bkt/?|bad/cp s3://bkt/? (\.|a.txt))$`, ours: `^252$|give --recursive to (copy|delete) all|^s3://bkt/dir/ `},
				{cases: `^one/down/cp s3://bkt/(dir|full)/ \.$`, ours: `^252$|give --recursive to copy`},
				{cases: `file s3://bkt(/p)?( --recursive)?$`, ours: `^252$|is not a directory`},
				{cases: `^stream/cp s3://bkt -$`, ours: `^252$|is a bucket`},
				{cases: `^sync/places/copy/sync s3://bkt(/p)? s3://bkt(/p)?$`, ours: `^252$|is the source and the destination`},
			},
		},
		{
			"refused before anything is sent", better,
			"What the service would refuse, or what contradicts itself, is known from the command line: s3haul exits with 252 before it sends or makes anything. aws sends it and passes the service's answer on (1), or takes one of two contradictory flags and forgets the other (0).",
			[]match{
				{cases: `--sse-kms-key-id`, ours: `^252$|^s3haul: error: --sse-kms-key-id goes with|^s3://bkt/k .* "1" `},
				{cases: `--metadata-directive COPY .*--metadata`, ours: `^252$|keeps the metadata of the source`, kinds: "exit stderr stdout remote"},
				{cases: `^customer/`, ours: `^252$|^s3haul: error: --sse`, kinds: "exit stderr stdout remote"},
				{cases: `^stream/cp - s3://bkt(/|/d/)?$`, ours: `^252$|names no key, and a stream has no name`, kinds: "exit stderr stdout remote"},
				{cases: `^(mb|rb|rm|bad)/.* s3://`, ours: `^252$|names no bucket|Invalid bucket name`, kinds: "exit stderr stdout remote"},
				{cases: `^website/website s3://bkt( --error-document e.html)?$`, ours: `^252$|required: --index-document`},
				{cases: `^presign/.*--expires-in|^presign/.*--no-sign-request`, ours: `^252$|--expires-in|nothing to sign`},
				{cases: `^(syntax|bad)/.*--grants`, ours: `^252$|--grants`, kinds: "exit stderr"},
				{cases: `--expires nosuch$`, ours: `^252$|--expires`, kinds: "exit stderr"},
				{cases: `^syntax/.*--(page-size|cli-read-timeout) `, ours: `^252$|--page-size|--cli-read-timeout`, kinds: "exit stderr"},
				{cases: `--sse-kms alias`, ours: `^252$|^s3haul: error: --sse-kms-key-id goes with`},
				{cases: `^bad/(cp a.txt s3://bkt/k --region bad region|config)$|^config/`, ours: `^252$|region_name|config file|addressing_style is`, kinds: "exit stderr"},
				{cases: `^mb/mb s3://`, ours: `^252$|Invalid bucket name|has a key`, kinds: "exit stderr stdout remote"},
				{cases: `^ls/.*--page-size`, ours: `^252$|page-size`},
			},
		},
		{
			"the file keeps its mode", better,
			"A download over an existing file keeps that file's permissions; aws makes a new one, so that a private file is readable by all afterwards.",
			[]match{{cases: `^(one/down/cp s3://bkt/a.txt file|tree/down/cp s3://bkt/p/? have/? --recursive)$`, kinds: "local", ours: `^(file -rw-------|have/a.txt -rw-r-----) `}},
		},
		{
			"a dry run makes no directory", better,
			"`aws s3 cp|sync|mv … DIR --dryrun` makes DIR.",
			[]match{{cases: `--dryrun`, kinds: "local", aws: `^new/$`}},
		},
		{
			"one error where nothing can succeed", better,
			"A bucket that is not there, or a file in place of the target directory, is one `fatal error`, and not one failure for each object of the tree. The exit code is aws's.",
			[]match{
				{cases: `s3://missing`, kinds: "stderr", ours: `^fatal error: An error occurred \(NoSuchBucket\)`},
				{cases: ` file( --recursive)?$| file/x$`, kinds: "stderr", ours: `^fatal error: making the target directory: mkdir file: not a directory$`},
			},
		},
		{
			"errors in words", better,
			"Where aws shows Python's text of an error (`[Errno 21] Is a directory: '/…'`, `[Errno 20] …`), s3haul says what is in the way. The line begins as aws's, and the exit code is the same.",
			[]match{
				{cases: `^(one|bad|mv)/`, kinds: "stderr", aws: `failed: .*\[Errno 21\] Is a directory`, ours: `failed: .*Is a directory; give --recursive`},
				{cases: `^sync/kinds/`, kinds: "stderr", aws: `failed: .*\[Errno`, ours: `is in the way$|^$`},
				{cases: `^bad/cp t s3://bkt$`, kinds: "stderr", ours: `failed: .*Is a directory; give --recursive`},
				{cases: `^bad/no credentials`, kinds: "stderr", ours: `Unable to locate credentials$`},
				{cases: `^syntax/.*--profile nosuch$`, kinds: "stderr", ours: `The config profile \(nosuch\) could not be found$`},
				{cases: `^tree/up/cp nothere/ `, kinds: "stderr", ours: `^The user-provided path nothere does not exist\.$`},
			},
		},
		{
			"paths in warnings", better,
			"A warning names a file as the command line and the other lines do, and an object by its URL; aws has the absolute path, or the key without its bucket.",
			[]match{{
				cases: `.`, kinds: "stderr", aws: `^warning: Skipping file (/WORK/|/dev/|\.\./up|a/\.\./)`,
				ours: `^warning: Skipping file (s3://bkt/p/|t/|\.)`,
			}},
		},
		{
			"what is excluded is not looked at", better,
			"A broken link that `--exclude` names is a warning, and the exit code 2, with aws; s3haul leaves it out.",
			[]match{{cases: `^links/cp t s3://bkt --recursive --exclude broken$`, kinds: "exit stderr", aws: `^2$|^warning: Skipping file /WORK/t/broken`, ours: `^0$`}},
		},
		{
			"its own help", better,
			"The warning about an archived object points to `s3haul`'s help. aws's points to `aws s3 download help`, which there is not.",
			[]match{{cases: `^archived/`, kinds: "stderr", aws: `See aws s3 (copy|download|move) help`, ours: `See --help for`}},
		},
		{
			"names that begin with a slash, or are a directory with content", better,
			"`a//b` beside `a/b`, and `//b`, are one file on a disk: whichever came last would be there. s3haul skips such names in a recursive download with a warning (2); aws writes them over each other.",
			[]match{{cases: `^tree/(lead/cp s3://bkt/? new|strange/cp s3://bkt/p new)`, aws: `^[01]$|^download|^new/|x/`, ours: `^2$|^warning: Skipping file s3://bkt/`}},
		},
		{
			"down, same size, S3 newer", better,
			"`aws s3 sync` keeps a local file that is older than the object and has its size, whatever is in it. s3haul compares the checksums and downloads it where they differ.",
			[]match{{cases: `^sync/down/newer( --delete)?$`, kinds: "stdout local", ours: `^download|^t/x .*"hello"$`, aws: `^t/x .*"HELLO"$`}},
		},
		{
			"an empty source deletes nothing", better,
			"`sync --delete` from an empty or misspelt source empties the destination with aws. s3haul refuses (1), but for `--allow-empty-source`.",
			[]match{{cases: `^sync/places/.*(nothere|empty).* --delete$`, ours: `^1$|the source is empty|due deletes? (was|were) not run|^have/|^s3://(bkt/p|other/q)/(old|a) `, aws: `^0$|^delete: `, kinds: "exit stdout stderr local remote"}},
		},
		{
			"what was skipped is not deleted", better,
			"`aws s3 sync --delete` deletes the copy of a file that it has just skipped with a warning, as a broken link, a pipe or a file that cannot be read.",
			[]match{{cases: `^sync/held/`, kinds: "stdout remote", aws: `^delete: s3://bkt/(broken|p)$`, ours: `^s3://bkt/(broken|p) `}},
		},
		{
			"a name that became a directory, or a file", better,
			"`sync --delete` to a disk takes what is in the way of a file's new kind; aws fails at each run until somebody does it by hand.",
			[]match{{cases: `^sync/kinds/sync s3://bkt t --delete$`}},
		},
		{
			"a copy by parts has what a small one has", better,
			"With an explicit `--metadata-directive`, aws leaves metadata and tags out of a copy that is large enough for parts, and takes them along in a small one. s3haul does the same for both.",
			[]match{{cases: `^copy/parts/.*--metadata-directive`, kinds: "remote"}},
		},
		{
			"a customer's key is for the new object", better,
			"`--sse-c` on a copy is about the destination. aws 2.9 sends the key with the question about the source too, and fails where that is not encrypted with the same key.",
			[]match{{cases: `^customer/cp s3://bkt/plain s3://other/k --sse-c `, aws: `^1$|HeadObject`, ours: `^0$|^copy: |customer=`}},
		},
		{
			"a key that is not there has its name in the error", better,
			"`cp s3://bucket/key -` says that the key is not there, as `cp s3://bucket/key FILE` does; aws says `download failed: … Not Found`.",
			[]match{{cases: `^stream/cp s3://(bkt/nothere|missing/k) -$`, kinds: "stderr", ours: `does not exist$`}},
		},
		{
			"flags of newer aws", better,
			"aws-cli 2.36 has `--progress-frequency`, `--progress-multiline`, `mb --tags` and others that the aws-cli compared with has not.",
			[]match{{cases: `^syntax/mb s3://fresh --tags a b$`, aws: `^252$|^Unknown options`}, {cases: `--progress-(frequency|multiline)`, aws: `^252$|^Unknown options|^usage|^aws: `}},
		},
		{
			"flags between and behind the arguments", better,
			"argparse does not find the second path of `cp A --recursive B`; s3haul does. `--dryrun=true` is taken, and what `--output` and `--color` say has no effect, whatever it is.",
			[]match{{cases: `^syntax/cp (t --recursive s3://other/n|.*--(dryrun=true|output nosuch|color nosuch))$`, aws: `^252$|^ *aws|^usage|^To see|\||^(auto|yaml-stream)$`}},
		},
		{
			"--no-progress on rm", better,
			"s3haul takes `--no-progress` on rm too.",
			[]match{{cases: `^quiet/rm .*--no-progress`, aws: `^252$|Unknown options|^s3://bkt/k/[ab] `, ours: `^0$|^delete: s3://bkt/k/[ab]$`}},
		},
		{
			"rb --force of a bucket that is not there", better,
			"It is 1, as every failure of rb; aws ends with 255 here.",
			[]match{{cases: `^rb/rb s3://missing --force$`, kinds: "exit stderr"}},
		},
		{
			"--acl log-delivery-write", better,
			"It is an ACL of buckets: the service refuses it for objects. Both fail with 1; aws 2.9 trips over the store's answer.",
			[]match{{cases: `--acl log-delivery-write$`, kinds: "stderr"}},
		},
	}
}
