package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/s3haul/s3haul/engine"
	"github.com/s3haul/s3haul/engine/report"
	"github.com/s3haul/s3haul/engine/transfer"
	"github.com/s3haul/s3haul/engine/wire"
)

const oneKind = "one name cannot be a file and a directory here; sync --delete removes what the source does not have"

// advised is an error with what to do about it.
type advised struct {
	error
	advice string
}

func (e *advised) Unwrap() error { return e.error }

// Advice implements the interface that report looks for.
func (e *advised) Advice() string { return e.advice }

// advising adds advice to the failures of a run.
type advising struct{ report.Sink }

func (a advising) Report(e report.Event) {
	if e.Kind == report.Failed {
		e.Err = advise(e.Err)
	}
	a.Sink.Report(e)
}

// advise adds what may help to the errors that people meet first.
func advise(err error) error {
	var has interface{ Advice() string }
	if _, ok := errors.AsType[*outputError](err); ok || errors.As(err, &has) {
		return err
	}
	if creds := wire.NoCredentials(err); creds != nil { // they have ended, and no others came
		return creds
	}
	if op, status, yes := wire.NotS3(err); yes {
		return foreign(err, op, status)
	}
	if wire.Code(err) == "AccessDenied" && strings.Contains(err.Error(), "object lock") {
		return &advised{err, "Object Lock keeps it: --bypass-governance-retention passes a governance retention, and nothing passes the rest"}
	}
	if text := adviceFor(wire.Code(err)); text != "" {
		return &advised{err, text}
	}
	var (
		profile config.SharedConfigProfileNotExistError
		urlErr  *url.Error
		dns     *net.DNSError
	)
	switch {
	case errors.As(err, &profile):
		return &advised{fmt.Errorf("The config profile (%s) could not be found", profile.Profile), "look into the AWS config file, or leave --profile and AWS_PROFILE out"}
	case errors.As(err, &dns):
		return nowhere(err, dns)
	case errors.Is(err, syscall.ECONNREFUSED) && errors.As(err, &urlErr):
		return &advised{fmt.Errorf("Could not connect to the endpoint URL: %q: connection refused", withoutQuery(urlErr.URL)), "nothing listens there: check --endpoint-url, and that the server runs"}
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		if errors.As(err, &urlErr) {
			err = fmt.Errorf("Could not connect to the endpoint URL: %q: the server gave an HTTP response to an HTTPS client", withoutQuery(urlErr.URL))
		}
		return &advised{err, "the server speaks http: write http:// in --endpoint-url"}
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &advised{err, "make room there and run the same command again: what is complete stays"}
	case errors.Is(err, syscall.EROFS):
		return &advised{err, "the file system is mounted read-only: name another target"}
	case errors.Is(err, syscall.EMFILE):
		return &advised{err, "raise the limit of open files (ulimit -n), or lower --concurrency"}
	case errors.Is(err, engine.ErrMaxDelete):
		return &advised{err, "look with --dryrun at what would go, or raise --max-delete"}
	case errors.Is(err, engine.ErrEmptySource):
		return &advised{err, "--allow-empty-source deletes them all the same"}
	case strings.Contains(err.Error(), "path escapes from parent"):
		return &advised{err, "a link leads out of the target directory, and s3haul does not write through it: give the directory that it leads to as a destination of its own"}
	case errors.Is(err, transfer.ErrInTheWay):
		return &advised{err, oneKind}
	case errors.Is(err, transfer.ErrChanged):
		return &advised{err, "run the command again when nothing writes to it"}
	case errors.Is(err, engine.ErrImmutable):
		return &advised{err, "what is there stays: remove it first, or leave --immutable out"}
	case errors.Is(err, engine.ErrCaseConflict):
		return &advised{err, "--case-conflict skip leaves such a name out, ignore writes both"}
	case errors.Is(err, engine.ErrUnverified):
		return &advised{err, "compare with s3haul verify --download, and remove the source then"}
	case errors.Is(err, engine.ErrReplaced):
		return &advised{err, "run the command again for what is there now"}
	case errors.Is(err, transfer.ErrChecksum):
		return &advised{err, "run the command again; where it fails again, something on the way changes bytes: memory, a disk, a proxy"}
	case errors.Is(err, syscall.ENOTDIR):
		return &advised{err, "a file stands where a directory is needed: name another target, or move it"}
	case errors.Is(err, os.ErrPermission):
		return &advised{err, "the file system does not allow it: check owner and mode"}
	}
	return err
}

// adviceFor is about S3's error codes
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
func adviceFor(code string) string {
	switch code {
	case "NoSuchBucket":
		return "check the name; `s3haul mb s3://BUCKET` or --make-bucket makes it"
	case "BucketNotEmpty":
		return "empty it first: s3haul rm s3://BUCKET --recursive, or s3haul purge where it has versions"
	case "AccessControlListNotSupported":
		return "the bucket has ACLs turned off: its policy says who may do what, or its owner turns them on (Object Ownership)"
	case "BucketAlreadyExists":
		return "somebody has a bucket of that name already: choose another"
	case "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return "check the access key id and the secret, and that they are for this endpoint"
	case "ExpiredToken", "InvalidToken", "ExpiredTokenException":
		return "the session has ended: log in again"
	case "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return "the bucket is in another region: name it with --region"
	case "PermanentRedirect": // which a client without an endpoint of its own follows
		return "the bucket is in another region: name it with --region, and leave out an --endpoint-url that is of one region"
	case "MovedPermanently", "TemporaryRedirect", "Found":
		return "the endpoint sends requests elsewhere: check --endpoint-url, which has to be S3's own, and --region"
	case "InvalidRegion", "IllegalRegion":
		return "check --region, AWS_REGION and the AWS config file"
	case "RequestTimeTooSkewed":
		return "set the clock of this machine"
	case "BadRequest": // the answer to a HEAD has no words
		return "the store does not say why: check the bucket's name and --region"
	case "AccessDenied":
		return "check the policies of the user and of the bucket"
	case "ObjectParentIsFile", "ExistingObjectIsDirectory": // versitygw's
		return oneKind
	}
	return ""
}

// withoutQuery leaves a signature out of a URL.
func withoutQuery(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(unreadable)"
	}
	u.RawQuery, u.User = "", nil
	return u.String()
}
