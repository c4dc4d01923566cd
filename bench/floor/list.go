package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/s3haul/s3haul/bench/s3sim"
)

// pageSize is the most entries of a page.
const pageSize = 1000

// listing is the keys that the store makes up, and with them where each worker
// begins and ends: what a lister has to find out is known here.
type listing struct {
	c        *client
	keys     s3sim.Synthetic
	versions bool
}

// list fetches all pages of the bucket, a range of its keys for each worker, and
// returns how many entries came.
func (l *listing) list(ctx context.Context) (int, error) {
	ranges := min(l.c.workers, l.keys.Len())
	counts := make([]int, ranges)
	group, groupCtx := errgroup.WithContext(ctx)
	for i := range ranges {
		group.Go(func() (err error) {
			counts[i], err = l.pages(groupCtx, i*l.keys.Len()/ranges, (i+1)*l.keys.Len()/ranges)
			return err
		})
	}
	err := group.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, err
}

// pages fetches those of the keys from one number up to another.
func (l *listing) pages(ctx context.Context, from, to int) (int, error) {
	want := to - from
	if l.versions {
		want *= max(1, l.keys.Versions)
	}
	after, id := "", ""
	if from > 0 {
		after = l.keys.Key(from - 1)
	}
	var page bytes.Buffer
	for n := 0; n < want; {
		most := min(pageSize, want-n)
		if err := l.page(ctx, &page, after, id, most); err != nil {
			return n, err
		}
		count := bytes.Count(page.Bytes(), []byte("<Key>"))
		if count == 0 || count > most {
			return n, fmt.Errorf("%d keys came after %q, where %d were asked for", count, after, most)
		}
		n += count
		after = last(page.Bytes(), "<Key>")
		if l.versions {
			id = last(page.Bytes(), "<VersionId>")
		}
	}
	if end := l.keys.Key(to - 1); after != end {
		return want, fmt.Errorf("%d keys ended with %q, not with %q", want, after, end)
	}
	return want, nil
}

// page fetches one. Its keys need no encoding: the store makes none that does.
func (l *listing) page(ctx context.Context, into *bytes.Buffer, after, id string, most int) error {
	query := url.Values{"list-type": {"2"}, "max-keys": {strconv.Itoa(most)}}
	if after != "" {
		query.Set("start-after", after)
	}
	if l.versions {
		query = url.Values{"versions": {""}, "max-keys": {strconv.Itoa(most)}}
		if after != "" {
			query.Set("key-marker", after)
		}
		if id != "" {
			query.Set("version-id-marker", id)
		}
	}
	resp, err := l.c.do(ctx, http.MethodGet, l.keys.Bucket, "", query, nil, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	into.Reset()
	if _, err := into.ReadFrom(resp.Body); err != nil {
		return fmt.Errorf("a page of %s: %w", l.keys.Bucket, err)
	}
	return nil
}

// last is the text of the last element of that name.
func last(page []byte, begin string) string {
	i := bytes.LastIndex(page, []byte(begin))
	if i < 0 {
		return ""
	}
	text, _, _ := bytes.Cut(page[i+len(begin):], []byte{'<'})
	return string(text)
}
