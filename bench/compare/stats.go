package main

import "slices"

// spread is what several runs gave of one figure.
type spread struct{ median, least, most float64 }

func spreadOf(values []float64) spread {
	n := len(values)
	if n == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return spread{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

// over is the spread of a figure of each run.
func over(runs []Run, figure func(Run) float64) spread {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = figure(r)
	}
	return spreadOf(values)
}
