package transfer

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// customer are the three headers of a customer's key; nil where there is none.
type customer struct{ algorithm, key, md5 *string }

func newCustomer(k *CustomerKey) customer {
	if k == nil {
		return customer{}
	}
	sum := md5.Sum(k.Key[:])
	return customer{
		aws.String("AES256"), aws.String(base64.StdEncoding.EncodeToString(k.Key[:])), aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}
}

func (c customer) on(algorithm, key, md5 **string) {
	if c.key != nil {
		*algorithm, *key, *md5 = c.algorithm, c.key, c.md5
	}
}

// worn are Attributes as requests have them.
type worn struct {
	key    customer // of what is written, or read
	source customer // of what is copied
	payer  types.RequestPayer
	given
	description
}

func (w *worn) nothing() bool {
	return w.key.key == nil && w.source.key == nil && w.payer == "" && w.given == given{} && w.description.nothing()
}

// given are what an object has by whoever writes it, and never takes over from a
// source.
type given struct {
	acl                                        types.ObjectCannedACL
	grantFull, grantRead, grantReadACP, grantW *string
	class                                      types.StorageClass
	redirect                                   *string
	sse                                        types.ServerSideEncryption
	kmsKey                                     *string
}

// description is what describes the content of an object, which a copy may take over
// from its source.
type description struct {
	kind, disposition, encoding, language, cacheControl *string

	expires *time.Time
	meta    map[string]string
	tags    *string
}

// any says that there is something of what a metadata directive is about.
func (c *description) any() bool {
	return c.kind != nil || c.disposition != nil || c.encoding != nil || c.language != nil || c.cacheControl != nil ||
		c.expires != nil || len(c.meta) > 0
}

func (c *description) nothing() bool { return !c.any() && c.tags == nil }

// over is c where it says something, and what is below it elsewhere, tags apart.
func (c description) over(below description) description {
	c.kind = cmp.Or(c.kind, below.kind)
	c.disposition = cmp.Or(c.disposition, below.disposition)
	c.encoding = cmp.Or(c.encoding, below.encoding)
	c.language = cmp.Or(c.language, below.language)
	c.cacheControl = cmp.Or(c.cacheControl, below.cacheControl)
	c.expires = cmp.Or(c.expires, below.expires)
	if len(c.meta) == 0 {
		c.meta = below.meta
	}
	return c
}

// wear makes the headers of a.
func (a *Attributes) wear() *worn {
	w := &worn{
		key: newCustomer(a.CustomerKey), source: newCustomer(a.SourceKey), payer: a.payer(),
		given: given{
			acl: types.ObjectCannedACL(a.ACL), class: types.StorageClass(a.StorageClass),
			grantFull: a.grantees("full"), grantRead: a.grantees("read"),
			grantReadACP: a.grantees("readacl"), grantW: a.grantees("writeacl"),
			redirect: filled(a.Redirect), sse: types.ServerSideEncryption(a.Encryption), kmsKey: filled(a.KMSKeyID),
		},
		description: description{
			kind: filled(a.ContentType), disposition: filled(a.ContentDisposition), encoding: filled(a.ContentEncoding),
			language: filled(a.ContentLanguage), cacheControl: filled(a.CacheControl), tags: a.tagging(),
		},
	}
	if !a.Expires.IsZero() {
		w.expires = aws.Time(a.Expires.UTC())
	}
	// S3 keeps the names in small letters, and of two that differ in nothing else
	// a request can have one.
	for _, name := range slices.Sorted(maps.Keys(a.Metadata)) {
		if w.meta == nil {
			w.meta = make(map[string]string, len(a.Metadata))
		}
		w.meta[strings.ToLower(name)] = a.Metadata[name]
	}
	return w
}

// wearSource makes the headers of requests about what is read.
func (a *Attributes) wearSource() *worn {
	return &worn{key: newCustomer(a.SourceKey), payer: a.payer()}
}

// wearCopy makes those of copies: what describes their content depends on the
// source, and is put together where they are made.
func (a *Attributes) wearCopy() *worn {
	w := a.wear()
	w.description = description{}
	return w
}

func (a *Attributes) payer() types.RequestPayer {
	if a.RequestPayer {
		return types.RequestPayerRequester
	}
	return ""
}

// filled is nil for nothing.
func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// grantees are all of one permission.
func (a *Attributes) grantees(permission string) *string {
	var all []string
	for _, g := range a.Grants {
		if g.Permission == permission {
			all = append(all, g.Grantees)
		}
	}
	return filled(strings.Join(all, ","))
}

// tagging are the tags as a header has them; not nil where there are to be none.
func (a *Attributes) tagging() *string {
	if a.Tags == nil {
		return nil
	}
	pairs := make([]string, 0, len(a.Tags))
	for _, name := range slices.Sorted(maps.Keys(a.Tags)) {
		pairs = append(pairs, tagPair(name, a.Tags[name]))
	}
	return aws.String(strings.Join(pairs, "&"))
}

func tagPair(name, value string) string { return url.QueryEscape(name) + "=" + url.QueryEscape(value) }

// set writes v where there is one.
func set[V comparable](at *V, v V) {
	var none V
	if v != none {
		*at = v
	}
}

// on writes what there is into an input that begins an object, tags apart.
func (c *description) on(kind, disposition, encoding, language, cacheControl **string, expires **time.Time, meta *map[string]string) {
	set(kind, c.kind)
	set(disposition, c.disposition)
	set(encoding, c.encoding)
	set(language, c.language)
	set(cacheControl, c.cacheControl)
	set(expires, c.expires)
	switch {
	case len(c.meta) == 0:
	case len(*meta) == 0:
		*meta = c.meta
	default: // that of the file, which another request may share
		both := maps.Clone(*meta)
		maps.Copy(both, c.meta)
		*meta = both
	}
}
