//go:build !linux

package transfer

import (
	"errors"
	"os"
	"time"
)

// anonymous says that there are no files without a name here.
func (d *dir) anonymous(string) (*os.File, bool) { return nil, false }

// appear is never called.
func (d *dir) appear(*os.File, string, time.Time) error { return errors.ErrUnsupported }
