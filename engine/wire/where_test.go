package wire_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3haul/s3haul/engine/wire"
)

// placed is a client that knows no more than where it is.
type placed struct {
	wire.Client
	at s3.Options
}

func (p placed) Options() s3.Options { return p.at }

func TestOfAWS(t *testing.T) {
	for end, want := range map[string]bool{
		"":                                    true,
		"https://s3.eu-north-1.amazonaws.com": true,
		"https://bucket.vpce-1.s3.eu-1.vpce.Amazonaws.com": true,
		"https://s3.cn-north-1.amazonaws.com.cn":           true,
		"http://localhost:9000":                            false,
		"https://s3.example.com/amazonaws.com":             false,
		"https://amazonaws.com.example.com":                false,
		"s3.example.com":                                   false,
		"%":                                                false,
	} {
		p := placed{at: s3.Options{Region: "eu-north-1"}}
		if end != "" {
			p.at.BaseEndpoint = aws.String(end)
		}
		if got := wire.OfAWS(p); got != want {
			t.Errorf("%q: %v", end, got)
		}
	}
	if wire.OfAWS(struct{ wire.Client }{}) {
		t.Error("a client that does not say where it is")
	}
}
