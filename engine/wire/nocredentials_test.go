package wire_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/s3haul/s3haul/engine/wire"
)

// A session that ends while a run is under way, and that is not renewed, is what an
// error of S3 is about then.
func TestCredentialsThatEnd(t *testing.T) {
	store := newFake(t, nil).plain()
	var asked, until atomic.Int64
	sts := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) > until.Load() {
			says(http.StatusForbidden, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no more</Message></Error></ErrorResponse>")(w, r)
			return
		}
		_, _ = io.WriteString(w, "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"+
			"<SessionToken>t</SessionToken><Expiration>2020-01-02T03:04:05Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>")
	}).plain()
	configure(t, "[default]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = x\n",
		"AWS_ENDPOINT_URL_STS="+sts.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	for _, sdk := range []bool{false, true} {
		asked.Store(0)
		until.Store(1)
		c := newClient(t, wire.Options{EndpointURL: store.URL, SDK: sdk})
		err := putBody(c, t.Context(), strings.NewReader("x"))
		why := wire.NoCredentials(err)
		if why == nil || !why.Refused() || !strings.Contains(why.Error(), "no more") || len(store.requests()) != 0 {
			t.Errorf("SDK %v: %v, %v", sdk, err, why)
		}
		// Another client that signs as this one shares its session.
		until.Store(asked.Load() + 2)
		other := newClient(t, wire.Options{EndpointURL: store.URL, SDK: sdk, SignAs: c})
		before := asked.Load()
		must(t, putBody(other, t.Context(), strings.NewReader("x")))
		if r := store.requests(); !strings.Contains(r[len(r)-1].Header.Get("Authorization"), "ASIAROLE/") || asked.Load() != before+1 {
			t.Errorf("SDK %v: signed %s, asked %d times", sdk, r[len(r)-1].Header.Get("Authorization"), asked.Load()-before)
		}
		store.mu.Lock()
		store.asked, store.bodies = nil, nil
		store.mu.Unlock()
	}
	for _, err := range []error{nil, errors.New("else"), &wire.APIError{Op: "DeleteObjects", Code: "AccessDenied"}} {
		if why := wire.NoCredentials(err); why != nil {
			t.Errorf("%v: %v", err, why)
		}
	}
}

// Who asks for the code of a device is told of which, and what goes wrong is said.
func TestMFAToken(t *testing.T) {
	configure(t, "[default]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n"+
		"[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = x\n")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	away := errors.New("nobody is there")
	var serials []string
	_, err := wire.New(t.Context(), wire.Options{MFAToken: func(serial string) (string, error) {
		serials = append(serials, serial)
		return "", away
	}})
	why, ok := errors.AsType[*wire.CredentialsError](err)
	if !ok || !errors.Is(err, away) || fmt.Sprint(serials) != "[arn:aws:iam::123456789012:mfa/me]" || why.Error() != "No MFA code for arn:aws:iam::123456789012:mfa/me: nobody is there" || why.Refused() {
		t.Errorf("%v, asked for %q", err, serials)
	}
	_, err = wire.New(t.Context(), wire.Options{})
	if why, ok := errors.AsType[*wire.CredentialsError](err); !ok || why.Advice() == "" || !strings.Contains(why.Error(), "nobody to ask") {
		t.Errorf("nobody to ask: %v", err)
	}
}

// The session of a role that aws keeps is found under the name that aws gives it,
// and is not taken twice: where the store refuses it, a person is asked.
func TestKeptSession(t *testing.T) {
	store := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "ASIAKEPT/") && r.Method == http.MethodPut {
			says(http.StatusBadRequest, "<Error><Code>ExpiredToken</Code><Message>ended</Message></Error>")(w, r)
		}
	}).plain()
	sts := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"+
			"<SessionToken>t</SessionToken><Expiration>2199-01-02T03:04:05Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>")
	}).plain()
	configure(t, "[default]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n"+
		"external_id = a=b/c\\d\nrole_session_name = me\nduration_seconds = 3600\n[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = x\n",
		"AWS_ENDPOINT_URL_STS="+sts.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	dir := filepath.Join(home, ".aws", "cli", "cache")
	must(t, os.MkdirAll(dir, 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "67a9456e3de6ebed3b5da954f8b14309a0dd3f1f.json"), // as Python sums it
		[]byte(`{"Credentials": {"AccessKeyId": "ASIAKEPT", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2199-01-02T03:04:05+00:00"}}`), 0o600))
	asked := 0
	c := newClient(t, wire.Options{EndpointURL: store.URL, MFAToken: func(string) (string, error) {
		asked++
		return "123456", nil
	}})
	must(t, c.HeadBucket(t.Context(), "b"))
	if asked != 0 || len(store.requests()) != 1 {
		t.Errorf("asked %d times, %d requests", asked, len(store.requests()))
	}
	must(t, putBody(c, t.Context(), strings.NewReader("x")))
	if r := store.requests(); asked != 1 || !strings.Contains(r[len(r)-1].Header.Get("Authorization"), "ASIAROLE/") {
		t.Errorf("asked %d times, signed %s", asked, r[len(r)-1].Header.Get("Authorization"))
	}
}
