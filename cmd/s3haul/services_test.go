package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/s3haul/s3haul/bench/s3sim"
	"github.com/s3haul/s3haul/engine/wire/wiretest"
)

// tempKeys are temporary credentials.
type tempKeys struct{ id, secret, token string }

// finalKeys are what the store of a services takes.
func finalKeys() tempKeys { return tempKeys{"ASIAFINAL", "final/secret/access/key", "final-token"} }

// roleKeys are those of a role: that which is called final has what the store takes.
func roleKeys(role string) tempKeys {
	if role == "final" {
		return finalKeys()
	}
	return tempKeys{"ASIA" + strings.ToUpper(role), role + "/secret", role + "-token"}
}

// services stands in for all that credentials come from, and for a store with a
// bucket "bucket", and one "far-away" in eu-west-3, that takes nothing but [finalKeys].
type services struct {
	*httptest.Server
	store  *httptest.Server
	sim    *s3sim.Server
	target wiretest.Target

	mu    sync.Mutex
	asked []string
}

func newServices(t *testing.T) *services {
	t.Helper()
	sim, err := s3sim.New(s3sim.Options{VerifySignatures: true})
	if err != nil {
		t.Fatal(err)
	}
	for name, region := range map[string]string{"bucket": "", "far-away": "eu-west-3"} {
		if err := sim.AddBucket(name, region); err != nil {
			t.Fatal(err)
		}
	}
	k := finalKeys()
	sim.Rotate(k.id, k.secret, k.token)
	s := &services{store: httptest.NewServer(sim), sim: sim}
	t.Cleanup(s.store.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", s.sts)
	mux.HandleFunc("GET /federation/credentials", s.sso)
	mux.HandleFunc("POST /token", s.oidc)
	mux.HandleFunc("PUT /latest/api/token", s.imdsToken)
	mux.HandleFunc("GET /latest/meta-data/iam/security-credentials/{role...}", s.imds)
	mux.HandleFunc("GET /container", s.container)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	// Nothing of it is right: who gets in has it from the services.
	s.target = wiretest.Target{Endpoint: s.store.URL, Region: "us-east-1"}
	return s
}

// says remembers what was asked.
func (s *services) says(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, fmt.Sprintf(format, args...))
}

// log is what was asked since the last time.
func (s *services) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := slices.Clone(s.asked)
	s.asked = nil
	return strings.Join(asked, "; ")
}

func soon() string { return time.Now().Add(time.Hour).UTC().Format(time.RFC3339) }

// sts answers AssumeRole and AssumeRoleWithWebIdentity.
func (s *services) sts(w http.ResponseWriter, r *http.Request) {
	op, role := r.FormValue("Action"), path.Base(r.FormValue("RoleArn"))
	by := regexp.MustCompile(`Credential=(\w+)/.*/(\w[\w-]*)/sts/`).FindStringSubmatch(r.Header.Get("Authorization"))
	detail := " by " + strings.Join(by[min(1, len(by)):], " in ")
	if code := r.FormValue("TokenCode"); code != "" {
		detail += " with " + code + " of " + r.FormValue("SerialNumber")
	}
	if token := r.FormValue("WebIdentityToken"); token != "" {
		detail = " with " + token
	}
	s.says("%s %s%s", op, role, detail)
	w.Header().Set("Content-Type", "text/xml")
	if role == "forbidden" {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User is not authorized to perform: sts:AssumeRole</Message></Error><RequestId>4Z9K</RequestId></ErrorResponse>")
		return
	}
	k := roleKeys(role)
	_, _ = fmt.Fprintf(w, "<%sResponse><%sResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials>"+
		"<AssumedRoleUser><AssumedRoleId>A:B</AssumedRoleId><Arn>%s</Arn></AssumedRoleUser></%sResult></%sResponse>", op, op, k.id, k.secret, k.token, soon(), r.FormValue("RoleArn"), op, op)
}

// sso is the portal: it wants the access token of the cache.
func (s *services) sso(w http.ResponseWriter, r *http.Request) {
	token := r.Header.Get("X-Amz-Sso_bearer_token")
	s.says("GetRoleCredentials %s %s with %s", r.FormValue("account_id"), r.FormValue("role_name"), token)
	if token != "good" {
		w.Header().Set("X-Amzn-Errortype", "UnauthorizedException")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"message":"Session token not found or invalid"}`))
		return
	}
	k := roleKeys(r.FormValue("role_name"))
	answer(w, map[string]any{"roleCredentials": map[string]any{
		"accessKeyId": k.id, "secretAccessKey": k.secret, "sessionToken": k.token, "expiration": time.Now().Add(time.Hour).UnixMilli(),
	}})
}

// oidc gives a new access token for a refresh token.
func (s *services) oidc(w http.ResponseWriter, r *http.Request) {
	var in struct{ RefreshToken, GrantType string }
	_ = json.NewDecoder(r.Body).Decode(&in)
	s.says("CreateToken %s with %s", in.GrantType, in.RefreshToken)
	answer(w, map[string]any{"accessToken": "good", "expiresIn": 3600, "refreshToken": "next", "tokenType": "Bearer"})
}

func (s *services) imdsToken(w http.ResponseWriter, _ *http.Request) {
	s.says("IMDS token")
	w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
	_, _ = w.Write([]byte("v2"))
}

// imds is version 2: it wants a token.
func (s *services) imds(w http.ResponseWriter, r *http.Request) {
	role := r.PathValue("role")
	s.says("IMDS %q with %s", role, r.Header.Get("X-Aws-Ec2-Metadata-Token"))
	if role == "" {
		_, _ = w.Write([]byte("final"))
		return
	}
	k := roleKeys(role)
	answer(w, map[string]any{
		"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": soon(),
		"AccessKeyId": k.id, "SecretAccessKey": k.secret, "Token": k.token,
	})
}

func (s *services) container(w http.ResponseWriter, r *http.Request) {
	s.says("container with %s", r.Header.Get("Authorization"))
	if r.Header.Get("Authorization") != "let me in" {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"code":"Forbidden","message":"not you"}`))
		return
	}
	k := finalKeys()
	answer(w, map[string]any{"AccessKeyId": k.id, "SecretAccessKey": k.secret, "Token": k.token, "Expiration": soon()})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}
