package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	crcHeader  = "X-Amz-Checksum-Crc64nvme"
	typeHeader = "X-Amz-Checksum-Type"
	algHeader  = "X-Amz-Checksum-Algorithm"
	modeHeader = "X-Amz-Checksum-Mode"
)

type client struct {
	http        *http.Transport
	signer      *v4.Signer
	credentials aws.Credentials
	endpoint    string
	region      string
	workers     int // small requests under way at most
}

// newClient makes one for so many requests at a time.
func newClient(env func(string) string, workers int) (*client, error) {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	c := &client{
		http: &http.Transport{
			Protocols:           &protocols,
			MaxIdleConns:        workers,
			MaxIdleConnsPerHost: workers,
			DisableCompression:  true,
		},
		signer:      v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }),
		credentials: aws.Credentials{AccessKeyID: env("AWS_ACCESS_KEY_ID"), SecretAccessKey: env("AWS_SECRET_ACCESS_KEY")},
		endpoint:    env("AWS_ENDPOINT_URL"),
		region:      env("AWS_REGION"),
		workers:     workers,
	}
	if c.endpoint == "" || c.region == "" {
		return nil, errors.New("AWS_ENDPOINT_URL and AWS_REGION have to be set")
	}
	if file := env("AWS_CA_BUNDLE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", file)
		}
		c.http.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return c, nil
}

// do sends one request. The caller reads the answer's body and closes it; an
// answer that is no success is an error.
func (c *client) do(ctx context.Context, method, bucket, key string, query url.Values, headers map[string]string, body []byte) (*http.Response, error) {
	address := c.endpoint + "/" + bucket
	if key != "" {
		address += "/" + escape(key)
	}
	if len(query) > 0 {
		address += "?" + strings.ReplaceAll(query.Encode(), "+", "%20")
	}
	var reader io.Reader // a typed nil would be a body
	if len(body) > 0 {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, reader)
	if err != nil {
		return nil, err
	}
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	if err := c.signer.SignHTTP(ctx, c.credentials, req, "UNSIGNED-PAYLOAD", "s3", c.region, time.Now()); err != nil {
		return nil, err
	}
	resp, err := c.http.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, address, err)
	}
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%s %s: %s: %s", method, address, resp.Status, text)
	}
	return resp, nil
}

// send is do for answers whose body says nothing: it is drained, so that the
// connection is used again.
func (c *client) send(ctx context.Context, method, bucket, key string, query url.Values, headers map[string]string, body []byte) (http.Header, error) {
	resp, err := c.do(ctx, method, bucket, key, query, headers, body)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return nil, fmt.Errorf("%s %s/%s: %w", method, bucket, key, err)
	}
	return resp.Header, nil
}

// call is do for answers in XML.
func (c *client) call(ctx context.Context, method, bucket, key string, query url.Values, headers map[string]string, body []byte, into any) error {
	resp, err := c.do(ctx, method, bucket, key, query, headers, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := xml.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("%s %s/%s: %w", method, bucket, key, err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// escape writes a key as S3 signs it: everything but unreserved characters and
// slashes in hex.
func escape(key string) string {
	parts := strings.Split(key, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(part), "+", "%20")
	}
	return strings.Join(parts, "/")
}
