//go:build !unix

package journal

// renameOpen: a file cannot be renamed while it is open.
const renameOpen = false

// syncDir does nothing: names are made durable by the file system itself.
func syncDir(string) error { return nil }
