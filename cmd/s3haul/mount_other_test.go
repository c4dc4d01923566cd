//go:build !linux

package main

import "errors"

func mountTmpfs(string, string) (func() error, error) { return nil, canMount() }

func canMount() error { return errors.New("only Linux has a tmpfs to mount") }
