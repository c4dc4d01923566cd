package difftest

import (
	"fmt"
	"net/http"
	"strings"
)

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// errorAnswers are errors in all the ways in which stores and what stands
// before them say them.
func errorAnswers() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{}
	document := func(code, message string) string {
		return xmlHead + "<Error><Code>" + code + "</Code><Message>" + message + "</Message><Key>k</Key><RequestId>BODYREQUEST</RequestId><HostId>bodyhost</HostId></Error>"
	}
	for _, e := range []struct {
		status int
		code   string
	}{
		{400, "InvalidRequest"},
		{400, "BadDigest"},
		{400, "MalformedXML"},
		{400, "KeyTooLongError"},
		{400, "EntityTooSmall"},
		{400, "InvalidArgument"},
		{400, "RequestTimeout"},
		{400, "TooManyParts"},
		{400, "EncryptionTypeMismatch"},
		{400, "InvalidWriteOffset"},
		{400, "InvalidDigest"},
		{400, "XAmzContentSHA256Mismatch"},
		{400, "InvalidToken"},
		{400, "InvalidBucketName"},
		{400, "IncompleteBody"},
		{400, "NoSuchKey"},
		{403, "AccessDenied"},
		{403, "InvalidAccessKeyId"},
		{403, "SignatureDoesNotMatch"},
		{403, "InvalidObjectState"},
		{403, "RequestTimeTooSkewed"},
		{403, "AllAccessDisabled"},
		{403, "AccountProblem"},
		{404, "NoSuchKey"},
		{404, "NoSuchBucket"},
		{404, "NoSuchUpload"},
		{404, "NoSuchVersion"},
		{404, "NotFound"},
		{404, "NoSuchLifecycleConfiguration"},
		{405, "MethodNotAllowed"},
		{409, "BucketAlreadyExists"},
		{409, "BucketAlreadyOwnedByYou"},
		{409, "BucketNotEmpty"},
		{409, "OperationAborted"},
		{409, "ConditionalRequestConflict"},
		{409, "InvalidBucketState"},
		{400, "IdempotencyParameterMismatch"},
		{411, "MissingContentLength"},
		{412, "PreconditionFailed"},
		{416, "InvalidRange"},
		{429, "TooManyRequests"},
		{429, "SlowDown"},
		{500, "InternalError"},
		{501, "NotImplemented"},
		{502, "BadGateway"},
		{503, "SlowDown"},
		{503, "ServiceUnavailable"},
		{503, "Busy"},
		{504, "GatewayTimeout"},
		{400, "ExpiredToken"},
		{400, "TokenRefreshRequired"},
		{400, "Throttling"},
		{400, "ThrottlingException"},
		{403, "RequestLimitExceeded"},
		{403, "BandwidthLimitExceeded"},
		{418, "ATeapot"},
		{600, "Beyond"},
		{403, "ObjectAlreadyInActiveTierError"},
		{403, "ObjectNotInActiveTierError"},
		{400, "UnsupportedMediaType"},
	} {
		all[fmt.Sprint(e.status, " ", e.code)] = reply(e.status, nil, document(e.code, "says &quot;why&quot;"))
	}
	for _, status := range []int{300, 301, 302, 303, 304, 305, 306, 309} {
		all[fmt.Sprint("status ", status)] = reply(status, nil, "")
		all[fmt.Sprint("status ", status, " with a place")] = reply(status, map[string]string{"Location": "ftp://other.localhost/x"}, "")
	}
	for name, body := range map[string]string{
		"no body": "", "blank": " ", "namespace": `<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>SlowDown</Code><Message>m</Message></Error>`,
		"no message": "<Error><Code>SlowDown</Code></Error>", "a comment": "<!-- c --><Error><Code>SlowDown</Code><Message>m</Message></Error>",
		"references": "<Error><Code>Slow&#68;own</Code><Message>&#x20ac;&lt;&amp;</Message></Error>", "children": "<Error><Code>SlowDown</Code><Details><Code>Other</Code></Details><Message>m</Message></Error>",
		"a long message": document("SlowDown", strings.Repeat("long,", 400)),
	} {
		for _, status := range []int{400, 403, 404, 503} {
			all[fmt.Sprint(status, ", ", name)] = reply(status, nil, body)
		}
		all["503 without ids, "+name] = reply(503, map[string]string{"X-Amz-Request-Id": "-", "X-Amz-Id-2": "-"}, body)
	}
	all["503 with Retry-After"] = reply(503, map[string]string{"Retry-After": "3"}, document("SlowDown", "m"))
	all["200 with an error in it"] = reply(200, nil, document("InternalError", "We encountered an internal error. Please try again."))
	all["200 with SlowDown in it"] = reply(200, nil, document("SlowDown", "m"))
	all["200 with NoSuchBucket in it"] = reply(200, map[string]string{"X-Amz-Request-Id": "-", "X-Amz-Id-2": "-"}, document("NoSuchBucket", "m"))
	all["404 marker"] = reply(404, map[string]string{"X-Amz-Delete-Marker": "true", "X-Amz-Version-Id": "v"}, document("NoSuchKey", "m"))
	all["InvalidObjectState with its class"] = reply(403, nil, "<Error><Code>InvalidObjectState</Code><Message>m</Message><StorageClass>GLACIER</StorageClass><AccessTier>ARCHIVE_ACCESS</AccessTier></Error>")
	return all
}

