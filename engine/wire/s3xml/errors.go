package s3xml

import (
	"bytes"
	"fmt"
)

// ErrorDocument is what S3 says of a request that failed. What a store leaves
// out is empty.
type ErrorDocument struct {
	Code, Message, RequestID, HostID string
	// Region and Endpoint say where the bucket is, in the answers that
	// redirect to it.
	Region, Endpoint string
	// BucketName is the bucket that the error is about.
	BucketName string
	// StorageClass and AccessTier say where an object is that cannot be read
	// before it is restored.
	StorageClass, AccessTier string
}

// InsteadError is an answer with the status 200 that is an error all the same.
type InsteadError struct{ ErrorDocument }

func (e *InsteadError) Error() string {
	return fmt.Sprintf("an error inside an answer of status 200: %s: %s (request id %q)",
		short([]byte(e.Code)), short([]byte(e.Message)), short([]byte(e.RequestID)))
}

// Error parses b, the body of an answer that failed or may have: an <Error> as
// S3 sends it, or one inside of an <ErrorResponse>. ok says that b is such a
// document. An empty body, one that is no XML and one with another root are
// none, and no error. err says that b is broken before its first element, or,
// together with ok, in it; doc then has what could be read.
func Error(b []byte) (doc ErrorDocument, ok bool, err error) {
	if rest := bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), spaces); len(rest) == 0 || rest[0] != '<' {
		return doc, false, nil
	}
	p := newParser(b)
	defer p.free()
	root := p.root()
	if p.err != nil {
		return doc, false, p.err
	}
	if !isError(root) {
		return doc, false, nil
	}
	p.errorDocument(&doc, root)
	p.finish()
	return doc, true, p.err
}

func isError(root string) bool { return root == "Error" || root == "ErrorResponse" }

// instead reads the tag of the root element, which must be want. Where it is an
// error's, all of it is read and becomes the parser's error.
func (p *parser) instead(want string) bool {
	root := p.root()
	switch {
	case p.err != nil:
		return false
	case root == want:
		return true
	case isError(root):
		e := new(InsteadError)
		p.errorDocument(&e.ErrorDocument, root)
		p.finish()
		if p.err == nil {
			p.err = e
		}
	default:
		p.fail("the answer is a <%s>, not a <%s>", short([]byte(root)), want)
	}
	return false
}

// errorDocument reads the children of an error's root. Of what comes twice, the
// last is taken: a request that failed has failed, whatever else it says.
func (p *parser) errorDocument(doc *ErrorDocument, root string) {
	for p.child() {
		var into *string
		switch string(p.tag()) {
		case "Error":
			if root == "ErrorResponse" {
				p.errorDocument(doc, "Error")
				continue
			}
		case "Code":
			into = &doc.Code
		case "Message":
			into = &doc.Message
		case "RequestId", "RequestID":
			into = &doc.RequestID
		case "HostId":
			into = &doc.HostID
		case "Region":
			into = &doc.Region
		case "Endpoint":
			into = &doc.Endpoint
		case "BucketName":
			into = &doc.BucketName
		case "StorageClass":
			into = &doc.StorageClass
		case "AccessTier":
			into = &doc.AccessTier
		}
		if into == nil {
			p.skip()
			continue
		}
		if b := p.take(); p.err == nil {
			*into = string(b)
		}
	}
}
