package wiretest

import "os"

// ClientVariable names the client that tests use: "sdk" for the SDK's alone,
// anything else for the one that users have.
const ClientVariable = "S3HAUL_TEST_CLIENT"

// SDK says that the tests are to run with the SDK's client alone.
func SDK() bool { return os.Getenv(ClientVariable) == "sdk" }
