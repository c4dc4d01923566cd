//go:build unix && !linux

package main

import (
	"context"
	"errors"
)

func serverOf(context.Context, int) (int, error) { return 0, errors.ErrUnsupported }
