package s3sim

import (
	"net/http"
	"strings"
)

// document is a configuration of a bucket that is kept as it came: the simulator
// does nothing by it.
type document struct {
	parameter string // of the query
	name      string // in the operations' names
	missing   string // the code of the error where there is none
}

// documentKinds is how many documents there are.
const documentKinds = 9

func documents() [documentKinds]document {
	return [documentKinds]document{
		{"cors", "BucketCors", "NoSuchCORSConfiguration"},
		{"encryption", "BucketEncryption", "ServerSideEncryptionConfigurationNotFoundError"},
		{"lifecycle", "BucketLifecycleConfiguration", "NoSuchLifecycleConfiguration"},
		{"ownershipControls", "BucketOwnershipControls", "OwnershipControlsNotFoundError"},
		{"policy", "BucketPolicy", "NoSuchBucketPolicy"},
		{"publicAccessBlock", "PublicAccessBlock", "NoSuchPublicAccessBlockConfiguration"},
		{"replication", "BucketReplication", "ReplicationConfigurationNotFoundError"},
		{"tagging", "BucketTagging", "NoSuchTagSet"},
		{"website", "BucketWebsite", "NoSuchWebsiteConfiguration"},
	}
}

// operation is the name of the get, the put or the delete of a document.
func (d document) operation(verb int) string {
	if d.parameter == "lifecycle" && verb == 2 {
		return "DeleteBucketLifecycle"
	}
	return [...]string{"Get", "Put", "Delete"}[verb] + d.name
}

// documentKind finds which document a query asks for; less than 0 is none.
func (c *call) documentKind() int {
	for _, p := range c.query {
		for i, d := range documents() {
			if p.name == d.parameter {
				return i
			}
		}
	}
	return -1
}

// bucketDocument gets, puts or deletes a configuration.
func (c *call) bucketDocument(b *bucket) error {
	n := int(c.op - opBucketDocument)
	d := documents()[n/3]
	switch n % 3 {
	case 0:
		return c.getDocument(b, d)
	case 1:
		doc, err := c.document()
		if err != nil {
			return err
		}
		if len(doc) == 0 {
			return malformedXML()
		}
		if d.parameter == "website" {
			if err := checkWebsite(doc); err != nil {
				return err
			}
		}
		b.mu.Lock()
		if b.documents == nil {
			b.documents = map[string][]byte{}
		}
		b.documents[d.parameter] = doc
		b.mu.Unlock()
		return c.answer(http.StatusOK)
	}
	b.mu.Lock()
	delete(b.documents, d.parameter)
	b.mu.Unlock()
	return c.answer(http.StatusNoContent)
}

// checkWebsite wants what S3 wants of a website.
func checkWebsite(doc []byte) error {
	root, err := parseXML(doc, "WebsiteConfiguration")
	if err != nil {
		return err
	}
	switch suffix := root.child("IndexDocument").child("Suffix").text; {
	case root.has("RedirectAllRequestsTo"):
	case suffix == "":
		return invalidArgument("IndexDocument", "null", "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty")
	case strings.Contains(suffix, "/"):
		return invalidArgument("IndexDocument", suffix, "The IndexDocument Suffix is not well formed")
	}
	return nil
}

func (c *call) getDocument(b *bucket, d document) error {
	b.mu.RLock()
	doc := b.documents[d.parameter]
	b.mu.RUnlock()
	if doc == nil {
		return failure(http.StatusNotFound, d.missing, "The specified configuration does not exist").with("BucketName", b.name)
	}
	if d.parameter == "policy" {
		c.set("Content-Type", "application/json")
		c.w.WriteHeader(http.StatusOK)
		_, _ = c.w.Write(doc) // a client that went away needs no answer
		return nil
	}
	return c.replyXML(append(c.beginXML()[:0], doc...))
}
