package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
)

// CredentialsError says why there are no credentials and what to do. Who was to
// give them may have refused with an error that has a code: that is in its chain.
type CredentialsError struct {
	// Err is the error of the SDK. Its text is not for people, and may hold what a
	// credential_process has printed.
	Err error

	profile string
}

// noCredentials is the error of what o finds no credentials in.
func (o Options) noCredentials(err error) error { return &CredentialsError{Err: err, profile: o.profile()} }

func (e *CredentialsError) Error() string {
	says, _ := e.why()
	return says
}

// Unwrap gives the cause and [ErrCredentials].
func (e *CredentialsError) Unwrap() []error { return []error{ErrCredentials, e.Err} }

// Advice says what to do about it.
func (e *CredentialsError) Advice() string {
	_, advice := e.why()
	return advice
}

// Refused says that a service answered and gave none: the Security Token Service
// knows the caller, and does not let them have the role.
func (e *CredentialsError) Refused() bool { return service(e.Err) == "STS" && Code(e.Err) != "" }

// why is what went wrong and what to do, by where the credentials were to come from.
func (e *CredentialsError) why() (says, advice string) {
	text := ""
	if e.Err != nil {
		text = e.Err.Error()
	}
	of := service(e.Err)
	_, noToken := errors.AsType[config.AssumeRoleTokenProviderNotSetError](e.Err)
	_, noSession := errors.AsType[*ssocreds.InvalidTokenError](e.Err)
	process, ofProcess := errors.AsType[*processcreds.ProviderError](e.Err)
	mfa, noCode := errors.AsType[*mfaError](e.Err)
	login := "log in again: aws sso login --profile " + e.profile
	switch {
	case noCode:
		return mfa.Error(), "run it on a terminal, or take a profile that has a session already"
	case noToken:
		return fmt.Sprintf("Profile %s assumes a role with mfa_serial, and there is nobody to ask for the code", e.profile),
			"run it on a terminal, or take a profile that has a session already"
	case ofProcess:
		return "Error when retrieving credentials from custom-process: " + processFailure(process),
			fmt.Sprintf("run the credential_process of profile %s by hand and see", e.profile)
	case of == "SSO" && Code(e.Err) == "ForbiddenException":
		return reach("the SSO portal", e.Err), fmt.Sprintf("check sso_account_id and sso_role_name of profile %s", e.profile)
	case of == "SSO" && Code(e.Err) == "":
		return reach("the SSO portal", e.Err), "check sso_region and the network"
	case noSession, of == "SSO", of == "SSO OIDC", strings.Contains(text, "SSO token"):
		return fmt.Sprintf("The SSO session of profile %s has expired or is not there", e.profile), login
	case strings.Contains(text, "please reauthenticate"):
		return fmt.Sprintf("The login session of profile %s has expired or is not there", e.profile), "log in again: aws login --profile " + e.profile
	case of == "STS":
		return reach("the Security Token Service", e.Err), fmt.Sprintf("check role_arn of profile %s, and that who assumes it may", e.profile)
	case strings.Contains(text, "failed to retrieve jwt"):
		return "Error when retrieving credentials from assume-role-with-web-identity: the token could not be read: " + last(e.Err),
			"check AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file of the profile"
	case strings.Contains(text, "failed to load credentials"):
		return "Error when retrieving credentials from container-role: " + last(e.Err),
			"check AWS_CONTAINER_CREDENTIALS_FULL_URI and the token for it, and that the agent of the container runs"
	}
	return "Unable to locate credentials",
		"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile with --profile, or give --no-sign-request for a public bucket"
}

// mfaError says why there is no code of a device.
type mfaError struct {
	serial string
	err    error
}

func (e *mfaError) Error() string { return fmt.Sprintf("No MFA code for %s: %v", e.serial, e.err) }

func (e *mfaError) Unwrap() error { return e.err }

// service is whose operation failed; empty where it was none's.
func service(err error) string {
	if op, ok := errors.AsType[*smithy.OperationError](err); ok {
		return op.Service()
	}
	return ""
}

// reach says that a service did not give what it was asked for.
func reach(name string, err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorMessage()
	}
	return name + " could not be asked: " + last(err)
}

// last is the innermost error, which says what happened; what is around it says
// where, in the words of the SDK.
func last(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// processFailure leaves out what a process has printed: it may be a secret.
func processFailure(err *processcreds.ProviderError) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	exit, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case errors.As(err, &syntax), errors.As(err, &kind), strings.Contains(err.Error(), "process output:"):
		return "what it printed is not the JSON that was expected"
	case exited:
		return "it ended with " + exit.Error()
	}
	return last(err)
}
