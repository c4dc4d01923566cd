package main

import (
	"fmt"
	"strings"
)

// headers are the flags that say what an object is to have.
func (m *matrix) headers() {
	c := testcase{
		files:   []string{"t/a.txt|1", "t/d/b.html|2", "big.bin||size=9M"},
		objects: []string{"bkt/k.txt|hello|type=text/css|meta.k=v|cache=no-cache", "bkt/d/l.txt|x|type=text/css"},
	}
	for _, flag := range []string{
		"--content-type text/x-own",
		"--content-disposition 'attachment; filename=\"x y\"'",
		"--content-encoding gzip",
		"--content-language de,en",
		"--cache-control max-age=60,public",
		"--expires 2034-10-01T20:30:00Z",
		"--expires 2034-10-01",
		"--expires '2034-10-01 20:30:00'",
		"--expires 2034-10-01T20:30:00+02:00",
		"--expires 2043350400",
		"--metadata k=v",
		"--metadata k=v,l=w",
		"--metadata K=V",
		"--metadata k=",
		"--metadata 'k=a b c'",
		"--metadata 'k=\"a,b\"'",
		"--metadata '{\"k\":\"v,w\",\"x\":\"y\"}'",
		"--website-redirect /to/there",
		"--website-redirect https://example.com/",
		"--storage-class STANDARD",
		"--storage-class REDUCED_REDUNDANCY",
		"--storage-class STANDARD_IA",
		"--storage-class ONEZONE_IA",
		"--storage-class INTELLIGENT_TIERING",
		"--storage-class GLACIER",
		"--storage-class DEEP_ARCHIVE",
		"--storage-class GLACIER_IR",
		"--acl private",
		"--acl public-read",
		"--acl public-read-write",
		"--acl authenticated-read",
		"--acl bucket-owner-read",
		"--acl bucket-owner-full-control",
		"--acl log-delivery-write",
		"--grants read=uri=http://acs.amazonaws.com/groups/global/AllUsers",
		"--grants full=id=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"--grants read=id=0123,id=4567 readacl=uri=http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
		"--grants writeacl=emailaddress=someone@example.com",
		"--sse",
		"--sse AES256",
		"--sse aws:kms",
		"--sse aws:kms --sse-kms-key-id alias/own",
		"--sse-kms-key-id alias/own",
		"--request-payer",
		"--request-payer requester",
		"--no-guess-mime-type",
		"--expected-size 5",
	} {
		m.add("header/up/"+short(flag), "cp t/a.txt s3://other/k "+flag, c)
		m.add("header/copy/"+short(flag), "cp s3://bkt/k.txt s3://other/k "+flag, c)
	}
	m.each("header/down", c,
		"cp s3://bkt/k.txt new --request-payer",
		"cp s3://bkt/k.txt new --content-type text/x-own",
		"cp s3://bkt/k.txt new --storage-class STANDARD_IA",
		"cp s3://bkt/k.txt new --acl public-read",
		"cp s3://bkt/k.txt new --metadata a=b",
		"cp s3://bkt/k.txt new --sse",
	)
	for _, flag := range []string{
		"--content-type text/x-own --metadata a=b", "--acl public-read --storage-class STANDARD_IA", "--sse aws:kms --sse-kms-key-id arn:aws:kms:us-east-1:1:key/2",
		"--cache-control no-cache --content-encoding br --content-language fr --content-disposition inline --expires 2034-01-01",
		"--no-guess-mime-type", "--website-redirect /x", "--request-payer requester",
	} {
		m.add("header/tree/up/"+short(flag), "cp t s3://other/p --recursive "+flag, c)
		m.add("header/tree/copy/"+short(flag), "cp s3://bkt s3://other/p --recursive "+flag, c)
		m.add("header/sync/up/"+short(flag), "sync t s3://other/p "+flag, c)
		m.add("header/mv/up/"+short(flag), "mv t/a.txt s3://other/p "+flag, c)
	}
	for _, flag := range []string{
		"", "--content-type text/x-own --metadata a=b --cache-control no-store", "--acl public-read", "--storage-class STANDARD_IA --sse aws:kms",
		"--website-redirect /x --expires 2034-01-01 --content-language fr",
	} {
		m.add("header/parts/up/"+short(flag), "cp big.bin s3://other/k "+flag, c)
	}
}

