package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine"
)

// The sizes of the AWS config file count where the options say nothing.
func TestMultipartOfTheConfigFile(t *testing.T) {
	s := simulate(t, s3sim.Options{KeepBodies: 32 << 20})
	must(t, newEngine(t, s.options()).MakeBucket(t.Context(), "sim"))
	dir := t.TempDir()
	largeFile(t, filepath.Join(dir, "large"), 13*mib)
	file := filepath.Join(t.TempDir(), "config")
	t.Setenv("AWS_CONFIG_FILE", file)
	for _, q := range []struct {
		section  string
		partSize int64
		parts    int
	}{
		{"", 0, 2},
		{"multipart_chunksize = 6MB", 0, 3},
		{"multipart_chunksize = 1KB", 0, 3}, // made 5 MiB, as aws does
		{"multipart_threshold = 20MB", 0, 0},
		{"multipart_threshold = 20MB\n  multipart_chunksize = 6MB", 0, 0},
		{"multipart_threshold = 9999GB", 0, 0},
		{"multipart_threshold = 20MB\n  multipart_chunksize = 6MB", 10 * mib, 2},
	} {
		must(t, os.WriteFile(file, []byte("[default]\ns3 =\n  "+q.section+"\n"), 0o600))
		o := s.options()
		o.PartSize = q.partSize
		s.counts()
		sum, err := newEngine(t, o).Copy(t.Context(), engine.File(filepath.Join(dir, "large")), engine.Object("sim", "k"), engine.CopyOptions{})
		must(t, err)
		must(t, sum.Err())
		if n := s.counts()["UploadPart fast"]; n != q.parts {
			t.Errorf("%q, part size %d: %d parts, want %d", q.section, q.partSize, n, q.parts)
		}
	}
}
