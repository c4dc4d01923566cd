package s3sim

import "net/http"

// operation is one of S3's operations.
type operation uint8

const (
	opUnknown operation = iota
	opListBuckets
	opCreateBucket
	opHeadBucket
	opDeleteBucket
	opGetBucketLocation
	opGetBucketVersioning
	opPutBucketVersioning
	opGetObjectLockConfiguration
	opPutObjectLockConfiguration
	opListObjects
	opListObjectsV2
	opListObjectVersions
	opListMultipartUploads
	opDeleteObjects
	opPutObject
	opGetObject
	opHeadObject
	opDeleteObject
	opCopyObject
	opCreateMultipartUpload
	opUploadPart
	opUploadPartCopy
	opCompleteMultipartUpload
	opAbortMultipartUpload
	opListParts
	opGetObjectACL
	opPutObjectACL
	opGetObjectTagging
	opPutObjectTagging
	opDeleteObjectTagging
	opGetObjectRetention
	opPutObjectRetention
	opGetObjectLegalHold
	opPutObjectLegalHold
	opGetObjectAttributes
	// From here on a get, a put and a delete of each configuration that is kept
	// as it came.
	opBucketDocument
	operations = opBucketDocument + 3*documentKinds // how many there are
)

// String returns the operation's name as S3 writes it.
func (op operation) String() string {
	if op >= opBucketDocument {
		n := int(op - opBucketDocument)
		return documents()[n/3].operation(n % 3)
	}
	names := [opBucketDocument]string{
		"Unknown", "ListBuckets", "CreateBucket", "HeadBucket", "DeleteBucket", "GetBucketLocation",
		"GetBucketVersioning", "PutBucketVersioning", "GetObjectLockConfiguration", "PutObjectLockConfiguration",
		"ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads", "DeleteObjects",
		"PutObject", "GetObject", "HeadObject", "DeleteObject", "CopyObject",
		"CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "AbortMultipartUpload", "ListParts",
		"GetObjectAcl", "PutObjectAcl", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging",
		"GetObjectRetention", "PutObjectRetention", "GetObjectLegalHold", "PutObjectLegalHold", "GetObjectAttributes",
	}
	return names[op]
}

// list says whether op lists a bucket: S3 redirects these, and refuses others,
// where they are signed for another region.
func (op operation) list() bool {
	switch op {
	case opListObjects, opListObjectsV2, opListObjectVersions, opListMultipartUploads, opHeadBucket:
		return true
	}
	return false
}

// classify tells the operation from method, path and query.
func (c *call) classify() operation {
	switch {
	case c.bucket == "":
		if c.r.Method == http.MethodGet {
			return opListBuckets
		}
	case c.key == "":
		return c.classifyBucket()
	default:
		return c.classifyObject()
	}
	return opUnknown
}

func (c *call) classifyBucket() operation {
	kind := c.documentKind()
	document, isDocument := opBucketDocument+operation(3*max(0, kind)), kind >= 0
	switch c.r.Method {
	case http.MethodHead:
		return opHeadBucket
	case http.MethodGet:
		switch {
		case c.has("location"):
			return opGetBucketLocation
		case c.has("versioning"):
			return opGetBucketVersioning
		case c.has("object-lock"):
			return opGetObjectLockConfiguration
		case c.has("versions"):
			return opListObjectVersions
		case c.has("uploads"):
			return opListMultipartUploads
		case isDocument:
			return document
		case c.get("list-type") == "2":
			return opListObjectsV2
		}
		return opListObjects
	case http.MethodPut:
		switch {
		case c.has("versioning"):
			return opPutBucketVersioning
		case c.has("object-lock"):
			return opPutObjectLockConfiguration
		case isDocument:
			return document + 1
		}
		return opCreateBucket
	case http.MethodDelete:
		if isDocument {
			return document + 2
		}
		return opDeleteBucket
	case http.MethodPost:
		if c.has("delete") {
			return opDeleteObjects
		}
	}
	return opUnknown
}

