package difftest

import (
	"testing"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// TestDifferential sends all cases through both clients, in every world.
func TestDifferential(t *testing.T) {
	sim := func(t testing.TB) store {
		s, _ := simulator(t, s3sim.Options{})
		return s
	}
	each(t, &tally{}, []func(testing.TB) store{gateway, sim}, func(t *testing.T, w *world) {
		t.Run("keys", func(t *testing.T) { keys(t, w) })
		t.Run("refusals", func(t *testing.T) { refusals(t, w) })
		t.Run("puts", func(t *testing.T) { puts(t, w) })
		t.Run("parts", func(t *testing.T) { parts(t, w) })
		t.Run("copies", func(t *testing.T) { copies(t, w) })
		t.Run("reads", func(t *testing.T) { reads(t, w) })
		t.Run("lists", func(t *testing.T) { lists(t, w) })
		t.Run("deletes", func(t *testing.T) { deletes(t, w) })
		t.Run("buckets", func(t *testing.T) { buckets(t, w) })
	})
}

// TestAnswers puts answers of all kinds before both clients: what a good store
// does not say.
func TestAnswers(t *testing.T) {
	each(t, &tally{}, []func(testing.TB) store{answering}, func(t *testing.T, w *world) {
		answersDiffer(t, w)
		t.Run("places", func(t *testing.T) { regions(t, w) })
	})
}
