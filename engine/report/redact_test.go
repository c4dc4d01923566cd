package report

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRedact(t *testing.T) {
	const secret = "s3cr3t/+abc=="
	hidden := []string{
		"GET https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=" + secret + "&x=1",
		"?X-Amz-Credential=" + secret + "%2F20260101%2Fus-east-1",
		"?x-amz-security-token=" + secret + " and more",
		"?next=https%3A%2F%2Fh%2F%3FX-Amz-Signature%3D" + secret,
		"https://h/k?AWSAccessKeyId=" + secret + "&Expires=1&Signature=" + secret,
		"Authorization: AWS4-HMAC-SHA256 Credential=" + secret + "/2026, SignedHeaders=host, Signature=" + secret,
		"map[Authorization:[AWS4-HMAC-SHA256 Credential=x, Signature=" + secret + "] Host:[h]]",
		`{"Authorization":"Bearer ` + secret + `","a":1}`,
		`{\"Authorization\":\"Bearer ` + secret + `\"}`,
		"Proxy-Authorization: Basic " + secret,
		"AWS4-HMAC-SHA256 Credential=" + secret + ", Signature=" + secret,
		"X-Amz-Security-Token: " + secret,
		"map[X-Amz-Security-Token:[" + secret + "]]",
		"x-amz-s3session-token: " + secret,
		"x-amz-mfa: arn:aws:iam::1:mfa/u " + secret,
		"X-Amz-Server-Side-Encryption-Customer-Key: " + secret,
		"x-amz-copy-source-server-side-encryption-customer-key: " + secret,
		"X-Amz-Signature:\nX-Amz-Security-Token: " + secret,
		"aws_secret_access_key = " + secret,
		"AWS_SESSION_TOKEN=" + secret,
		`{"SecretAccessKey" : "` + secret + `"}`,
		`{\"SessionToken\":\"` + secret + `\"}`,
		"<SignatureProvided>" + secret + "</SignatureProvided>",
		"<AWSAccessKeyId>" + secret + "</AWSAccessKeyId>",
		`proxyconnect: dial "http://user:` + strings.ReplaceAll(secret, "/", "") + `@proxy:3128": refused`,
	}
	for _, s := range hidden {
		got := Redact(s)
		if strings.Contains(got, secret) || strings.Contains(got, "s3cr3t") {
			t.Errorf("%q\nkept its secret: %q", s, got)
		}
		if again := Redact(got); again != got {
			t.Errorf("not settled: %q\nthen %q", got, again)
		}
	}
	same(t, "the rest of a URL", Redact(hidden[0]),
		"GET https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=REDACTED&x=1")
	same(t, "the rest of an element", Redact(hidden[22]), "<SignatureProvided>REDACTED</SignatureProvided>")
	same(t, "the host of a proxy", Redact(hidden[24]), `proxyconnect: dial "http://REDACTED@proxy:3128": refused`)
	for _, s := range []string{
		"The request signature we calculated does not match the signature you provided.",
		"The authorization header is malformed; the region 'us-east-1' is wrong",
		"failed to refresh cached credentials, no EC2 IMDS role found",
		"upload ./a to s3://b/user@host: Access Denied",
		"dial tcp 127.0.0.1:9000: connect: connection refused",
	} {
		same(t, "harmless", Redact(s), s)
	}
}

// Whatever a sink is told about an error, the secret in it stays inside.
func TestNoSinkShowsCredentials(t *testing.T) {
	const secret = "deadbeef"
	leak := "https://h/k?X-Amz-Signature=" + secret
	errs := []error{
		errors.New(leak),
		&operationError{wrapper{&apiError{"Bad", leak}}, "PutObject"},
		&apiError{leak, "x"},
		&advisedError{wrapper{errors.New(leak)}, leak},
	}
	c, s := plainConsole(t)
	text, js, tally := NewText(c, Options{}), NewJSON(c, JSONOptions{}), NewTally()
	for _, err := range errs {
		for _, kind := range []Kind{Failed, Warning, Notice} {
			Multi{text, js, tally}.Report(Event{Kind: kind, Op: Upload, Src: "a", Err: err})
		}
		text.Fatal(err)
		js.Fatal(err)
	}
	c.Errln(leak)
	sum := tally.Summary()
	text.Summary(sum)
	js.Summary(sum, 1)
	closeConsole(t, c)
	all := s.out.String() + s.err.String() + sum.Err().Error()
	if strings.Contains(all, secret) {
		t.Errorf("a credential came out:\n%s", all)
	}
	if n := strings.Count(all, redacted); n < 4*9 {
		t.Errorf("%d places redacted: the errors were not printed", n)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("X-Amz-Signature=", "abc")
	f.Add("Authorization: AWS4-HMAC-SHA256 Signature=", "x")
	f.Fuzz(func(t *testing.T, before, secret string) {
		// Only what a token or a signature consists of.
		secret = strings.Map(func(r rune) rune {
			if r < utf8.RuneSelf && strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789+/=", r) {
				return r
			}
			return -1
		}, secret)
		secret = "q0q0" + secret // what the rest of the text does not hold
		if strings.Contains(before, "q0q0") {
			t.Skip()
		}
		for _, name := range []string{"X-Amz-Signature=", "x-amz-security-token: ", "?Signature="} {
			if got := Redact(before + "\n" + name + secret + "&a=b"); strings.Contains(got, "q0q0") {
				t.Errorf("%q kept %q", got, secret)
			}
		}
	})
}
