package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// mostTags and the sizes in characters are S3's
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html).
	mostTags     = 10
	mostTagName  = 128
	mostTagValue = 256
	// mostMetadata is in bytes, of all names and values together
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html).
	mostMetadata = 2 << 10
)

// CannedACLs are those that objects may have.
func CannedACLs() []string {
	return []string{
		"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
		"bucket-owner-read", "bucket-owner-full-control", "log-delivery-write",
	}
}

// Check says all that is wrong with a, nil where that is nothing: what no store
// would take, so that nothing is sent.
func (a *Attributes) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	oneOf := func(what, value string, of ...string) {
		if value != "" && !slices.Contains(of, value) {
			bad("%s is %q; it can be %s", what, value, strings.Join(of, ", "))
		}
	}
	oneOf("the ACL", a.ACL, CannedACLs()...)
	oneOf("the encryption", a.Encryption, "AES256", "aws:kms", "aws:kms:dsse")
	oneOf("the metadata directive", a.MetadataDirective, "COPY", "REPLACE")
	oneOf("what copies take along", a.CopyProps, "none", "metadata-directive", "default")
	for _, g := range a.Grants {
		oneOf("the permission of a grant", g.Permission, "read", "full", "readacl", "writeacl")
		if g.Permission == "" || g.Grantees == "" {
			bad("a grant needs a permission and grantees, as in read=id=…")
		}
	}
	if a.ACL != "" && len(a.Grants) > 0 {
		bad("an ACL and grants cannot both be given: S3 takes one of them")
	}
	if a.KMSKeyID != "" && a.Encryption == "AES256" {
		bad("a KMS key is for the encryptions aws:kms and aws:kms:dsse, not for AES256")
	}
	if a.CustomerKey != nil && (a.Encryption != "" || a.KMSKeyID != "") {
		bad("a key of one's own (SSE-C) and another encryption cannot both be given")
	}
	errs = append(errs, a.checkTags(), a.checkMetadata())
	for _, h := range []struct{ name, value string }{
		{"storage class", a.StorageClass},
		{"KMS key", a.KMSKeyID},
		{"content type", a.ContentType},
		{"content disposition", a.ContentDisposition},
		{"content encoding", a.ContentEncoding},
		{"content language", a.ContentLanguage},
		{"cache control", a.CacheControl},
		{"website redirect", a.Redirect},
	} {
		if !sendable(h.value) {
			bad("the %s %q has a character that no header can carry", h.name, h.value)
		}
	}
	for _, g := range a.Grants {
		if !sendable(g.Grantees) {
			bad("the grantees %q have a character that no header can carry", g.Grantees)
		}
	}
	return errors.Join(errs...)
}

func (a *Attributes) checkTags() error {
	if len(a.Tags) > mostTags {
		return fmt.Errorf("there are %d tags; S3 takes %d on an object", len(a.Tags), mostTags)
	}
	for _, name := range slices.Sorted(maps.Keys(a.Tags)) {
		switch value := a.Tags[name]; {
		case name == "":
			return errors.New("a tag has no name")
		case utf8.RuneCountInString(name) > mostTagName:
			return fmt.Errorf("the name of the tag %q is longer than %d characters", name, mostTagName)
		case utf8.RuneCountInString(value) > mostTagValue:
			return fmt.Errorf("the value of the tag %q is longer than %d characters", name, mostTagValue)
		case strings.HasPrefix(strings.ToLower(name), "aws:"):
			return fmt.Errorf("the tag %q: names that begin with aws: are those of AWS itself", name)
		}
	}
	return nil
}

// checkMetadata refuses what would arrive as something else: S3 keeps text of
// US-ASCII alone.
func (a *Attributes) checkMetadata() error {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(a.Metadata)) {
		value := a.Metadata[name]
		size += len(name) + len(value)
		if name == "" || strings.ContainsFunc(name, func(c rune) bool {
			return c <= ' ' || c > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c)
		}) {
			return fmt.Errorf("the name %q of metadata cannot be part of a header", name)
		}
		if !sendable(value) || strings.ContainsFunc(value, func(c rune) bool { return c > '~' }) {
			return fmt.Errorf("the metadata %s=%q: S3 takes the characters of US-ASCII alone", name, value)
		}
	}
	if size > mostMetadata {
		return fmt.Errorf("the metadata has %d bytes; S3 takes %d", size, mostMetadata)
	}
	return nil
}

// sendable says that a value can stand in a header.
func sendable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f })
}

// fingerprint tells apart what uploads in parts were begun with, so that none is
// gone on with as something else; empty where there is nothing to tell, which is
// also what records have from before there was any. It is of what is sent when an
// upload begins, and says nothing about a key.
func (a *Attributes) fingerprint(preserve bool) string {
	type begun struct {
		Attributes
		Preserve bool
		Until    int64
	}
	b := begun{*a, preserve, 0}
	b.SourceKey, b.RequestPayer = nil, false // of reading and paying, not of what is written
	if !b.Expires.IsZero() {                 // JSON has no years beyond 9999
		b.Expires, b.Until = time.Time{}, b.Expires.Unix()
	}
	if len(b.Grants) == 0 {
		b.Grants = nil
	}
	if len(b.Metadata) == 0 {
		b.Metadata = nil
	}
	h := sha256.New()
	if b.CustomerKey != nil {
		h.Write(b.CustomerKey.Key[:])
		b.CustomerKey = &CustomerKey{}
	}
	text, err := json.Marshal(b)
	if err != nil { // what is plain data and has no time in it can always be written
		return err.Error()
	}
	if none, err := json.Marshal(begun{}); err == nil && string(text) == string(none) {
		return ""
	}
	h.Write(text)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
