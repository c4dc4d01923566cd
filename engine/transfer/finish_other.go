//go:build !linux

package transfer

import "time"

// finish gives the closed file temp its time and the name base.
func (d *dir) finish(temp, base string, mtime time.Time) error {
	if !mtime.IsZero() {
		if err := d.Chtimes(temp, mtime, mtime); err != nil {
			return err
		}
	}
	return d.Rename(temp, base)
}
