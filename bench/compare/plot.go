package main

import (
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/go-analyze/charts"
)

// plot writes the chart to a file.
func (rec *Record) plot(path string) error {
	data, err := rec.chart(charts.ChartOutputSVG)
	if err != nil {
		return fmt.Errorf("%s: the plot: %w", path, err)
	}
	return os.WriteFile(path, data, 0o666)
}

// chart draws the medians of processor time as bars, on a logarithmic scale: from
// a loop to a script it is a factor of a hundred.
func (rec *Record) chart(format string) ([]byte, error) {
	rows := rec.rows()
	least, most := math.Inf(1), 0.0
	for _, c := range rec.Cells {
		if cpu := c.cpu().Median; cpu > 0 {
			least, most = min(least, cpu), max(most, cpu)
		}
	}
	if most == 0 {
		return nil, errors.New("there is nothing to show")
	}
	from, to := math.Floor(math.Log10(least)), math.Ceil(math.Log10(most))
	if from == to {
		to++
	}
	seconds := func(v float64) string { return fmt.Sprintf("%.3g s", math.Pow(10, v+from)) }

	var series charts.BarSeriesList
	titles := make([]string, len(rows))
	names := make([]string, len(rec.Tools))
	for i, t := range rec.Tools {
		values := make([]float64, len(rows))
		for j, r := range rows {
			titles[len(rows)-1-j] = r.title() // the first row is to be at the top
			values[len(rows)-1-j] = charts.GetNullValue()
			if c := r.cell(t.Name); c != nil && c.cpu().Median > 0 {
				values[len(rows)-1-j] = math.Log10(c.cpu().Median) - from
			}
		}
		names[i] = t.Name
		series = append(series, charts.BarSeries{
			Name: t.Name, Values: values,
			Label: charts.SeriesLabel{Show: new(true), ValueFormatter: seconds},
		})
	}
	painter := charts.NewPainter(charts.PainterOptions{
		OutputFormat: format, Width: 900,
		Height: 140 + 18*len(rows)*(len(rec.Tools)+1),
	})
	opt := charts.NewBarChartOptionWithSeries(series)
	opt.Horizontal = true
	opt.Title = charts.TitleOption{Text: "CPU time of the client (log scale)", Subtext: "\n" + rec.heading()}
	opt.Title.SubtextFontStyle.FontSize = 7
	opt.Legend = charts.LegendOption{SeriesNames: names, Offset: charts.OffsetStr{Top: "48"}}
	opt.Padding = charts.NewBoxEqual(16)
	opt.Padding.Right = 70
	opt.CategoryAxis.Labels = titles
	opt.ValueFormatter = seconds
	opt.ValueAxis = []charts.ValueAxisOption{{
		Min: new(0.0), Max: new(to - from), Unit: 1, LabelCount: int(to-from) + 1, ValueFormatter: seconds,
	}}
	if err := painter.BarChart(opt); err != nil {
		return nil, err
	}
	return painter.Bytes()
}
