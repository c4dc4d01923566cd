//go:build !nogateway

package gateway

import (
	"path/filepath"
	"testing"
)

// BenchmarkStartClose is what --embedded costs a command, over and above its
// requests.
func BenchmarkStartClose(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "data")
	for b.Loop() {
		s, err := Start(b.Context(), Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if err := listBuckets(b.Context(), s); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