// types are the types guessed by names.
func (m *matrix) types() {
	// The names of a case go in one command: a type has nothing to do with its fellows.
	for i, names := range [][]string{
		{"f", "f.txt", "f.html", "f.htm", "f.css", "f.js", "f.mjs", "f.json"},
		{"f.xml", "f.csv", "f.tsv", "f.pdf", "f.png", "f.jpg", "f.jpeg", "f.gif"},
		{"f.svg", "f.ico", "f.webp", "f.bmp", "f.tiff", "f.mp3", "f.mp4", "f.wav"},
		{"f.avi", "f.mov", "f.webm", "f.zip", "f.tar", "f.tar.gz", "f.tgz", "f.gz"},
		{"f.bz2", "f.xz", "f.7z", "f.wasm", "f.md", "f.py", "f.sh", "f.c"},
		{"f.h", "f.bin", "f.exe", "f.dll", "f.so", "f.doc", "f.docx", "f.xls"},
		{"f.xlsx", "f.ppt", "f.pptx", "f.woff", "f.woff2", "f.ttf", "f.TXT", "f.Html"},
		{".txt", ".hidden", "f.", "f.txt.Z", "f.svgz", "f.parquet", "f.yaml", "f.log"},
		{"f.rtf", "f.eps", "f.m3u8", "f.ts", "f.unknown", "f.jar", "f.swf", "f.latex"},
		{"a.b/f", "f.txt.br", "f.css.gz", "f.bat"},
	} {
		var files []string
		for _, name := range names {
			files = append(files, "t/"+name+"|x")
		}
		m.add(fmt.Sprintf("type/%d: %s", i+1, strings.Join(names, " ")), "cp t s3://bkt --recursive", testcase{files: files})
	}
	m.add("type/shebang", "cp f s3://bkt/k", testcase{files: []string{"f|#!/bin/sh"}})
	m.add("type/tree", "sync t s3://bkt", testcase{files: []string{"t/a.css|1", "t/b.js|2", "t/c.tar.gz|3", "t/d|4"}})
}

// copyHeaders are the flags that say what a copy takes with it.
func (m *matrix) copyHeaders() {
	c := testcase{
		config: "[default]\ns3 =\n  multipart_threshold = 6MB\n  multipart_chunksize = 5MB\n",
		objects: []string{
			"bkt/s.txt|hello|type=text/css|meta.k=v|meta.l=w|tag.t=1|tag.u=2|cache=no-cache|disposition=inline|encoding=gzip|language=de|expires=2034-01-01T00:00:00Z|redirect=/r|class=STANDARD_IA|acl=public-read",
			"bkt/b.txt||size=7M|parts|type=text/css|meta.k=v|meta.l=w|tag.t=1|cache=no-cache|disposition=inline|encoding=gzip|language=de|expires=2034-01-01T00:00:00Z|redirect=/r|class=STANDARD_IA",
			"bkt/plain||size=7M",
		},
	}
	for _, flag := range []string{
		"", "--copy-props none", "--copy-props metadata-directive", "--copy-props default",
		"--metadata-directive COPY", "--metadata-directive REPLACE", "--metadata-directive REPLACE --metadata n=1",
		"--metadata-directive COPY --metadata n=1", "--metadata n=1", "--content-type text/x-own", "--metadata-directive REPLACE --content-type text/x-own",
		"--cache-control max-age=1", "--metadata-directive COPY --content-type text/x-own", "--copy-props none --metadata n=1",
		"--copy-props metadata-directive --metadata n=1", "--copy-props default --metadata n=1", "--copy-props none --metadata-directive REPLACE",
		"--copy-props default --metadata-directive REPLACE --metadata n=1", "--storage-class GLACIER_IR", "--acl authenticated-read", "--website-redirect /new",
	} {
		m.add("copy/small/"+flag, "cp s3://bkt/s.txt s3://other/k "+flag, c)
		m.add("copy/parts/"+flag, "cp s3://bkt/b.txt s3://other/k "+flag, c)
	}
	m.each("copy/plain", c, "cp s3://bkt/plain s3://other/k", "cp s3://bkt/plain s3://other/k --copy-props none", "mv s3://bkt/b.txt s3://other/", "sync s3://bkt s3://other --copy-props metadata-directive", "cp s3://bkt s3://other --recursive --copy-props none")
}

