package main

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// someone is a person with a configuration of their own.
type someone struct {
	*services
	home string
}

func newSomeone(t *testing.T) *someone {
	return &someone{services: newServices(t), home: t.TempDir()}
}

// write writes a file below the home.
func (p *someone) write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(p.home, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// token writes the cache file of an SSO session, or of a start URL.
func (p *someone) token(t *testing.T, of, text string) {
	t.Helper()
	sum := sha1.Sum([]byte(of))
	p.write(t, ".aws/sso/cache/"+hex.EncodeToString(sum[:])+".json", text)
}

// environ has the services wherever the SDK looks for them, and no keys.
func (p *someone) environ(env ...string) []string {
	all := environ(p.target, p.home)
	all = append(all, "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_ENDPOINT_URL_STS="+p.URL, "AWS_ENDPOINT_URL_SSO="+p.URL,
		"AWS_ENDPOINT_URL_SSO_OIDC="+p.URL, "AWS_EC2_METADATA_SERVICE_ENDPOINT="+p.URL, "AWS_CONFIG_FILE="+filepath.Join(p.home, ".aws/config"))
	return append(all, env...)
}

// run runs s3haul with a configuration and further variables.
func (p *someone) run(t *testing.T, env []string, args ...string) ran {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "s3haul", args...)
	cmd.Dir, cmd.Env = p.home, p.environ(env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("s3haul %q: %v", args, err)
	}
	r := ran{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	for _, secret := range []string{finalKeys().secret, "base/secret", finalKeys().token} {
		if strings.Contains(r.stdout+r.stderr, secret) {
			t.Errorf("%q was printed", secret)
		}
	}
	return r
}

const baseKeys = "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base/secret\nregion = eu-west-1\n"

// Credentials come from wherever the AWS configuration has them come from.
func TestCredentials(t *testing.T) {
	t.Parallel()
	p := newSomeone(t)
	file := p.write(t, "f", "x")
	web := p.write(t, "web", "jwt")
	process := p.write(t, "process", "#!/bin/sh\n"+
		`printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s","SessionToken":"%s"}' "$1" "$2" "$3"`+"\n")
	if err := os.Chmod(process, 0o700); err != nil {
		t.Fatal(err)
	}
	k := finalKeys()
	future, past := time.Now().Add(time.Hour).UTC().Format(time.RFC3339), "2020-01-02T03:04:05Z"
	role := func(name string) string { return "role_arn = arn:aws:iam::123456789012:role/" + name + "\n" }
	for _, q := range []struct {
		what, config string
		token        string // of the SSO cache
		env          []string
		profile      string
		unix         bool
		asked        string
	}{
		{
			what: "credential_process", profile: "proc", unix: true,
			config: fmt.Sprintf("[profile proc]\ncredential_process = '%s' %s %s %s\n", process, k.id, k.secret, k.token),
		},
		{
			what: "assume-role", profile: "final",
			config: baseKeys + "[profile final]\n" + role("final") + "source_profile = base\nregion = eu-central-1\n",
			asked:  "AssumeRole final by AKIABASE in eu-central-1",
		},
		{
			what: "a chain of roles", profile: "final",
			config: baseKeys + "[profile first]\n" + role("first") + "source_profile = base\n[profile final]\nregion = eu-west-1\n" + role("final") + "source_profile = first\n",
			asked:  "AssumeRole first by AKIABASE in eu-west-1; AssumeRole final by ASIAFIRST in eu-west-1",
		},
		{
			what: "credential_source Environment", profile: "final", env: []string{"AWS_ACCESS_KEY_ID=AKIAENV", "AWS_SECRET_ACCESS_KEY=s"},
			config: "[profile final]\nregion = eu-west-1\n" + role("final") + "credential_source = Environment\n",
			asked:  "AssumeRole final by AKIAENV in eu-west-1",
		},
		{
			what: "credential_source Ec2InstanceMetadata", profile: "second", env: []string{"AWS_EC2_METADATA_DISABLED=false"},
			config: "[profile second]\nregion = eu-west-1\n" + role("final") + "credential_source = Ec2InstanceMetadata\n",
			asked:  `IMDS token; IMDS "" with v2; IMDS "final" with v2; AssumeRole final by ASIAFINAL in eu-west-1`,
		},
		{
			what: "an SSO session", profile: "sso", token: `{"accessToken":"good","expiresAt":"` + future + `"}`,
			config: "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = final\n[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n",
			asked:  "GetRoleCredentials 123456789012 final with good",
		},
		{
			what: "one to be renewed", profile: "sso",
			token: `{"accessToken":"old","expiresAt":"` + past + `","clientId":"i","clientSecret":"s","refreshToken":"again","registrationExpiresAt":"` + future + `"}`,
			asked: "CreateToken refresh_token with again; GetRoleCredentials 123456789012 final with good",
		},
		{
			what: "SSO as it was", profile: "sso", token: `{"accessToken":"good","expiresAt":"` + future + `"}`,
			config: "[profile sso]\nsso_account_id = 123456789012\nsso_role_name = final\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n",
			asked:  "GetRoleCredentials 123456789012 final with good",
		},
		{
			what: "SSO by a service of its own", profile: "sso", token: `{"accessToken":"good","expiresAt":"` + future + `"}`,
			env: []string{"AWS_ENDPOINT_URL_SSO="},
			config: "[profile sso]\nservices = corp\nsso_account_id = 123456789012\nsso_role_name = final\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n" +
				"[services corp]\nsso =\n  endpoint_url = " + p.URL + "\n",
			asked: "GetRoleCredentials 123456789012 final with good",
		},
		{
			what: "web identity", env: []string{"AWS_WEB_IDENTITY_TOKEN_FILE=" + web, "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/final"},
			config: "[default]\nregion = eu-west-1\n",
			asked:  "AssumeRoleWithWebIdentity final with jwt",
		},
		{
			what: "web identity of a profile", profile: "web",
			config: "[profile web]\nregion = eu-west-1\n" + role("final") + "web_identity_token_file = " + web + "\n",
			asked:  "AssumeRoleWithWebIdentity final with jwt",
		},
		{
			what: "an instance", env: []string{"AWS_EC2_METADATA_DISABLED=false"},
			config: "[default]\nregion = eu-west-1\n",
			asked:  `IMDS token; IMDS "" with v2; IMDS "final" with v2`,
		},
		{
			what: "a container", env: []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + p.URL + "/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN=let me in"},
			config: "[default]\nregion = eu-west-1\n",
			asked:  "container with let me in",
		},
		{
			what: "variables", env: []string{"AWS_ACCESS_KEY_ID=" + k.id, "AWS_SECRET_ACCESS_KEY=" + k.secret, "AWS_SESSION_TOKEN=" + k.token, "AWS_PROFILE=base"},
			config: baseKeys,
		},
	} {
		if q.unix && runtime.GOOS == "windows" {
			continue
		}
		if q.config != "" {
			p.write(t, ".aws/config", q.config)
		}
		if q.token != "" {
			p.token(t, "corp", q.token)
			p.token(t, "https://corp.example/start", q.token)
		}
		args := []string{"cp", file, "s3://bucket/k"}
		if q.profile != "" {
			args = append(args, "--profile", q.profile)
		}
		// The region that signatures have is the store's.
		r := p.run(t, append([]string{"AWS_REGION="}, q.env...), append(args, "--only-show-errors")...)
		if asked := p.log(); r.code != 0 || r.stdout+r.stderr != "" || asked != q.asked {
			t.Errorf("%s: exit code %d, asked %q, want %q\n%s%s", q.what, r.code, asked, q.asked, r.stdout, r.stderr)
		}
	}
}

