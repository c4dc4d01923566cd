package s3sim

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// keySpace is the keys of one bucket, cut into partitions.
type keySpace struct {
	mu    sync.Mutex
	parts []*partition // by their first keys, as they are in order
}

// newKeySpace is nil where the conditions have no partitions.
func newKeySpace(c *Conditions) *keySpace {
	if len(c.Partitions) == 0 {
		return nil
	}
	k := &keySpace{parts: make([]*partition, len(c.Partitions))}
	for i, p := range c.Partitions {
		k.parts[i] = newPartition(p, c.SplitAfter)
	}
	return k
}

// take asks the key's partition to carry out a request.
func (k *keySpace) take(key string, write bool) bool {
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.takeAt(now, key, write)
}

// takeEach asks for a write of each key, and returns which are refused.
func (k *keySpace) takeEach(keys []string) (refused []bool, count int) {
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	refused = make([]bool, len(keys))
	for i, key := range keys {
		if !k.takeAt(now, key, true) {
			refused[i] = true
			count++
		}
	}
	return refused, count
}

func (k *keySpace) takeAt(now time.Time, key string, write bool) bool {
	i := k.find(key)
	p := k.parts[i]
	if p.overheated(now) {
		if upper := p.split(); upper != nil {
			k.parts = slices.Insert(k.parts, i+1, upper)
			if key >= upper.From {
				p = upper
			}
		}
	}
	return p.take(now, key, write)
}

// find is the index of a key's partition.
func (k *keySpace) find(key string) int {
	i, found := slices.BinarySearchFunc(k.parts, key, func(p *partition, key string) int { return strings.Compare(p.From, key) })
	if !found {
		i-- // the first has every key from "" on
	}
	return i
}

// reset sets the counts to zero. Cuts and tokens are not counts.
func (k *keySpace) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.parts {
		p.accepted, p.refused, p.splits = 0, 0, 0
		p.first, p.last = time.Time{}, time.Time{}
	}
}

func (k *keySpace) stats(bucket string) []PartitionStats {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := make([]PartitionStats, len(k.parts))
	for i, p := range k.parts {
		all[i] = PartitionStats{
			Bucket: bucket, From: p.From, Accepted: p.accepted, Refused: p.refused,
			First: p.first, Last: p.last, Splits: p.splits,
		}
	}
	return all
}

// slowDown is S3's answer to too many requests.
func slowDown() *apiError {
	return failure(http.StatusServiceUnavailable, "SlowDown", "Please reduce your request rate.")
}

// admit asks the partition of the request's key. It is done before anything
// that costs: a storm of refused requests is to leave the processor to the client.
func (c *call) admit() error {
	if len(c.s.options.Conditions.Partitions) == 0 || c.bucket == "" || c.op == opDeleteObjects {
		return nil // DeleteObjects asks for each of its keys
	}
	key := c.key
	if key == "" {
		if !c.op.list() || c.op == opHeadBucket {
			return nil
		}
		key = c.listedFrom()
	}
	c.s.mu.RLock()
	b := c.s.buckets[c.bucket]
	c.s.mu.RUnlock()
	write := c.r.Method != http.MethodGet && c.r.Method != http.MethodHead
	if b == nil || b.space.take(key, write) {
		return nil
	}
	c.refused = true
	return slowDown()
}

// listedFrom is about where a page of a listing begins.
func (c *call) listedFrom() string {
	from := max(c.get("prefix"), c.get("start-after"), c.get("marker"), c.get("key-marker"))
	if token := c.get("continuation-token"); token != "" {
		if raw, err := base64.URLEncoding.DecodeString(token); err == nil && len(raw) > 1 {
			from = max(from, string(raw[1:]))
		}
	}
	return from
}

// admitKeys asks for each key of a DeleteObjects, and returns which are refused;
// nil is none. That all are is an error.
func (c *call) admitKeys(b *bucket, ids []batchID) ([]bool, error) {
	if b.space == nil {
		return nil, nil
	}
	keys := make([]string, len(ids))
	for i := range ids {
		keys[i] = ids[i].key
	}
	refused, n := b.space.takeEach(keys)
	c.s.counters.throttledKeys.Add(int64(n))
	if n == len(keys) {
		c.refused = true
		return nil, slowDown()
	}
	return refused, nil
}
