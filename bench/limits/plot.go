package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/go-analyze/charts"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// smooth is how many moments a rate is the mean of.
const smooth = 5

// plot draws what happened when: requests in flight and s3haul's limit of them
// on the left axis, those that were answered and refused a second on the right.
func plot(path, name string, o outcome) error {
	moments := o.timeline.Moments
	if len(moments) == 0 {
		return fmt.Errorf("%s: there is nothing to show", path)
	}
	flight, served, refused := make([]float64, len(moments)), make([]float64, len(moments)), make([]float64, len(moments))
	labels := make([]string, len(moments))
	for i, m := range moments {
		flight[i] = float64(m.InFlight)
		from := max(0, i-smooth+1)
		for _, n := range moments[from : i+1] {
			served[i] += float64(n.Accepted)
			refused[i] += float64(n.Refused)
		}
		span := float64(i+1-from) * s3sim.TimelineStep.Seconds()
		served[i], refused[i] = served[i]/span, refused[i]/span
		labels[i] = fmt.Sprintf("%.1f s", float64(i)*s3sim.TimelineStep.Seconds())
	}
	series := charts.LineSeriesList{
		{Name: "requests in flight", Values: flight},
		{Name: "answered a second", Values: served, YAxisIndex: 1},
		{Name: "SlowDown a second", Values: refused, YAxisIndex: 1},
	}
	names := []string{"requests in flight", "answered a second", "SlowDown a second"}
	if limit := o.limits(len(moments)); limit != nil {
		series = append(series, charts.LineSeries{Name: "limit", Values: limit})
		names = append(names, "limit")
	}
	whole := func(v float64) string { return fmt.Sprintf("%.0f", v) }
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: 1000, Height: 420})
	opt := charts.NewLineChartOptionWithSeries(series)
	opt.Title = charts.TitleOption{Text: name}
	opt.Legend = charts.LegendOption{SeriesNames: names, Offset: charts.OffsetStr{Left: "center"}}
	opt.Padding = charts.NewBoxEqual(16)
	opt.Symbol = charts.Symbol{Shape: charts.SymbolNone}
	opt.LineStrokeWidth = 1.5
	opt.XAxis.Labels = labels
	opt.XAxis.LabelCount = min(len(labels), 12)
	opt.YAxis = []charts.YAxisOption{
		{Title: "requests", Min: new(0.0), ValueFormatter: whole},
		{Title: "a second", Min: new(0.0), ValueFormatter: whole},
	}
	if err := painter.LineChart(opt); err != nil {
		return fmt.Errorf("%s: the plot: %w", path, err)
	}
	data, err := painter.Bytes()
	if err != nil {
		return fmt.Errorf("%s: the plot: %w", path, err)
	}
	return os.WriteFile(path, data, 0o666)
}

// limits is the limit at each moment, of the lines of --debug; nil where they
// tell of none.
func (o outcome) limits(moments int) []float64 {
	values := make([]float64, moments)
	current, next := charts.GetNullValue(), 0
	offset := o.timeline.Start.Sub(o.start) // the timeline began a little earlier
	found := false
	for _, line := range o.stderr {
		from, to, ok := limitMove(line.text)
		if !ok {
			continue
		}
		at := int((line.at.Sub(o.start) - offset) / s3sim.TimelineStep)
		if !found {
			found, current = true, from
		}
		for ; next < min(at, moments); next++ {
			values[next] = current
		}
		current = to
	}
	if !found {
		return nil
	}
	for ; next < moments; next++ {
		values[next] = current
	}
	return values
}

// limitMove reads "debug: limit 64 -> 128: slow start".
func limitMove(line string) (from, to float64, ok bool) {
	rest, ok := strings.CutPrefix(line, "debug: limit ")
	if !ok {
		return 0, 0, false
	}
	move, _, _ := strings.Cut(rest, ":")
	a, b, ok := strings.Cut(move, " -> ")
	if !ok {
		return 0, 0, false
	}
	from, err := strconv.ParseFloat(a, 64)
	if err != nil {
		return 0, 0, false
	}
	to, err = strconv.ParseFloat(b, 64)
	return from, to, err == nil
}
