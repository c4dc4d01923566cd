package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"

	"github.com/s3haul/s3haul/engine/wire"
)

// nowhere is the error of a host that has no address. Of S3's own it is the region
// that is wrong, more often than the network.
func nowhere(err error, dns *net.DNSError) error {
	at := dns.Name
	if u, ok := errors.AsType[*url.Error](err); ok {
		at = withoutQuery(u.URL)
	}
	advice := "check --endpoint-url, AWS_ENDPOINT_URL and the network"
	if region := regionOf(dns.Name); region != "" {
		advice = fmt.Sprintf("is there a region %s? check --region, AWS_REGION and the AWS config file, then the network", region)
	}
	return &advised{fmt.Errorf("Could not connect to the endpoint URL: %q: the host %q has no address", at, dns.Name), advice}
}

// regionOf is the region in the name of one of S3's hosts, or empty
// (https://docs.aws.amazon.com/general/latest/gr/s3.html).
func regionOf(host string) string {
	m := regexp.MustCompile(`(?:^|\.)s3(?:-fips|-accesspoint|-accesspoint-fips|-outposts)?(?:\.dualstack)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\.?$`).FindStringSubmatch(host)
	if m == nil {
		return ""
	}
	return m[1]
}

// foreign is the error of an answer that is not S3's.
func foreign(err error, op string, status int) error {
	advice := "what answers there is no S3: check --endpoint-url, and proxies on the way"
	if status >= http.StatusInternalServerError && status != http.StatusNotImplemented {
		advice = "something on the way to the store answered: run the command again, or check --endpoint-url and proxies"
	}
	if wire.Code(err) == "" && op != "" && status != 0 {
		err = fmt.Errorf("An error occurred (%d) when calling the %s operation: the answer is not S3's", status, op)
	}
	return &advised{err, advice}
}
