package transfer

import (
	"os"
	"strings"
	"testing"
)

// The list is what mimetypes.MimeTypes(filenames=()).guess_type of Python 3.11.2 has
// said of these names, each with "/x/" in front.
func TestContentType(t *testing.T) {
	list, err := os.ReadFile("testdata/contenttypes.txt")
	must(t, err)
	known := map[string]bool{}
	lines := strings.Split(strings.TrimSuffix(string(list), "\n"), "\n")
	for _, line := range lines {
		name, want, ok := strings.Cut(line, "\t")
		if !ok {
			t.Fatalf("%q is no line of the list", line)
		}
		if !strings.HasPrefix(name, "/") {
			name = "/x/" + name
		}
		if got := contentType(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
		known[want] = true
	}
	if len(lines) < 300 || len(known) < 80 {
		t.Errorf("the list has %d names and %d types", len(lines), len(known))
	}
	if n := testing.AllocsPerRun(100, func() { _ = contentType("/a/long/path/to/PICTURE.JPEG.gz") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
