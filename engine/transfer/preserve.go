package transfer

import (
	"io/fs"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// What is kept of a file in the metadata of its object has the names and forms
// of rclone, so that each reads what the other has written
// (https://rclone.org/s3/#metadata).
const (
	metaMTime = "mtime" // seconds since 1970, with a fraction
	metaMode  = "mode"  // octal, with the type of the file in front
)

// metadata is what an object is to know of its file; nil where that is not asked
// for.
func (t *Transfer) metadata(of stamp) map[string]string {
	if !t.Preserve {
		return nil
	}
	meta := map[string]string{metaMTime: formatTime(of.mtime)}
	if runtime.GOOS != "windows" { // where it would say little, and be wrong elsewhere
		meta[metaMode] = strconv.FormatUint(0o100000|uint64(of.mode.Perm()), 8)
	}
	return meta
}

// preserved is what the metadata of an object says of its file; mode is 0 and
// mtime zero where it says nothing, or nothing that makes sense, or it is not
// asked for.
func (t *Transfer) preserved(meta map[string]string) (mtime time.Time, mode fs.FileMode) {
	if !t.Preserve {
		return time.Time{}, 0
	}
	mtime, _ = parseTime(meta[metaMTime])
	if bits, err := strconv.ParseUint(meta[metaMode], 8, 32); err == nil {
		mode = fs.FileMode(bits) & fs.ModePerm // never setuid, setgid or sticky
	}
	return mtime, mode
}

// formatTime writes seconds with nine digits behind the point, as few as will do.
func formatTime(t time.Time) string {
	sec, nsec := t.Unix(), int64(t.Nanosecond())
	sign := ""
	if sec < 0 && nsec > 0 { // -0.5 is half a second before 1970, and not -1 and a half more
		sec, nsec = sec+1, 1e9-nsec
	}
	if sec < 0 {
		sign, sec = "-", -sec
	} else if t.Unix() < 0 {
		sign = "-"
	}
	s := sign + strconv.FormatInt(sec, 10)
	if nsec != 0 {
		frac := strconv.FormatInt(1e9+nsec, 10)[1:]
		s += "." + strings.TrimRight(frac, "0")
	}
	return s
}

// parseTime reads what formatTime and rclone write, and RFC 3339, which rclone
// calls it by elsewhere.
func parseTime(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, inRange(t)
	}
	digits, negative := strings.CutPrefix(s, "-")
	whole, frac, _ := strings.Cut(digits, ".")
	if whole == "" || whole[0] < '0' || whole[0] > '9' || len(frac) > 0 && (frac[0] < '0' || frac[0] > '9') {
		return time.Time{}, false
	}
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	nsec := int64(0)
	if frac != "" {
		for _, c := range frac {
			if c < '0' || c > '9' {
				return time.Time{}, false
			}
		}
		nsec, _ = strconv.ParseInt((frac + "000000000")[:9], 10, 64)
	}
	if negative {
		sec, nsec = -sec, -nsec
	}
	t := time.Unix(sec, nsec)
	return t, inRange(t)
}

// inRange says that a file system may know such a time: from 1901 on, as ext4
// has it, to the year 9999.
func inRange(t time.Time) bool { return t.Year() >= 1901 && t.Year() <= 9999 }
