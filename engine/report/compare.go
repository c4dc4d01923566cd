package report

import "strings"

// word is the outcome as JSON has it.
func (o Outcome) word() string {
	switch o {
	case Equal:
		return "equal"
	case SameSize:
		return "same_size"
	case Missing:
		return "missing"
	case Extra:
		return "extra"
	case Differs:
		return "differs"
	case Unreadable:
		return "unreadable"
	}
	return string(o)
}

// bad says that the two sides are not the same there.
func (o Outcome) bad() bool {
	switch o {
	case Missing, Extra, Differs, Unreadable:
		return true
	}
	return false
}

// comparedLine is what a person reads of one object that is not the same on both
// sides; empty of the others, of which there are too many.
//
//	differs: ./a and s3://b/a
//	missing: s3://b/a
//	extra: s3://b/a
func comparedLine(e Event) (verb, names string) {
	switch e.Outcome {
	case Differs, Unreadable:
		if e.Src != "" && e.Dst != "" {
			return e.Outcome.word(), e.Src + " and " + e.Dst
		}
		return e.Outcome.word(), location(e.Src, e.Dst, e.Key)
	case Missing, Extra: // both are said of the destination
		return e.Outcome.word(), location("", e.Dst, location(e.Src, "", e.Key))
	}
	return "", ""
}

// compared is "compared 1,204: 1,200 equal, 3 differ, 1 missing".
func (s Summary) compared() string {
	total := int64(0)
	var parts []string
	for _, o := range outcomes() {
		n := s.outcome(o)
		if total += n; n == 0 {
			continue
		}
		word := o.word()
		switch {
		case o == SameSize:
			word = "by size alone"
		case o == Differs && n > 1:
			word = "differ"
		}
		parts = append(parts, count(n)+" "+word)
	}
	text := "compared " + count(total)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text
}

// outcome is how many comparisons came to o.
func (s Summary) outcome(o Outcome) int64 {
	n := int64(0)
	for _, c := range s.Outcomes {
		if c.Outcome == o {
			n += c.Objects
		}
	}
	return n
}
