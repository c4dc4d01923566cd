package report

import (
	"regexp"
	"strings"
)

// What stands where a credential stood.
const redacted = "REDACTED"

// Values that may hold spaces, up to the end of the header. The name may be
// followed by a map's bracket or a quote, as Go and JSON print headers.
var secretHeader = regexp.MustCompile(
	`(?i)((?:authorization|x-amz-mfa)\\?["']?[ \t]*[:=][ \t]*\[?\\?["']?)[^\r\n"'\]\\]+`)

// Values without spaces, after a colon, an equals sign or its percent form:
// presigned URLs, headers, credential files, JSON. A colon at the end is the
// text's own, as in "GET https://…: EOF".
var secretValue = regexp.MustCompile(
	`(?i)((?:x-amz-(?:signature|credential|security-token|s3session-token` +
		`|(?:copy-source-)?server-side-encryption-customer-key(?:-md5)?)` +
		`|aws_?(?:access_?key_?id|secret_?access_?key|session_?token)` +
		`|secret_?access_?key|session_?token|access_?key_?id)` +
		`\\?["']?[ \t]*(?:=|:|%3D)[ \t]*\[?\\?["']?)[^\s&"'<>,;)}\]\\]*[^\s&"'<>,;)}\]\\:]`)

// Signature version 2 and the parts of an Authorization header. These are
// plain words, so a colon behind them is taken for prose.
var secretWord = regexp.MustCompile(
	`(?i)((?:signature|credential)(?:=|%3D)\\?["']?)[^\s&"'<>,;)}\]\\]*[^\s&"'<>,;)}\]\\:]`)

// The elements of S3's error documents and of STS answers.
var secretElement = regexp.MustCompile(
	`(?i)(<(?:AWSAccessKeyId|AccessKeyId|SecretAccessKey|SessionToken|SignatureProvided)>)[^<]*`)

// User and password in a URL: of a proxy, of an endpoint.
var secretUser = regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://)[^/\s@"'<>]+@`)

// Redact takes the credentials out of a text: signatures, tokens and keys in
// URLs, headers, error documents and credential files, and the user of a URL.
// Every sink of this package puts every error through it; what else prints an
// error has to do the same. It would rather take too much than too little, and
// knows a credential only by the name in front of it.
func Redact(s string) string {
	const to = "${1}" + redacted
	// Regular expressions cost microseconds; most texts hold none of the names.
	lower := strings.ToLower(s)
	has := func(name string) bool { return strings.Contains(lower, name) }
	if has("authorization") || has("x-amz-mfa") {
		s = secretHeader.ReplaceAllString(s, to)
	}
	if has("x-amz-") || has("key") || has("token") {
		s = secretValue.ReplaceAllString(s, to)
	}
	if has("signature") || has("credential") {
		s = secretWord.ReplaceAllString(s, to)
	}
	if has("<") {
		s = secretElement.ReplaceAllString(s, to)
	}
	if has("@") {
		s = secretUser.ReplaceAllString(s, to+"@")
	}
	return s
}
