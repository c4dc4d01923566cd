package s3sim

import (
	"errors"
	"net/http"
	"time"
)

// deleted is what became of one deletion.
type deleted struct {
	marker    bool   // a marker was made, or one was removed
	markerID  string // of the marker that was made
	versionID string // that was removed
}

func (c *call) deleteObject(b *bucket) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c.header("If-Match") != "" {
		if err := c.precondition(b); err != nil {
			return err
		}
	}
	d, err := c.deleteKey(b, c.key, c.get("versionId"), c.has("versionId"))
	if err != nil {
		return err
	}
	if d.marker {
		c.set(hDeleteMarker, "true")
	}
	switch {
	case d.markerID != "":
		c.set(hVersionID, d.markerID)
	case d.versionID != "":
		c.set(hVersionID, d.versionID)
	}
	return c.answer(http.StatusNoContent)
}

// deleteKey deletes a version, or puts a marker on top of a key. It is called
// under the bucket's lock. That there is nothing is no error.
func (c *call) deleteKey(b *bucket, key, id string, named bool) (deleted, error) {
	if named {
		if !validVersionID(id) {
			return deleted{}, invalidArgument("versionId", id, "Invalid version id specified")
		}
		if b.objectLock {
			if v := b.at(key, id); v != nil {
				if err := c.locked(v); err != nil {
					return deleted{}, err
				}
			}
		}
		return deleted{marker: b.remove(key, id), versionID: id}, nil
	}
	if b.versioning == unversioned {
		b.remove(key, "null")
		return deleted{}, nil
	}
	v := &version{
		seq:      c.s.sequence.Add(1),
		marker:   true,
		modified: c.s.now().Truncate(time.Second).UnixNano(),
	}
	b.insert(key, v)
	return deleted{marker: true, markerID: v.id()}, nil
}

// deleteObjects answers DeleteObjects.
func (c *call) deleteObjects(b *bucket) error {
	alg, _, trailer, err := c.declaredSum()
	if err != nil {
		return err
	}
	hasMD5 := c.header("Content-Md5") != ""
	if !hasMD5 && c.s.options.Deviations.ContentMD5Only {
		return badRequest("InvalidRequest", "Missing required header for this request: Content-MD5")
	}
	if !hasMD5 && alg == algNone && !trailer && !c.s.options.Deviations.NoChecksums {
		return badRequest("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	doc, err := c.document()
	if err != nil {
		return err
	}
	batch, err := readBatch(doc)
	if err != nil {
		return err
	}
	refused, err := c.admitKeys(b, batch.ids)
	if err != nil {
		return err
	}
	out := append(c.beginXML(), "<DeleteResult"+namespace+">"...)
	b.mu.Lock()
	for i := range batch.ids {
		if id := &batch.ids[i]; refused != nil && refused[i] {
			out = appendDeleteError(out, id.key, id.version, slowDown())
		} else {
			out = c.deleteOne(out, b, id, batch.quiet)
		}
	}
	b.mu.Unlock()
	return c.replyXML(append(out, "</DeleteResult>"...))
}

func (c *call) deleteOne(out []byte, b *bucket, o *batchID, quiet bool) []byte {
	key, id := o.key, o.version
	var d deleted
	var err error
	if o.etag != "" && !c.s.options.Deviations.NoConditionalWrites {
		if v := b.at(key, id); v == nil || v.marker || !matches(o.etag, v.etag) {
			err = preconditionFailed("If-Match")
		}
	}
	switch {
	case err != nil:
	case len(key) > maxKey:
		err = badRequest("KeyTooLongError", "Your key is too long")
	default:
		d, err = c.deleteKey(b, key, id, id != "")
	}
	if err != nil {
		return appendDeleteError(out, key, id, err)
	}
	if quiet {
		return out
	}
	out = append(out, "<Deleted>"...)
	out = appendElement(out, "Key", key)
	if id != "" {
		out = appendElement(out, "VersionId", id)
	}
	if d.marker {
		out = append(out, "<DeleteMarker>true</DeleteMarker>"...)
		markerID := d.markerID
		if markerID == "" {
			markerID = d.versionID
		}
		out = appendElement(out, "DeleteMarkerVersionId", markerID)
	}
	return append(out, "</Deleted>"...)
}

func appendDeleteError(out []byte, key, id string, err error) []byte {
	e, ok := errors.AsType[*apiError](err)
	if !ok {
		e = failure(http.StatusInternalServerError, "InternalError", err.Error())
	}
	out = append(out, "<Error>"...)
	out = appendElement(out, "Key", key)
	if id != "" {
		out = appendElement(out, "VersionId", id)
	}
	out = appendElement(out, "Code", e.code)
	out = appendElement(out, "Message", e.message)
	return append(out, "</Error>"...)
}
