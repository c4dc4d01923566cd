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
	"github.com/aws/aws-sdk-go-v2/service/s3"
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
func (o Options) noCredentials(err error) error {
	return &CredentialsError{Err: err, profile: o.profile()}
}

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
	from := service(e.Err)
	_, noToken := errors.AsType[config.AssumeRoleTokenProviderNotSetError](e.Err)
	_, noSession := errors.AsType[*ssocreds.InvalidTokenError](e.Err)
	process, ofProcess := errors.AsType[*processcreds.ProviderError](e.Err)
	mfa, noCode := errors.AsType[*mfaError](e.Err)
	of, login := "", "log in again: aws sso login"
	if e.profile != "" {
		of, login = " of profile "+e.profile, login+" --profile "+e.profile
	}
	switch {
	case noCode:
		return mfa.Error(), "run it on a terminal, or take a profile that has a session already"
	case noToken:
		return "The role" + of + " wants the code of a device, and there is nobody to ask for it",
			"run it on a terminal, or take a profile that has a session already"
	case ofProcess:
		return "Error when retrieving credentials from custom-process: " + processFailure(process),
			"run the credential_process" + of + " by hand and see"
	case from == "SSO" && Code(e.Err) == "ForbiddenException":
		return reach("the SSO portal", e.Err), "check sso_account_id and sso_role_name" + of
	case from == "SSO" && Code(e.Err) == "":
		return reach("the SSO portal", e.Err), "check sso_region and the network"
	case noSession, from == "SSO", from == "SSO OIDC", strings.Contains(text, "SSO token"):
		return "The SSO session" + of + " has expired or is not there", login
	case strings.Contains(text, "please reauthenticate"):
		return "The login session" + of + " has expired or is not there", strings.Replace(login, "sso ", "", 1)
	case from == "STS":
		return reach("the Security Token Service", e.Err), "check role_arn" + of + ", and that who assumes it may"
	case strings.Contains(text, "failed to retrieve jwt"):
		return "Error when retrieving credentials from assume-role-with-web-identity: the token could not be read: " + last(e.Err),
			"check AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file of the profile"
	case strings.Contains(text, "failed to load credentials"):
		return "Error when retrieving credentials from container-role: " + strings.TrimLeft(last(e.Err), ": "),
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

// NoCredentials returns what stands in an error of S3 for the reason that there
// were no credentials to sign with, those from before having ended; nil where that
// is not the reason.
func NoCredentials(err error) *CredentialsError {
	if e, ok := errors.AsType[*CredentialsError](err); ok {
		return e
	}
	_, session := errors.AsType[*ssocreds.InvalidTokenError](err)
	_, process := errors.AsType[*processcreds.ProviderError](err)
	_, mfa := errors.AsType[*mfaError](err)
	switch service(err) {
	case "STS", "SSO", "SSO OIDC", "ec2imds":
	default:
		if !session && !process && !mfa {
			return nil
		}
	}
	return &CredentialsError{Err: err}
}

// service is whose operation failed that S3's may have needed; empty where it was
// none's.
func service(err error) string {
	for {
		op, ok := errors.AsType[*smithy.OperationError](err)
		if !ok {
			return ""
		}
		if op.Service() != s3.ServiceID {
			return op.Service()
		}
		err = op.Err
	}
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
