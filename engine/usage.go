package engine

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/s3haul/s3haul/walker"
	"github.com/s3haul/s3haul/walker/bucket"
)

// MaxUsagePrefixes is the most prefixes that Usage tells apart.
const MaxUsagePrefixes = 100_000

// UsageOptions of Usage.
type UsageOptions struct {
	// Depth is how many levels below the location are told apart; 0 gives the
	// sums alone.
	Depth int
	// Versions counts all versions and delete markers, not the current objects
	// alone.
	Versions bool
	// PageSize is the number of keys asked for at once, 1 to 1000; 0 means 1000.
	PageSize int
	// RequestPayer says that the requester pays.
	RequestPayer bool
	// Notice is told what is worth knowing and stops nothing; nil tells nobody.
	Notice func(error)
}

// Amount is a number of objects, or of versions and delete markers, and their
// bytes.
type Amount struct{ Objects, Bytes int64 }

func (a *Amount) add(b Amount) {
	a.Objects += b.Objects
	a.Bytes += b.Bytes
}

// Usage is what is at a location.
type Usage struct {
	// Total is all of it: Current, Noncurrent and Markers.
	Total Amount
	// Prefixes are the levels below the location, by name.
	Prefixes []NamedAmount
	// Classes are the storage classes, by name; delete markers have none. The
	// name is empty where the store does not say.
	Classes []NamedAmount
	// Current are the objects that a plain listing has.
	Current Amount
	// Noncurrent are versions that a newer one or a marker hides, and Markers the
	// delete markers; they are counted with UsageOptions.Versions.
	Noncurrent Amount
	Markers    int64
}

// NamedAmount is the amount of a prefix or of a storage class. A prefix is whole,
// with that of the location; its amount is that of all keys that begin with it.
type NamedAmount struct {
	Name string
	Amount
}

// Usage counts objects and bytes by prefix, storage class and version state.
// More than [MaxUsagePrefixes] prefixes are [ErrUsage]: a smaller Depth has
// fewer. With any error there is no Usage: half of a sum is none.
func (e *Engine) Usage(ctx context.Context, at Location, o UsageOptions) (Usage, error) {
	if err := needBucketOrGlob(at); err != nil {
		return Usage{}, err
	}
	if o.Depth < 0 {
		return Usage{}, usagef("a depth of %d levels: give 0 or more", o.Depth)
	}
	client := e.attempts()
	options := e.listing(at, parallelMixed, o.PageSize)
	options.Notice, options.RequestPayer = o.Notice, o.RequestPayer
	source := bucket.New(client, options)
	if o.Versions {
		source = bucket.NewVersions(client, options)
	}
	var filter *walker.Filter
	if at.glob != "" {
		filter = walker.NewFilter("").Within(at.glob)
	}
	c := counter{depth: o.Depth, versions: o.Versions, prefixes: map[string]*Amount{}, classes: map[string]*Amount{}}
	for chunk, err := range source.Pages(ctx) {
		if err != nil {
			return Usage{}, err
		}
		for i := range chunk.Entries {
			if filter != nil && !filter.Match(chunk.Entries[i].Key) {
				continue
			}
			c.count(&chunk.Entries[i])
		}
		if len(c.prefixes) > MaxUsagePrefixes {
			return Usage{}, tooManyPrefixes(at, o.Depth)
		}
	}
	return c.usage(at)
}

func tooManyPrefixes(at Location, depth int) error {
	return usagef("%s has more than 100,000 prefixes within a depth of %d: give a smaller depth, or a longer prefix", at, depth)
}

// counter adds up entries. Neighbours mostly share their prefix and their class,
// so the last ones are looked at before the maps are.
type counter struct {
	depth    int
	versions bool

	// prefixes are those of the keys, cut at the depth: a key is counted at one
	// of them, or at none where it has no '/'.
	prefixes   map[string]*Amount
	prefix     string // the last one, where it is as deep as it goes
	ofPrefix   *Amount
	classes    map[string]*Amount
	class      string // the last one
	ofClass    *Amount
	current    Amount
	noncurrent Amount
	markers    int64
}

func (c *counter) count(e *walker.Entry) {
	one := Amount{Objects: 1, Bytes: e.Size}
	if c.depth > 0 {
		c.below(e.Key, one)
	}
	if e.DeleteMarker {
		c.markers++
		return
	}
	if c.versions && !e.Latest {
		c.noncurrent.add(one)
	} else {
		c.current.add(one)
	}
	if c.ofClass == nil || c.class != e.StorageClass {
		c.class, c.ofClass = named(c.classes, e.StorageClass)
	}
	c.ofClass.add(one)
}

func (c *counter) below(key string, one Amount) {
	if c.ofPrefix != nil && strings.HasPrefix(key, c.prefix) {
		c.ofPrefix.add(one)
		return
	}
	prefix, deepest := head(key, c.depth)
	if prefix == "" {
		return
	}
	name, amount := named(c.prefixes, prefix)
	amount.add(one)
	if deepest { // else its next key may go deeper, and be another's
		c.prefix, c.ofPrefix = name, amount
	}
}

// named finds or makes the amount of a name, and gives the name that the map
// has: that of an entry would keep its page in memory.
func named(m map[string]*Amount, name string) (string, *Amount) {
	a := m[name]
	if a == nil {
		name = strings.Clone(name)
		a = new(Amount)
		m[name] = a
	}
	return name, a
}

// head is key up to its '/' number depth, or up to its last one where it has
// fewer.
func head(key string, depth int) (prefix string, deepest bool) {
	end := 0
	for range depth {
		i := strings.IndexByte(key[end:], '/')
		if i < 0 {
			return key[:end], false
		}
		end += i + 1
	}
	return key[:end], true
}

func (c *counter) usage(at Location) (Usage, error) {
	u := Usage{Current: c.current, Noncurrent: c.noncurrent, Markers: c.markers}
	u.Total = c.current
	u.Total.add(c.noncurrent)
	u.Total.Objects += c.markers
	u.Classes = byName(c.classes, "")
	// What is counted at a prefix is below each of those above it as well.
	all := make(map[string]*Amount, len(c.prefixes))
	for key, a := range c.prefixes {
		for i := range len(key) {
			if key[i] == '/' {
				_, sum := named(all, key[:i+1])
				sum.add(*a)
			}
		}
		if len(all) > MaxUsagePrefixes {
			return Usage{}, tooManyPrefixes(at, c.depth)
		}
	}
	u.Prefixes = byName(all, at.path)
	return u, nil
}

func byName(m map[string]*Amount, prefix string) []NamedAmount {
	list := make([]NamedAmount, 0, len(m))
	for name, a := range m {
		list = append(list, NamedAmount{Name: prefix + name, Amount: *a})
	}
	slices.SortFunc(list, func(a, b NamedAmount) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
