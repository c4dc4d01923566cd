package main

import (
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
)

func keysOf[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

// normal is the text of a stream without what two runs of one program could not
// have alike, in lines.
func (s *side) normal(text string, ordered bool) []string {
	replace := strings.NewReplacer(
		s.store.Endpoint, "http://STORE",
		strings.TrimPrefix(s.store.Endpoint, "http://"), "STORE",
		s.work, "/WORK", s.dir, "/SIDE",
	)
	progress := regexp.MustCompile(`^(Completed [0-9].*|Calculating progress\.\.\.)$`)
	tries := regexp.MustCompile(` \(reached max retries: [0-9]+\)`) // aws's count of its own
	amount := regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\b`)
	var all []string
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		for part := range strings.SplitSeq(line, "\r") {
			part = tries.ReplaceAllString(strings.TrimRight(replace.Replace(part), " "), "")
			if progress.MatchString(part) || part == "" { // aws has an empty line before some errors
				continue
			}
			part = amount.ReplaceAllStringFunc(part, func(date string) string {
				if date[:4] == "2024" {
					return date
				}
				return "NOW"
			})
			all = append(all, signature(part))
		}
	}
	if !ordered {
		slices.Sort(all)
	}
	return all
}

// signature takes out of a presigned URL what is of the moment.
func signature(line string) string {
	return regexp.MustCompile(`([?&](?:X-Amz-Date|X-Amz-Signature|X-Amz-Credential|Expires|Signature))=[^& ]*`).ReplaceAllString(line, "$1=…")
}

// ourNormal takes out what s3haul says beside aws's lines: the summary, the advice
// below an error, notices. The page says so.
func ourNormal(stderr []string) []string {
	extra := regexp.MustCompile(`^( +\S.*|(uploaded|downloaded|copied|moved|deleted|verified|unchanged|removed|skipped|FAILED|nothing|would) .*[0-9].*|notice: .*)$`)
	return slices.DeleteFunc(slices.Clone(stderr), extra.MatchString)
}
