//go:build !linux && !darwin

package main

func kernel() string { return "" }

func filesystem(string) string { return "" }
