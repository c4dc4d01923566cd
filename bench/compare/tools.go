package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/s3haul/s3haul/bench/internal/lab"
	"github.com/s3haul/s3haul/bench/s3sim"
)

// kind is what a tool is to do.
type kind int

const (
	upTree       kind = iota // all files below local to keys below key
	upFile                   // the file local to key
	downTree                 // all keys below key to files below local
	downFile                 // key to the file local
	syncTree                 // as upTree, where that changes something
	list                     // the keys below key, one a line
	listVersions             // all versions below key, one a line
	purge                    // remove all versions below key, and what markers there are
	version                  // say which version it is
)

// job is one piece of work. The local path and the key of a tree end with a
// slash; the key may be empty.
type job struct {
	kind        kind
	local       string
	bucket, key string
	// made is how the simulator makes up the keys of the bucket; nil: it does not.
	made *s3sim.Synthetic
}

func (j job) s3() string { return "s3://" + j.bucket + "/" + j.key }

// tool knows how a program is called.
type tool struct {
	name string
	path string
	// args are its arguments for a job; nil where it cannot do that.
	args func(j job, s *lab.Store) []string
	// env is its environment beyond what every tool has; may be nil.
	env func(s *lab.Store) []string
	// says is what its version has in it, where other programs have its name.
	says string
	// field is where a line of its listings has the key, as lab.Listing takes
	// it; nil is at the end.
	field func(kind) int
	// cannot says why it has no arguments for some kinds.
	cannot map[kind]string
}

// keyField is where a line of what it lists has the key.
func (t *tool) keyField(k kind) int {
	if t.field == nil {
		return lab.KeyIsLast
	}
	return t.field(k)
}

// environment is all that a tool sees beside an empty home: AWS's own variables,
// and no configuration of whoever runs this.
func (t *tool) environment(s *lab.Store) []string {
	env := s.Environment()
	if t.env != nil {
		env = append(env, t.env(s)...)
	}
	return env
}

func s3haul(path string) *tool {
	return &tool{name: "s3haul", path: path, args: func(j job, s *lab.Store) []string {
		args := awsLike(j)
		switch j.kind {
		case version:
			return args
		case listVersions:
			args = []string{"ls", "--recursive", "--versions", j.s3()}
		case purge:
			if args = []string{"purge", j.s3(), "--yes"}; j.key == "" {
				args = []string{"purge", "s3://" + j.bucket, "--yes", "--whole-bucket"}
			}
		}
		return append(args, "--endpoint-url", s.Endpoint)
	}}
}

// awsLike are the arguments of aws s3 and of s3haul; nil where aws has none.
func awsLike(j job) []string {
	switch j.kind {
	case upTree:
		return []string{"cp", "--recursive", j.local, j.s3()}
	case downTree:
		return []string{"cp", "--recursive", j.s3(), j.local}
	case upFile:
		return []string{"cp", j.local, j.s3()}
	case downFile:
		return []string{"cp", j.s3(), j.local}
	case syncTree:
		return []string{"sync", j.local, j.s3()}
	case list:
		return []string{"ls", "--recursive", j.s3()}
	case version:
		return []string{"--version"}
	}
	return nil
}

func plainLoop(path string) *tool {
	const moves = "it moves and lists, and nothing else"
	return &tool{
		name: "floor", path: path,
		cannot: map[kind]string{syncTree: moves, purge: moves, version: moves},
		field:  func(kind) int { return lab.NoKeys },
		args: func(j job, _ *lab.Store) []string {
			switch j.kind {
			case upTree, upFile:
				return []string{"up", j.local, j.bucket, j.key}
			case downTree, downFile:
				return []string{"down", j.local, j.bucket, j.key}
			case list:
				return []string{"list", j.bucket, made(j.made)}
			case listVersions:
				return []string{"--versions", "list", j.bucket, made(j.made)}
			default:
				return nil
			}
		},
	}
}

// made is what s3sim's --synthetic says behind the bucket.
func made(keys *s3sim.Synthetic) string {
	return fmt.Sprintf("%s:%d:%d:%d", keys.Layout, keys.Count, keys.Size, keys.Versions)
}

// others are the tools of others, in the order of the table.
func others() []*tool {
	return []*tool{s5cmd(), rclone(), awsCLI(), mc(), s3cmd()}
}

func s5cmd() *tool {
	return &tool{name: "s5cmd", field: s5cmdField, args: func(j job, s *lab.Store) []string {
		global := []string{"--endpoint-url", s.Endpoint}
		switch j.kind {
		case upTree, upFile:
			return append(global, "cp", j.local, j.s3())
		case downTree:
			return append(global, "cp", j.s3()+"*", j.local)
		case downFile:
			return append(global, "cp", j.s3(), j.local)
		case syncTree:
			return append(global, "sync", j.local, j.s3())
		case list:
			return append(global, "ls", j.s3()+"*")
		case listVersions:
			return append(global, "ls", "--all-versions", j.s3()+"*")
		case purge:
			return append(global, "rm", "--all-versions", j.s3()+"*")
		case version:
			return []string{"version"}
		}
		return nil
	}}
}

