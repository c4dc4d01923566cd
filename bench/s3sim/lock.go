package s3sim

import (
	"net/http"
	"strings"
	"time"
)

const (
	hLockMode  = "X-Amz-Object-Lock-Mode"
	hLockUntil = "X-Amz-Object-Lock-Retain-Until-Date"
	hLockHold  = "X-Amz-Object-Lock-Legal-Hold"
	hBypass    = "X-Amz-Bypass-Governance-Retention"
	governance = "GOVERNANCE"
	compliance = "COMPLIANCE"
)

// lockState keeps a version from being deleted.
type lockState struct {
	mode  string // "", GOVERNANCE or COMPLIANCE
	until int64
	hold  string // "", ON or OFF
}

func (l lockState) untilText() string {
	return time.Unix(0, l.until).UTC().Format("2006-01-02T15:04:05.000Z")
}

// lockRule is what a bucket gives objects that say nothing of retention.
type lockRule struct {
	mode  string
	days  int
	years int
}

func (r lockRule) state(now time.Time) lockState {
	if r.mode == "" {
		return lockState{}
	}
	return lockState{mode: r.mode, until: now.AddDate(r.years, 0, r.days).UnixNano()}
}

// readLock reads the headers of a write. It is called under the bucket's lock.
func (c *call) readLock(b *bucket) (lockState, error) {
	l := lockState{mode: c.header(hLockMode), hold: c.header(hLockHold)}
	until := c.header(hLockUntil)
	if l.mode == "" && l.hold == "" && until == "" {
		return b.lockRule.state(c.s.now()), nil
	}
	if !b.objectLock {
		return l, badRequest("InvalidRequest", "Bucket is missing Object Lock Configuration")
	}
	if l.hold != "" && l.hold != "ON" && l.hold != "OFF" {
		return l, invalidArgument(strings.ToLower(hLockHold), l.hold, "Legal Hold must be either of 'ON' or 'OFF'")
	}
	if (l.mode == "") != (until == "") {
		return l, invalidArgument(strings.ToLower(hLockMode), l.mode, "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
	}
	if l.mode == "" {
		rule := b.lockRule.state(c.s.now())
		l.mode, l.until = rule.mode, rule.until
		return l, nil
	}
	var err error
	l.until, err = c.retention(l.mode, until)
	return l, err
}

// retention checks a mode and reads a date.
func (c *call) retention(mode, until string) (int64, error) {
	if mode != governance && mode != compliance {
		return 0, invalidArgument(strings.ToLower(hLockMode), mode, "Unknown wormMode directive.")
	}
	t, err := time.Parse(time.RFC3339Nano, until)
	if err != nil {
		return 0, invalidArgument(strings.ToLower(hLockUntil), until, "The retain until date must be provided in ISO 8601 format")
	}
	if !t.After(c.s.now()) {
		return 0, invalidArgument(strings.ToLower(hLockUntil), until, "The retain until date must be in the future!")
	}
	return t.UnixNano(), nil
}

// locked says whether v may not be deleted by this request.
func (c *call) locked(v *version) error {
	held := v.lock.hold == "ON"
	retained := v.lock.mode != "" && v.lock.until > c.s.now().UnixNano() &&
		(v.lock.mode != governance || !strings.EqualFold(c.header(hBypass), "true"))
	if held || retained {
		return accessDenied("Access Denied because object protected by object lock.")
	}
	return nil
}

func noLockConfiguration() error {
	return failure(http.StatusNotFound, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")
}

func (c *call) getObjectLockConfiguration(b *bucket) error {
	b.mu.RLock()
	enabled, rule := b.objectLock, b.lockRule
	b.mu.RUnlock()
	if !enabled {
		return noLockConfiguration()
	}
	out := append(c.beginXML(), "<ObjectLockConfiguration"+namespace+"><ObjectLockEnabled>Enabled</ObjectLockEnabled>"...)
	if rule.mode != "" {
		out = append(out, "<Rule><DefaultRetention>"...)
		out = appendElement(out, "Mode", rule.mode)
		if rule.days > 0 {
			out = appendNumber(out, "Days", int64(rule.days))
		}
		if rule.years > 0 {
			out = appendNumber(out, "Years", int64(rule.years))
		}
		out = append(out, "</DefaultRetention></Rule>"...)
	}
	return c.replyXML(append(out, "</ObjectLockConfiguration>"...))
}

func (c *call) putObjectLockConfiguration(b *bucket) error {
	doc, err := c.document()
	if err != nil {
		return err
	}
	root, err := parseXML(doc, "ObjectLockConfiguration")
	if err != nil {
		return err
	}
	var rule lockRule
	if root.has("Rule") {
		def := root.child("Rule").child("DefaultRetention")
		rule.mode = def.child("Mode").text
		days, daysErr := parseSize(def.child("Days").text)
		years, yearsErr := parseSize(def.child("Years").text)
		if rule.mode != governance && rule.mode != compliance || (daysErr == nil) == (yearsErr == nil) {
			return malformedXML()
		}
		rule.days, rule.years = int(max(days, 0)), int(max(years, 0))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.versioning != versioningEnabled {
		return failure(http.StatusConflict, "InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
	}
	b.objectLock, b.lockRule = true, rule
	return c.answer(http.StatusOK)
}

func (c *call) objectRetention(b *bucket) error {
	if c.op == opGetObjectRetention {
		v, err := c.current(b)
		if err != nil {
			return err
		}
		if v.lock.mode == "" {
			return failure(http.StatusNotFound, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration")
		}
		out := append(c.beginXML(), "<Retention"+namespace+">"...)
		out = appendElement(out, "Mode", v.lock.mode)
		out = appendElement(out, "RetainUntilDate", v.lock.untilText())
		return c.replyXML(append(out, "</Retention>"...))
	}
	doc, err := c.document()
	if err != nil {
		return err
	}
	root, err := parseXML(doc, "Retention")
	if err != nil {
		return err
	}
	var next lockState
	if next.mode = root.child("Mode").text; next.mode != "" {
		if next.until, err = c.retention(next.mode, root.child("RetainUntilDate").text); err != nil {
			return err
		}
	}
	return c.change(b, func(v *version) error {
		if !b.objectLock {
			return badRequest("InvalidRequest", "Bucket is missing Object Lock Configuration")
		}
		stronger := next.until >= v.lock.until && (next.mode == v.lock.mode || v.lock.mode == governance && next.mode == compliance)
		if v.lock.mode != "" && v.lock.until > c.s.now().UnixNano() && !stronger &&
			(v.lock.mode == compliance || !strings.EqualFold(c.header(hBypass), "true")) {
			return accessDenied("Access Denied because object protected by object lock.")
		}
		v.lock.mode, v.lock.until = next.mode, next.until
		return nil
	})
}

func (c *call) objectLegalHold(b *bucket) error {
	if c.op == opGetObjectLegalHold {
		v, err := c.current(b)
		if err != nil {
			return err
		}
		if v.lock.hold == "" {
			return failure(http.StatusNotFound, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration")
		}
		out := append(c.beginXML(), "<LegalHold"+namespace+">"...)
		out = appendElement(out, "Status", v.lock.hold)
		return c.replyXML(append(out, "</LegalHold>"...))
	}
	doc, err := c.document()
	if err != nil {
		return err
	}
	root, err := parseXML(doc, "LegalHold")
	if err != nil {
		return err
	}
	status := root.child("Status").text
	if status != "ON" && status != "OFF" {
		return malformedXML()
	}
	return c.change(b, func(v *version) error {
		if !b.objectLock {
			return badRequest("InvalidRequest", "Bucket is missing Object Lock Configuration")
		}
		v.lock.hold = status
		return nil
	})
}
