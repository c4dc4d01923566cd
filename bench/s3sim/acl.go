package s3sim

import (
	"net/http"
	"slices"
	"strings"
)

// acl is an object's access control: a canned one, or grants.
type acl struct {
	canned string // "" is private
	grants []grant
}

type grant struct{ kind, who, permission string }

func (a acl) private() bool { return (a.canned == "" || a.canned == "private") && len(a.grants) == 0 }

// readACL reads the headers of a write.
func (c *call) readACL() (acl, error) {
	a := acl{canned: c.header("X-Amz-Acl")}
	switch a.canned {
	case "", "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
		"bucket-owner-read", "bucket-owner-full-control":
	default:
		return a, invalidArgument("x-amz-acl", a.canned, "The canned ACL you specified is not valid")
	}
	for _, h := range [...]element{
		{"X-Amz-Grant-Full-Control", "FULL_CONTROL"},
		{"X-Amz-Grant-Read", "READ"},
		{"X-Amz-Grant-Read-Acp", "READ_ACP"},
		{"X-Amz-Grant-Write-Acp", "WRITE_ACP"},
		{"X-Amz-Grant-Write", "WRITE"},
	} {
		text := c.header(h.name)
		if text == "" {
			continue
		}
		for item := range strings.SplitSeq(text, ",") {
			kind, who, ok := strings.Cut(strings.TrimSpace(item), "=")
			if strings.EqualFold(kind, "emailAddress") { // aws's examples have it in small letters
				kind = "emailAddress"
			}
			if who = strings.Trim(who, `"`); !ok || who == "" || !slices.Contains([]string{"id", "uri", "emailAddress"}, kind) {
				return a, invalidArgument(strings.ToLower(h.name), text, "Argument format not recognized")
			}
			a.grants = append(a.grants, grant{kind, who, h.value})
		}
	}
	if a.canned != "" && len(a.grants) > 0 {
		return a, badRequest("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
	}
	return a, nil
}

const (
	allUsers           = "http://acs.amazonaws.com/groups/global/AllUsers"
	authenticatedUsers = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
)

// all are the grants that a means.
func (a acl) all() []grant {
	if len(a.grants) > 0 {
		return a.grants
	}
	owner := grant{"id", ownerID, "FULL_CONTROL"}
	switch a.canned {
	case "public-read":
		return []grant{owner, {"uri", allUsers, "READ"}}
	case "public-read-write":
		return []grant{owner, {"uri", allUsers, "READ"}, {"uri", allUsers, "WRITE"}}
	case "authenticated-read":
		return []grant{owner, {"uri", authenticatedUsers, "READ"}}
	}
	return []grant{owner}
}

// objectACL answers GetObjectAcl and PutObjectAcl.
func (c *call) objectACL(b *bucket) error {
	if c.op == opGetObjectACL {
		v, err := c.current(b)
		if err != nil {
			return err
		}
		out := append(c.beginXML(), "<AccessControlPolicy"+namespace+">"...)
		out = appendOwner(out, "Owner")
		out = append(out, "<AccessControlList>"...)
		for _, g := range v.attributes().acl.all() {
			out = appendGrant(out, g)
		}
		return c.replyXML(append(out, "</AccessControlList></AccessControlPolicy>"...))
	}
	a, err := c.readACL()
	if err != nil {
		return err
	}
	doc, err := c.document()
	if err != nil {
		return err
	}
	if len(doc) > 0 {
		if a.grants, err = parseGrants(doc); err != nil {
			return err
		}
	}
	return c.change(b, func(v *version) error {
		next := *v.attributes()
		next.acl = a
		v.attrs = &next
		return nil
	})
}

func appendGrant(out []byte, g grant) []byte {
	kind, name := "CanonicalUser", "ID"
	switch g.kind {
	case "uri":
		kind, name = "Group", "URI"
	case "emailAddress":
		kind, name = "AmazonCustomerByEmail", "EmailAddress"
	}
	out = append(out, `<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="`+kind+`">`...)
	out = appendElement(out, name, g.who)
	if g.who == ownerID {
		out = appendElement(out, "DisplayName", ownerName)
	}
	out = append(out, "</Grantee>"...)
	out = appendElement(out, "Permission", g.permission)
	return append(out, "</Grant>"...)
}

func parseGrants(doc []byte) ([]grant, error) {
	root, err := parseXML(doc, "AccessControlPolicy")
	if err != nil {
		return nil, err
	}
	list := root.child("AccessControlList")
	grants := []grant{}
	for i := range list.kids {
		who, permission := list.kids[i].child("Grantee"), list.kids[i].child("Permission").text
		if !slices.Contains([]string{"FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP"}, permission) {
			return nil, badRequest("MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema")
		}
		switch {
		case who.has("ID"):
			grants = append(grants, grant{"id", who.child("ID").text, permission})
		case who.has("URI"):
			grants = append(grants, grant{"uri", who.child("URI").text, permission})
		case who.has("EmailAddress"):
			grants = append(grants, grant{"emailAddress", who.child("EmailAddress").text, permission})
		default:
			return nil, badRequest("MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema")
		}
	}
	return grants, nil
}

// objectTagging answers GetObjectTagging, PutObjectTagging and
// DeleteObjectTagging.
func (c *call) objectTagging(b *bucket) error {
	switch c.op {
	case opGetObjectTagging:
		v, err := c.current(b)
		if err != nil {
			return err
		}
		b.mu.RLock()
		c.setVersion(b, &v)
		b.mu.RUnlock()
		out := append(c.beginXML(), "<Tagging"+namespace+"><TagSet>"...)
		for _, t := range v.tags {
			out = append(out, "<Tag>"...)
			out = appendElement(out, "Key", t.name)
			out = appendElement(out, "Value", t.value)
			out = append(out, "</Tag>"...)
		}
		return c.replyXML(append(out, "</TagSet></Tagging>"...))
	case opDeleteObjectTagging:
		return c.changeThen(b, http.StatusNoContent, func(v *version) error {
			v.tags = nil
			return nil
		})
	}
	doc, err := c.document()
	if err != nil {
		return err
	}
	root, err := parseXML(doc, "Tagging")
	if err != nil {
		return err
	}
	set := root.child("TagSet")
	var tags []element
	for i := range set.kids {
		tags = append(tags, element{set.kids[i].child("Key").text, set.kids[i].child("Value").text})
	}
	if err := checkTags(tags); err != nil {
		return err
	}
	return c.change(b, func(v *version) error {
		v.tags = tags
		return nil
	})
}

// getObjectAttributes answers with the parts of an object's description that
// the request's header names.
func (c *call) getObjectAttributes(b *bucket) error {
	v, err := c.current(b)
	if err != nil {
		return err
	}
	if err := c.unlock(v.attributes().sse, hSSECustomer); err != nil {
		return err
	}
	wanted := strings.Join(c.r.Header["X-Amz-Object-Attributes"], ",")
	if wanted == "" {
		return invalidArgument("x-amz-object-attributes", "", "Invalid attribute name specified.")
	}
	most, err := numberHeader(c.header("X-Amz-Max-Parts"), maxPage)
	if err != nil {
		return err
	}
	marker, err := numberHeader(c.header("X-Amz-Part-Number-Marker"), 0)
	if err != nil {
		return err
	}
	c.set("Last-Modified", httpTime(v.modified))
	b.mu.RLock()
	c.setVersion(b, &v)
	b.mu.RUnlock()
	out := append(c.beginXML(), "<GetObjectAttributesResponse"+namespace+">"...)
	sum := c.s.checksum(&v)
	for name := range strings.SplitSeq(wanted, ",") {
		switch strings.TrimSpace(name) {
		case "ETag":
			out = appendElement(out, "ETag", v.etag)
		case "Checksum":
			if sum != "" {
				value, _, _ := strings.Cut(sum, "-")
				out = append(out, "<Checksum>"...)
				out = appendElement(out, v.alg.element(), value)
				out = appendElement(out, "ChecksumType", v.checksumType())
				out = append(out, "</Checksum>"...)
			}
		case "ObjectParts":
			out = appendParts(out, &v, most, marker)
		case "StorageClass":
			out = appendElement(out, "StorageClass", v.storageClass())
		case "ObjectSize":
			out = appendNumber(out, "ObjectSize", v.size)
		default:
			return invalidArgument("x-amz-object-attributes", name, "Invalid attribute name specified.")
		}
	}
	return c.replyXML(append(out, "</GetObjectAttributesResponse>"...))
}

func numberHeader(text string, otherwise int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := parseSize(text)
	if err != nil {
		return 0, invalidArgument("x-amz-max-parts", text, "Argument must be an integer")
	}
	return int(min(n, maxPage*maxParts)), nil
}

// appendParts writes the parts of an object that was uploaded in parts. S3
// tells them one by one only where each has a checksum.
func appendParts(out []byte, v *version, most, marker int) []byte {
	if len(v.parts) == 0 {
		return out
	}
	out = append(out, "<ObjectParts>"...)
	out = appendNumber(out, "PartsCount", int64(len(v.parts)))
	if v.parts[0].sum != "" {
		n, last, truncated := 0, marker, false
		for _, p := range v.parts {
			if p.number <= marker {
				continue
			}
			if n == most {
				truncated = true
				break
			}
			n, last = n+1, p.number
			out = append(out, "<Part>"...)
			out = appendElement(out, v.alg.element(), p.sum)
			out = appendNumber(out, "PartNumber", int64(p.number))
			out = appendNumber(out, "Size", p.size)
			out = append(out, "</Part>"...)
		}
		out = appendNumber(out, "PartNumberMarker", int64(marker))
		out = appendNumber(out, "NextPartNumberMarker", int64(last))
		out = appendNumber(out, "MaxParts", int64(most))
		out = appendBool(out, "IsTruncated", truncated)
	}
	return append(out, "</ObjectParts>"...)
}
