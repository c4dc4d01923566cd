package wire

import (
	"context"
	"crypto/sha1" //nolint:gosec // it names a file, as aws has it
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
)

// freshFor is how long a session that aws has kept must still last to be taken, as
// aws has it.
const freshFor = 15 * time.Minute

// roleCache gives the session of a role that aws keeps for its next command: who has
// typed the code of a device for aws is not asked by each command of a script.
// Nothing is kept by s3haul itself.
type roleCache struct {
	next  aws.CredentialsProvider
	file  string
	taken atomic.Bool // what was refused, or has ended, is not given again
}

// Retrieve implements aws.CredentialsProvider.
func (c *roleCache) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.taken.CompareAndSwap(false, true) {
		if creds, ok := keptSession(c.file); ok {
			return creds, nil
		}
	}
	if cache, ok := c.next.(*aws.CredentialsCache); ok {
		cache.Invalidate() // who comes again does not want the same
	}
	return c.next.Retrieve(ctx)
}

// keptSession reads a session out of the cache of aws.
func keptSession(file string) (aws.Credentials, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return aws.Credentials{}, false
	}
	var kept struct {
		Credentials struct {
			AccessKeyID     string `json:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      string
		}
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		return aws.Credentials{}, false
	}
	k := kept.Credentials
	ends, err := time.Parse(time.RFC3339, strings.Replace(k.Expiration, "UTC", "Z", 1))
	if err != nil || time.Until(ends) < freshFor || k.AccessKeyID == "" || k.SecretAccessKey == "" {
		return aws.Credentials{}, false
	}
	return aws.Credentials{
		AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken,
		Source: "RoleCache", CanExpire: true, Expires: ends,
	}, true
}

// roleFile is the file in which aws keeps the session of a role: its name is the
// SHA-1 of what the role is asked for with, as Python writes JSON.
func roleFile(role *stscreds.AssumeRoleOptions) string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	var asks []string
	if role.Duration > 0 {
		asks = append(asks, fmt.Sprintf(`"DurationSeconds": %d`, int64(role.Duration/time.Second)))
	}
	for _, part := range [][2]string{
		{"ExternalId", aws.ToString(role.ExternalID)},
		{"RoleArn", role.RoleARN},
		{"RoleSessionName", role.RoleSessionName},
		{"SerialNumber", aws.ToString(role.SerialNumber)},
	} {
		if part[1] != "" {
			asks = append(asks, fmt.Sprintf(`"%s": "%s"`, part[0], strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(part[1])))
		}
	}
	sum := sha1.Sum([]byte("{" + strings.Join(asks, ", ") + "}")) //nolint:gosec // see above
	return filepath.Join(home, ".aws", "cli", "cache", hex.EncodeToString(sum[:])+".json")
}

// withMFA has the device of a role asked for its code, by o.MFAToken, and notes where
// aws keeps the session.
func (o Options) withMFA(file *string) func(*stscreds.AssumeRoleOptions) {
	return func(role *stscreds.AssumeRoleOptions) {
		serial := aws.ToString(role.SerialNumber)
		if role.Client != nil { // else the SDK only looks whether there is somebody to ask
			// Of a chain the last role is the one that is signed for.
			*file = ""
			if serial != "" {
				*file = roleFile(role)
			}
		}
		if o.MFAToken == nil {
			return
		}
		role.TokenProvider = func() (string, error) {
			code, err := o.MFAToken(serial)
			if err != nil {
				return "", &mfaError{serial, err}
			}
			return code, nil
		}
	}
}
