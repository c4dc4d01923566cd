package lab

import "slices"

// Spread is what several runs gave of one figure.
type Spread struct{ Median, Least, Most float64 }

// SpreadOf finds it; of nothing it is zero.
func SpreadOf(values []float64) Spread {
	n := len(values)
	if n == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return Spread{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}