func (c *call) classifyObject() operation {
	switch c.r.Method {
	case http.MethodHead:
		return opHeadObject
	case http.MethodGet:
		switch {
		case len(c.query) == 0:
			return opGetObject
		case c.has("uploadId"):
			return opListParts
		case c.has("acl"):
			return opGetObjectACL
		case c.has("tagging"):
			return opGetObjectTagging
		case c.has("retention"):
			return opGetObjectRetention
		case c.has("legal-hold"):
			return opGetObjectLegalHold
		case c.has("attributes"):
			return opGetObjectAttributes
		case c.has("torrent"):
			return opUnknown
		}
		return opGetObject
	case http.MethodPut:
		copied := len(c.r.Header[hCopySource]) > 0
		switch {
		case c.has("partNumber") || c.has("uploadId"):
			if copied {
				return opUploadPartCopy
			}
			return opUploadPart
		case c.has("acl"):
			return opPutObjectACL
		case c.has("tagging"):
			return opPutObjectTagging
		case c.has("retention"):
			return opPutObjectRetention
		case c.has("legal-hold"):
			return opPutObjectLegalHold
		case copied:
			return opCopyObject
		}
		return opPutObject
	case http.MethodDelete:
		switch {
		case c.has("uploadId"):
			return opAbortMultipartUpload
		case c.has("tagging"):
			return opDeleteObjectTagging
		}
		return opDeleteObject
	case http.MethodPost:
		switch {
		case c.has("uploads"):
			return opCreateMultipartUpload
		case c.has("uploadId"):
			return opCompleteMultipartUpload
		}
	}
	return opUnknown
}

// run calls what answers the operation.
func (c *call) run() error {
	if err := c.parse(); err != nil {
		c.s.counters.ops[opUnknown].Add(1)
		return err
	}
	c.op = c.classify()
	c.s.counters.ops[c.op].Add(1)
	if err := c.admit(); err != nil {
		return err
	}
	if err := c.authorize(); err != nil {
		return err
	}
	if c.s.options.Deviations.RefuseChecksums && c.hasChecksumHeaders() {
		return failure(http.StatusNotImplemented, "NotImplemented", "A header you provided implies functionality that is not implemented")
	}
	if len(c.key) > maxKey {
		return failure(http.StatusBadRequest, "KeyTooLongError", "Your key is too long").with("Size", itoa(len(c.key))).with("MaxSizeAllowed", itoa(maxKey))
	}
	switch c.op {
	case opListBuckets:
		return c.listBuckets()
	case opCreateBucket:
		return c.createBucket()
	case opUnknown:
		return failure(http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	}
	b, err := c.findBucket()
	if err != nil {
		return err
	}
	if c.s.options.Deviations.NoVersioning {
		switch {
		case c.op == opListObjectVersions, c.op == opGetBucketVersioning, c.op == opPutBucketVersioning, c.has("versionId"):
			return failure(http.StatusNotImplemented, "NotImplemented", "Versions are not implemented")
		}
	}
	return c.onBucket(b)
}

func (c *call) onBucket(b *bucket) error {
	switch c.op {
	case opHeadBucket:
		return c.headBucket(b)
	case opDeleteBucket:
		return c.deleteBucket(b)
	case opGetBucketLocation:
		return c.getBucketLocation(b)
	case opGetBucketVersioning:
		return c.getBucketVersioning(b)
	case opPutBucketVersioning:
		return c.putBucketVersioning(b)
	case opGetObjectLockConfiguration:
		return c.getObjectLockConfiguration(b)
	case opPutObjectLockConfiguration:
		return c.putObjectLockConfiguration(b)
	case opListObjects, opListObjectsV2:
		return c.listObjects(b)
	case opListObjectVersions:
		return c.listObjectVersions(b)
	case opListMultipartUploads:
		return c.listMultipartUploads(b)
	case opDeleteObjects:
		return c.deleteObjects(b)
	}
	if c.op >= opBucketDocument {
		return c.bucketDocument(b)
	}
	return c.onObject(b)
}

func (c *call) onObject(b *bucket) error {
	switch c.op {
	case opPutObject:
		return c.putObject(b)
	case opGetObject, opHeadObject:
		return c.getObject(b)
	case opDeleteObject:
		return c.deleteObject(b)
	case opCopyObject:
		return c.copyObject(b)
	case opCreateMultipartUpload:
		return c.createMultipartUpload(b)
	case opUploadPart:
		return c.uploadPart(b)
	case opUploadPartCopy:
		return c.uploadPartCopy(b)
	case opCompleteMultipartUpload:
		return c.completeMultipartUpload(b)
	case opAbortMultipartUpload:
		return c.abortMultipartUpload(b)
	case opListParts:
		return c.listParts(b)
	case opGetObjectACL, opPutObjectACL:
		return c.objectACL(b)
	case opGetObjectTagging, opPutObjectTagging, opDeleteObjectTagging:
		return c.objectTagging(b)
	case opGetObjectRetention, opPutObjectRetention:
		return c.objectRetention(b)
	case opGetObjectLegalHold, opPutObjectLegalHold:
		return c.objectLegalHold(b)
	case opGetObjectAttributes:
		return c.getObjectAttributes(b)
	}
	return failure(http.StatusNotImplemented, "NotImplemented", "A header or query you provided implies functionality that is not implemented.")
}