// garbledAnswers are errors that are not as S3 says them.
func garbledAnswers() map[string]http.HandlerFunc {
	all := map[string]http.HandlerFunc{}
	document := func(code, message string) string {
		return "<Error><Code>" + code + "</Code><Message>" + message + "</Message></Error>"
	}
	forms := map[string]string{
		"no body": "", "blank": " \n", "html": "<html><head><title>503 Service Unavailable</title></head><body><hr>x<br></body></html>", "xhtml": "<html><body>bad gateway</body></html>", "json": `{"code":"SlowDown"}`, "text": "Bad Gateway",
		"namespace": `<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>SlowDown</Code><Message>m</Message></Error>`,
		"prefix":    `<s3:Error xmlns:s3="http://s3.amazonaws.com/doc/2006-03-01/"><s3:Code>SlowDown</s3:Code><s3:Message>m</s3:Message></s3:Error>`,
		"wrapped":   "<ErrorResponse><Error><Type>Sender</Type><Code>SlowDown</Code><Message>m</Message></Error><RequestId>wrapped-id</RequestId></ErrorResponse>",
		"no code":   "<Error><Message>m</Message></Error>", "no message": "<Error><Code>SlowDown</Code></Error>", "empty": "<Error/>", "empty values": "<Error><Code></Code><Message></Message></Error>",
		"spaces": "\n<Error>\n  <Code> SlowDown </Code>\n  <Message>\n m \n</Message>\n</Error>\n", "comment": "<!-- c --><Error><Code>Slow<!-- c -->Down</Code><Message>m</Message></Error>",
		"cdata": "<Error><Code><![CDATA[SlowDown]]></Code><Message><![CDATA[a <b> & c]]></Message></Error>", "children": "<Error><Code>SlowDown</Code><Details><Code>Other</Code></Details><Message>m</Message></Error>",
		"twice": "<Error><Code>SlowDown</Code><Code>Other</Code><Message>m</Message></Error>", "cut": "<Error><Code>SlowDown</Code><Mess", "cut late": "<Error><Code>SlowDown</Code><Message>m</Message>", "garbage": "\x00\x01\x02", "behind": document("SlowDown", "m") + "garbage",
		"entity": `<!DOCTYPE Error [<!ENTITY e "SlowDown">]><Error><Code>&e;</Code><Message>m</Message></Error>`, "doctype": `<!DOCTYPE html><Error><Code>SlowDown</Code></Error>`, "unknown entity": "<Error><Code>Slow&nbsp;Down</Code></Error>",
		"latin1": `<?xml version="1.0" encoding="ISO-8859-1"?><Error><Code>SlowDown</Code><Message>` + "\xfc" + `</Message></Error>`, "bom": "\ufeff" + document("SlowDown", "m"), "not utf-8": "<Error><Code>SlowDown</Code><Message>\xff</Message></Error>",
		"other root": "<Problem><Code>SlowDown</Code><Message>m</Message></Problem>", "numeric": "<Error><Code>Slow&#68;own</Code><Message>&#x20ac;</Message></Error>", "ids alone": "<Error><RequestId>BODYREQUEST</RequestId></Error>",
		"long": document("SlowDown", strings.Repeat("long ", 400)),
	}
	for name, body := range forms {
		for _, status := range []int{400, 403, 404, 503} {
			all[fmt.Sprint(status, " with ", name)] = reply(status, nil, body)
		}
		all["503 without ids, with "+name] = reply(503, map[string]string{"X-Amz-Request-Id": "-", "X-Amz-Id-2": "-"}, body)
		all["200 with "+name] = reply(200, nil, body)
	}
	return all
}