// encryption is with customers' keys; kkkk… is the objects', nnnn… a new one.
func (m *matrix) encryption() {
	const (
		own   = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
		fresh = "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
	)
	c := testcase{
		config:  "[default]\ns3 =\n  multipart_threshold = 6MB\n  multipart_chunksize = 5MB\n",
		files:   []string{"a|hello", "big||size=7M", "key|" + own, "short|abc", "t/x|1", "t/y|2"},
		objects: []string{"bkt/c|secret|ssec=k", "bkt/plain|p"},
	}
	m.each("customer", c,
		"cp a s3://other/k --sse-c --sse-c-key "+own,
		"cp a s3://other/k --sse-c AES256 --sse-c-key "+own,
		"cp a s3://other/k --sse-c AES256 --sse-c-key fileb://key",
		"cp big s3://other/k --sse-c AES256 --sse-c-key fileb://key",
		"cp t s3://other/k --recursive --sse-c AES256 --sse-c-key fileb://key",
		"cp s3://bkt/c new --sse-c AES256 --sse-c-key "+own,
		"cp s3://bkt/c new --sse-c --sse-c-key fileb://key",
		"cp s3://bkt/c new",
		"cp s3://bkt/c new --sse-c AES256 --sse-c-key "+fresh,
		"cp s3://bkt/plain new --sse-c AES256 --sse-c-key "+own,
		"cp s3://bkt/c s3://other/k --sse-c-copy-source AES256 --sse-c-copy-source-key "+own,
		"cp s3://bkt/c s3://other/k --sse-c-copy-source AES256 --sse-c-copy-source-key "+own+" --sse-c AES256 --sse-c-key "+fresh,
		"cp s3://bkt/plain s3://other/k --sse-c AES256 --sse-c-key "+fresh,
		"cp s3://bkt/c s3://other/k",
		"cp a s3://other/k --sse-c AES256",
		"cp a s3://other/k --sse-c-key "+own,
		"cp a s3://other/k --sse-c AES256 --sse-c-key short",
		"cp a s3://other/k --sse-c AES256 --sse-c-key fileb://nothere",
		"cp a s3://other/k --sse-c AES128 --sse-c-key "+own,
		"cp a s3://other/k --sse-c-copy-source AES256 --sse-c-copy-source-key "+own,
		"cp s3://bkt/c s3://other/k --sse-c-copy-source AES256",
		"cp s3://bkt/c new --sse-c-copy-source AES256 --sse-c-copy-source-key "+own,
		"cp a s3://other/k --sse AES256 --sse-c AES256 --sse-c-key "+own,
	)
}

// archived are objects in classes that cannot be read at once.
func (m *matrix) archived() {
	c := testcase{objects: []string{
		"bkt/p/cold|g|class=GLACIER", "bkt/p/deep|d|class=DEEP_ARCHIVE", "bkt/p/warm|w", "bkt/p/instant|i|class=GLACIER_IR",
	}}
	for _, flag := range []string{"", " --force-glacier-transfer", " --ignore-glacier-warnings", " --quiet", " --only-show-errors", " --dryrun"} {
		m.each("archived", c,
			"cp s3://bkt/p/cold new"+flag,
			"cp s3://bkt/p/cold s3://other/"+flag,
			"cp s3://bkt/p new --recursive"+flag,
			"cp s3://bkt/p s3://other --recursive"+flag,
			"sync s3://bkt/p new"+flag,
			"mv s3://bkt/p new --recursive"+flag,
		)
	}
	m.each("archived", c, "cp s3://bkt/p/instant new", "cp s3://bkt/p/deep new", "mv s3://bkt/p/cold new", "rm s3://bkt/p/cold", "sync s3://bkt/p s3://other")
}

// streams are copies from and to "-".
func (m *matrix) streams() {
	c := testcase{stdin: "what came in", objects: []string{"bkt/k|what goes out", "bkt/big||size=9M", "bkt/empty|"}, files: []string{"a|x"}}
	m.each("stream", c,
		"cp - s3://bkt/new",
		"cp - s3://bkt/new.txt",
		"cp - s3://bkt/new --expected-size 12",
		"cp - s3://bkt/new --expected-size 100000000",
		"cp - s3://bkt/new --content-type text/x-own --metadata a=b --storage-class STANDARD_IA --acl public-read --sse AES256",
		"cp - s3://bkt/new --quiet",
		"cp - s3://bkt/new --dryrun",
		"cp - s3://missing/new",
		"cp - s3://bkt",
		"cp - s3://bkt/",
		"cp - s3://bkt/d/",
		"cp s3://bkt/k -",
		"cp s3://bkt/empty -",
		"cp s3://bkt/big -",
		"cp s3://bkt/k - --quiet",
		"cp s3://bkt/k - --dryrun",
		"cp s3://bkt/k - --only-show-errors",
		"cp s3://bkt/nothere -",
		"cp s3://missing/k -",
		"cp s3://bkt -",
		"cp s3://bkt/ - --recursive",
		"cp - s3://bkt/d --recursive",
		"cp - -",
		"cp - new",
		"mv - s3://bkt/new",
		"mv s3://bkt/k -",
		"sync - s3://bkt/new",
		"sync s3://bkt/k -",
		"rm -",
	)
	m.add("stream/empty", "cp - s3://bkt/new", testcase{})
}
