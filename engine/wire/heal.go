package wire

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// maxSkew is how far a clock may be off before S3 refuses
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html,
// RequestTimeTooSkewed); nearer than that it is not the reason.
const maxSkew = 4 * time.Minute

// wrongClock says whether a request was refused for the time in its signature,
// and how much the clock of the store is ahead of ours. What counts is what
// this request was signed with: another may have corrected the clock since.
// took is how long the answer was waited for.
func wrongClock(resp *http.Response, signed http.Header, took time.Duration, err error) (ahead time.Duration, wrong bool) {
	switch Code(err) {
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "AccessDenied", "Forbidden":
	default:
		return 0, false
	}
	there, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return 0, false
	}
	at, err := time.Parse("20060102T150405Z", signed.Get("X-Amz-Date"))
	if err != nil {
		return 0, false
	}
	if late := there.Sub(at); late > -maxSkew && late < maxSkew+took {
		return 0, false
	}
	return time.Until(there), true
}

// wrongClockOf is wrongClock for a request that the SDK sent. The SDK sets its
// clock by each answer, but signs no second time.
func wrongClockOf(took time.Duration, err error) bool {
	re, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || re.Response == nil || re.Response.Response == nil || re.Response.Request == nil {
		return false
	}
	_, wrong := wrongClock(re.Response.Response, re.Response.Request.Header, took, err)
	return wrong
}

// renewal has new credentials fetched where the store no longer takes what
// there is, once for all the requests that were signed with the same.
type renewal struct {
	cache *aws.CredentialsCache // nil: there is nothing to be fetched

	mu    sync.Mutex
	count int
}

func newRenewal(creds aws.CredentialsProvider) *renewal {
	cache, _ := creds.(*aws.CredentialsCache)
	return &renewal{cache: cache}
}

// now is what expired wants to know, to be asked before the credentials are.
func (r *renewal) now() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// expired says that err is about a token that is no longer valid, and that the
// next one will be another. since is what now has said before the request.
func (r *renewal) expired(since int, err error) bool {
	switch Code(err) {
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
	default:
		return false
	}
	if r.cache == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if since == r.count {
		r.cache.Invalidate()
		r.count++
	}
	return true
}