// Where credentials do not come, it is said from where and why, and what to do.
func TestCredentialsThatDoNotCome(t *testing.T) {
	t.Parallel()
	p := newSomeone(t)
	role := func(name string) string { return "role_arn = arn:aws:iam::123456789012:role/" + name + "\n" }
	sso := "[profile sso]\nsso_account_id = 123456789012\nsso_role_name = final\nsso_region = eu-west-1\nsso_start_url = https://corp.example/start\n"
	for _, q := range []struct {
		what, config string
		token        string
		env          []string
		profile      string
		unix         bool
		code         int // of ls
		says         string
	}{
		{
			what: "a role that is not given", profile: "no", config: baseKeys + "[profile no]\n" + role("forbidden") + "source_profile = base\nregion = eu-west-1\n",
			code: exitService,
			says: "An error occurred (AccessDenied) when calling the AssumeRole operation: User is not authorized to perform: sts:AssumeRole\n  request 4Z9K: check role_arn of profile no, and that who assumes it may\n",
		},
		{
			what: "no SSO session", profile: "sso", config: sso, code: exitConfig,
			says: "The SSO session of profile sso has expired or is not there\n  log in again: aws sso login --profile sso\n",
		},
		{
			what: "one that has ended", profile: "sso", config: sso, token: `{"accessToken":"good","expiresAt":"2020-01-02T03:04:05Z"}`, code: exitConfig,
			says: "The SSO session of profile sso has expired or is not there\n  log in again: aws sso login --profile sso\n",
		},
		{
			what: "a process that fails", profile: "proc", unix: true, config: "[profile proc]\ncredential_process = false\n", code: exitConfig,
			says: "Error when retrieving credentials from custom-process: it ended with exit status 1\n  run the credential_process of profile proc by hand and see\n",
		},
		{
			what: "one that prints what is none", profile: "proc", unix: true, config: "[profile proc]\ncredential_process = echo base/secret\n", code: exitConfig,
			says: "Error when retrieving credentials from custom-process: what it printed is not the JSON that was expected\n  run the credential_process of profile proc by hand and see\n",
		},
		{
			what: "a container that refuses", env: []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + p.URL + "/container"}, code: exitConfig,
			says: "Error when retrieving credentials from container-role: {\"code\":\"Forbidden\",\"message\":\"not you\"}\n  check AWS_CONTAINER_CREDENTIALS_FULL_URI and the token for it, and that the agent of the container runs\n",
		},
		{
			what: "a device and no terminal", profile: "mfa", config: baseKeys + "[profile mfa]\nregion = eu-west-1\n" + role("final") + "source_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/me\n", code: exitConfig,
			says: "No MFA code for arn:aws:iam::123456789012:mfa/me: there is no terminal to ask on\n  run it on a terminal, or take a profile that has a session already\n",
		},
		{
			what: "no token of a web identity", env: []string{"AWS_WEB_IDENTITY_TOKEN_FILE=" + filepath.Join(p.home, "absent"), "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/final"}, code: exitConfig,
			says: "Error when retrieving credentials from assume-role-with-web-identity: the token could not be read: ",
		},
		{
			what: "a source that is not there", profile: "no", config: "[profile no]\n" + role("final") + "source_profile = absent\n", code: exitOther,
			says: "The config profile (absent) could not be found\n",
		},
	} {
		if q.unix && runtime.GOOS == "windows" {
			continue
		}
		p.write(t, ".aws/config", q.config)
		if q.token != "" {
			p.token(t, "https://corp.example/start", q.token)
		}
		args := []string{"ls", "s3://bucket"}
		if q.profile != "" {
			args = append(args, "--profile", q.profile)
		}
		if r := p.run(t, append([]string{"AWS_REGION=eu-west-1"}, q.env...), args...); r.code != q.code || r.stdout != "" || !strings.HasPrefix(r.stderr, q.says) {
			t.Errorf("%s: exit code %d, want %d\n%s%s\nwant\n%s", q.what, r.code, q.code, r.stdout, r.stderr, q.says)
		}
		p.log()
	}
}

// The embedded server can be what another store, with its own account, is copied
// into.
func TestEmbeddedFromElsewhere(t *testing.T) {
	t.Parallel()
	p := newSomeone(t)
	k := finalKeys()
	p.write(t, ".aws/config", fmt.Sprintf("[profile there]\nregion = us-east-1\naws_access_key_id = %s\naws_secret_access_key = %s\naws_session_token = %s\n", k.id, k.secret, k.token))
	p.write(t, "f", "content")
	dir := filepath.Join(p.home, "embedded")
	for _, q := range []struct{ args, want string }{
		{"cp f s3://bucket/f --profile there", "upload: ./f to s3://bucket/f\n"},
		{"mb s3://here --embedded " + dir, "make_bucket: here\n"},
		{"cp s3://bucket/f s3://here/f --source-profile there --embedded " + dir, "copy: s3://bucket/f to s3://here/f\n"},
		{"cp s3://here/f - --embedded " + dir, "content"},
	} {
		if r := p.run(t, nil, strings.Fields(q.args)...); r.code != 0 || r.stdout != q.want {
			t.Errorf("%s: exit code %d\n%s%s", q.args, r.code, r.stdout, r.stderr)
		}
	}
}