// s5cmdField: date, time, size, key, and the version where one is asked for.
func s5cmdField(k kind) int {
	if k == listVersions {
		return 4
	}
	return lab.KeyIsLast
}

func rclone() *tool {
	return &tool{
		name:   "rclone",
		cannot: map[kind]string{listVersions: "it writes the version's time into the name, and no id"},
		args: func(j job, s *lab.Store) []string {
			var global []string
			if s.CAFile != "" {
				global = []string{"--ca-cert", s.CAFile}
			}
			remote := "s3:" + j.bucket + "/" + j.key
			switch j.kind {
			case upTree:
				return append(global, "copy", j.local, remote)
			case downTree:
				return append(global, "copy", remote, j.local)
			case upFile:
				return append(global, "copyto", j.local, remote)
			case downFile:
				return append(global, "copyto", remote, j.local)
			case syncTree:
				// Its default asks for the head of every object, for a time
				// that only rclone writes there. This compares what the
				// others do, and is what its manual advises for S3.
				return append(global, "sync", "--update", "--use-server-modtime", j.local, remote)
			case list:
				return append(global, "lsf", "--recursive", "--files-only", remote)
			case purge:
				return append(global, "purge", remote) // removes the bucket too
			case version:
				return []string{"version"}
			}
			return nil
		},
		env: func(s *lab.Store) []string {
			const section = "RCLONE_CONFIG_S3_"
			return []string{
				section + "TYPE=s3", section + "PROVIDER=Other", section + "ENDPOINT=" + s.Endpoint, section + "REGION=" + s.Region,
				section + "ACCESS_KEY_ID=" + s.ID, section + "SECRET_ACCESS_KEY=" + s.Secret,
			}
		},
	}
}

func awsCLI() *tool {
	const current = "aws s3 knows current versions alone"
	return &tool{
		name:   "aws",
		cannot: map[kind]string{listVersions: current, purge: current},
		args: func(j job, s *lab.Store) []string {
			args := awsLike(j)
			if j.kind == version || args == nil {
				return args
			}
			return append([]string{"--endpoint-url", s.Endpoint, "s3"}, args...)
		},
	}
}

func mc() *tool {
	return &tool{
		name: "mc",
		says: "mc version", // Midnight Commander has the same name
		args: func(j job, s *lab.Store) []string {
			var global []string
			if s.CAFile != "" {
				global = []string{"--insecure"} // it takes a CA from its own directory alone
			}
			remote := "s3/" + j.bucket + "/" + j.key
			switch j.kind {
			case upTree:
				return append(global, "cp", "--recursive", j.local, remote)
			case downTree:
				return append(global, "cp", "--recursive", remote, j.local)
			case upFile:
				return append(global, "cp", j.local, remote)
			case downFile:
				return append(global, "cp", remote, j.local)
			case syncTree:
				return append(global, "mirror", j.local, remote)
			case list:
				return append(global, "ls", "--recursive", remote)
			case listVersions:
				return append(global, "ls", "--recursive", "--versions", remote)
			case purge:
				return append(global, "rm", "--recursive", "--versions", "--force", remote)
			case version:
				return []string{"--version"}
			}
			return nil
		},
		env: func(s *lab.Store) []string {
			scheme, host, _ := strings.Cut(s.Endpoint, "://")
			return []string{"MC_HOST_s3=" + scheme + "://" + url.UserPassword(s.ID, s.Secret).String() + "@" + host}
		},
	}
}

func s3cmd() *tool {
	const current = "it knows current versions alone"
	return &tool{name: "s3cmd", cannot: map[kind]string{listVersions: current, purge: current}, args: func(j job, s *lab.Store) []string {
		_, host, secure := strings.Cut(s.Endpoint, "https://")
		global := []string{"--access_key", s.ID, "--secret_key", s.Secret, "--region", s.Region}
		if secure {
			global = append(global, "--ssl")
		} else {
			_, host, _ = strings.Cut(s.Endpoint, "://")
			global = append(global, "--no-ssl")
		}
		global = append(global, "--host", host, "--host-bucket", host)
		if s.CAFile != "" {
			global = append(global, "--ca-certs", s.CAFile)
		}
		switch j.kind {
		case upTree:
			return append(global, "put", "--recursive", j.local, j.s3())
		case downTree:
			return append(global, "get", "--recursive", j.s3(), j.local)
		case upFile:
			return append(global, "put", j.local, j.s3())
		case downFile:
			return append(global, "get", j.s3(), j.local)
		case syncTree:
			// By default it reads every file; the others compare size and time.
			return append(global, "sync", "--no-check-md5", j.local, j.s3())
		case list:
			return append(global, "ls", "--recursive", j.s3())
		case version:
			return []string{"--version"}
		}
		return nil
	}}
}
