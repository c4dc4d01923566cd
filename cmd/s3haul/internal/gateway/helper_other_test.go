//go:build !unix && !nogateway

package gateway

import "errors"

func helper(string) error { return errors.New("the helper process is for unix systems") }
