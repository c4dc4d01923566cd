// Package difftest sends every operation of the client through both of its
// ways, the fast path and the SDK alone, and compares what comes back, what
// the store holds then, and what went over the wire. It has nothing but tests.
//
// What may differ is in [wanted], each with its reason; anything else fails.
package difftest

import (
	"os"
	"testing"

	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

func TestMain(m *testing.M) {
	wiretest.Isolate()
	os.Exit(wiretest.Main(m))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