// brokenAnswers are what is no answer, or not all of one.
func brokenAnswers() map[string]http.HandlerFunc {
	list := "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
	all := map[string]http.HandlerFunc{
		"closed at once":     raw("", false),
		"reset at once":      raw("", true),
		"garbage":            raw("\x00\x01garbage that is not HTTP\r\n\r\n", false),
		"half a status":      raw("HTTP/1.1 2", false),
		"half a header":      raw("HTTP/1.1 200 OK\r\nContent-Le", false),
		"reset in headers":   raw("HTTP/1.1 200 OK\r\nContent-Le", true),
		"a bad length":       raw("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false),
		"two lengths":        raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", false),
		"a negative length":  raw("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", false),
		"a body too short":   raw("HTTP/1.1 200 OK\r\nX-Amz-Request-Id: R\r\nContent-Length: 1000\r\n\r\n"+list, false),
		"an error too short": raw("HTTP/1.1 503 Slow\r\nX-Amz-Request-Id: R\r\nContent-Length: 1000\r\n\r\n<Error><Code>SlowDown", false),
		"no error's body":    raw("HTTP/1.1 503 Slow\r\nX-Amz-Request-Id: R\r\nContent-Length: 1000\r\n\r\n", false),
		"an error, reset":    raw("HTTP/1.1 503 Slow\r\nX-Amz-Request-Id: R\r\nContent-Length: 1000\r\n\r\n", true),
		"a broken chunk":     raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", false),
		"a bad chunk":        raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab", false),
		"chunks":             raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", false),
		"no length":          raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+list, false),
		"HTTP/1.0":           raw("HTTP/1.0 200 OK\r\n\r\n"+list, false),
		"HTTP/0.9":           raw("hello", false),
		"status 99":          raw("HTTP/1.1 99 Odd\r\nContent-Length: 0\r\n\r\n", false),
		"status 1000":        raw("HTTP/1.1 1000 Odd\r\nContent-Length: 0\r\n\r\n", false),
		"a switch":           raw("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", false),
		"continue, then":     raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
		"a megabyte header":  raw("HTTP/1.1 200 OK\r\nX-Large: "+strings.Repeat("x", 1<<20)+"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false),
		"a bad header":       raw("HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n", false),
	}
	return all
}

// listAnswers are the insides of listings and of the answers to batches.
func listAnswers() map[string]string {
	entry := func(key string) string {
		return "<Contents><Key>" + key + "</Key><Size>7</Size><LastModified>2026-01-02T03:04:05.678Z</LastModified><ETag>&quot;abc-2&quot;</ETag><StorageClass>GLACIER</StorageClass></Contents>"
	}
	version := func(kind, key, id string) string {
		size := "<Size>7</Size><ETag>abc</ETag>"
		if kind == "DeleteMarker" {
			size = ""
		}
		return "<" + kind + "><Key>" + key + "</Key><VersionId>" + id + "</VersionId><IsLatest>true</IsLatest><LastModified>2026-01-02T03:04:05Z</LastModified>" + size + "</" + kind + ">"
	}
	failed := func(inner string) string { return "<Error>" + inner + "</Error>" }
	all := map[string]string{
		"nothing": "", "one": entry("k"), "encoded": "<EncodingType>url</EncodingType>" + entry("a%20b+c%2Bd%25%C3%A9%00"), "encoded late": entry("a%20b+c") + "<EncodingType>url</EncodingType>",
		"not encoded": entry("a+b%41&amp;&lt;&#13;&#x20ac;"), "cdata": entry("<![CDATA[a<b]]>c"), "comment": entry("a<!-- x -->b"), "spaces": entry(" k "), "newline": entry("a\r\nb"), "newlines": entry("a\nb\rc"),
		"broken key": "<EncodingType>url</EncodingType>" + entry("%zz"), "cut off": entry("k") + "<Contents><Key>k", "prefixes": "<EncodingType>url</EncodingType><CommonPrefixes><Prefix>p+q%2F</Prefix></CommonPrefixes><CommonPrefixes><Prefix>r/</Prefix></CommonPrefixes>",
		"more":          entry("k") + "<IsTruncated>true</IsTruncated><NextContinuationToken>t+o%20k</NextContinuationToken><NextKeyMarker>m+%20</NextKeyMarker><NextVersionIdMarker>v+1</NextVersionIdMarker>",
		"more, encoded": "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t+o%20k</NextContinuationToken><NextKeyMarker>m+%20</NextKeyMarker><NextVersionIdMarker>v+1</NextVersionIdMarker>",
		"more without":  "<IsTruncated>true</IsTruncated>", "not more": "<IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken><NextKeyMarker>m</NextKeyMarker>", "TRUE": "<IsTruncated>TRUE</IsTruncated><NextContinuationToken>t</NextContinuationToken><NextKeyMarker>m</NextKeyMarker>",
		"neither": "<IsTruncated>yes</IsTruncated>", "bad size": strings.Replace(entry("k"), "<Size>7", "<Size>x", 1), "huge size": strings.Replace(entry("k"), "<Size>7", "<Size>99999999999999999999", 1),
		"bad date": strings.Replace(entry("k"), "2026-01-02T", "yesterday", 1), "a date with a zone": strings.Replace(entry("k"), "05.678Z", "05+02:00", 1), "nanoseconds": strings.Replace(entry("k"), "05.678Z", "05.123456789Z", 1),
		"no date": "<Contents><Key>k</Key><Size>1</Size></Contents>", "owner": "<Contents><Key>k</Key><Size>1</Size><Owner><ID>id</ID><DisplayName>Key</DisplayName></Owner><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress></RestoreStatus></Contents>",
		"unknown": "<Other><Key>x</Key></Other>" + entry("k"), "attributes": `<Contents a="b"><Key c='d'>k</Key><Size>1</Size></Contents>`, "entity": "<Name>&unknown;</Name>", "unbalanced": "<Contents><Key>k</Contents></Key>", "nul": entry("\x00"), "not utf-8": entry("\xff"),
		"versions": version("Version", "k", "v2") + version("DeleteMarker", "l", "v1") + version("Version", "m", "null"), "a marker": version("DeleteMarker", "a b", "v+%20"), "versions, encoded": "<EncodingType>url</EncodingType>" + version("Version", "a+b%2F", "v+%20") + version("DeleteMarker", "c%C3%A9", "v"),
		"no latest": "<Version><Key>k</Key><VersionId>v</VersionId><Size>1</Size></Version>", "bad latest": "<Version><Key>k</Key><VersionId>v</VersionId><IsLatest>maybe</IsLatest><Size>1</Size></Version>",
		"failures": "<Deleted><Key>k</Key></Deleted>" + failed("<Key>a&amp;b</Key><VersionId>v</VersionId><Code>AccessDenied</Code><Message>m</Message>") + failed("<Key>c</Key><Code>SlowDown</Code>"), "an empty failure": failed(""),
		"a failure with spaces": failed("<Key> k </Key><Code>InternalError</Code><Message>m</Message>"), "deleted with a marker": "<Deleted><Key>k</Key><DeleteMarker>true</DeleteMarker><DeleteMarkerVersionId>v</DeleteMarkerVersionId></Deleted>",
		"a doctype": "<!DOCTYPE x>", "many": strings.Repeat(entry("k"), 1000),
	}
	return all
}
