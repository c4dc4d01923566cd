package report

import (
	"io"
	"testing"
)

func BenchmarkTallyProgress(b *testing.B) {
	tally := NewTally()
	b.ReportAllocs()
	for b.Loop() {
		tally.Report(Event{Kind: Progress, Bytes: 1 << 20})
	}
}

func BenchmarkTallyProgressParallel(b *testing.B) {
	tally := NewTally()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			tally.Report(Event{Kind: Progress, Bytes: 1 << 20})
		}
	})
}

func BenchmarkTallyDone(b *testing.B) {
	tally := NewTally()
	b.ReportAllocs()
	for b.Loop() {
		tally.Report(Event{Kind: Done, Op: Upload, Src: "./a", Dst: "s3://b/a", Bytes: 4096})
	}
}

func benchmarkLine(b *testing.B, o ConsoleOptions, sink func(*Console) Sink) {
	o.Out, o.Err = io.Discard, io.Discard
	c := NewConsole(o)
	s := sink(c)
	b.ReportAllocs()
	for b.Loop() {
		s.Report(Event{
			Kind: Done, Op: Upload, Bytes: 4096,
			Src: "./photos/2026/01/31/IMG_0001.jpg", Dst: "s3://holiday/photos/2026/01/31/IMG_0001.jpg",
		})
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkTextDone(b *testing.B) {
	benchmarkLine(b, ConsoleOptions{}, func(c *Console) Sink { return NewText(c, Options{}) })
}

func BenchmarkTextDoneTerminal(b *testing.B) {
	benchmarkLine(b, ConsoleOptions{OutTerminal: true}, func(c *Console) Sink { return NewText(c, Options{}) })
}

func BenchmarkJSONDone(b *testing.B) {
	benchmarkLine(b, ConsoleOptions{}, func(c *Console) Sink { return NewJSON(c, JSONOptions{}) })
}

func BenchmarkTextFailed(b *testing.B) {
	c := NewConsole(ConsoleOptions{Out: io.Discard, Err: io.Discard})
	text := NewText(c, Options{})
	err := deniedWithID("PutObject", "4Z9K")
	b.ReportAllocs()
	for b.Loop() {
		text.Report(Event{Kind: Failed, Op: Upload, Src: "./a", Dst: "s3://b/a", Err: err})
	}
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
}
