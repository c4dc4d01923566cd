package report_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/report"
)

// answers is an HTTP client that gives every request one answer.
type answers struct {
	status int
	body   string
}

func (a answers) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Request: r,
		Header: http.Header{"X-Amz-Request-Id": {"4Z9K"}},
		Body:   io.NopCloser(bytes.NewBufferString(a.body)),
	}, nil
}

func client(a answers) *s3.Client {
	return s3.New(s3.Options{
		Region: "eu-west-1", HTTPClient: a, Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	})
}

// The errors of the SDK answer to the interfaces of this package.
func TestExplainErrorsOfTheSDK(t *testing.T) {
	c := client(answers{403, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`})
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err == nil {
		t.Fatal("no error")
	}
	want := report.Problem{Message: "Access Denied", Code: "AccessDenied", API: "PutObject", RequestID: "4Z9K"}
	if got := report.Explain(err); got != want {
		t.Errorf("Explain = %+v, want %+v", got, want)
	}
}

func TestTallyKnowsThrottlingOfTheSDK(t *testing.T) {
	for body, want := range map[string]int64{
		`<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`: 1,
		`<Error><Code>InternalError</Code><Message>We encountered an error.</Message></Error>`:    0,
	} {
		status := 500
		if want == 1 {
			status = 503
		}
		_, err := client(answers{status, body}).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
		if err == nil {
			t.Fatal("no error")
		}
		tally := report.NewTally()
		tally.Report(report.Event{Kind: report.Retried, Err: err})
		if s := tally.Summary(); s.Retries != 1 || s.Throttled != want {
			t.Errorf("%s: retries %d, throttled %d", body, s.Retries, s.Throttled)
		}
	}
}
